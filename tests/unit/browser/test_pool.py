"""Which warm browsers are given up, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.browser.pool import Idle, PoolRules, to_give_up

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = PoolRules(all_bytes=1000, each_bytes=400, idle_s=600, max_age_s=3600)


def idle(account: str, *, unused_s: float = 10, age_s: float = 100, size_bytes: int = 100) -> Idle:
    return Idle(
        account=account,
        since=NOW - timedelta(seconds=unused_s),
        opened_at=NOW - timedelta(seconds=age_s),
        size_bytes=size_bytes,
    )


def test_what_is_young_small_and_was_just_used_stays():
    assert to_give_up([idle("amy"), idle("ben")], RULES, NOW) == {}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"age_s": 3600.0}, "it is open for more than 3600 s"),
        ({"unused_s": 600.0}, "nobody has needed it for 600 s"),
        ({"size_bytes": 401_000_000}, "it takes up 401 MB"),
    ],
    ids=["age", "idleness", "memory of one"],
)
def test_each_bound_is_one_of_its_own(facts, words):
    rules = replace(RULES, all_bytes=10**9, each_bytes=400_000_000)
    assert to_give_up([idle("amy"), idle("ben", **facts)], rules, NOW) == {"ben": words}


def test_the_least_recently_used_go_first_when_all_together_are_too_large():
    kept = [idle("old", unused_s=30, size_bytes=400), idle("new", unused_s=1, size_bytes=400)]
    middle = idle("middle", unused_s=20, size_bytes=400)
    assert list(to_give_up([*kept, middle], RULES, NOW)) == ["old"]


def test_one_that_goes_anyway_makes_room_for_the_others():
    kept = [idle("amy", unused_s=30, size_bytes=400), idle("ben", unused_s=20, size_bytes=400)]
    assert list(to_give_up([*kept, idle("too old", age_s=4000, size_bytes=400)], RULES, NOW)) == ["too old"]


FACTS = st.tuples(st.floats(0, 1200), st.floats(0, 7200), st.integers(0, 500))


@given(st.lists(FACTS, max_size=12))
def test_what_stays_fits_and_was_used_more_recently_than_what_had_to_make_room(facts):
    all_of_them = [
        idle(f"a{number}", unused_s=unused_s, age_s=age_s, size_bytes=size_bytes)
        for number, (unused_s, age_s, size_bytes) in enumerate(facts)
    ]
    why = to_give_up(all_of_them, RULES, NOW)
    stays = [each for each in all_of_them if each.account not in why]
    assert sum(each.size_bytes for each in stays) <= RULES.all_bytes
    no_room = [each for each in all_of_them if "no room" in why.get(each.account, "")]
    for one in no_room:
        assert all(other.since >= one.since for other in stays)
