"""How much room the database takes, by table, and what was freed the last time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.storage import Freed, Holding, Kept, Pages
from runner.store.columns import EPOCH, MICROSECOND
from runner.store.database import Database
from runner.store.limit_tables import setting
from runner.store.notice_tables import notification
from runner.store.schema import metadata
from runner.store.tables import event, job, session
from runner.store.trade_tables import message, thread

LAST = "storage"
"""The key of what was freed last."""
OLDEST: Mapping[str, ColumnElement[Any]] = {
    each.table.name: each
    for each in (job.c.created_at, event.c.at, session.c.started_at, notification.c.created_at, thread.c.first_seen_at)
} | {"message": message.c.first_seen_at}


class StorageView:
    """Reads sizes; the pages at no cost, the tables by a look through all of them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def pages(self) -> Pages:
        """The file as it is now."""
        async with self._db.read() as connection:
            size, count, free = [
                int((await connection.execute(text(f"PRAGMA {name}"))).scalar_one())
                for name in ("page_size", "page_count", "freelist_count")
            ]
        log = self._db.path.with_name(self._db.path.name + "-wal")
        log_bytes = log.stat().st_size if log.exists() else 0
        return Pages(file_bytes=size * count, free_bytes=size * free, log_bytes=log_bytes)

    async def tables(self) -> list[Holding]:
        """Every table, the largest first; bytes are those of the table with its indexes."""
        async with self._db.read() as connection:
            sizes = await _sizes(connection)
            found = []
            for name, table in metadata.tables.items():
                count = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                oldest = OLDEST.get(name)
                first = None
                if oldest is not None:
                    # The first by number: an index on times would be needed for the very oldest.
                    first = (await connection.execute(select(oldest).order_by(table.c.id).limit(1))).scalar()
                found.append(
                    Holding(
                        name=name,
                        count=count,
                        size_bytes=None if sizes is None else sizes.get(name, 0),
                        oldest_at=first,
                    )
                )
        return sorted(found, key=lambda each: (-(each.size_bytes or each.count), each.name))

    async def last(self) -> Freed | None:
        """What was freed the last time; None before the first."""
        async with self._db.read() as connection:
            told = (await connection.execute(select(setting.c.value).where(setting.c.key == LAST))).scalar()
        return None if told is None else _freed(json.loads(told))

    async def note(self, freed: Freed) -> None:
        """Remember what was freed."""
        told = asdict(freed) | {"at": (freed.at - EPOCH) // MICROSECOND}
        value = json.dumps(told)
        async with self._db.write(durable=False) as connection:
            there = update(setting).where(setting.c.key == LAST).values(value=value)
            if not (await connection.execute(there)).rowcount:
                await connection.execute(insert(setting).values(key=LAST, value=value))


def _freed(told: dict[str, Any]) -> Freed:
    at: datetime = EPOCH + told.pop("at") * MICROSECOND
    counts = {Kept(name): count for name, count in told.pop("counts").items()}
    return Freed(at=at, counts=counts, **told | {"left": tuple(told["left"])})


async def _sizes(connection: AsyncConnection) -> dict[str, int] | None:
    """Bytes by table, each with its indexes; None where SQLite was built without dbstat."""
    statement = text(
        "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) WHERE aggregate = TRUE "
        "GROUP BY tbl_name"
    )
    try:
        return {row[0]: int(row[1]) for row in await connection.execute(statement)}
    except OperationalError:
        return None
