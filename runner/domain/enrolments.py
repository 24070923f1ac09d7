"""Enrolments: one Thread going through a Sequence, its states, and what ends it. Pure: facts in, a Move out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runner.domain.phrases import opt_out_in, out_of_office_in
from runner.domain.sequences import Calendar, SequenceStep
from runner.domain.states import JobState

LOOK_AGAIN = timedelta(minutes=5)
"""What is waited for and tells nobody when it comes is looked at so often."""

FOLLOW_UPS = "sequence:enrolment:"
"""How the keys of the Jobs begin that send for Enrolments."""


class EnrolmentState(StrEnum):
    ACTIVE = "active"  # its next step waits for its time, or is being sent
    POSTPONED = "postponed"  # the counterpart is away
    IN_DOUBT = "in_doubt"  # nobody can tell whether a message was sent: a person settles that
    FINISHED = "finished"  # all steps were sent
    STOPPED = "stopped"  # for a reason


class StopReason(StrEnum):
    REPLIED = "replied"  # the counterpart has written
    OPTED_OUT = "opted_out"  # and wants no more messages
    WRITTEN = "written"  # a person of ours has written
    CLOSED = "closed"  # the Thread is
    SOLD = "sold"  # or no longer for sale
    OPERATOR = "operator"  # somebody stopped it
    NO_TEXT = "no_text"  # a value is missing, or no Template fits
    NOT_SENT = "not_sent"  # the send failed, was refused or was cancelled
    NEVER_OPEN = "never_open"  # the Account's hours never open


class Source(StrEnum):
    """Who enrolled it."""

    RULE = "rule"
    HAND = "hand"
    FILE = "file"


class SendState(StrEnum):
    """How far one message of an Enrolment is."""

    SENDING = "sending"  # given to a send_message Job
    SENT = "sent"
    NOT_SENT = "not_sent"  # surely not at the Site


LIVE = (EnrolmentState.ACTIVE, EnrolmentState.POSTPONED, EnrolmentState.IN_DOUBT)

ENROLMENT_TRANSITIONS: dict[EnrolmentState, frozenset[EnrolmentState]] = {
    EnrolmentState.ACTIVE: frozenset(
        {EnrolmentState.POSTPONED, EnrolmentState.IN_DOUBT, EnrolmentState.FINISHED, EnrolmentState.STOPPED}
    ),
    EnrolmentState.POSTPONED: frozenset(
        {EnrolmentState.ACTIVE, EnrolmentState.IN_DOUBT, EnrolmentState.FINISHED, EnrolmentState.STOPPED}
    ),
    EnrolmentState.IN_DOUBT: frozenset(
        {EnrolmentState.ACTIVE, EnrolmentState.POSTPONED, EnrolmentState.FINISHED, EnrolmentState.STOPPED}
    ),
    EnrolmentState.FINISHED: frozenset(),
    EnrolmentState.STOPPED: frozenset({EnrolmentState.ACTIVE}),
}


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """A stored Enrolment. `position` counts the steps that were sent; `reason` and `detail` say why it is as it is.

    `base_at` is what the next step's delay counts from: the enrolment, or when the last message was really sent.
    """

    id: int
    sequence_id: int
    sequence: str
    account: str
    thread_id: int
    thread_remote_id: str
    counterpart: str
    listing_title: str | None
    state: EnrolmentState
    reason: StopReason | None
    detail: str | None
    source: Source
    by: str | None
    message_id: int | None
    position: int
    steps: int
    seen_id: int
    base_at: datetime
    next_due_at: datetime | None
    postponed_until: datetime | None
    replied_at: datetime | None
    enrolled_at: datetime
    changed_at: datetime
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether anything may still be sent."""
        return self.state in LIVE


@dataclass(frozen=True, kw_only=True)
class Send:
    """One message of an Enrolment, as it was asked for; `position` is that of its step, counted from 1.

    A step that surely was not sent may be asked for again: `time` counts that.
    """

    id: int
    enrolment_id: int
    position: int
    time: int
    text: str
    template_id: int | None
    template: str
    state: SendState
    detail: str | None
    job_id: int | None
    job_state: JobState | None
    created_at: datetime
    sent_at: datetime | None


def job_key(send: Send) -> str:
    """Of the Job that sends a message: whoever sends it, and however often that is tried, it is one Job.

    A step that surely was not sent, because the counterpart was away, is sent by another one.
    """
    return f"{FOLLOW_UPS}{send.enrolment_id}:step:{send.position}:{send.time}"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What the counterpart has written since; `here` when it was in this very Thread."""

    text: str
    at: datetime
    here: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the last send ended. `overtaken_by` is whoever had written since: see the Flow send_message."""

    sent: bool
    at: datetime
    words: str = ""
    overtaken_by: str | None = None
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a live Enrolment at one moment.

    `ended` is the last send when it has ended by now, `sending` says that it has not. `doubt` says in words which send
    of the Thread nobody can tell about; `waits_for_answer` that the reply which the Thread was enrolled with is on its
    way; `answered_at` when that was sent, if it was. `thread_is_busy`: another message of the Thread is being sent.
    """

    enrolment: Enrolment
    steps: Sequence[SequenceStep]
    enabled: bool = True
    heard: tuple[Heard, ...] = ()
    written: bool = False
    closed: bool = False
    sold: bool = False
    doubt: str | None = None
    sending: bool = False
    ended: Outcome | None = None
    waits_for_answer: bool = False
    thread_is_busy: bool = False
    answered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Move:
    """What becomes of an Enrolment. With `send` its next step goes out now; `settled` is how the last send ended."""

    state: EnrolmentState
    reason: StopReason | None = None
    detail: str | None = None
    position: int = 0
    base_at: datetime
    next_due_at: datetime | None = None
    postponed_until: datetime | None = None
    send: bool = False
    settled: Outcome | None = None
    replied: bool = False

    def stopped(self) -> bool:
        """Whether it is over before its end."""
        return self.state is EnrolmentState.STOPPED


def decide(facts: Facts, now: datetime, hours: Calendar, *, away: timedelta) -> Move:
    """What becomes of a live Enrolment. `away` is how long a counterpart is who does not say until when."""
    before, ended = facts.enrolment, facts.ended
    sent = ended is not None and ended.sent
    position = before.position + (1 if sent else 0)
    base_at = before.base_at
    if ended is not None and ended.sent:
        base_at = ended.at
    elif facts.answered_at is not None and before.position == 0:
        base_at = max(base_at, facts.answered_at)

    def move(
        state: EnrolmentState, reason: StopReason | None = None, detail: str | None = None, **more: object
    ) -> Move:
        kept = {"position": position, "base_at": base_at, "settled": ended} | more
        return Move(state=state, reason=reason, detail=detail, **kept)  # type: ignore[arg-type]  # fields of a Move

    heard = (*facts.heard, *(ended.heard if ended else ()))
    stop = _end(facts, heard)
    if stop is not None:
        reason, words = stop
        spoke = reason is StopReason.OPTED_OUT and any(each.here for each in heard)
        replied = reason is StopReason.REPLIED or spoke
        return move(EnrolmentState.STOPPED, reason, words, replied=replied)
    doubt = facts.doubt or (ended.words if ended and ended.overtaken_by == "doubt" else None)
    if doubt is not None:
        again = now + LOOK_AGAIN
        return move(EnrolmentState.IN_DOUBT, None, doubt, next_due_at=again, postponed_until=before.postponed_until)
    until = _away_until(before, [each for each in heard if each.here], now, hours, away)
    if facts.sending:
        state = EnrolmentState.POSTPONED if until else EnrolmentState.ACTIVE
        return move(state, next_due_at=before.next_due_at, postponed_until=until)
    if position >= len(facts.steps):
        return move(EnrolmentState.FINISHED)
    due = facts.steps[position].delay.after(base_at, hours)
    if due is not None and until is not None:
        due = hours.next_open(max(due, until))
    if due is None:
        return move(EnrolmentState.STOPPED, StopReason.NEVER_OPEN, "the account's hours never open")
    if until is not None:
        words = "the counterpart is away"
        return move(EnrolmentState.POSTPONED, None, words, next_due_at=due, postponed_until=until)
    next_due_at, why = _when(facts, due, now, hours)
    send = next_due_at is None and facts.enabled
    return move(EnrolmentState.ACTIVE, None, why, next_due_at=next_due_at or due, send=send)


def _when(facts: Facts, due: datetime, now: datetime, hours: Calendar) -> tuple[datetime | None, str | None]:
    """When to ask again whether the next step goes out, and why so; None for now."""
    if facts.waits_for_answer:
        return max(due, now + LOOK_AGAIN), "the reply it was enrolled with comes first"
    if due > now:
        return due, None
    if facts.thread_is_busy:
        return now + LOOK_AGAIN, "another message of this thread comes first"
    opens = hours.next_open(now)
    return (opens, None) if opens is not None and opens > now else (None, None)


def _end(facts: Facts, heard: Sequence[Heard]) -> tuple[StopReason, str] | None:
    """What ends it, if anything does, the gravest first."""
    ended = facts.ended
    for each in heard:
        phrase = opt_out_in(each.text)
        if phrase is not None:
            return StopReason.OPTED_OUT, f'the counterpart wants no more messages: "{phrase}"'
    replies = [each for each in heard if each.here and not out_of_office_in(each.text)]
    by = ended.overtaken_by if ended else None
    if replies or (by == "counterpart" and not heard):
        return StopReason.REPLIED, "the counterpart has written"
    if facts.written or by == "ours":
        return StopReason.WRITTEN, "somebody of ours has written"
    if facts.closed:
        return StopReason.CLOSED, "the thread is closed"
    if facts.sold:
        return StopReason.SOLD, "the listing is no longer for sale"
    if ended is not None and not ended.sent and by in (None, "gone"):
        return StopReason.NOT_SENT, ended.words
    return None


def _away_until(
    before: Enrolment, heard: Sequence[Heard], now: datetime, hours: Calendar, away: timedelta
) -> datetime | None:
    """Until when the counterpart is away, if that is still to come; what was heard by now are such messages only."""
    until = before.postponed_until
    for each in heard:
        told = out_of_office_in(each.text)
        if told is None:
            continue
        said = told.until(each.at, now)
        until = max(filter(None, (until, said or each.at + away)))
    return until if until is not None and until > now else None
