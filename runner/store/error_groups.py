"""Error groups: the failed Attempts of one signature, counted in a few statements however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Row, Select, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.error_groups import ErrorGroup, GroupFilter
from runner.errors import Conflict, NotFound
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, attempt, job

NEAREST = 12


class ErrorGroups:
    """The error groups of the whole store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_groups(self, which: GroupFilter, *, limit: int = 50) -> list[ErrorGroup]:
        """The groups with failures that match, the one that failed last first. Raises NotFound."""
        async with self._db.read() as connection:
            account_id = None if which.account is None else await id_of(connection, which.account)
            conditions = [attempt.c.signature.is_not(None), *conditions_of(which, account_id)]
            by_job = account_id is not None or which.flow is not None or which.listing is not None
            counted = (await connection.execute(_counted(conditions, by_job=by_job).limit(limit))).all()
            listed = [row.signature for row in counted]
            whose, shown = await _whose(connection, listed, conditions), await _shown(connection, listed)
            wanted = {number for row in counted for number in (row.first_id, row.last_id)} | set(shown.values())
            found = await connection.execute(_told().where(attempt.c.id.in_(wanted)))
            told = {row.id: row for row in found}
        return [_group(row, whose[row.signature], told, shown.get(row.signature)) for row in counted]

    async def get(self, begins_with: str) -> ErrorGroup:
        """The one group whose name is this, or begins so. Raises NotFound, and Conflict when several do."""
        ends = f"{begins_with}\U0010ffff"
        between = (attempt.c.signature >= begins_with, attempt.c.signature < ends)
        async with self._db.read() as connection:
            names = select(attempt.c.signature).where(*between).distinct().limit(NEAREST)
            found = list((await connection.execute(names)).scalars())
        if not found or not begins_with:
            newest = await self.list_groups(GroupFilter(), limit=NEAREST)
            raise NotFound("error group", begins_with, [group.signature for group in newest])
        if len(found) > 1 and begins_with not in found:
            raise Conflict(f'Several error groups begin with "{begins_with}".', cure=f"They are: {', '.join(found)}.")
        (group,) = await self.list_groups(GroupFilter(signature=found[0] if len(found) == 1 else begins_with))
        return group

    async def attempts_of(self, signature: str, *, limit: int = 20) -> Sequence[int]:
        """The numbers of a group's Attempts, the newest first."""
        statement = select(attempt.c.id).where(attempt.c.signature == signature).order_by(attempt.c.id.desc())
        async with self._db.read() as connection:
            return list((await connection.execute(statement.limit(limit))).scalars())


def conditions_of(which: GroupFilter, account_id: int | None) -> list[ColumnElement[bool]]:
    """What an Attempt, and the Job that it is joined with, must meet."""
    conditions: list[ColumnElement[bool]] = []
    if which.signature is not None:
        conditions.append(attempt.c.signature == which.signature)
    if which.kind is not None:
        conditions.append(attempt.c.kind == which.kind)
    if which.since is not None:
        conditions.append(attempt.c.started_at >= which.since)
    if account_id is not None:
        conditions.append(job.c.account_id == account_id)
    if which.flow is not None:
        conditions.append(job.c.flow == which.flow)
    if which.listing is not None:
        conditions.append(type_coerce(job.c.params, JSON)["listing"].as_integer() == which.listing)
    return conditions


def _counted(conditions: Sequence[ColumnElement[bool]], *, by_job: bool) -> Select[Any]:
    """Count by signature. Where no condition is about Jobs, the index on signatures alone answers it."""
    last_id = func.max(attempt.c.id)
    return (
        select(
            attempt.c.signature,
            func.count().label("failures"),
            func.min(attempt.c.id).label("first_id"),
            last_id.label("last_id"),
        )
        .select_from(attempt.join(job, job.c.id == attempt.c.job_id) if by_job else attempt)
        .where(*conditions)
        .group_by(attempt.c.signature)
        .order_by(last_id.desc())
    )


async def _shown(connection: AsyncConnection, signatures: Sequence[str]) -> dict[str, int]:
    """The newest Attempt of each group that kept Evidence."""
    shown: dict[str, int] = {}
    for signature in signatures:
        # From the newest down, and the first one ends it: a few rows of one index each.
        newest = (
            select(attempt.c.id)
            .where(attempt.c.signature == signature, attempt.c.evidence_dir.is_not(None))
            .order_by(attempt.c.id.desc())
            .limit(1)
        )
        number = (await connection.execute(newest)).scalar()
        if number is not None:
            shown[signature] = number
    return shown


async def _whose(
    connection: AsyncConnection, signatures: Sequence[str], conditions: Sequence[ColumnElement[bool]]
) -> dict[str, tuple[list[str], list[str]]]:
    """The Accounts and the Flows of each group."""
    statement = (
        select(attempt.c.signature, job.c.account_id, job.c.flow)
        .select_from(attempt.join(job, job.c.id == attempt.c.job_id))
        .where(attempt.c.signature.in_(signatures), *conditions)
        .distinct()
    )
    names = {row.id: row.name for row in await connection.execute(select(account.c.id, account.c.name))}
    whose: dict[str, set[str]] = {signature: set() for signature in signatures}
    flows: dict[str, set[str]] = {signature: set() for signature in signatures}
    for row in await connection.execute(statement):
        whose[row.signature].add(names[row.account_id])
        flows[row.signature].add(row.flow)
    return {signature: (sorted(whose[signature]), sorted(flows[signature])) for signature in signatures}


def _told() -> Select[Any]:
    joined = attempt.join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id)
    return select(attempt, account.c.site).select_from(joined)


def _group(
    row: Row[Any], whose: tuple[list[str], list[str]], told: dict[int, Row[Any]], shown: int | None
) -> ErrorGroup:
    last = told[row.last_id]
    return ErrorGroup(
        signature=row.signature,
        count=row.failures,
        first_at=told[row.first_id].started_at,
        last_at=last.started_at,
        accounts=whose[0],
        flows=whose[1],
        site=last.site,
        kind=last.kind,
        step=last.step,
        locator=last.locator,
        site_revision=last.site_revision,
        error=last.error or "",
        example=shown,
        evidence_dir=told[shown].evidence_dir if shown else None,
    )
