"""What binds each Account, for people: to see it, to set it, and to see what is used of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.limits import Level, Limit, LimitKind, Limits
from runner.domain.pace import HoursPlan, Pace, Pacing, limits_from_json, limits_to_json
from runner.engine import heads, postponing
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.limit_tables import setting
from runner.store.rate_usage import RateUsage
from runner.store.tables import account, job
from runner.store.usage_of_all import usage_of_all

CONFIGURED = "pacing"
"""The key of what the configuration said when it was last looked at."""


@dataclass(frozen=True, kw_only=True)
class AccountPace:
    """What binds an Account now. `own_limits` and `own_hours` are what was set for it alone."""

    account: str
    timezone: str
    pace: Pace
    share: float
    hours: HoursPlan
    own_limits: Limits
    own_hours: bool
    is_open: bool
    opens_at: datetime | None
    hours_words: str
    usage: tuple[Level, ...]
    postponed: int


class Paces:
    """Limits and hours of the Accounts. Whatever changes them has what they put off looked at again at once."""

    def __init__(self, db: Database, usage: RateUsage) -> None:
        self._db = db
        self._usage = usage

    @property
    def pacing(self) -> Pacing:
        """What the configuration says."""
        return self._usage.pacing

    async def of(self, name: str) -> AccountPace:
        """What binds one Account, and what it has used. Raises NotFound."""
        async with self._db.read() as connection:
            number = await id_of(connection, name)
            (found,) = await self._told(connection, _select().where(account.c.id == number), only=number)
            return found

    async def all(self) -> list[AccountPace]:
        """The same of every Account, by name."""
        async with self._db.read() as connection:
            return await self._told(connection, _select().order_by(account.c.name))

    async def set_limits(self, name: str, limits: Limits) -> AccountPace:
        """Give an Account limits of its own for these kinds; one that limits nothing lifts the configured one.

        Raises NotFound.
        """
        return await self._change(name, limits=limits)

    async def put_limits(self, name: str, limits: Limits) -> AccountPace:
        """Give an Account these limits of its own and no others. Raises NotFound."""
        return await self._change(name, limits=limits, others=False)

    async def clear_limits(self, name: str) -> AccountPace:
        """Take an Account's own limits away: those of the configuration bind it. Raises NotFound."""
        return await self._change(name, limits={}, others=False)

    async def set_hours(self, name: str, hours: HoursPlan) -> AccountPace:
        """Give an Account hours of its own, in place of the configured ones. Raises NotFound, SetupError."""
        hours.hours(self.pacing.timezone(name))  # what makes no sense is refused before it is stored
        return await self._change_hours(name, hours)

    async def clear_hours(self, name: str) -> AccountPace:
        """Take an Account's own hours away. Raises NotFound."""
        return await self._change_hours(name, None)

    async def keep_up(self) -> int:
        """After a change of the configuration, have what is put off looked at again; returns how many Jobs that are.

        What was used so long ago that it counts no more is deleted.
        """
        await self._usage.forget_old()
        async with self._db.read() as connection:
            if await _configured(connection) == self.pacing.digest:
                return 0
        async with self._db.write() as connection:
            if await _configured(connection) is None:
                await connection.execute(insert(setting).values(key=CONFIGURED, value=self.pacing.digest))
            else:
                changed = update(setting).where(setting.c.key == CONFIGURED)
                await connection.execute(changed.values(value=self.pacing.digest))
            return await postponing.due_again(self._db, connection)

    async def _change(self, name: str, *, limits: Limits, others: bool = True) -> AccountPace:
        async with self._db.write() as connection:
            number = await id_of(connection, name)
            row = (await connection.execute(select(account.c.limits).where(account.c.id == number))).one()
            kept = dict(limits_from_json(row.limits or {})) if others else {}
            told = limits_to_json(kept | dict(limits))
            await self._write(connection, number, name, "LimitsChanged", {"limits": told or None})
        return await self.of(name)

    async def _change_hours(self, name: str, hours: HoursPlan | None) -> AccountPace:
        async with self._db.write() as connection:
            number = await id_of(connection, name)
            told = None if hours is None else hours.to_json()
            await self._write(connection, number, name, "HoursChanged", {"hours": told})
        return await self.of(name)

    async def _write(
        self, connection: AsyncConnection, number: int, name: str, event: str, values: dict[str, Any]
    ) -> None:
        await connection.execute(update(account).where(account.c.id == number).values(values))
        await events.record(self._db, connection, [events.Fact(name=event, account=(number, name), data=values)])
        await postponing.due_again(self._db, connection, [number])

    async def _told(
        self, connection: AsyncConnection, which: Select[Any], *, only: int | None = None
    ) -> list[AccountPace]:
        now = self._db.clock.now()
        counted = select(job.c.account_id, func.count().label("jobs")).group_by(job.c.account_id)
        put_off = counted.where(heads.IS_QUEUED, job.c.postponed.is_not(None))
        if only is not None:
            put_off = put_off.where(job.c.account_id == only)
        postponed = {row.account_id: row.jobs for row in await connection.execute(put_off)}
        rows = (await connection.execute(which)).all()
        paces = {row.id: self.pacing.pace(row.name, row.created_at, limits=row.limits, hours=row.hours) for row in rows}
        if only is None:
            usage = await usage_of_all(connection, paces, now)
        else:
            usage = {number: await self._usage.usage(connection, number, pace, now) for number, pace in paces.items()}
        return [self._pace(row, paces[row.id], now, usage.get(row.id, ()), postponed.get(row.id, 0)) for row in rows]

    def _pace(self, row: Any, pace: Pace, now: datetime, usage: Sequence[Level], postponed: int) -> AccountPace:
        return AccountPace(
            account=row.name,
            timezone=pace.hours.zone.key,
            pace=pace,
            share=pace.share(now),
            hours=self.pacing.hours if row.hours is None else HoursPlan.from_json(row.hours),
            own_limits=limits_from_json(row.limits or {}),
            own_hours=row.hours is not None,
            is_open=pace.hours.open_at(now),
            opens_at=pace.hours.next_open(now),
            hours_words=pace.hours.words(now),
            usage=tuple(usage),
            postponed=postponed,
        )


async def _configured(connection: AsyncConnection) -> str | None:
    found: str | None = (await connection.execute(select(setting.c.value).where(setting.c.key == CONFIGURED))).scalar()
    return found


def _select() -> Select[Any]:
    return select(account.c.id, account.c.name, account.c.created_at, account.c.limits, account.c.hours)


def limit_of(found: AccountPace, kind: LimitKind) -> Limit:
    """The limit that binds; one that limits nothing where there is none."""
    return found.pace.limit(kind) or Limit()
