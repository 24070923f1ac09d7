"""Steps: the named parts of a Flow as they ran. Nothing rests on them, so they are not forced to the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from runner.domain.jobs import Attempt, Step
from runner.errors import StaleLease
from runner.store import events
from runner.store.database import Database
from runner.store.tables import attempt, job, step


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A Step at the moment when it begins (`ended_at` and `ok` are None) or ends; `ordinal` names it in its Attempt."""

    ordinal: int
    name: str
    started_at: datetime
    detail: str | None = None
    ended_at: datetime | None = None
    ok: bool | None = None


class Steps:
    """The Steps of all Attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def now(self) -> datetime:
        """The moment for a Mark that is written a little later."""
        return self._db.clock.now()

    async def write(self, of: Attempt, marks: Sequence[Mark]) -> None:
        """Record what began and ended in one Attempt, in the order given, each with its Event, in one transaction.

        Raises StaleLease when the Attempt is over: whoever took the Job from its worker has ended it.
        """
        began = [_row(of, mark) for mark in marks if mark.ended_at is None]
        ended = [_ending(of, mark) for mark in marks if mark.ended_at is not None]
        async with self._db.write(durable=False) as connection:
            whose = (await connection.execute(_WHOSE, {"of_attempt": of.id})).first()
            if whose is None:
                raise StaleLease(
                    f"Attempt {of.number} of job {of.job_id} of account {of.account} is over.",
                    cure="Its steps are not written; whoever has the job now settles it.",
                )
            if began:
                await connection.execute(_BEGIN, began)
            if ended:
                await connection.execute(_END, ended)
            facts = [_fact(of, mark, account_id=whose.account_id, batch_id=whose.batch_id) for mark in marks]
            await events.record(self._db, connection, facts)

    async def of_attempt(self, attempt_id: int) -> list[Step]:
        """The Steps of one Attempt, in order."""
        statement = select(step).where(step.c.attempt_id == attempt_id).order_by(step.c.ordinal)
        async with self._db.read() as connection:
            return [_step(row) for row in await connection.execute(statement)]


_BEGIN = insert(step)
_END = (
    update(step)
    .where(step.c.attempt_id == bindparam("of_attempt"), step.c.ordinal == bindparam("number"))
    .values(ended_at=bindparam("ended"), ok=bindparam("went_well"))
)
_WHOSE = (
    select(job.c.account_id, job.c.batch_id)
    .select_from(attempt.join(job, job.c.id == attempt.c.job_id))
    .where(attempt.c.id == bindparam("of_attempt"), attempt.c.ended_at.is_(None))
)


def _row(of: Attempt, mark: Mark) -> dict[str, Any]:
    return {
        "attempt_id": of.id,
        "ordinal": mark.ordinal,
        "name": mark.name,
        "detail": mark.detail,
        "started_at": mark.started_at,
    }


def _ending(of: Attempt, mark: Mark) -> dict[str, Any]:
    return {"of_attempt": of.id, "number": mark.ordinal, "ended": mark.ended_at, "went_well": mark.ok}


def _fact(of: Attempt, mark: Mark, *, account_id: int, batch_id: int | None) -> events.Fact:
    data: dict[str, Any] = {"step": mark.name, "ordinal": mark.ordinal, "detail": mark.detail}
    if mark.ended_at is not None:
        data |= {"ok": mark.ok, "seconds": round((mark.ended_at - mark.started_at).total_seconds(), 3)}
    return events.Fact(
        name="StepStarted" if mark.ended_at is None else "StepEnded",
        account=(account_id, of.account),
        job_id=of.job_id,
        attempt_id=of.id,
        batch_id=batch_id,
        data=data,
        at=mark.ended_at or mark.started_at,
    )


def _step(row: Row[Any]) -> Step:
    fields = row._mapping
    return Step(**{name: fields[name] for name in Step.__dataclass_fields__})
