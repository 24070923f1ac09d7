from __future__ import annotations

from datetime import timedelta

import pytest

from runner.domain.logins import After
from runner.errors import NotFound
from runner.store.check_results import CheckResults
from runner.store.database import Database
from runner.store.profiles import Profiles


async def test_the_same_finding_is_written_once_an_hour_and_every_change_at_once(db: Database, clock) -> None:
    results = CheckResults(db)
    for seconds, signed_in in ((0, True), (60, True), (60, False), (60, False), (3600, False), (1, True)):
        clock.forward(seconds)
        await results.note("amy", signed_in=signed_in, after=After.LOOK, who="amy" if signed_in else None)
    assert [each.signed_in for each in await results.of_account("amy")] == [True, False, False, True]


async def test_every_sign_in_and_restore_is_written(db: Database) -> None:
    results = CheckResults(db)
    for after in (After.SIGN_IN, After.SIGN_IN, After.CHECKPOINT, After.CHECKPOINT):
        await results.note("amy", signed_in=True, after=after, who="amy")
    found = await results.of_account("amy")
    assert [each.after for each in found] == [After.CHECKPOINT] * 2 + [After.SIGN_IN] * 2


async def test_the_profiles_times_are_kept_up(db: Database, clock) -> None:
    results, profiles = CheckResults(db), Profiles(db)
    await profiles.save("amy", path="/profiles/amy")
    await profiles.set_sign_in_tried("amy", clock.now())
    signed_in_at = clock.now()
    await results.note("amy", signed_in=True, after=After.SIGN_IN, who="amy")
    clock.forward(60)
    await results.note("amy", signed_in=True, after=After.LOOK, who="amy")
    kept = await profiles.get("amy")
    assert kept is not None
    assert (kept.last_login_at, kept.last_probe_at, kept.sign_in_tried_at) == (signed_in_at, clock.now(), None)


async def test_a_site_is_learned_from_over_all_its_accounts_in_order(db: Database, clock) -> None:
    results, began = CheckResults(db), clock.now()
    for name in ("bob", "amy", "bob"):
        await results.note(name, signed_in=True, after=After.SIGN_IN, who=name)
        clock.forward(10)
    found = await results.of_site("mock", since=began + timedelta(seconds=5))
    assert [(each.account, each.at - began) for each in found] == [
        ("amy", timedelta(seconds=10)),
        ("bob", timedelta(seconds=20)),
    ]
    assert await results.of_site("another", since=began) == []


async def test_an_unknown_account_is_named(db: Database) -> None:
    with pytest.raises(NotFound, match="ammy"):
        await CheckResults(db).note("ammy", signed_in=True, after=After.LOOK, who="amy")
