"""Steps: the named parts of a Flow as they ran. Nothing rests on them, so they are not forced to the disk."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Attempt, Step
from runner.errors import NotFound
from runner.store import events
from runner.store.database import Database
from runner.store.tables import account, attempt, job, step


class Steps:
    """The Steps of all Attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start(self, started: Attempt, *, ordinal: int, name: str, detail: str | None = None) -> int:
        """Record that a Step begins; returns its id."""
        values = {
            "attempt_id": started.id,
            "ordinal": ordinal,
            "name": name,
            "detail": detail,
            "started_at": self._db.clock.now(),
        }
        async with self._db.write(durable=False) as connection:
            step_id: int = (await connection.execute(insert(step).returning(step.c.id), values)).scalar_one()
            await self._record(connection, "StepStarted", step_id)
            return step_id

    async def end(self, step_id: int, *, ok: bool, detail: str | None = None) -> None:
        """Record that a Step ended; a `detail` replaces the one from its start. Raises NotFound."""
        values: dict[str, Any] = {"ended_at": self._db.clock.now(), "ok": ok}
        if detail is not None:
            values["detail"] = detail
        async with self._db.write(durable=False) as connection:
            await connection.execute(update(step).where(step.c.id == step_id).values(values))
            await self._record(connection, "StepEnded", step_id)

    async def of_attempt(self, attempt_id: int) -> list[Step]:
        """The Steps of one Attempt, in order."""
        statement = select(step).where(step.c.attempt_id == attempt_id).order_by(step.c.ordinal)
        async with self._db.read() as connection:
            return [_step(row) for row in await connection.execute(statement)]

    async def _record(self, connection: AsyncConnection, name: str, step_id: int) -> None:
        row = (await connection.execute(_whose().where(step.c.id == step_id))).first()
        if row is None:
            raise NotFound("step", str(step_id), ())
        data: dict[str, Any] = {"step": row.name, "ordinal": row.ordinal, "detail": row.detail}
        if row.ended_at is not None:
            data |= {"ok": row.ok, "seconds": round((row.ended_at - row.started_at).total_seconds(), 3)}
        fact = events.Fact(
            name=name,
            account=(row.account_id, row.account),
            job_id=row.job_id,
            attempt_id=row.attempt_id,
            batch_id=row.batch_id,
            data=data,
        )
        await events.record(self._db, connection, [fact])


def _whose() -> Select[Any]:
    joined = step.join(attempt).join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id)
    whose = (attempt.c.job_id, job.c.account_id, job.c.batch_id, account.c.name.label("account"))
    return select(step, *whose).select_from(joined)


def _step(row: Row[Any]) -> Step:
    fields = row._mapping
    return Step(**{name: fields[name] for name in Step.__dataclass_fields__})
