"""Many Jobs at once: found by a filter, changed in short transactions so that nobody waits long for the writer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.dependencies import in_order
from runner.domain.jobs import Bulk, Job, JobFilter
from runner.engine import dependencies, rows
from runner.errors import Conflict, NotFound
from runner.store.account_ids import CHUNK, id_of
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.tables import attempt, job

AT_ONCE = 100


async def find(db: Database, which: JobFilter) -> list[int]:
    """The numbers of the Jobs that the filter lets through, the oldest first. Raises NotFound."""
    found: list[int] = []
    async with db.read() as connection:
        account_id = None if which.account is None else await id_of(connection, which.account)
        conditions = _conditions(which, account_id)
        for ids in _parts(which.ids):
            some = [*conditions, job.c.id.in_(ids)] if ids else conditions
            found += (await connection.execute(select(job.c.id).where(*some).order_by(job.c.id))).scalars()
    return sorted(set(found))


async def needs_first(db: Database, job_ids: Sequence[int]) -> list[int]:
    """The same numbers, each Job after those of them that it waits for."""
    async with db.read() as connection:
        return in_order(await dependencies.among(connection, job_ids))


async def each(
    db: Database, job_ids: Sequence[int], change: Callable[[AsyncConnection, Job], Awaitable[object]]
) -> Bulk:
    """Change Jobs one by one; one whose state forbids it, or that is gone, is refused with the reason."""
    changed: list[int] = []
    refused: dict[int, str] = {}
    for start in range(0, len(job_ids), AT_ONCE):
        async with db.write() as connection:
            for number in job_ids[start : start + AT_ONCE]:
                try:
                    await change(connection, await rows.fetch(connection, number))
                except (Conflict, NotFound) as problem:
                    refused[number] = str(problem)
                else:
                    changed.append(number)
    return Bulk(changed=changed, refused=refused)


def _conditions(which: JobFilter, account_id: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if account_id is not None:
        conditions.append(job.c.account_id == account_id)
    if which.states:
        conditions.append(job.c.state.in_(which.states))
    if which.flow is not None:
        conditions.append(job.c.flow == which.flow)
    if which.batch_id is not None:
        conditions.append(job.c.batch_id == which.batch_id)
    if which.error_kind is not None:
        conditions.append(job.c.error_kind == which.error_kind)
    if which.key is not None:
        conditions.append(job.c.key == storable(which.key))
    if which.ended_before is not None:
        conditions.append(job.c.ended_at < which.ended_before)
    if which.signature is not None:
        later = attempt.alias("later")
        superseded = exists().where(later.c.job_id == attempt.c.job_id, later.c.number > attempt.c.number)
        failed_so = select(attempt.c.job_id).where(attempt.c.signature == which.signature, ~superseded)
        conditions.append(job.c.id.in_(failed_so))
    return conditions


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)] or [()]
