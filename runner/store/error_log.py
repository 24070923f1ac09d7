"""The error log: every failed Attempt, whatever its group, with the first picture that it left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.error_groups import Failure, GroupFilter
from runner.domain.jobs import Attempt
from runner.domain.states import EvidenceKind
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.error_groups import conditions_of
from runner.store.pages import Page, Wish, after_number, page_of
from runner.store.tables import account, attempt, evidence, job

PICTURES = (EvidenceKind.SCREENSHOT, EvidenceKind.LAST_PICTURE)


class ErrorLog:
    """Reads the failed Attempts and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def failures(self, which: GroupFilter, wish: Wish) -> Page[Failure]:
        """One page of the failed Attempts that match, the newest first. Raises NotFound, SetupError."""
        joined = attempt.join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id)
        statement = select(attempt, account.c.name.label("account"), job.c.flow).select_from(joined)
        statement = statement.where(attempt.c.kind.is_not(None)).order_by(attempt.c.id.desc()).limit(wish.limit + 1)
        last = after_number(wish)
        if last is not None:
            statement = statement.where(attempt.c.id < last)
        async with self._db.read() as connection:
            account_id = None if which.account is None else await id_of(connection, which.account)
            rows = (await connection.execute(statement.where(*conditions_of(which, account_id)))).all()
            shown = await first_pictures(connection, [row.id for row in rows])
        failures = [Failure(attempt=_attempt(row), evidence_id=shown.get(row.id)) for row in rows]
        return page_of(failures, wish, lambda each: each.attempt.id)

    async def pictures(self, attempt_ids: Sequence[int]) -> dict[int, int]:
        """The number of the first picture of each Attempt that left one."""
        async with self._db.read() as connection:
            return await first_pictures(connection, attempt_ids)


async def first_pictures(connection: AsyncConnection, attempt_ids: Sequence[int]) -> dict[int, int]:
    """The number of the first picture of each Attempt that left one."""
    statement = (
        select(evidence.c.attempt_id, func.min(evidence.c.id).label("number"))
        .where(evidence.c.attempt_id.in_(attempt_ids), evidence.c.kind.in_(PICTURES))
        .group_by(evidence.c.attempt_id)
    )
    return {row.attempt_id: row.number for row in await connection.execute(statement)}


def _attempt(row: Row[Any]) -> Attempt:
    fields = row._mapping
    return Attempt(**{name: fields[name] for name in Attempt.__dataclass_fields__})
