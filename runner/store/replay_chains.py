"""Chains of replays: a Job, those that it repeats and those that repeat it, over as many links as there are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.store.tables import effect, job


async def chain_of(connection: AsyncConnection, job_id: int) -> list[int]:
    """The numbers of all Jobs of one chain, this one's included; the first may have been pruned."""
    row = (await connection.execute(select(job.c.account_id, job.c.replay_of).where(job.c.id == job_id))).first()
    if row is None:
        return [job_id]
    first, before = job_id, row.replay_of
    # A replay is younger than what it repeats, so that neither way can go round in a circle.
    while before is not None and before < first:
        first = before
        before = (await connection.execute(select(job.c.replay_of).where(job.c.id == first))).scalar()
    found = links = [first]
    while links:
        # The Account and the least number are what the index is by.
        later = (job.c.account_id == row.account_id, job.c.id > min(links), job.c.replay_of.in_(links))
        links = list((await connection.execute(select(job.c.id).where(*later).order_by(job.c.id))).scalars())
        found = found + links
    return found


async def take_out(connection: AsyncConnection, job_ids: Sequence[int]) -> None:
    """Close the chains over Jobs that are to be pruned; what a replay did counts henceforth as done by what it repeats.

    The first of a chain needs nothing: its number stays where its Effects and its replays name it.
    """
    repeating = select(job.c.id, job.c.account_id, job.c.replay_of).where(
        job.c.id.in_(job_ids), job.c.replay_of.is_not(None)
    )
    # The youngest first: then those that repeat it stand at one that may be the next to go.
    for row in (await connection.execute(repeating.order_by(job.c.id.desc()))).all():
        later = (job.c.account_id == row.account_id, job.c.id > row.id, job.c.replay_of == row.id)
        await connection.execute(update(job).where(*later).values(replay_of=row.replay_of))
        await connection.execute(update(effect).where(effect.c.job_id == row.id).values(job_id=row.replay_of))
