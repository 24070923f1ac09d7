"""Attempts: the executions of Jobs, written under the fence of their Lease."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update

from runner.domain.jobs import Attempt, Lease, Session
from runner.domain.states import Outcome
from runner.errors import ErrorKind, NotFound
from runner.store import events, fences
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, attempt, job

TOLD = ("kind", "error", "step", "wait_s", "reason", "signature")
"""What the Event of an Attempt's end tells of it, where there is anything to tell."""


class Attempts:
    """The Attempts of all Jobs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start(self, lease: Lease) -> Attempt:
        """Record that an execution begins, with the next number of its Job. Raises StaleLease."""
        async with self._db.write() as connection:
            account_id = await fences.check(connection, lease)
            highest = select(func.max(attempt.c.number)).where(attempt.c.job_id == lease.job.id)
            number = ((await connection.execute(highest)).scalar() or 0) + 1
            values = {
                "job_id": lease.job.id,
                "number": number,
                "fence": lease.fence,
                "started_at": self._db.clock.now(),
                "sign_ins": 0,
                "popups": 0,
            }
            inserted = await connection.execute(insert(attempt).returning(attempt.c.id), values)
            started = _attempt((await connection.execute(_select().where(attempt.c.id == inserted.scalar_one()))).one())
            fact = _fact("AttemptStarted", lease, started, account_id, {"number": number})
            await events.record(self._db, connection, [fact])
            return started

    async def joined(self, started: Attempt, session: Session) -> None:
        """Record in which Session the Attempt runs; one that is over stays as it is."""
        running = update(attempt).where(attempt.c.id == started.id, attempt.c.ended_at.is_(None))
        async with self._db.write(durable=False) as connection:
            await connection.execute(running.values(session_id=session.id))

    async def end(
        self,
        lease: Lease,
        started: Attempt,
        *,
        outcome: Outcome,
        kind: ErrorKind | None = None,
        error: str | None = None,
        step: str | None = None,
        wait_s: float | None = None,
        reason: str | None = None,
        sign_ins: int = 0,
        popups: int = 0,
        evidence_dir: str | None = None,
        locator: str | None = None,
        site_revision: str | None = None,
        signature: str | None = None,
    ) -> None:
        """Record how the execution ended. Raises StaleLease."""
        values = {
            "ended_at": self._db.clock.now(),
            "outcome": outcome,
            "kind": kind,
            "error": error,
            "step": step,
            "wait_s": wait_s,
            "reason": reason,
            "sign_ins": sign_ins,
            "popups": popups,
            "evidence_dir": evidence_dir,
            "locator": locator,
            "site_revision": site_revision,
            "signature": signature,
        }
        async with self._db.write() as connection:
            account_id = await fences.check(connection, lease)
            mine = update(attempt).where(attempt.c.id == started.id, attempt.c.fence == lease.fence)
            await connection.execute(mine.values(values))
            told = {name: values[name] for name in TOLD if values[name]}
            data = {"outcome": str(outcome), "number": started.number} | told
            await events.record(self._db, connection, [_fact("AttemptEnded", lease, started, account_id, data)])

    async def found_evidence(self, ended: Attempt, evidence_dir: str) -> None:
        """Record where the Evidence of an Attempt is that had none when it ended."""
        had_none = update(attempt).where(attempt.c.id == ended.id, attempt.c.evidence_dir.is_(None))
        async with self._db.write(durable=False) as connection:
            await connection.execute(had_none.values(evidence_dir=evidence_dir))

    async def get(self, attempt_id: int) -> Attempt:
        """One Attempt. Raises NotFound."""
        async with self._db.read() as connection:
            row = (await connection.execute(_select().where(attempt.c.id == attempt_id))).first()
        if row is None:
            raise NotFound("attempt", str(attempt_id), ())
        return _attempt(row)

    async def of_job(self, job_id: int) -> list[Attempt]:
        """The Attempts of one Job, first to last."""
        async with self._db.read() as connection:
            statement = _select().where(attempt.c.job_id == job_id).order_by(attempt.c.number)
            return [_attempt(row) for row in await connection.execute(statement)]

    async def list_attempts(
        self,
        *,
        account_name: str | None = None,
        batch_id: int | None = None,
        only_failed: bool = False,
        limit: int = 1000,
        before_id: int | None = None,
    ) -> list[Attempt]:
        """Attempts that match, newest first; `only_failed` are those that carry an error kind. Raises NotFound."""
        statement = _select().order_by(attempt.c.id.desc()).limit(limit)
        if batch_id is not None:
            statement = statement.where(job.c.batch_id == batch_id)
        if only_failed:
            statement = statement.where(attempt.c.kind.is_not(None))
        if before_id is not None:
            statement = statement.where(attempt.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(job.c.account_id == await id_of(connection, account_name))
            return [_attempt(row) for row in await connection.execute(statement)]


def _select() -> Select[Any]:
    joined = attempt.join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id)
    return select(attempt, account.c.name.label("account"), job.c.flow).select_from(joined)


def _attempt(row: Row[Any]) -> Attempt:
    fields = row._mapping
    return Attempt(**{name: fields[name] for name in Attempt.__dataclass_fields__})


def _fact(name: str, lease: Lease, started: Attempt, account_id: int, data: dict[str, Any]) -> events.Fact:
    return events.Fact(
        name=name,
        account=(account_id, started.account),
        job_id=started.job_id,
        attempt_id=started.id,
        batch_id=lease.job.batch_id,
        data={"flow": started.flow} | data,
    )
