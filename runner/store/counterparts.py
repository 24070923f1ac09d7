"""Threads of one counterpart: suggested where the name is the same at the same Site, and as people have said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.counterparts import AlsoIn, name_key
from runner.errors import SetupError
from runner.store import events
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.replies import whose
from runner.store.tables import account
from runner.store.thread_tables import thread_link
from runner.store.trade_tables import participant, thread

MOST = 50


class Counterparts:
    """Who writes in more than one Thread."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def also_in(self, thread_id: int) -> list[AlsoIn]:
        """The other Threads of a Thread's counterpart, the newest first, at most fifty. Raises NotFound.

        Those that a person has linked, and those with the same name at the same Site that nobody has unlinked.
        """
        async with self._db.read() as connection:
            await whose(connection, thread_id)
            said = await _said(connection, thread_id)
            name, site = (await connection.execute(_of(thread_id))).one()
            yes = [number for number, (same, _) in said.items() if same]
            no = [number for number, (same, _) in said.items() if not same]
            alike = and_(participant.c.name_key == name_key(name), account.c.site == site, thread.c.id.not_in(no))
            mine = (thread.c.id != thread_id, or_(alike, thread.c.id.in_(yes)))
            rows = await connection.execute(_select().where(*mine).order_by(thread.c.id.desc()).limit(MOST))
            fields = ("account", "counterpart", "listing_title", "status")
            return [
                AlsoIn(
                    thread_id=row.id,
                    linked_by=said[row.id][1] if row.id in said else None,
                    **{each: row._mapping[each] for each in fields},
                )
                for row in rows
            ]

    async def say(self, thread_id: int, other: int, same: bool | None, *, by: str) -> None:
        """A person's word: two Threads are one counterpart's, or are not; None takes the word back. Raises NotFound."""
        if thread_id == other:
            raise SetupError("A thread is its own counterpart's already.", cure="Name another thread.")
        pair = {"thread_id": min(thread_id, other), "other_id": max(thread_id, other)}
        async with self._db.write() as connection:
            account_of = await whose(connection, thread_id)
            await whose(connection, other)
            await connection.execute(delete(thread_link).where(*(thread_link.c[name] == pair[name] for name in pair)))
            if same is not None:
                values = pair | {"same": same, "by": storable(by), "at": self._db.clock.now()}
                await connection.execute(insert(thread_link), values)
            data = {"thread": thread_id, "other": other, "same": same}
            fact = events.Fact(name="ThreadLinked", account=(account_of.account_id, account_of.account), data=data)
            await events.record(self._db, connection, [fact])


async def _said(connection: AsyncConnection, thread_id: int) -> dict[int, tuple[bool, str]]:
    mine = or_(thread_link.c.thread_id == thread_id, thread_link.c.other_id == thread_id)
    rows = await connection.execute(select(thread_link).where(mine))
    return {row.other_id if row.thread_id == thread_id else row.thread_id: (row.same, row.by) for row in rows}


def _of(thread_id: int) -> Any:
    return _joined(participant.c.name, account.c.site).where(thread.c.id == thread_id)


def _select() -> Any:
    named = (account.c.name.label("account"), participant.c.name.label("counterpart"))
    return _joined(thread.c.id, thread.c.listing_title, thread.c.status, *named)


def _joined(*columns: Any) -> Any:
    joined = thread.join(account, account.c.id == thread.c.account_id).join(
        participant, participant.c.id == thread.c.participant_id
    )
    return select(*columns).select_from(joined)
