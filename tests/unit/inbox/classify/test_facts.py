from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.inbox.classify import facts
from runner.inbox.classify.facts import facts_in

PIECES = st.sampled_from(["$", "€", "1,250.50", "12k", "at ", "in ", "18h30", "http://", "www.", "+44", "9", " ", "/"])


@given(st.text() | st.lists(PIECES | st.characters(), max_size=60).map("".join))
def test_any_text_can_be_searched_for_facts(text: str) -> None:
    found = facts_in(text)
    searched = text[: facts.LONGEST]
    for link in found.links:
        assert link in searched
    assert all(amount.value >= 0 for amount in found.amounts)


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("would you take 250?", "250", None),
        ("$1,250.50 cash", "1250.50", "USD"),
        ("te doy 1.200 €", "1200", "EUR"),
        ("je propose 80 euros", "80", "EUR"),
        ("45,50€ ok?", "45.50", "EUR"),
        ("25 quid in your hand", "25", "GBP"),
        ("Rs 4500 final", "4500", "INR"),
        ("i'd give you 2k", "2000", None),
        ("I'll do 40", "40", None),
    ],
)
def test_money_is_read_as_people_write_it(text: str, value: str, currency: str | None) -> None:
    [amount] = facts.amounts_in(text)
    assert (amount.value, amount.currency) == (Decimal(value), currency)


@pytest.mark.parametrize("text", ["can i come at 6", "is it 120 cm wide", "16 gb ram", "for 2 people", "ok"])
def test_figures_that_are_no_money_are_left_alone(text: str) -> None:
    assert facts.amounts_in(text) == ()


def test_days_times_and_places_are_told_as_they_were_written() -> None:
    found = facts_in("Meet Saturday at 6:30pm or on 14/05, vers 18h, at 12 Baker Street or in Salt Lake City?")
    assert found.dates == ("Saturday", "14/05")
    assert found.times == ("6:30pm", "18h")
    assert found.places == ("12 Baker Street", "Salt Lake City")


def test_a_phone_number_and_a_link_are_told_apart_from_money_and_dates() -> None:
    found = facts_in("text +44 7700 900123 or see www.deal.example/x?id=123456789, before 2026-12-24")
    assert found.phones == ("+44 7700 900123",)
    assert found.links == ("www.deal.example/x?id=123456789",)
    assert found.dates == ("2026-12-24",)
    assert found.amounts == ()


def test_a_text_of_digits_without_end_takes_no_time() -> None:
    assert facts_in("1" * 100_000 + "." * 100_000).links == ()
