"""The judge convicts: each law is broken once in a forged ledger, and a ledger without a breach passes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.week.given import RULES, TEMPLATES, THRESHOLD, Step, families
from tests.week.judge import Given, Told, judge
from tests.week.traffic import AWAY

MONDAY = datetime(2026, 10, 19, 12, tzinfo=UTC)
HAND = "Ada here: let me look into that. (1)"
PRICE = "It is as listed, Ida, and firm."
THERE = "Hi Ida, it is still available."
SURE = Told(type="price_inquiry", confidence=0.9, waits=False)
GIVEN = Given(
    rules=RULES,
    families=families(TEMPLATES),
    threshold=THRESHOLD,
    counterparts={"7": "Ida"},
    by_hand=frozenset({HAND}),
)


class Forged:
    """A ledger of one thread, written entry by entry; messages are numbered from 1."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.told: dict[str, Told] = {}
        self._messages = 0

    def _add(self, kind: str, subject: str, **detail: str) -> Forged:
        seq = len(self.entries) + 1
        at = (MONDAY + timedelta(minutes=seq)).isoformat()
        entry = {"seq": seq, "at": at, "account": "amy", "kind": kind, "subject": subject, "detail": detail}
        self.entries.append(entry)
        return self

    def arrives(self, text: str = "How much?", told: Told | None = SURE) -> Forged:
        self._messages += 1
        if told is not None:
            self.told[str(self._messages)] = told
        return self._add("message_received", str(self._messages), thread="7", text=text)

    def is_read(self) -> Forged:
        return self._add("thread_read", "7")

    def sent(self, text: str = PRICE) -> Forged:
        self._messages += 1
        return self._add("message_sent", str(self._messages), thread="7", text=text)

    def breaches(self, given: Given = GIVEN) -> list[str]:
        return judge(self.entries, self.told, given).breaches


def told(type_: str, confidence: float = 0.9, *, waits: bool = False) -> Told:
    return Told(type=type_, confidence=confidence, waits=waits)


def test_a_shop_that_keeps_to_its_rules_is_acquitted() -> None:
    week = Forged().arrives().is_read().sent().arrives("Is it there?", told("availability_check")).is_read().sent(THERE)
    week.arrives("hm", told("general_inquiry", 0.2, waits=True))
    found = judge(week.entries, week.told, GIVEN)
    assert (found.breaches, found.counts["answered"], found.first_reply_min) == ([], 2, [2.0, 2.0])


def test_only_the_last_of_several_messages_needs_an_answer() -> None:
    assert Forged().arrives().arrives().is_read().sent().breaches() == []


def test_a_person_may_answer_in_place_of_a_rule() -> None:
    assert Forged().arrives().is_read().sent(HAND).breaches() == []


def test_what_is_written_between_reading_and_click_must_be_dealt_with_afterwards() -> None:
    crossed = Forged().arrives().is_read().arrives("Is it there?", told("availability_check")).sent()
    assert ["message 2" in each and "no answer" in each for each in crossed.breaches()] == [True]
    asked = dataclasses.replace(crossed.told["2"], asked=True)
    assert judge(crossed.entries, {**crossed.told, "2": asked}, GIVEN).breaches == []
    assert judge(crossed.entries, {**crossed.told, "2": asked}, GIVEN).counts["crossed"] == 1
    assert crossed.is_read().sent(THERE).breaches() == []


@pytest.mark.parametrize(
    ("week", "words"),
    [
        (Forged().arrives(), "has no answer"),
        (Forged().arrives(told=dataclasses.replace(SURE, asked=True)), "has no answer"),
        (Forged().arrives(told=None).arrives(told=None), "not known to the shop"),
        (Forged().arrives().is_read().sent().is_read().sent(), "a second reply"),
        (Forged().arrives().is_read().sent().sent(), "a second reply"),
        (Forged().arrives().is_read().sent(HAND).is_read().sent(), "after a person had written"),
        (Forged().is_read().sent().arrives().is_read().sent(), "answers nothing"),
        (Forged().arrives().arrives("Is it there?", told("availability_check")).is_read().sent(), "instead of"),
        (Forged().arrives().is_read().sent("Dear Ida, buy more."), "nothing that the shop was given explains it"),
        (Forged().arrives().is_read().sent(PRICE.replace("Ida", "Bo")), "nothing that the shop was given explains it"),
        (Forged().arrives(told=told("complaint")).is_read().sent(), "though no rule says so"),
        (Forged().arrives(told=told("price_inquiry", 0.3)).is_read().sent(), "though nobody is sure"),
        (Forged().arrives(told=told("price_inquiry", 0.3)), "no person is asked"),
        (Forged().arrives(told=told("payment")), "should have a draft"),
        (
            Forged().arrives(told=told("payment")).is_read().sent("Cash or transfer, Ida, as you like."),
            "a draft that nobody has sent",
        ),
    ],
)
def test_each_law_that_is_broken_is_found(week: Forged, words: str) -> None:
    found = week.breaches()
    assert any(words in each for each in found), found


def test_a_note_of_absence_stays_without_an_answer() -> None:
    note = Forged().arrives(AWAY[0])
    assert note.breaches() == []
    assert any("note of absence, and was answered" in each for each in note.is_read().sent().breaches())


def test_a_draft_may_be_sent_dismissed_or_left() -> None:
    reply = "Cash or transfer, Ida, as you like."
    clicked = dataclasses.replace(GIVEN, clicked=frozenset({"1"}))
    assert Forged().arrives(told=told("payment")).is_read().sent(reply).breaches(clicked) == []
    dismissed = dataclasses.replace(GIVEN, dismissed=frozenset({"1"}))
    assert Forged().arrives(told=told("payment")).breaches(dismissed) == []
    assert Forged().arrives(told=told("payment", waits=True)).breaches() == []


FIRST, SECOND = "Still interested, Ida?", "Last call, Ida."
FOLLOWED = dataclasses.replace(
    GIVEN,
    families={**GIVEN.families, "nudge": ["Still interested, {buyer_name}?"], "last": ["Last call, {buyer_name}."]},
    rules=[dataclasses.replace(rule, then={"enrol": "nudge"}) if rule.name == "price" else rule for rule in RULES],
    steps=(Step(family="nudge", after=timedelta(minutes=2)), Step(family="last", after=timedelta(minutes=2))),
)


def followed() -> Forged:
    """A message, its reply, and time for the first step."""
    return Forged().arrives().is_read().sent().is_read().is_read()


def test_steps_may_follow_one_another_while_nobody_answers() -> None:
    week = followed().sent(FIRST).is_read().is_read().sent(SECOND)
    assert week.breaches(FOLLOWED) == []
    assert followed().arrives(AWAY[0], told("closing")).is_read().sent(FIRST).breaches(FOLLOWED) == []


@pytest.mark.parametrize(
    ("week", "words"),
    [
        (followed().arrives("No.", told("closing")).is_read().sent(FIRST), "after the counterpart had written"),
        (followed().sent(HAND).is_read().is_read().sent(FIRST), "after a person had written"),
        (followed().sent(SECOND), "does not follow on"),
        (followed().sent(FIRST).is_read().is_read().sent(FIRST), "does not follow on"),
        (Forged().arrives().is_read().sent().sent(FIRST), "too early"),
        (followed().sent(FIRST).is_read().sent(SECOND), ""),
        (followed().sent(FIRST).is_read().is_read().sent(PRICE), "a second reply"),
    ],
)
def test_each_law_of_sequences_that_is_broken_is_found(week: Forged, words: str) -> None:
    found = week.breaches(FOLLOWED)
    assert any(words in each for each in found) == bool(words), found


def test_a_step_in_a_closed_thread_is_found() -> None:
    week = followed().sent(FIRST)
    assert week.breaches(dataclasses.replace(FOLLOWED, closed={"7": MONDAY + timedelta(minutes=5)})) == []
    week.entries[-1]["at"] = "2026-10-19T13:00:00+00:00"
    found = week.breaches(dataclasses.replace(FOLLOWED, closed={"7": MONDAY + timedelta(minutes=5)}))
    assert ["was closed" in each for each in found] == [True]


def test_working_days_are_not_those_of_a_weekend() -> None:
    steps = (Step(family="nudge", working_days=1),)
    given = dataclasses.replace(FOLLOWED, steps=steps)
    week = Forged().arrives().is_read().sent()
    week.entries[-1]["at"] = "2026-10-24T12:00:00+00:00"  # a Saturday
    week.is_read().sent(FIRST)
    week.entries[-1]["at"] = "2026-10-25T12:00:00+00:00"
    assert ["too early" in each for each in week.breaches(given)] == [True]
    week.entries[-1]["at"] = "2026-10-26T08:00:00+00:00"
    assert week.breaches(given) == []
