"""How Jobs leave the store: with their Attempts, Steps and Evidence rows; their keys and their Effects stay."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import EffectState
from runner.domain.jobs import Bulk
from runner.domain.states import ENDED
from runner.engine import rows
from runner.errors import NotFound
from runner.store import events, replay_chains
from runner.store.database import Database
from runner.store.tables import attempt, batch, effect, evidence, job, job_dependency, pruned_job, step

UNDECIDED = (EffectState.ARMED, EffectState.UNKNOWN, EffectState.DUPLICATED)
"""A person may still have to decide about these, and needs the Job's evidence for it."""


async def delete_jobs(db: Database, connection: AsyncConnection, job_ids: Sequence[int]) -> Bulk:
    """Delete Jobs that have ended; one that has not, or that has an undecided Effect, is refused with the reason.

    So is one that others in the queue still wait for.
    """
    refused = {number: words for number in job_ids if (words := await _reason_to_keep(connection, number))}
    gone = [number for number in job_ids if number not in refused]
    await _keep_keys(db, connection, gone)
    await replay_chains.take_out(connection, gone)
    await _forget(connection, gone)
    if gone:
        await events.record(db, connection, [events.Fact(name="JobsPruned", data={"jobs": gone})])
    return Bulk(changed=gone, refused=refused)


async def delete_empty_batches(connection: AsyncConnection) -> None:
    """Delete Batches all of whose Jobs are gone."""
    empty = ~exists(select(literal(1)).where(job.c.batch_id == batch.c.id))
    await connection.execute(delete(batch).where(empty))


async def _reason_to_keep(connection: AsyncConnection, job_id: int) -> str:
    try:
        found = await rows.fetch(connection, job_id)
    except NotFound as problem:
        return str(problem)
    if found.state not in ENDED:
        return f"Job {job_id} of account {found.account} is {found.state}: only what has ended can be deleted."
    undecided = select(effect.c.id).where(effect.c.job_id == job_id, effect.c.state.in_(UNDECIDED)).limit(1)
    number = (await connection.execute(undecided)).scalar()
    if number is not None:
        return f"Job {job_id} of account {found.account} has effect {number}, about which a person must decide first."
    waits = (
        select(job.c.id)
        .join(job_dependency, job_dependency.c.job_id == job.c.id)
        .where(job_dependency.c.needs_id == job_id, job.c.state.not_in(ENDED))
        .limit(1)
    )
    waiting = (await connection.execute(waits)).scalar()
    return "" if waiting is None or found.state == "succeeded" else f"Job {waiting} waits for job {job_id}."


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
