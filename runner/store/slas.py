"""SLAs per tag as they are stored; what comes of them stands in `due_times`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.sla import Sla, expect_sla
from runner.domain.tags import tag_names
from runner.errors import NotFound
from runner.store import events
from runner.store.database import Database
from runner.store.sla_tables import sla, sla_watch
from runner.store.tables import event

WATCH = 1
"""The number of the only row of `sla_watch`."""


class Slas:
    """What is promised for Threads, by tag."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_slas(self) -> list[Sla]:
        """All of them, by tag."""
        async with self._db.read() as connection:
            return list((await promised(connection)).values())

    async def put(self, given: Sla) -> Sla:
        """Set what is promised for a tag, in place of what was. Raises SetupError.

        Threads that have the tag already get their due times, too; what is overdue then is told once.
        """
        new = expect_sla(given)
        values = {
            "first_response_s": _seconds(new.first_response),
            "resolution_s": _seconds(new.resolution),
            "assign": new.assign,
            "put_tag": new.put_tag,
            "changed_at": self._db.clock.now(),
        }
        async with self._db.write() as connection:
            await connection.execute(delete(sla).where(sla.c.tag == new.tag))
            await connection.execute(insert(sla).values(tag=new.tag, **values))
            await self._walk(connection, "SlaSet", new.tag)
        return new

    async def remove(self, tag: str) -> None:
        """Promise nothing for a tag any more. Raises NotFound, SetupError for what is no tag."""
        name = tag_names([tag])[0]
        async with self._db.write() as connection:
            if not (await connection.execute(delete(sla).where(sla.c.tag == name))).rowcount:
                raise NotFound("SLA", name, await promised(connection))
            await self._walk(connection, "SlaRemoved", name)

    async def _walk(self, connection: AsyncConnection, what: str, tag: str) -> None:
        """Have all due times worked out anew, which is more than a transaction should wait for."""
        await events.record(self._db, connection, [events.Fact(name=what, data={"tag": tag})])
        newest = (await connection.execute(select(func.max(event.c.id)))).scalar() or 0
        values = {"event_id": newest, "walked_to": 0}
        if not (await connection.execute(update(sla_watch).values(values))).rowcount:
            await connection.execute(insert(sla_watch).values(id=WATCH, hours="", **values))


async def promised(connection: AsyncConnection) -> dict[str, Sla]:
    """What is promised, by tag."""
    return {row.tag: _sla(row) for row in await connection.execute(select(sla).order_by(sla.c.tag))}


def _sla(row: Row[Any]) -> Sla:
    return Sla(
        tag=row.tag,
        first_response=None if row.first_response_s is None else timedelta(seconds=row.first_response_s),
        resolution=None if row.resolution_s is None else timedelta(seconds=row.resolution_s),
        assign=row.assign,
        put_tag=row.put_tag,
    )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
