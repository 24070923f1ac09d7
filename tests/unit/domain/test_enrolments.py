"""What becomes of an Enrolment: facts in, a Move out; and steps, delays and hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runner.domain.enrolments import (
    ENROLMENT_TRANSITIONS,
    LIVE,
    Enrolment,
    EnrolmentState,
    Facts,
    Heard,
    Move,
    Outcome,
    Source,
    StopReason,
    decide,
)
from runner.domain.hours import WorkingHours
from runner.domain.sequences import Delay, SequenceStep, WorkingWeek
from runner.errors import SetupError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
ROUND_THE_CLOCK = WorkingWeek(hours=WorkingHours.of({}, "UTC"))
OFFICE = WorkingWeek(
    hours=WorkingHours.of(
        dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-17:00")
        | {"saturday": "closed", "sunday": "closed"},
        "Europe/Madrid",
    )
)
AWAY = timedelta(days=7)
STEPS = tuple(map(SequenceStep.parse, ("1h:hi", "2h:hi")))
BEFORE = Enrolment(
    id=1,
    sequence_id=1,
    sequence="nudge",
    account="amy",
    thread_id=1,
    thread_remote_id="7",
    counterpart="Ida",
    listing_title=None,
    state=EnrolmentState.ACTIVE,
    reason=None,
    detail=None,
    source=Source.HAND,
    by="ada",
    message_id=1,
    position=0,
    steps=2,
    seen_id=1,
    base_at=NOW - timedelta(hours=2),
    next_due_at=NOW,
    postponed_until=None,
    replied_at=None,
    enrolled_at=NOW,
    changed_at=NOW,
    ended_at=None,
)


def move(hours: WorkingWeek = ROUND_THE_CLOCK, before: Enrolment = BEFORE, **facts: Any) -> Move:
    return decide(Facts(enrolment=before, steps=STEPS, **facts), NOW, hours, away=AWAY)


def said(*texts: str, here: bool = True) -> tuple[Heard, ...]:
    return tuple(Heard(text=text, at=NOW, here=here) for text in texts)


def test_what_is_due_goes_out_within_the_hours_only() -> None:
    assert move().send is True
    late = NOW.replace(hour=18)
    found = decide(Facts(enrolment=BEFORE, steps=STEPS), late, OFFICE, away=AWAY)
    assert (found.send, found.next_due_at) == (False, datetime(2026, 11, 23, 8, tzinfo=UTC))


def test_the_gravest_reason_is_told() -> None:
    found = move(heard=said("hello", "stop messaging me"), written=True, closed=True)
    assert (found.state, found.reason, found.replied) == (EnrolmentState.STOPPED, StopReason.OPTED_OUT, True)
    assert move(heard=said("hello"), closed=True).reason is StopReason.REPLIED
    assert move(written=True, sold=True).reason is StopReason.WRITTEN
    assert move(closed=True, sold=True).reason is StopReason.CLOSED
    assert move(sold=True, doubt="?").reason is StopReason.SOLD


def test_what_is_said_in_another_thread_counts_only_as_an_opt_out() -> None:
    assert move(heard=said("hello", here=False)).send is True
    assert move(heard=said("unsubscribe me", here=False)).reason is StopReason.OPTED_OUT


def test_a_doubt_holds_everything_but_an_end() -> None:
    found = move(doubt="nobody can tell")
    assert (found.state, found.send, found.detail) == (EnrolmentState.IN_DOUBT, False, "nobody can tell")


def test_an_absence_is_never_shortened() -> None:
    until = NOW + timedelta(days=20)
    away = replace(BEFORE, state=EnrolmentState.POSTPONED, postponed_until=until)
    found = move(before=away, heard=said("Automatic reply: out of office"))
    assert (found.state, found.postponed_until, found.next_due_at) == (EnrolmentState.POSTPONED, until, until)
    over = replace(away, postponed_until=NOW - timedelta(seconds=1))
    assert move(before=over).send is True


def test_hours_that_never_open_end_it() -> None:
    closed = WorkingHours.of(
        dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "closed"), "UTC"
    )
    assert move(WorkingWeek(hours=closed)).reason is StopReason.NEVER_OPEN


def test_the_reply_that_it_was_enrolled_with_comes_first_and_is_counted_from() -> None:
    assert move(waits_for_answer=True).send is False
    answered = move(answered_at=NOW - timedelta(minutes=10))
    assert (answered.send, answered.next_due_at) == (False, NOW + timedelta(minutes=50))


texts = some.sampled_from(
    ["hello", "stop messaging me", "Automatic reply: out of office", "Auto-reply: back 2026-12-24"]
)
heard = some.lists(some.builds(Heard, text=texts, at=some.just(NOW), here=some.booleans()), max_size=2).map(tuple)
outcomes = some.builds(
    Outcome,
    sent=some.booleans(),
    at=some.just(NOW),
    overtaken_by=some.sampled_from([None, "counterpart", "ours", "gone", "doubt", "withdrawn"]),
    heard=heard,
)
enrolments = some.builds(
    lambda state, position, until: replace(BEFORE, state=state, position=position, postponed_until=until),
    some.sampled_from(LIVE),
    some.integers(0, 2),
    some.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=1)]),
)
facts = some.builds(
    Facts,
    enrolment=enrolments,
    steps=some.just(STEPS),
    enabled=some.booleans(),
    heard=heard,
    written=some.booleans(),
    closed=some.booleans(),
    sold=some.booleans(),
    doubt=some.sampled_from([None, "nobody can tell"]),
    sending=some.booleans(),
    ended=some.none() | outcomes,
    waits_for_answer=some.booleans(),
)


@given(facts)
def test_every_move_is_one_that_the_table_knows_and_nothing_goes_out_after_a_word(known: Facts) -> None:
    if known.ended is not None:
        known = replace(known, sending=False)
    found = decide(known, NOW, ROUND_THE_CLOCK, away=AWAY)
    before = known.enrolment.state
    assert found.state is before or found.state in ENROLMENT_TRANSITIONS[before]
    assert (found.reason is not None) == (found.state is EnrolmentState.STOPPED)
    if found.send:
        assert found.state is EnrolmentState.ACTIVE
        assert not any((known.written, known.closed, known.sold, known.doubt, known.sending))
        assert not any(each.here for each in known.heard)
        assert known.enabled


@pytest.mark.parametrize(("text", "words"), [("30m", "30 minutes"), ("1h", "1 hour"), ("2wd", "2 working days")])
def test_delays_read_as_they_are_written(text: str, words: str) -> None:
    delay = Delay.parse(text)
    assert (str(delay), delay.words) == (text, words)


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "2x", "1h30m", "400d", "999wd"])
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(SetupError):
        Delay.parse(text)


def test_working_days_are_those_of_the_hours_or_monday_to_friday() -> None:
    two = Delay.parse("2wd")
    assert two.after(NOW, ROUND_THE_CLOCK) == NOW + timedelta(days=4)
    assert two.after(NOW.replace(hour=20), OFFICE) == datetime(2026, 11, 25, 8, tzinfo=UTC)
