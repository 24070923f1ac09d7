"""Accounts and their tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.accounts import Account, NewAccount, SecretRef
from runner.domain.states import AccountState
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.account_ids import CHUNK, id_of
from runner.store.database import Database
from runner.store.saved import Saved
from runner.store.tables import account, account_tag, tag


class Accounts:
    """The stored Accounts, by name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, new: NewAccount) -> Account:
        """Store one Account. Raises Conflict when its name is taken."""
        return (await self.add_many([new]))[0]

    async def add_many(self, new: Sequence[NewAccount]) -> list[Account]:
        """Store Accounts, all of them or none. Raises Conflict when a name is taken or comes twice."""
        names = [one.name for one in new]
        async with self._db.write() as connection:
            taken = {one.name for one in await _by_names(connection, names)}
            twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
            if taken | twice:
                raise Conflict(
                    f"These account names are taken already: {', '.join(sorted(taken | twice)[:12])}.",
                    cure="Choose other names; a name is unique over all sites.",
                )
            for one in new:
                await self._insert(connection, one)
            return await _by_names(connection, names)

    async def save_many(self, new: Sequence[NewAccount]) -> list[tuple[Account, Saved]]:
        """Store Accounts or bring those whose name exists up to date; their state and history stay. All or none.

        Writes nothing, and waits for no writer, where all is as it was: every start comes by here.
        """
        async with self._db.read() as connection:
            stored = {one.name: one for one in await _by_names(connection, [one.name for one in new])}
        if all(_saved(stored.get(one.name), one) is Saved.UNCHANGED for one in new):
            return [(stored[one.name], Saved.UNCHANGED) for one in new]
        done: dict[str, Saved] = {}
        async with self._db.write() as connection:
            for one in new:
                done[one.name] = await self._save(connection, one)
            stored = {each.name: each for each in await _by_names(connection, list(done))}
        return [(stored[name], saved) for name, saved in done.items()]

    async def compare(self, new: Sequence[NewAccount]) -> list[Saved]:
        """What `save_many` would do with each; nothing is written."""
        async with self._db.read() as connection:
            stored = {one.name: one for one in await _by_names(connection, [one.name for one in new])}
        return [_saved(stored.get(one.name), one) for one in new]

    async def get(self, account_id: int) -> Account:
        """One Account by its id. Raises NotFound."""
        async with self._db.read() as connection:
            found = await fetch(connection, select(account).where(account.c.id == account_id))
        if not found:
            raise NotFound("account", f"#{account_id}", ())
        return found[0]

    async def by_name(self, name: str) -> Account:
        """One Account by its name. Raises NotFound with the nearest names."""
        async with self._db.read() as connection:
            await id_of(connection, name)
            return (await _by_names(connection, [name]))[0]

    async def list_accounts(
        self, *, states: Sequence[AccountState] = (), tag_name: str | None = None, site: str | None = None
    ) -> list[Account]:
        """The Accounts that match, by name."""
        statement = select(account).order_by(account.c.name)
        if states:
            statement = statement.where(account.c.state.in_(states))
        if site is not None:
            statement = statement.where(account.c.site == site)
        if tag_name is not None:
            tagged = select(account_tag.c.account_id).join(tag).where(tag.c.name == tag_name)
            statement = statement.where(account.c.id.in_(tagged))
        async with self._db.read() as connection:
            return await fetch(connection, statement)

    async def set_state(
        self, name: str, state: AccountState, reason: str | None = None, *, only_from: AccountState | None = None
    ) -> Account:
        """Change an Account's state; `reason` says to a person why, and what to do.

        Raises NotFound, and Conflict where it is not the state given that it is to be changed from.
        """
        async with self._db.write() as connection:
            number = await id_of(connection, name)
            columns = (account.c.state, account.c.state_reason)
            row = (await connection.execute(select(*columns).where(account.c.id == number))).one()
            before = row.state
            if only_from is not None and before is not only_from:
                raise Conflict(f"{name} is {before} already.", cure=row.state_reason or "")
            changed = update(account).where(account.c.id == number).values(state=state, state_reason=reason)
            await connection.execute(changed)
            if before is not state:
                data = {"before": str(before), "state": str(state), "reason": reason}
                fact = events.Fact(name="AccountStateChanged", account=(number, name), data=data)
                await events.record(self._db, connection, [fact])
            return (await _by_names(connection, [name]))[0]

    async def set_tags(self, name: str, tags: Iterable[str]) -> Account:
        """Give an Account these tags and no others. Raises NotFound."""
        async with self._db.write() as connection:
            number = await id_of(connection, name)
            await _set_tags(connection, number, tags)
            fact = events.Fact(name="AccountTagged", account=(number, name), data={"tags": sorted(set(tags))})
            await events.record(self._db, connection, [fact])
            return (await _by_names(connection, [name]))[0]

    async def reset_counters(self, name: str) -> Account:
        """Have what an Account does counted from now on; the records of what it did stay. Raises NotFound."""
        async with self._db.write() as connection:
            number = await id_of(connection, name)
            counted_from = {"counted_from": self._db.clock.now()}
            await connection.execute(update(account).where(account.c.id == number).values(counted_from))
            await events.record(self._db, connection, [events.Fact(name="CountersReset", account=(number, name))])
            return (await _by_names(connection, [name]))[0]

    async def tags(self) -> list[tuple[str, int]]:
        """The tags that Accounts have, by name, and how many have each."""
        joined = tag.join(account_tag, account_tag.c.tag_id == tag.c.id)
        counted = select(tag.c.name, func.count()).select_from(joined).group_by(tag.c.name).order_by(tag.c.name)
        async with self._db.read() as connection:
            return [(name, number) for name, number in await connection.execute(counted)]

    async def touch_served(self, name: str, at: datetime) -> None:
        """Note that an Account was served at `at`, so that its turn comes last. Raises NotFound."""
        async with self._db.write(durable=False) as connection:
            number = await id_of(connection, name)
            await connection.execute(update(account).where(account.c.id == number).values(last_served_at=at))

    async def _insert(self, connection: AsyncConnection, new: NewAccount) -> int:
        values = _values(new) | {"state": AccountState.ACTIVE, "created_at": self._db.clock.now()}
        inserted = await connection.execute(insert(account).returning(account.c.id), values)
        number: int = inserted.scalar_one()
        await _set_tags(connection, number, new.tags)
        fact = events.Fact(name="AccountAdded", account=(number, new.name), data={"site": new.site})
        await events.record(self._db, connection, [fact])
        return number

    async def _save(self, connection: AsyncConnection, new: NewAccount) -> Saved:
        stored = await _by_names(connection, [new.name])
        if not stored:
            await self._insert(connection, new)
            return Saved.ADDED
        old = stored[0]
        if _is_same(old, new):
            return Saved.UNCHANGED
        await connection.execute(update(account).where(account.c.id == old.id).values(_values(new)))
        await _set_tags(connection, old.id, new.tags)
        return Saved.CHANGED


def _saved(old: Account | None, new: NewAccount) -> Saved:
    if old is None:
        return Saved.ADDED
    return Saved.UNCHANGED if _is_same(old, new) else Saved.CHANGED


def _is_same(old: Account, new: NewAccount) -> bool:
    wanted = (new.site, new.username, new.secret, tuple(sorted(set(new.tags))))
    return (old.site, old.username, old.secret, old.tags) == wanted


def _values(new: NewAccount) -> dict[str, Any]:
    return {
        "name": new.name,
        "site": new.site,
        "username": new.username,
        "secret_kind": new.secret.kind,
        "secret_name": new.secret.name,
    }


async def _set_tags(connection: AsyncConnection, account_id: int, names: Iterable[str]) -> None:
    await connection.execute(delete(account_tag).where(account_tag.c.account_id == account_id))
    for name in sorted(set(names)):
        number = (await connection.execute(select(tag.c.id).where(tag.c.name == name))).scalar()
        if number is None:
            number = (await connection.execute(insert(tag).returning(tag.c.id), {"name": name})).scalar_one()
        await connection.execute(insert(account_tag), {"account_id": account_id, "tag_id": number})


async def _by_names(connection: AsyncConnection, names: Sequence[str]) -> list[Account]:
    """The Accounts in the order of `names`; those that do not exist are left out."""
    found: dict[str, Account] = {}
    for start in range(0, len(names), CHUNK):
        statement = select(account).where(account.c.name.in_(names[start : start + CHUNK]))
        found |= {one.name: one for one in await fetch(connection, statement)}
    return [found[name] for name in names if name in found]


async def fetch(connection: AsyncConnection, statement: Select[Any]) -> list[Account]:
    """The Accounts of a statement that selects whole rows, each with its tags."""
    rows = (await connection.execute(statement)).all()
    tags: defaultdict[int, list[str]] = defaultdict(list)
    numbers = [row.id for row in rows]
    for start in range(0, len(numbers), CHUNK):
        named = select(account_tag.c.account_id, tag.c.name).join(tag).order_by(tag.c.name)
        named = named.where(account_tag.c.account_id.in_(numbers[start : start + CHUNK]))
        for account_id, name in await connection.execute(named):
            tags[account_id].append(name)
    return [_account(row, tags[row.id]) for row in rows]


def _account(row: Row[Any], tags: Sequence[str]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        site=row.site,
        username=row.username,
        secret=SecretRef(kind=row.secret_kind, name=row.secret_name),
        tags=tuple(tags),
        state=row.state,
        state_reason=row.state_reason,
        last_served_at=row.last_served_at,
        created_at=row.created_at,
        counted_from=row.counted_from,
    )
