"""How Jobs enter the store: in one transaction, a key making a second Job the first one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Job, NewJob
from runner.engine import dependencies, heads, rows
from runner.errors import NotFound
from runner.store import events
from runner.store.account_ids import CHUNK, ids_of
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.tables import batch, job, pruned_job

AT_ONCE = 1_000


async def insert_batch(db: Database, connection: AsyncConnection, name: str) -> int:
    """Begin a Batch; returns its id."""
    values = {"name": name, "created_at": db.clock.now()}
    number: int = (await connection.execute(insert(batch).returning(batch.c.id), values)).scalar_one()
    fact = events.Fact(name="BatchSubmitted", batch_id=number, data={"name": storable(name)})
    await events.record(db, connection, [fact])
    return number


async def insert_jobs(db: Database, connection: AsyncConnection, new: Sequence[NewJob]) -> list[Job]:
    """Store Jobs; those whose key exists already, or existed, come back as they stand.

    Raises NotFound, and SetupError when they wait for each other in a circle.
    """
    now = db.clock.now()
    dependencies.check_graph(new)
    account_ids = await ids_of(connection, (one.account for one in new))
    await _check_batches(connection, {one.batch_id for one in new if one.batch_id is not None})
    keys = [storable(one.key) for one in new if one.key is not None]
    keyed, pruned = await _by_key(connection, keys), await _pruned_by_key(connection, keys)
    fresh: list[NewJob] = []
    for one in new:
        key = None if one.key is None else storable(one.key)
        if key is None or not (key in keyed or key in pruned):
            fresh.append(one)
            if key is not None:
                keyed[key] = -1
    inserted = await _insert(db, connection, fresh, account_ids, now)
    await dependencies.enter(db, connection, fresh, inserted)
    await heads.refresh(connection, sorted({account_ids[one.account] for one in fresh}), now)
    unkeyed = iter([number for one, number in zip(fresh, inserted, strict=True) if one.key is None])
    keyed |= {storable(one.key): number for one, number in zip(fresh, inserted, strict=True) if one.key is not None}
    numbers = [next(unkeyed) if one.key is None else keyed.get(storable(one.key)) for one in new]
    stored = iter(await rows.fetch_many(connection, [number for number in numbers if number is not None]))
    return [
        pruned[storable(one.key or "")] if number is None else next(stored)
        for one, number in zip(new, numbers, strict=True)
    ]


def in_batch(new: Sequence[NewJob], batch_id: int) -> list[NewJob]:
    """The same Jobs as members of a Batch."""
    return [replace(one, batch_id=batch_id) for one in new]


async def _insert(
    db: Database, connection: AsyncConnection, new: Sequence[NewJob], account_ids: dict[str, int], now: datetime
) -> list[int]:
    numbers: list[int] = []
    statement = insert(job).returning(job.c.id, sort_by_parameter_order=True)
    for start in range(0, len(new), AT_ONCE):
        part = new[start : start + AT_ONCE]
        values = [rows.new_row(one, account_ids[one.account], now) for one in part]
        ids = list((await connection.execute(statement, values)).scalars())
        facts = [_submitted(one, number, account_ids[one.account]) for one, number in zip(part, ids, strict=True)]
        await events.record(db, connection, facts)
        numbers += ids
    return numbers


def _submitted(new: NewJob, number: int, account_id: int) -> events.Fact:
    return events.Fact(
        name="JobSubmitted",
        account=(account_id, new.account),
        job_id=number,
        batch_id=new.batch_id,
        data={"flow": new.flow, "priority": str(new.priority)},
    )


async def _by_key(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), CHUNK):
        statement = select(job.c.key, job.c.id).where(job.c.key.in_(keys[start : start + CHUNK]))
        found |= {row.key: row.id for row in await connection.execute(statement)}
    return found


async def _pruned_by_key(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Job]:
    found: dict[str, Job] = {}
    for start in range(0, len(keys), CHUNK):
        statement = rows.select_pruned().where(pruned_job.c.key.in_(keys[start : start + CHUNK]))
        found |= {row.key: rows.to_pruned(row) for row in await connection.execute(statement)}
    return found


async def _check_batches(connection: AsyncConnection, batch_ids: set[int]) -> None:
    for number in sorted(batch_ids):
        if (await connection.execute(select(batch.c.id).where(batch.c.id == number))).scalar() is None:
            raise NotFound("batch", str(number), ())
