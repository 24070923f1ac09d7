"""The job engine port: submit, claim, renew, finish, park, cancel, retry, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from runner.domain.jobs import BatchProgress, Bulk, Job, JobFilter, Lease, NewJob
from runner.domain.states import JobState
from runner.errors import ErrorKind, NoRoom


class JobEngine(Protocol):
    """Stores Jobs and hands them out, one per Account at a time. Every write after a claim is fenced.

    All methods that take a Lease raise StaleLease when another owner has it by now.
    """

    async def submit(self, jobs: Sequence[NewJob]) -> list[Job]:
        """Store Jobs in one transaction; one whose key exists already is returned as it stands, pruned or not.

        A Job waits until those that it names in `after` have succeeded; when one of them fails or is cancelled, now or
        later, it fails or is skipped (cancelled), as its `if_failed` says, and its `error` names the one.
        Raises NotFound when an Account, or a Job to wait for, does not exist, and SetupError with the path when Jobs
        would wait for each other in a circle.
        """
        ...

    async def submit_batch(self, name: str, jobs: Sequence[NewJob]) -> tuple[int, list[Job]]:
        """Store Jobs as one Batch; returns its id and the Jobs."""
        ...

    async def claim(self, *, owner: str, ttl_s: float, account: str | None = None) -> Lease | None:
        """Lease the Job that Rotation chooses, of `account` only when given; None when nothing is due.

        A Job pinned to another live owner, or that waits for another Job, is passed over. So is an Account that is not
        active, or that has a running Job. A due Job that waits counts as more urgent from time to time: see
        `domain.priorities`. What a limit or the hours of its Account forbid now is put off until they allow it.
        """
        ...

    async def claim_job(self, job_id: int, *, owner: str, ttl_s: float) -> Lease | None:
        """Lease this very Job if it is queued, waits for no other, and its Account is free; None otherwise.

        Neither the Account's state and hours nor the Job's due_at matter; a Job pinned to another owner is not leased.
        One for which a limit has no room is put off, and says so in `postponed`.
        """
        ...

    async def renew(self, lease: Lease, *, ttl_s: float) -> bool:
        """Lengthen a Lease; returns True when somebody has asked to cancel the Job meanwhile."""
        ...

    async def succeed(self, lease: Lease, result: Mapping[str, Any]) -> None:
        """End the Job as succeeded with its result; counts as an attempt."""
        ...

    async def fail(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """End the Job as failed; costs an attempt."""
        ...

    async def retry_later(self, lease: Lease, *, due_at: datetime, kind: ErrorKind, error: str) -> None:
        """Queue the Job again for `due_at`; costs an attempt. One that shall be cancelled is cancelled instead."""
        ...

    async def requeue(self, lease: Lease, *, due_at: datetime | None = None, error: str | None = None) -> None:
        """Queue the Job again; costs no attempt (our own shutdown or crash, or a profile that is in use).

        It is due as before, or at `due_at`; `error` says to a person why nothing was done. One that shall be cancelled
        is cancelled instead.
        """
        ...

    async def postpone(self, lease: Lease, no_room: NoRoom) -> None:
        """Queue the Job again for when a limit has room or its Account's hours begin; costs no attempt.

        What else of its Account is due and would come no further is put off with it. A change of the limit or the hours
        has all of it due at once. One that shall be cancelled is cancelled instead.
        """
        ...

    async def park(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """Park the Job until a person acts; counts as an attempt. One that shall be cancelled is cancelled instead."""
        ...

    async def doubt(self, lease: Lease, *, kind: ErrorKind, error: str) -> None:
        """End the Job as unknown: an Effect was fired and nobody can tell whether it happened; counts as an attempt."""
        ...

    async def acknowledge_cancel(self, lease: Lease) -> None:
        """End a running Job as cancelled, once its browser is gone."""
        ...

    async def cancel(self, job_id: int) -> Job:
        """Cancel a queued, parked or unknown Job now, ask for it when it runs.

        Raises NotFound, and Conflict when it has ended.
        """
        ...

    async def withdraw(self, job_id: int) -> bool:
        """Cancel a Job that nobody has begun (queued or parked); False when it is too late, or the Job is gone.

        Unlike `cancel` it never disturbs one that runs.
        """
        ...

    async def retry(self, job_id: int, *, pinned_to: str | None = None) -> Job:
        """Queue a failed, cancelled, parked or unknown Job again with its attempts at 0, for one owner where given.

        Raises NotFound, and Conflict when its state forbids it or when a Job that it waits for has failed.
        """
        ...

    async def find(self, which: JobFilter) -> Sequence[int]:
        """The numbers of all Jobs that match, the oldest first. Raises NotFound for an unknown Account."""
        ...

    async def cancel_many(self, job_ids: Sequence[int]) -> Bulk:
        """Cancel each as `cancel` would; one that cannot be is refused, and the others are cancelled all the same."""
        ...

    async def retry_many(self, job_ids: Sequence[int]) -> Bulk:
        """Queue each again as `retry` would, those first that others of them wait for."""
        ...

    async def delete(self, job_ids: Sequence[int]) -> Bulk:
        """Delete Jobs that have ended, with their Attempts, Steps and Evidence rows, in one transaction.

        Their keys are remembered for ever, and their Effects and Events stay. Refused: a Job that has not ended, that a
        queued one waits for, or about whose Effect a person must still decide.
        """
        ...

    async def get(self, job_id: int) -> Job:
        """One Job. Raises NotFound."""
        ...

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
        """Jobs that match, newest first, at most `limit`, with ids below `before_id`.

        Raises NotFound for an unknown Account.
        """
        ...

    async def holder(self, account: str) -> Job | None:
        """The running Job of an Account, which says who has it; None when it is free. Raises NotFound."""
        ...

    async def batch(self, batch_id: int) -> BatchProgress:
        """How far a Batch is. Raises NotFound."""
        ...

    async def next_due_at(self) -> datetime | None:
        """When the next queued Job of an active Account that is free is due; None when there is none.

        Jobs that are pinned to somebody do not count.
        """
        ...

    async def submit_scheduled(self) -> Sequence[Job]:
        """Store the Jobs of every Schedule that is due now, exactly one for each due time and Account.

        Any number of processes may call this at once. Missed due times are made up once or skipped, as each Schedule
        says. Returns the Jobs that this call created.
        """
        ...

    async def next_schedule_at(self) -> datetime | None:
        """When the next Schedule is due; None when there is none."""
        ...

    async def owners(self) -> Sequence[str]:
        """Everybody who has a running Job, or for whom a queued one is reserved."""
        ...

    async def release_dead(self, *, dead: Sequence[str]) -> Sequence[Job]:
        """Queue again, at no cost, the running Jobs of owners that are proved dead, however long their leases last.

        What was reserved for them is everybody's from then on. Returns the Jobs that were running.
        """
        ...
