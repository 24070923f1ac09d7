from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.domain.classification import MessageType
from runner.domain.drafts import Plan, Terms, Verdict, plan
from runner.domain.hours import Hours
from runner.domain.languages import guess
from runner.domain.listings import ListingState
from runner.domain.rules import Decision, Goods, Level, NewRule, Rule, Situation, Then, When, decide
from runner.domain.templates import Template
from runner.errors import SetupError

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")
GOODS = Goods(
    title="Road bike",
    reference="A-1",
    price_minor=12_050,
    currency="EUR",
    condition="good",
    location="Porto",
    state=ListingState.PUBLISHED,
)
MESSAGE = Situation(
    message_id=1,
    thread_id=1,
    key="id:1",
    thread_remote_id="7",
    account="amy",
    site="mock",
    tags=("bikes",),
    counterpart="Ida",
    text="Hello, is the   bike still available?",
    written_at=NOW,
    type=MessageType.AVAILABILITY_CHECK,
    confidence=0.9,
    first_contact=True,
    listing_title="Road bike",
    goods=GOODS,
    overtaken=False,
)


def rule(name: str = "a", position: int = 1, **fields: Any) -> Rule:
    return Rule(id=position, name=name, position=position, created_at=NOW, **fields)


def decided(*rules: Rule, of: Situation = MESSAGE, threshold: float = 0.6) -> Decision:
    return decide(of, rules, NOW, zone=BERLIN, threshold=threshold)


@pytest.mark.parametrize(
    ("meets", "fails", "said"),
    [
        ({"types": (MessageType.AVAILABILITY_CHECK,)}, {"types": (MessageType.OFFER,)}, "it is availability_check"),
        ({"min_confidence": 0.9}, {"min_confidence": 0.95}, "90% sure of its type, 95% are asked for"),
        ({"accounts": ("ben", "amy")}, {"accounts": ("ben",)}, "it was written to amy"),
        ({"tags": ("bikes",)}, {"tags": ("cars",)}, "account amy has the tags bikes"),
        (
            {"listing_states": (ListingState.PUBLISHED,)},
            {"listing_states": (ListingState.DRAFT,)},
            "the listing is published",
        ),
        ({"price_from": Decimal("120.50")}, {"price_from": Decimal("120.51")}, "the price is 120.50 EUR"),
        ({"price_to": Decimal("120.50")}, {"price_to": Decimal("120")}, "the price is 120.50 EUR"),
        (
            {"hours": Hours.parse("22:00-06:00")},
            {"hours": Hours.parse("09:00-18:00")},
            "it is 22:30, outside 09:00-18:00",
        ),
        ({"first_contact": True}, {"first_contact": False}, "it is the first message of its thread"),
        ({"words": ("sold", "Bike STILL")}, {"words": ("avail", "ike")}, "it says none of: avail, ike"),
    ],
)
def test_each_condition_decides_and_says_why(meets: dict[str, Any], fails: dict[str, Any], said: str) -> None:
    assert decided(rule(when=When(**meets))).rule is not None
    found = decided(rule(when=When(**fails)))
    assert found.rule is None
    ((reason,),) = [each.reasons for each in found.tried]
    assert (reason.met, reason.words) == (False, said)


@pytest.mark.parametrize("when", [{"price_to": Decimal(1_000)}, {"listing_states": (ListingState.PUBLISHED,)}])
def test_what_is_not_known_of_a_listing_speaks_against_a_rule(when: dict[str, Any]) -> None:
    assert decided(rule(when=When(**when)), of=replace(MESSAGE, goods=None)).rule is None


def test_the_first_rule_that_matches_wins_and_rules_that_are_off_are_passed_over() -> None:
    rules = [
        rule("last", 4, then=Then(close=True), level=Level.AUTOMATIC),
        rule("disabled", 1, enabled=False),
        rule("off", 2, level=Level.OFF),
        rule("first", 3),
    ]
    found = decided(*rules)
    assert found.rule is not None
    assert found.rule.name == "first"
    assert [(each.rule, each.matched) for each in found.tried] == [("disabled", False), ("off", False), ("first", True)]
    assert [each.reasons[0].words for each in found.tried[:2]] == ["the rule is disabled", "the rule is off"]


def test_below_the_threshold_nothing_happens_by_itself() -> None:
    unsure = replace(MESSAGE, confidence=0.59)
    acts = rule(then=Then(reply="yes", close=True), level=Level.AUTOMATIC)
    found = decided(acts, of=unsure)
    assert (found.for_person, found.action) == (True, Then())
    assert found.why[-1].words == "59% sure what it wants; 60% are needed"
    assert decided(acts).action == acts.then
    assert decided(rule(then=Then(reply="yes")), of=unsure).for_person is False, "a draft waits for a person anyway"
    assert decided(of=unsure).for_person, "and no rule at all is for a person, too"


@pytest.mark.parametrize("bad", ["9-17", "25:00-26:00", "09:00-09:00", "09:00"])
def test_hours_that_are_none_are_refused(bad: str) -> None:
    with pytest.raises(SetupError):
        Hours.parse(bad)


def test_rules_that_make_no_sense_are_refused() -> None:
    for wrong in (
        lambda: Then(close=True, snooze_s=60),
        lambda: When(price_from=Decimal(2), price_to=Decimal(1)),
        lambda: NewRule(name="x", then=Then(close=True), level=Level.SUGGEST),
        lambda: NewRule(name=" "),
    ):
        with pytest.raises(SetupError):
            wrong()


TEMPLATE = Template(id=5, name="yes", variants=("Yes, {buyer_name}, {price}.", "Still here."), created_at=NOW)
REPLIES = rule(then=Then(reply="yes"), level=Level.AUTOMATIC)


def planned(of: Situation = MESSAGE, by: Rule = REPLIES, *, used: int = 0, **template: Any) -> Plan:
    terms = Terms(zone=BERLIN, threshold=0.6, within=timedelta(hours=1))
    return plan(of, [by], [replace(TEMPLATE, **template)], {5: used}, NOW, terms)


def test_variants_are_chosen_in_turn() -> None:
    assert [planned(used=used).text for used in range(3)] == [
        "Yes, Ida, 120.50 EUR.",
        "Still here.",
        "Yes, Ida, 120.50 EUR.",
    ]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (planned(), Verdict.ANSWERED),
        (planned(by=rule(then=Then(reply="yes"))), Verdict.DRAFTED),
        (planned(by=rule(then=Then(close=True), level=Level.AUTOMATIC)), Verdict.DONE),
        (planned(by=rule()), Verdict.NOTHING),
        (planned(by=rule(when=When(accounts=("ben",)))), Verdict.NO_RULE),
        (planned(replace(MESSAGE, overtaken=True)), Verdict.OVERTAKEN),
        (planned(replace(MESSAGE, overtaken=True, answered_earlier=True)), Verdict.CROSSED),
        (planned(replace(MESSAGE, written_at=NOW - timedelta(hours=2))), Verdict.TOO_OLD),
        (planned(replace(MESSAGE, confidence=0.2)), Verdict.QUEUED),
        (planned(replace(MESSAGE, goods=None)), Verdict.NO_TEXT),
        (planned(account="ben"), Verdict.NO_TEXT),
    ],
)
def test_what_becomes_of_a_message(found: Plan, verdict: Verdict) -> None:
    assert found.verdict is verdict
    assert (found.text is not None) == (verdict in (Verdict.ANSWERED, Verdict.DRAFTED))


def test_a_value_that_is_missing_is_named() -> None:
    assert planned(replace(MESSAGE, goods=None)).words == (
        'template "yes" needs {price}, which is not known here, and has no fall-back'
    )


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("is this still available?", "en"),
        ("¿Sigue disponible? gracias", "es"),
        ("Bonjour, est-ce que c'est toujours disponible ?", "fr"),
        ("ok", None),
        ("👍", None),
    ],
)
def test_the_language_of_a_text_is_guessed(text: str, language: str | None) -> None:
    assert guess(text) == language
