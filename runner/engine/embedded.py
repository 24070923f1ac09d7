"""The job engine on the store's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select, update

from runner.domain.jobs import BatchProgress, Bulk, Job, JobFilter, Lease, NewJob
from runner.domain.states import JobState
from runner.engine import bulk, changing, claiming, heads, postponing, pruning, releasing, rows, scheduling, submitting
from runner.engine.interface import JobEngine
from runner.errors import ErrorKind, NoRoom, NotFound, StaleLease
from runner.store import fences
from runner.store.account_ids import id_of
from runner.store.database import Database, to_its_end
from runner.store.rate_usage import RateUsage, Wait
from runner.store.tables import batch, job

TRANSACTIONS = 1_000
"""So often one claim goes on when all that it found was to be put off: once for each of 16,000 Accounts."""


class EmbeddedEngine(JobEngine):
    """Jobs, claims and leases in the store's database; any number of processes share it."""

    def __init__(self, db: Database, usage: RateUsage | None = None) -> None:
        self._db = db
        self._usage = usage or RateUsage(db)

    async def submit(self, jobs: Sequence[NewJob]) -> list[Job]:
        """See JobEngine."""
        async with self._db.write() as connection:
            return await submitting.insert_jobs(self._db, connection, jobs)

    async def submit_batch(self, name: str, jobs: Sequence[NewJob]) -> tuple[int, list[Job]]:
        """See JobEngine."""
        async with self._db.write() as connection:
            number = await submitting.insert_batch(self._db, connection, name)
            return number, await submitting.insert_jobs(self._db, connection, submitting.in_batch(jobs, number))

    async def claim(self, *, owner: str, ttl_s: float, account: str | None = None) -> Lease | None:
        """See JobEngine. Raises NotFound when `account` does not exist."""
        for _ in range(TRANSACTIONS):
            now = self._db.clock.now()
            async with self._given_back_when_cancelled() as leases, self._db.write() as connection:
                account_id = None if account is None else await id_of(connection, account)
                chosen = await claiming.choose(self._db, connection, self._usage, owner=owner, account_id=account_id)
                if isinstance(chosen, claiming.Chosen):
                    leases.append(await claiming.lease(self._db, connection, chosen, now, owner=owner, ttl_s=ttl_s))
            if not isinstance(chosen, claiming.PutOff):
                return leases[0] if leases else None
        return None

    async def claim_job(self, job_id: int, *, owner: str, ttl_s: float) -> Lease | None:
        """See JobEngine. A Job that is pinned to another owner is not leased."""
        now = self._db.clock.now()
        async with self._given_back_when_cancelled() as leases, self._db.write() as connection:
            chosen = await claiming.this_one(self._db, connection, self._usage, job_id, owner=owner)
            if chosen is not None:
                leases.append(await claiming.lease(self._db, connection, chosen, now, owner=owner, ttl_s=ttl_s))
        return leases[0] if leases else None

    async def renew(self, lease: Lease, *, ttl_s: float) -> bool:
        """See JobEngine."""
        # Not durable: after a power cut nobody is left for whom the lease would have to last.
        async with self._db.write(durable=False) as connection:
            until = self._db.clock.now() + timedelta(seconds=ttl_s)
            statement = update(job).where(*fences.holds(lease)).values(lease_until=until)
            row = (await connection.execute(statement.returning(job.c.cancel_requested))).first()
            if row is None:
                raise fences.stale(lease)
            return bool(row.cancel_requested)

    async def succeed(self, lease: Lease, result: Mapping[str, Any]) -> None:
        """See JobEngine."""
        values = {"result": dict(result), "error_kind": None, "error": None}
        await self._leave(lease, JobState.SUCCEEDED, "JobSucceeded", values=values)

    async def fail(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """See JobEngine."""
        await self._leave(lease, JobState.FAILED, "JobFailed", values={"error_kind": kind, "error": error})

    async def retry_later(self, lease: Lease, *, due_at: datetime, kind: ErrorKind, error: str) -> None:
        """See JobEngine. A Job whose cancellation was asked for is cancelled instead."""
        wait_s = (due_at - self._db.clock.now()).total_seconds()
        values = {"error_kind": kind, "error": error, "due_at": due_at}
        data = {"due_at": due_at.isoformat(), "wait_s": round(wait_s, 3)}
        await self._leave(lease, JobState.QUEUED, "JobRetryScheduled", values=values, data=data)

    async def requeue(self, lease: Lease, *, due_at: datetime | None = None, error: str | None = None) -> None:
        """See JobEngine. A Job whose cancellation was asked for is cancelled instead."""
        values: dict[str, Any] = {"due_at": due_at} if due_at else {}
        values |= {"error": error} if error else {}
        data = {"reason": error or "interrupted", **({"due_at": due_at.isoformat()} if due_at else {})}
        await self._leave(lease, JobState.QUEUED, "JobRequeued", values=values, data=data, costs=0)

    async def postpone(self, lease: Lease, no_room: NoRoom) -> None:
        """See JobEngine. A Job whose cancellation was asked for is cancelled instead."""
        until, words = no_room.until, no_room.words
        values = {"due_at": until, "postponed": words, "pinned_to": None}
        data = {"until": until.isoformat(), "reason": words}
        await self._leave(lease, JobState.QUEUED, "JobPostponed", values=values, data=data, costs=0)
        wait = Wait(until=until, words=words, flows=no_room.flows)
        async with self._db.write() as connection:
            await postponing.put_off_others(self._db, connection, lease.job.id, wait)

    async def park(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """See JobEngine."""
        await self._leave(lease, JobState.PARKED, "JobParked", values={"error_kind": kind, "error": error})

    async def doubt(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """See JobEngine."""
        await self._leave(lease, JobState.UNKNOWN, "JobUnknown", values={"error_kind": kind, "error": error})

    async def acknowledge_cancel(self, lease: Lease) -> None:
        """See JobEngine."""
        await self._leave(lease, JobState.CANCELLED, "JobCancelled", costs=0)

    async def cancel(self, job_id: int) -> Job:
        """See JobEngine. An unknown Job can be cancelled too."""
        async with self._db.write() as connection:
            await changing.cancel(self._db, connection, await rows.fetch(connection, job_id))
            return await rows.fetch(connection, job_id)

    async def withdraw(self, job_id: int) -> bool:
        """See JobEngine."""
        async with self._db.write() as connection:
            row = (await connection.execute(rows.select_jobs().where(job.c.id == job_id))).first()
            if row is None or row.state not in (JobState.QUEUED, JobState.PARKED):
                return False
            await changing.cancel(self._db, connection, rows.to_job(row))
            return True

    async def retry(self, job_id: int, *, pinned_to: str | None = None) -> Job:
        """See JobEngine."""
        async with self._db.write() as connection:
            await changing.retry(self._db, connection, await rows.fetch(connection, job_id), pinned_to=pinned_to)
            return await rows.fetch(connection, job_id)

    async def find(self, which: JobFilter) -> list[int]:
        """See JobEngine."""
        return await bulk.find(self._db, which)

    async def cancel_many(self, job_ids: Sequence[int]) -> Bulk:
        """See JobEngine. What waits for others comes first, or it would have failed by the time its turn comes."""
        ordered = list(reversed(await bulk.needs_first(self._db, job_ids)))
        return await bulk.each(self._db, ordered, partial(changing.cancel, self._db))

    async def retry_many(self, job_ids: Sequence[int]) -> Bulk:
        """See JobEngine."""
        ordered = await bulk.needs_first(self._db, job_ids)
        return await bulk.each(self._db, ordered, partial(changing.retry, self._db))

    async def delete(self, job_ids: Sequence[int]) -> Bulk:
        """See JobEngine. One transaction: give it some hundreds at a time."""
        async with self._db.write() as connection:
            return await pruning.delete_jobs(self._db, connection, job_ids)

    async def get(self, job_id: int) -> Job:
        """See JobEngine."""
        async with self._db.read() as connection:
            return await rows.fetch(connection, job_id)

    async def list_jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        account: str | None = None,
        batch_id: int | None = None,
        flow: str | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Job]:
        """See JobEngine. Raises NotFound when `account` does not exist."""
        statement = rows.select_jobs().order_by(job.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(job.c.state.in_(states))
        if batch_id is not None:
            statement = statement.where(job.c.batch_id == batch_id)
        if flow is not None:
            statement = statement.where(job.c.flow == flow)
        if before_id is not None:
            statement = statement.where(job.c.id < before_id)
        async with self._db.read() as connection:
            if account is not None:
                statement = statement.where(job.c.account_id == await id_of(connection, account))
            return [rows.to_job(row) for row in await connection.execute(statement)]

    async def holder(self, account: str) -> Job | None:
        """See JobEngine. Raises NotFound when the Account does not exist."""
        async with self._db.read() as connection:
            account_id = await id_of(connection, account)
            running = rows.select_jobs().where(job.c.account_id == account_id, job.c.state == JobState.RUNNING)
            row = (await connection.execute(running)).first()
            return None if row is None else rows.to_job(row)

    async def batch(self, batch_id: int) -> BatchProgress:
        """See JobEngine."""
        counted = select(job.c.state, func.count()).where(job.c.batch_id == batch_id).group_by(job.c.state)
        async with self._db.read() as connection:
            found = (await connection.execute(select(batch).where(batch.c.id == batch_id))).first()
            if found is None:
                raise NotFound("batch", str(batch_id), ())
            counts: dict[JobState, int] = {row[0]: row[1] for row in await connection.execute(counted)}
            still = await heads.standing_still(connection, batch_id, self._db.clock.now())
        by_state = {str(state): counts.get(state, 0) for state in JobState}
        return BatchProgress(
            id=found.id, name=found.name, created_at=found.created_at, total=sum(counts.values()), **still, **by_state
        )

    async def next_due_at(self) -> datetime | None:
        """See JobEngine."""
        async with self._db.read() as connection:
            return await heads.next_due_at(connection)

    async def submit_scheduled(self) -> list[Job]:
        """See JobEngine. Writes nothing, and waits for no writer, while no Schedule is due."""
        async with self._db.read() as connection:
            if not await scheduling.is_anything_to_do(self._db, connection):
                return []
        async with self._db.write() as connection:
            return await scheduling.create_due(self._db, connection)

    async def next_schedule_at(self) -> datetime | None:
        """See JobEngine."""
        async with self._db.read() as connection:
            return await scheduling.next_due_at(connection)

    async def owners(self) -> list[str]:
        """See JobEngine."""
        async with self._db.read() as connection:
            return await releasing.owners(connection)

    async def release_dead(self, *, dead: Sequence[str]) -> list[Job]:
        """See JobEngine."""
        async with self._db.write() as connection:
            return await releasing.release_dead(self._db, connection, dead)

    @asynccontextmanager
    async def _given_back_when_cancelled(self) -> AsyncIterator[list[Lease]]:
        """Hold the leases of the block; a caller that is cancelled while they are committed never sees them.

        Its process lives on, so nobody would ever take them for a dead owner's.
        """
        leases: list[Lease] = []
        try:
            yield leases
        except asyncio.CancelledError:
            for lease in leases:
                await to_its_end(self._give_back(lease))
            raise

    async def _give_back(self, lease: Lease) -> None:
        try:
            await self.requeue(lease)
        except StaleLease:
            return  # the cancellation came before the commit: there is nothing to give back

    async def _leave(
        self,
        lease: Lease,
        to: JobState,
        name: str,
        *,
        values: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        costs: int = 1,
    ) -> None:
        async with self._db.write() as connection:
            await changing.leave(self._db, connection, lease, to, name, values=values, data=data, costs=costs)
