from __future__ import annotations

from dataclasses import replace

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.states import AccountState
from runner.errors import Conflict, NotFound
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.saved import Saved

SHOP = NewAccount(
    name="shop",
    site="mock",
    username="amy@example.org",
    secret=SecretRef(kind="file", name="secrets/shop"),
    tags=("north", "computers", "north"),
)


async def test_an_account_comes_back_as_it_was_added(db: Database, clock) -> None:
    added = await Accounts(db).add(SHOP)
    assert (added.name, added.site, added.username, added.secret) == (SHOP.name, "mock", SHOP.username, SHOP.secret)
    assert (added.tags, added.state, added.last_served_at) == (("computers", "north"), AccountState.ACTIVE, None)
    assert added.created_at == clock.now()
    assert await Accounts(db).by_name("shop") == added == await Accounts(db).get(added.id)


async def test_a_taken_name_is_refused_and_none_of_the_others_is_added(db: Database) -> None:
    with pytest.raises(Conflict, match="amy"):
        await Accounts(db).add_many([SHOP, replace(SHOP, name="amy")])
    with pytest.raises(Conflict, match="shop"):
        await Accounts(db).add_many([SHOP, SHOP])
    assert [one.name for one in await Accounts(db).list_accounts()] == ["amy", "bob"]


async def test_an_unknown_name_comes_with_the_nearest(db: Database) -> None:
    with pytest.raises(NotFound, match='Did you mean "amy"'):
        await Accounts(db).by_name("ammy")
    with pytest.raises(NotFound):
        await Accounts(db).get(4711)


async def test_importing_twice_changes_nothing_and_a_changed_row_changes_its_account_only(db: Database) -> None:
    accounts = Accounts(db)
    other = replace(SHOP, name="other")
    assert [saved for _, saved in await accounts.save_many([SHOP, other])] == [Saved.ADDED, Saved.ADDED]
    before = await accounts.list_accounts()
    assert {saved for _, saved in await accounts.save_many([SHOP, other])} == {Saved.UNCHANGED}
    assert await accounts.list_accounts() == before
    await accounts.set_state("shop", AccountState.PAUSED, "holiday")
    [(changed, saved)] = await accounts.save_many([replace(SHOP, username="new", tags=("south",))])
    assert (saved, changed.username, changed.tags, changed.state) == (
        Saved.CHANGED,
        "new",
        ("south",),
        AccountState.PAUSED,
    )
    assert await accounts.by_name("other") in before


async def test_accounts_are_filtered_by_state_tag_and_site(db: Database) -> None:
    accounts = Accounts(db)
    await accounts.add_many([SHOP, replace(SHOP, name="elsewhere", site="example", tags=())])
    await accounts.set_state("bob", AccountState.PARKED, "captcha")
    listed = {
        "parked": await accounts.list_accounts(states=[AccountState.PARKED, AccountState.LOCKED]),
        "north": await accounts.list_accounts(tag_name="north"),
        "example": await accounts.list_accounts(site="example"),
    }
    names = {what: [one.name for one in found] for what, found in listed.items()}
    assert names == {"parked": ["bob"], "north": ["shop"], "example": ["elsewhere"]}


async def test_a_change_of_state_is_told_once_with_its_reason(db: Database) -> None:
    accounts = Accounts(db)
    for _ in range(2):
        parked = await accounts.set_state("amy", AccountState.PARKED, "captcha; solve it, then resume")
    assert parked.state_reason == "captcha; solve it, then resume"
    [told] = await Events(db).since(0, names=["AccountStateChanged"])
    assert (told.account, told.data["before"], told.data["state"]) == ("amy", "active", "parked")
    with pytest.raises(NotFound):
        await accounts.set_state("nobody", AccountState.PAUSED)


async def test_being_served_is_noted(db: Database, clock) -> None:
    await Accounts(db).touch_served("amy", clock.now())
    assert (await Accounts(db).by_name("amy")).last_served_at == clock.now()
