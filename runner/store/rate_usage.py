"""What Accounts have used of their limits: reserved, in one write transaction with what is done, before it is done.

Every use stands here, also where no limit is set: one that is set later counts what was done before. Page loads are
the exception, for there are many: they are counted while there is a limit for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import EffectKind
from runner.domain.hours import WorkingHours
from runner.domain.jobs import Lease
from runner.domain.limits import (
    OF_EFFECT,
    OF_FLOW,
    Level,
    Limit,
    LimitKind,
    LimitWindow,
    Use,
    counted_since,
    fullest,
    levels,
    used_by,
)
from runner.domain.pace import Pace, Pacing
from runner.errors import NoRoom
from runner.store import events, fences
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.limit_tables import rate_usage
from runner.store.tables import account

KEPT = timedelta(days=3)
"""Older ones count in no window."""

NEVER = timedelta(days=1)
"""Hours that never open are looked at again a day later."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A Job that would be leased, with what binds its Account, as the store has it."""

    job_id: int
    flow: str
    account_id: int
    account: str
    since: datetime
    limits: Mapping[str, Any] | None
    hours: Mapping[str, Any] | None
    by_person: bool = False


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why a Job is put off, until when, and which Flows of its Account are with it; None for all."""

    until: datetime
    words: str
    flows: Sequence[str] | None


class RateUsage:
    """Reserves uses and says when there is room, by what the configuration says and each Account's own limits."""

    def __init__(self, db: Database, pacing: Pacing | None = None) -> None:
        self._db = db
        self.pacing = pacing or Pacing()

    async def wait(self, connection: AsyncConnection, asking: Asking, now: datetime) -> Wait | None:
        """Why a Job is not to be begun now; None when it may be. A person's own Job is bound by limits only."""
        if asking.limits is None and asking.hours is None and self.pacing.binds_nobody:
            return None
        pace = self.pacing.pace(asking.account, asking.since, limits=asking.limits, hours=asking.hours)
        if not asking.by_person and not pace.is_open(asking.flow, now):
            return _closed(pace, asking.flow, now)
        for kind in used_by(asking.flow):
            full = fullest(await self._levels(connection, asking.account_id, kind, pace, now))
            # What it has fired itself and nobody has settled yet waits for nothing: it must be read back first.
            if full is not None and not await _has_fired(connection, asking.job_id):
                return _no_room(pace, full, asking, now)
        return None

    async def arm(
        self, connection: AsyncConnection, lease: Lease, account_id: int, kind: EffectKind, effect_id: int
    ) -> None:
        """Reserve the use of an Effect in the transaction that arms it. Raises NoRoom, and then nothing is armed."""
        now = self._db.clock.now()
        pace = await self.pace(connection, account_id)
        flow = lease.job.flow
        if not lease.by_person and not pace.is_open(flow, now):
            wait = _closed(pace, flow, now)
            raise NoRoom(_capital(wait.words), until=wait.until, words=wait.words)
        await self._reserve(connection, lease, account_id, OF_EFFECT[kind], pace, now, effect_id=effect_id)

    async def settled(self, connection: AsyncConnection, effect_id: int) -> None:
        """The Site can note this Effect no more: from now on its use grows old."""
        await connection.execute(_SETTLE, {"of_effect": effect_id, "now": self._db.clock.now()})

    async def reserve(self, lease: Lease, kind: LimitKind) -> int:
        """Reserve a use that is no Effect, durably; returns its number for `over`. Raises NoRoom, StaleLease."""
        async with self._db.write() as connection:
            account_id = await fences.check(connection, lease)
            pace = await self.pace(connection, account_id)
            return await self._reserve(connection, lease, account_id, kind, pace, self._db.clock.now())

    async def reserve_alone(self, account_name: str, kind: LimitKind) -> int:
        """The same for whoever has the Account's profile and no Lease any more. Raises NoRoom, NotFound."""
        async with self._db.write() as connection:
            account_id = await id_of(connection, account_name)
            pace = await self.pace(connection, account_id)
            return await self._reserve(connection, None, account_id, kind, pace, self._db.clock.now())

    async def over(self, use_id: int) -> None:
        """The Site can note this use no more."""
        statement = update(rate_usage).where(rate_usage.c.id == use_id, rate_usage.c.over_at.is_(None))
        async with self._db.write() as connection:
            await connection.execute(statement.values(over_at=self._db.clock.now()))

    async def limit(self, account_name: str, kind: LimitKind) -> Limit | None:
        """The limit of a kind for an Account as it is now; None where there is none. Raises NotFound."""
        async with self._db.read() as connection:
            return (await self.pace(connection, await id_of(connection, account_name))).limit(kind)

    async def hours(self, account_name: str) -> WorkingHours:
        """The hours of an Account as they are now. Raises NotFound."""
        async with self._db.read() as connection:
            return (await self.pace(connection, await id_of(connection, account_name))).hours

    async def pace(self, connection: AsyncConnection, account_id: int) -> Pace:
        """What binds an Account now."""
        row = (await connection.execute(_BOUND_BY, {"account_id": account_id})).one()
        return self.pacing.pace(row.name, row.created_at, limits=row.limits, hours=row.hours)

    async def usage(self, connection: AsyncConnection, account_id: int, pace: Pace, now: datetime) -> list[Level]:
        """How much of each limit of an Account is used."""
        found: list[Level] = []
        for kind in LimitKind:
            found += await self._levels(connection, account_id, kind, pace, now)
        return found

    async def _reserve(
        self,
        connection: AsyncConnection,
        lease: Lease | None,
        account_id: int,
        kind: LimitKind,
        pace: Pace,
        now: datetime,
        *,
        effect_id: int | None = None,
    ) -> int:
        found = await self._levels(connection, account_id, kind, pace, now)
        full = fullest(found)
        if full is not None:
            wait = _no_room(pace, full, None, now)
            raise NoRoom(_capital(wait.words), until=wait.until, words=wait.words)
        near = [level for level in found if level.comes_near]
        await self._tell(connection, lease.job.id if lease else None, account_id, near)
        outdated = (rate_usage.c.account_id == account_id, rate_usage.c.kind == kind)
        await connection.execute(delete(rate_usage).where(*outdated, rate_usage.c.over_at < now - KEPT))
        values = {
            "account_id": account_id,
            "kind": kind,
            "began_at": now,
            "over_at": None,
            "near": [str(level.window) for level in near],
            "job_id": lease.job.id if lease else 0,
            "fence": lease.fence if lease else 0,
            "effect_id": effect_id,
        }
        number: int = (await connection.execute(_INSERT, values)).scalar_one()
        return number

    async def _levels(
        self, connection: AsyncConnection, account_id: int, kind: LimitKind, pace: Pace, now: datetime
    ) -> list[Level]:
        limit = pace.limit(kind)
        if limit is None:
            return []
        values = {"account_id": account_id, "kind": kind, "since": counted_since(limit, now)}
        uses = [
            Use(
                began_at=row.began_at,
                over_at=row.over_at,
                near=frozenset(map(LimitWindow, row.near)),
                effect_id=row.effect_id,
            )
            for row in await connection.execute(_COUNTED, values)
        ]
        return levels(kind, limit, uses, now, zone=pace.hours.zone, share=pace.share(now))

    async def _tell(
        self, connection: AsyncConnection, job_id: int | None, account_id: int, near: Sequence[Level]
    ) -> None:
        if not near:
            return
        name = (await connection.execute(_BOUND_BY, {"account_id": account_id})).one().name
        facts = [
            events.Fact(
                name="LimitNear",
                account=(account_id, name),
                job_id=job_id,
                data={
                    "kind": str(level.kind),
                    "window": str(level.window),
                    "limit": level.most,
                    "used": level.used + 1,
                },
            )
            for level in near
        ]
        await events.record(self._db, connection, facts)


async def all_over(connection: AsyncConnection, account_id: int, now: datetime) -> None:
    """Nobody is at work for this Account any more: what is no Effect is over, however its worker ended."""
    await connection.execute(_ALL_OVER, {"of_account": account_id, "now": now})


def _closed(pace: Pace, flow: str, now: datetime) -> Wait:
    opens = pace.opens(flow, now) or now + NEVER
    words = f"hours: {pace.closed_words(now)} ({pace.hours.zone.key})"
    return Wait(until=opens, words=words, flows=list(OF_FLOW) if pace.read_outside else None)


def _no_room(pace: Pace, full: Level, asking: Asking | None, now: datetime) -> Wait:
    """Not before there is room, and then not before it opens."""
    until, words = full.room_at, full.words(pace.hours.zone)
    flows = [flow for flow, kind in OF_FLOW.items() if kind is full.kind] or None
    if asking is not None and not asking.by_person:
        opens = pace.opens(asking.flow, until) or until + NEVER
        if opens > until:
            until, words = opens, f"{words}, {pace.closed_words(full.room_at)}"
    return Wait(until=max(until, now + timedelta(microseconds=1)), words=words, flows=flows)


async def _has_fired(connection: AsyncConnection, job_id: int) -> bool:
    return bool((await connection.execute(select(has_fired(bindparam("job_id"))), {"job_id": job_id})).scalar())


def has_fired(job_id: Any) -> Any:
    """Whether the Job with this number has armed an Effect that is not settled."""
    mine = (rate_usage.c.job_id == job_id, rate_usage.c.over_at.is_(None), rate_usage.c.effect_id.is_not(None))
    return exists(select(rate_usage.c.id).where(*mine))


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


_BOUND_BY = select(account.c.name, account.c.created_at, account.c.limits, account.c.hours).where(
    account.c.id == bindparam("account_id")
)
_COUNTED = select(rate_usage.c.began_at, rate_usage.c.over_at, rate_usage.c.near, rate_usage.c.effect_id).where(
    rate_usage.c.account_id == bindparam("account_id"),
    rate_usage.c.kind == bindparam("kind"),
    or_(rate_usage.c.over_at.is_(None), rate_usage.c.over_at > bindparam("since")),
)
_INSERT = insert(rate_usage).returning(rate_usage.c.id)
_ALL_OVER = (
    update(rate_usage)
    .where(
        rate_usage.c.account_id == bindparam("of_account"),
        rate_usage.c.over_at.is_(None),
        rate_usage.c.effect_id.is_(None),
    )
    .values(over_at=bindparam("now"))
)
_SETTLE = (
    update(rate_usage)
    .where(rate_usage.c.effect_id == bindparam("of_effect"), rate_usage.c.over_at.is_(None))
    .values(over_at=bindparam("now"))
)
