"""How Jobs leave the store: with their Attempts, Steps and Evidence rows; their keys and their Effects stay."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import UNDECIDED
from runner.domain.jobs import Bulk
from runner.domain.states import ENDED
from runner.engine import rows
from runner.errors import NotFound
from runner.store import events, replay_chains
from runner.store.database import Database
from runner.store.tables import attempt, batch, effect, evidence, job, job_dependency, pruned_job, step

"""A person may still have to decide about these, and needs the Job's evidence for it."""


async def delete_jobs(db: Database, connection: AsyncConnection, job_ids: Sequence[int]) -> Bulk:
    """Delete Jobs that have ended; one that has not, or that has an undecided Effect, is refused with the reason.

    So is one that others in the queue still wait for. Batches that are empty thereby go, too.
    """
    refused = await _reasons_to_keep(connection, job_ids)
    gone = [number for number in job_ids if number not in refused]
    await _keep_keys(db, connection, gone)
    await replay_chains.take_out(connection, gone)
    batches = select(job.c.batch_id).where(job.c.id.in_(gone), job.c.batch_id.is_not(None)).distinct()
    left = (await connection.execute(batches)).scalars().all()
    await _forget(connection, gone)
    await _delete_empty(connection, left)
    if gone:
        await events.record(db, connection, [events.Fact(name="JobsPruned", data={"jobs": gone})])
    return Bulk(changed=gone, refused=refused)


async def _delete_empty(connection: AsyncConnection, batch_ids: Sequence[int]) -> None:
    empty = ~exists(select(literal(1)).where(job.c.batch_id == batch.c.id))
    await connection.execute(delete(batch).where(batch.c.id.in_(batch_ids), empty))


async def _reasons_to_keep(connection: AsyncConnection, job_ids: Sequence[int]) -> dict[int, str]:
    """Why some Jobs must stay, in a few statements however many there are."""
    found = {row.id: row for row in await connection.execute(rows.select_jobs().where(job.c.id.in_(job_ids)))}
    kept = {number: str(NotFound("job", str(number), ())) for number in job_ids if number not in found}
    undecided = select(effect.c.job_id, func.min(effect.c.id).label("number")).group_by(effect.c.job_id)
    undecided = undecided.where(effect.c.job_id.in_(found), effect.c.state.in_(UNDECIDED))
    effects = {row.job_id: row.number for row in await connection.execute(undecided)}
    waits = select(job_dependency.c.needs_id, func.min(job.c.id).label("number")).group_by(job_dependency.c.needs_id)
    waits = waits.join(job, job_dependency.c.job_id == job.c.id)
    waits = waits.where(job_dependency.c.needs_id.in_(found), job.c.state.not_in(ENDED))
    waiting = {row.needs_id: row.number for row in await connection.execute(waits)}
    for number, row in found.items():
        whose = f"Job {number} of account {row.account}"
        if row.state not in ENDED:
            kept[number] = f"{whose} is {row.state}: only what has ended can be deleted."
        elif number in effects:
            kept[number] = f"{whose} has effect {effects[number]}, about which a person must decide first."
        elif number in waiting and row.state != "succeeded":
            kept[number] = f"Job {waiting[number]} waits for job {number}."
    return kept


async def _keep_keys(db: Database, connection: AsyncConnection, job_ids: Sequence[int]) -> None:
    kept = (job.c.key, job.c.id, job.c.account_id, job.c.flow, job.c.state, job.c.created_at, job.c.ended_at)
    pruned_at = literal(db.clock.now(), type_=pruned_job.c.pruned_at.type)
    names = ["key", "job_id", "account_id", "flow", "state", "created_at", "ended_at", "pruned_at"]
    keyed = select(*kept, pruned_at).where(job.c.id.in_(job_ids), job.c.key.is_not(None))
    await connection.execute(insert(pruned_job).from_select(names, keyed))


async def _forget(connection: AsyncConnection, job_ids: Sequence[int]) -> None:
    attempts = select(attempt.c.id).where(attempt.c.job_id.in_(job_ids))
    await connection.execute(delete(step).where(step.c.attempt_id.in_(attempts)))
    await connection.execute(delete(evidence).where(evidence.c.attempt_id.in_(attempts)))
    await connection.execute(delete(attempt).where(attempt.c.job_id.in_(job_ids)))
    either = job_dependency.c.job_id.in_(job_ids) | job_dependency.c.needs_id.in_(job_ids)
    await connection.execute(delete(job_dependency).where(either))
    await connection.execute(delete(job).where(job.c.id.in_(job_ids)))
