"""Notices: what is worth telling a person of, made from Events. Pure: Events go in, Notices come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from runner.domain.classification import MessageType
from runner.domain.jobs import Event
from runner.domain.states import AccountState

LONGEST_EXCERPT = 200
IN_TROUBLE = (AccountState.PARKED, AccountState.LOCKED)


class NoticeKind(StrEnum):
    """What a Notice is about; a Channel says which of them it wants."""

    NEW_MESSAGE = "new_message"  # a counterpart wrote
    PERSON_NEEDED = "person_needed"  # nothing goes on without somebody
    ACCOUNT_PARKED = "account_parked"  # an Account waits for a person, or is locked
    ERROR_FLOOD = "error_flood"  # many failures of one group
    LIMITS_NEAR = "limits_near"  # an Account has nearly used up a limit
    RULE = "rule"  # a Rule says that somebody is to be told
    DAILY_DIGEST = "daily_digest"  # yesterday in figures
    WEEKLY_DIGEST = "weekly_digest"  # the last seven days in figures
    SUMMARY = "summary"  # several Notices in one
    TEST = "test"  # somebody tries a Channel


CHOSEN: tuple[NoticeKind, ...] = tuple(kind for kind in NoticeKind if kind not in (NoticeKind.SUMMARY, NoticeKind.TEST))
"""The kinds that a Channel may ask for."""
DIGESTS = (NoticeKind.DAILY_DIGEST, NoticeKind.WEEKLY_DIGEST)


class NoticeState(StrEnum):
    """How far a Notice is on its Channel."""

    WAITING = "waiting"  # to be sent when it is due
    HELD = "held"  # until quiet hours end
    SENT = "sent"  # the receiver has taken it
    FOLDED = "folded"  # told within a summary
    DEAD = "dead"  # given up, until somebody retries it


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to tell. `subject` is what it is about: of one subject nothing is told twice within a while.

    `recovers` says that what was told of the subject is over: those who were told of it are told of this, too.
    `message` is the Message it is about; `link` is a path in the console.
    """

    kind: NoticeKind
    subject: str
    title: str
    lines: tuple[str, ...] = ()
    account: str | None = None
    link: str = "/"
    recovers: bool = False
    type: MessageType | None = None
    message: int | None = None
    at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def notice_of(event: Event) -> Notice | None:
    """What an Event is worth telling; None for most of them."""
    made = _TOLD.get(event.name)
    return made(event) if made is not None else None


def _state_changed(event: Event) -> Notice | None:
    state, before = event.data.get("state"), event.data.get("before")
    if state in IN_TROUBLE:
        return Notice(
            kind=NoticeKind.ACCOUNT_PARKED,
            title=f"{event.account} is {state}",
            lines=_given(event.data.get("reason"), f"Take it over: runner handoff {event.account}"),
            **_of_account(event),
        )
    if state == AccountState.ACTIVE and before in IN_TROUBLE:
        title = f"{event.account} is active again"
        return Notice(kind=NoticeKind.ACCOUNT_PARKED, title=title, recovers=True, **_of_account(event))
    return None


def _person_needed(event: Event) -> Notice:
    data = event.data
    return Notice(
        kind=NoticeKind.PERSON_NEEDED,
        title=f"{event.account} needs a person",
        lines=_given(data.get("what"), data.get("cure"), f"Take it over: runner handoff {event.account}"),
        **_of_account(event),
    )


def _job_unknown(event: Event) -> Notice:
    return Notice(
        kind=NoticeKind.PERSON_NEEDED,
        subject=f"job:{event.job_id}",
        account=event.account,
        title=f"{event.account}: nobody knows whether job {event.job_id} did it",
        lines=_given(event.data.get("error"), "Look at the site, then: runner effects list"),
        link=f"/jobs/{event.job_id}",
        at=event.at,
    )


def _effect_given_up(event: Event) -> Notice:
    return Notice(
        kind=NoticeKind.PERSON_NEEDED,
        subject=f"job:{event.job_id}",
        account=event.account,
        title=f"{event.account}: nobody knows whether job {event.job_id} did it",
        lines=_given(
            event.data.get("why"), f"Look at the site, then: runner effects settle {event.data.get('effect')}"
        ),
        link=f"/jobs/{event.job_id}",
        at=event.at,
    )


def _person_asked(event: Event) -> Notice:
    if event.data.get("message") is None:  # about a Thread that is followed up
        return Notice(
            kind=NoticeKind.PERSON_NEEDED,
            subject=f"thread:{event.data.get('thread')}",
            account=event.account,
            title=f"A thread of {event.account} needs a person",
            lines=_given(event.data.get("words")),
            link=f"/inbox?thread={event.data.get('thread')}",
            at=event.at,
        )
    of, draft = _of_message(event), event.data.get("draft")
    if draft is not None:  # what became of a reply is news to somebody who was asked about the Message before
        of |= {"subject": f"draft:{draft}"}
    title = f"A message to {event.account} needs a person"
    return Notice(kind=NoticeKind.PERSON_NEEDED, title=title, lines=_given(event.data.get("words")), **of)


def _decided(event: Event) -> Notice | None:
    if not event.data.get("notify"):
        return None
    return Notice(
        kind=NoticeKind.RULE,
        title=f"Rule {event.data.get('rule')}: a message to {event.account}",
        lines=_given(event.data.get("words")),
        **_of_message(event),
    )


def _classified(event: Event) -> Notice | None:
    if "first_contact" not in event.data:
        return None  # a person has corrected the type: they know the Message
    type_ = MessageType(event.data["type"])
    words = str(type_).replace("_", " ")
    title = f"New message to {event.account}: {words}"
    return Notice(kind=NoticeKind.NEW_MESSAGE, type=type_, title=title, **_of_message(event))


def _late(event: Event) -> Notice:
    data = event.data
    what = "its first response" if data.get("kind") == "first_response" else "its resolution"
    late = "is overdue" if event.name == "SlaBroken" else "is soon due"
    return Notice(
        kind=NoticeKind.PERSON_NEEDED,
        subject=f"sla:{data.get('thread')}:{data.get('kind')}:{event.name}",
        account=event.account,
        title=f"A thread of {event.account} {late}",
        lines=_given(f"Tagged {data.get('tag')}: {what} is due at {data.get('due')}."),
        link=f"/inbox?thread={data.get('thread')}",
        at=event.at,
    )


def _flood(event: Event) -> Notice:
    data = event.data
    return Notice(
        kind=NoticeKind.ERROR_FLOOD,
        subject=flood_subject(str(data.get("group"))),
        account=event.account,
        title=f"Many failures of one kind: {str(data.get('kind')).replace('_', ' ')}",
        lines=_given(data.get("error"), f"{data.get('count')} within ten minutes; further ones are counted, not told."),
        link=f"/errors?signature={data.get('group')}",
        at=event.at,
    )


def _limit_near(event: Event) -> Notice:
    data = event.data
    words = str(data.get("kind", "")).replace("_", " ")
    return Notice(
        kind=NoticeKind.LIMITS_NEAR,
        subject=f"limit:{event.account}:{data.get('kind')}:{data.get('window')}",
        account=event.account,
        title=f"{event.account} is near a limit: {words} per {data.get('window')}",
        lines=(f"{data.get('used')} of {data.get('limit')} are used.",),
        link=f"/accounts/{event.account}",
        at=event.at,
    )


_TOLD = {
    "AccountStateChanged": _state_changed,
    "PersonNeeded": _person_needed,
    "JobUnknown": _job_unknown,
    "EffectGivenUp": _effect_given_up,
    "PersonAsked": _person_asked,
    "MessageDecided": _decided,
    "MessageClassified": _classified,
    "ErrorFlood": _flood,
    "SlaNear": _late,
    "SlaBroken": _late,
    "LimitNear": _limit_near,
}
EVENTS = tuple(_TOLD)
"""The names of the Events that may be told; all others are passed over."""


def flood_subject(group: str) -> str:
    """The subject of a flood of one error group."""
    return f"flood:{group}"


def flood_over(subject: str) -> Notice:
    """That a flood has ended: nothing of its group has failed for a while."""
    group = subject.removeprefix("flood:")
    return Notice(
        kind=NoticeKind.ERROR_FLOOD,
        subject=subject,
        title="The failures of one kind have ended",
        lines=(f"Nothing of group {group} has failed for ten minutes.",),
        link=f"/errors?signature={group}",
        recovers=True,
    )


def excerpt(text: str) -> str:
    """The beginning of a Message on one line."""
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST_EXCERPT else whole[: LONGEST_EXCERPT - 1] + "…"


def _of_account(event: Event) -> dict[str, Any]:
    link = f"/accounts/{event.account}"
    return {"subject": f"account:{event.account}", "account": event.account, "link": link, "at": event.at}


def _of_message(event: Event) -> dict[str, Any]:
    number, thread = event.data.get("message"), event.data.get("thread")
    about = {"subject": f"message:{number}", "message": number, "link": f"/inbox?thread={thread}"}
    return about | {"account": event.account, "at": event.at}


def _given(*lines: object) -> tuple[str, ...]:
    return tuple(str(line) for line in lines if line)
