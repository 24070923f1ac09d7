"""Schedules: rules that create Jobs. When one is due, the engine creates them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.schedules import NewSchedule, Rule, Schedule
from runner.domain.states import Priority
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, account_tag, schedule, tag

PRIORITIES = tuple(Priority)


class Schedules:
    """All Schedules, by name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, new: NewSchedule) -> Schedule:
        """Store a Schedule; its first due time is after now. Raises NotFound, and Conflict when the name is taken."""
        async with self._db.write() as connection:
            account_id = None if new.account is None else await id_of(connection, new.account)
            await _expect_tag(connection, new.tag)
            if (await connection.execute(select(schedule.c.id).where(schedule.c.name == new.name))).first():
                raise Conflict(
                    f'There is a schedule "{new.name}" already.', cure="Remove it first, or choose another name."
                )
            now = self._db.clock.now()
            values = _values(new, account_id) | {"created_at": now, "next_due_at": new.rule.next_due(now)}
            await connection.execute(insert(schedule).values(values))
            data = {"schedule": new.name, "flow": new.flow}
            whose = None if account_id is None or new.account is None else (account_id, new.account)
            await events.record(self._db, connection, [events.Fact(name="ScheduleAdded", account=whose, data=data)])
            return await _fetch(connection, new.name)

    async def list_schedules(self) -> list[Schedule]:
        """All of them, by name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select_schedules().order_by(schedule.c.name))
            return [to_schedule(row) for row in rows]

    async def by_name(self, name: str) -> Schedule:
        """One Schedule. Raises NotFound with the nearest names."""
        async with self._db.read() as connection:
            return await _fetch(connection, name)

    async def remove(self, name: str) -> Schedule:
        """Remove a Schedule; the Jobs that it has created stay. Raises NotFound."""
        async with self._db.write() as connection:
            found = await _fetch(connection, name)
            await connection.execute(delete(schedule).where(schedule.c.id == found.id))
            await events.record(self._db, connection, [events.Fact(name="ScheduleRemoved", data={"schedule": name})])
            return found


def select_schedules() -> Select[Any]:
    """Schedules with the names of their Accounts."""
    return select(schedule, account.c.name.label("account")).select_from(schedule.outerjoin(account))


def to_schedule(row: Row[Any]) -> Schedule:
    """A row of `select_schedules` as a Schedule."""
    return Schedule(
        id=row.id,
        name=row.name,
        account=row.account,
        tag=row.tag,
        flow=row.flow,
        params=row.params,
        priority=PRIORITIES[row.rank],
        rule=Rule(cron=row.cron, every_s=row.every_s, timezone=row.timezone, start=row.start),
        missed=row.missed,
        max_attempts=row.max_attempts,
        timeout_s=row.timeout_s,
        created_at=row.created_at,
        last_due_at=row.last_due_at,
        next_due_at=row.next_due_at,
    )


async def names_of(connection: AsyncConnection, found: Schedule) -> list[str]:
    """The Accounts that a Schedule creates Jobs for now: the one named, else the active ones, with its tag if any."""
    if found.account is not None:
        return [found.account]
    statement = select(account.c.name).where(account.c.state == "active").order_by(account.c.name)
    if found.tag is not None:
        tagged = select(account_tag.c.account_id).join(tag).where(tag.c.name == found.tag)
        statement = statement.where(account.c.id.in_(tagged))
    return list((await connection.execute(statement)).scalars())


async def _expect_tag(connection: AsyncConnection, name: str | None) -> None:
    known = list((await connection.execute(select(tag.c.name))).scalars())
    if name is not None and name not in known:
        raise NotFound("tag", name, known)


async def _fetch(connection: AsyncConnection, name: str) -> Schedule:
    row = (await connection.execute(select_schedules().where(schedule.c.name == name))).first()
    if row is None:
        raise NotFound("schedule", name, (await connection.execute(select(schedule.c.name))).scalars())
    return to_schedule(row)


def _values(new: NewSchedule, account_id: int | None) -> dict[str, Any]:
    return {
        "name": new.name,
        "account_id": account_id,
        "tag": new.tag,
        "flow": new.flow,
        "params": dict(new.params),
        "rank": new.priority.rank,
        "cron": new.rule.cron,
        "every_s": new.rule.every_s,
        "timezone": new.rule.timezone,
        "start": new.rule.start,
        "missed": new.missed,
        "max_attempts": new.max_attempts,
        "timeout_s": new.timeout_s,
    }
