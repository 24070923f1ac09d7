"""Jobs that wait for other Jobs: entered with their submission, settled when what they wait for ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.dependencies import find_cycle
from runner.domain.jobs import NewJob
from runner.domain.states import IfFailed, JobState
from runner.engine import heads
from runner.errors import Conflict, NotFound, SetupError
from runner.store import effects, events
from runner.store.account_ids import CHUNK
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.tables import account, job, job_dependency, pruned_job

BROKEN = frozenset({JobState.FAILED, JobState.CANCELLED})
"""What waits for a Job in such a state waits in vain."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A new Job and the stored Jobs that it waits for."""

    job_id: int
    needs: Sequence[int]


def check_graph(new: Sequence[NewJob]) -> None:
    """Refuse a submission in which Jobs wait for each other in a circle. Raises SetupError that names the path.

    Only a submission can be circular: what is stored already never waits for what is not.
    """
    needs = {one.key: [key for key in one.after if isinstance(key, str)] for one in new if one.key is not None}
    cycle = find_cycle(needs)
    if cycle is not None:
        raise SetupError(
            f"These jobs wait for each other in a circle: {' → '.join(cycle)}. Nothing was submitted.",
            cure="Let one of them wait for nothing.",
        )


async def enter(db: Database, connection: AsyncConnection, new: Sequence[NewJob], numbers: Sequence[int]) -> None:
    """Record what freshly stored Jobs wait for, and settle those for which that has ended already.

    Raises NotFound for a number or a key that does not exist.
    """
    if not any(one.after for one in new):
        return
    waits = []
    for one, number in zip(new, numbers, strict=True):
        needs = {needed for named in one.after if (needed := await _resolve(connection, named)) is not None}
        if needs:
            waits.append(Wait(job_id=number, needs=sorted(needs)))
    rows = [{"job_id": wait.job_id, "needs_id": needed} for wait in waits for needed in wait.needs]
    if rows:
        await connection.execute(insert(job_dependency), rows)
    for wait in waits:
        await _count(connection, wait.job_id)
    ended = await _states(connection, [needed for wait in waits for needed in wait.needs])
    for needed, state in ended.items():
        if state in BROKEN:
            await settle(db, connection, needed, state)


async def settle(db: Database, connection: AsyncConnection, job_id: int, state: JobState) -> None:
    """Tell those who wait for a Job that it has ended, and those who wait for them, to the end of the graph.

    After a success they wait for one Job less; after a failure or a cancellation they fail or are skipped, as each of
    them chose. Any other state changes nothing.
    """
    if state is JobState.SUCCEEDED:
        waiting = await _waiting_for(connection, job_id)
        for row in waiting:
            await _count(connection, row.id)
        await heads.refresh(connection, sorted({row.account_id for row in waiting}), db.clock.now())
        return
    left = [job_id] if state in BROKEN else []
    while left:
        left += await _break(db, connection, left.pop())


async def expect_possible(connection: AsyncConnection, job_id: int) -> int:
    """How many Jobs this one would wait for if it were queued again.

    Raises Conflict when one of them has failed or was cancelled, and names it.
    """
    statement = (
        select(job.c.id, job.c.state, account.c.name)
        .select_from(job_dependency.join(job, job.c.id == job_dependency.c.needs_id).join(account))
        .where(job_dependency.c.job_id == job_id, job.c.state != JobState.SUCCEEDED)
        .order_by(job.c.id)
    )
    found = (await connection.execute(statement)).all()
    for row in found:
        if row.state in BROKEN:
            raise Conflict(
                f"Job {job_id} waits for job {row.id} of account {row.name}, which is {row.state}.",
                cure=f"First: runner jobs retry {row.id}",
            )
    return len(found)


async def among(connection: AsyncConnection, job_ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """Of each of these Jobs, which of all Jobs it needs."""
    needs: dict[int, list[int]] = {job_id: [] for job_id in job_ids}
    for start in range(0, len(job_ids), CHUNK):
        part = job_ids[start : start + CHUNK]
        for row in await connection.execute(select(job_dependency).where(job_dependency.c.job_id.in_(part))):
            needs[row.job_id].append(row.needs_id)
    return needs


async def _waiting_for(connection: AsyncConnection, job_id: int) -> list[Row[Any]]:
    found: Sequence[Row[Any]] = (await connection.execute(_WAITING_FOR, {"needs_id": job_id})).all()
    return sorted((row for row in found if row.state is JobState.QUEUED), key=lambda row: row.id)


async def _break(db: Database, connection: AsyncConnection, job_id: int) -> list[int]:
    """End those who wait for a Job in vain; returns their numbers, for others may wait for them."""
    waiting = await _waiting_for(connection, job_id)
    if not waiting:
        return []
    broken = (await connection.execute(_BROKEN_ONE, {"job_id": job_id})).one()
    for row in waiting:
        skips = row.if_failed is IfFailed.SKIP
        ended = "was cancelled" if broken.state is JobState.CANCELLED else "failed"
        why = f"Job {job_id} ({broken.name} {broken.flow}), which this one waited for, {ended}."
        to, words = (JobState.CANCELLED, f"Skipped: {why}") if skips else (JobState.FAILED, why)
        await effects.give_up(db, connection, row.id, why)
        values = {"state": to, "error": words, "error_kind": None, "ended_at": db.clock.now()}
        await connection.execute(update(job).where(job.c.id == row.id).values(values))
        fact = events.Fact(
            name="JobCancelled" if skips else "JobFailed",
            account=(row.account_id, row.account),
            job_id=row.id,
            batch_id=row.batch_id,
            data={"flow": row.flow, "error": words, "after": job_id, "skipped": skips},
        )
        await events.record(db, connection, [fact])
    return [row.id for row in waiting]


async def _resolve(connection: AsyncConnection, named: int | str) -> int | None:
    """The number of the Job that is meant; None when it has succeeded and was pruned. Raises NotFound, Conflict."""
    which = job.c.id == named if isinstance(named, int) else job.c.key == storable(named)
    found: int | None = (await connection.execute(select(job.c.id).where(which))).scalar()
    if found is not None:
        return found
    gone = pruned_job.c.job_id == named if isinstance(named, int) else pruned_job.c.key == storable(named)
    state = (await connection.execute(select(pruned_job.c.state).where(gone))).scalar()
    if state is None:
        raise NotFound("job", str(named), ())
    if state is not JobState.SUCCEEDED:
        raise Conflict(f"Job {named}, which a new job is to wait for, {state} and was pruned.", cure="Submit it again.")
    return None


async def _count(connection: AsyncConnection, job_id: int) -> None:
    await connection.execute(_COUNT, {"counted": job_id})


async def _states(connection: AsyncConnection, job_ids: Sequence[int]) -> dict[int, JobState]:
    found: dict[int, JobState] = {}
    numbers = sorted(set(job_ids))
    for start in range(0, len(numbers), CHUNK):
        part = select(job.c.id, job.c.state).where(job.c.id.in_(numbers[start : start + CHUNK]))
        found |= {row.id: row.state for row in await connection.execute(part)}
    return found


# Built once: to build a statement costs more than to execute it.
# Whether they are queued is asked of the rows: SQLite, asked for both, would begin with all that is queued.
_WAITING_FOR: Select[Any] = (
    select(
        job.c.id,
        job.c.state,
        job.c.account_id,
        account.c.name.label("account"),
        job.c.flow,
        job.c.batch_id,
        job.c.if_failed,
    )
    .select_from(job_dependency.join(job, job.c.id == job_dependency.c.job_id).join(account))
    .where(job_dependency.c.needs_id == bindparam("needs_id"))
)
_BROKEN_ONE = (
    select(job.c.state, job.c.flow, account.c.name)
    .select_from(job.join(account))
    .where(job.c.id == bindparam("job_id"))
)
_needed = job.alias("needed")
_COUNT = (
    update(job)
    .where(job.c.id == bindparam("counted"))
    .values(
        waits_for=select(func.count())
        .select_from(job_dependency.join(_needed, _needed.c.id == job_dependency.c.needs_id))
        .where(job_dependency.c.job_id == job.c.id, _needed.c.state != JobState.SUCCEEDED)
        .correlate(job)
        .scalar_subquery()
    )
)
