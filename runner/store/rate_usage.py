"""What Accounts have used of their limits: reserved, in one write transaction with what is done, before it is done.

Every use stands here, also where no limit is set: one that is set later counts what was done before. Page loads are
the exception, for there are many: they are counted while there is a limit for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, insert, or_, select, update
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
    begins,
    counted_since,
    fullest,
    levels,
    used_by,
)
from runner.domain.pace import Pace, Pacing
from runner.errors import NoRoom, Rejected
from runner.store import events, fences
from runner.store.account_ids import id_of
from runner.store.armed import have_fired
from runner.store.columns import UtcTime
from runner.store.database import Database
from runner.store.limit_tables import rate_usage
from runner.store.tables import account

KEPT = timedelta(days=3)
"""Older ones count in no window."""

IDLE = timedelta(days=30)
"""What is so old is looked for at a start; whoever goes on using something deletes its own before."""

SETTLES = timedelta(seconds=60)
"""For so long after nobody waits for an answer any more a Site may still be at work on the request, and note it."""

TO_SUBMIT = 2
"""Page loads for which there must be room before anything is fired: the submit's own, and the one that reads back."""

TO_SIGN_IN = 3
"""The same before a password is typed: the form, what it is sent with, and the look at who is signed in."""

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

    @property
    def about(self) -> str:
        """What it waits for, without what changes as time goes by."""
        return about(self.words)


class RateUsage:
    """Reserves uses and says when there is room, by what the configuration says and each Account's own limits."""

    def __init__(self, db: Database, pacing: Pacing | None = None) -> None:
        self._db = db
        self.pacing = pacing or Pacing()

    async def wait(self, connection: AsyncConnection, asking: Asking, now: datetime) -> Wait | None:
        """Why a Job is not to be begun now; None when it may be. A person's own Job is bound by limits only.

        What has fired is bound by neither: it must be read back first, and arming asks again before anything is fired.
        """
        if asking.limits is None and asking.hours is None and self.pacing.binds_nobody:
            return None
        pace = self.pacing.pace(asking.account, asking.since, limits=asking.limits, hours=asking.hours)
        wait = await self._wait(connection, asking, pace, now)
        if wait is not None and asking.job_id in await have_fired(connection, asking.account_id):
            return None
        return wait

    async def _wait(self, connection: AsyncConnection, asking: Asking, pace: Pace, now: datetime) -> Wait | None:
        if not asking.by_person and not pace.is_open(asking.flow, now):
            return _closed(pace, asking.flow, now)
        for kind in used_by(asking.flow):
            full = fullest(await self._levels(connection, asking.account_id, kind, pace, now))
            if full is not None:
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
            raise NoRoom(_capital(wait.words), until=wait.until, words=wait.words, flows=wait.flows)
        loads = await self._levels(connection, account_id, LimitKind.PAGE_LOADS, pace, now, room_for=TO_SUBMIT)
        await _expect_room_in(connection, loads, lease, account_id, pace, now)
        await self._reserve(connection, lease, account_id, OF_EFFECT[kind], pace, now, effect_id=effect_id)

    async def settled(self, connection: AsyncConnection, effect_id: int) -> None:
        """The Site can note this Effect no more: from now on its use grows old."""
        await connection.execute(_SETTLE, {"of_effect": effect_id, "now": self._db.clock.now()})

    async def reserve(self, lease: Lease, kind: LimitKind, *, must: bool = False) -> int:
        """Reserve a use that is no Effect, durably; returns its number for `over`. What `must` be is counted only.

        Raises NoRoom and StaleLease, and Rejected where the limit is less than one Attempt needs.
        """
        async with self._db.write() as connection:
            account_id, now = await fences.check(connection, lease), self._db.clock.now()
            pace = await self.pace(connection, account_id)
            if kind is LimitKind.SIGN_INS:
                of = LimitKind.PAGE_LOADS
                loads = await self._levels(connection, account_id, of, pace, now, room_for=TO_SIGN_IN)
                await _expect_room_in(connection, loads, lease, account_id, pace, now)
            return await self._reserve(connection, lease, account_id, kind, pace, now, must=must)

    async def reserve_alone(self, account_name: str, kind: LimitKind) -> int:
        """The same for whoever has the Account's profile and no Lease any more. Raises NoRoom, NotFound."""
        async with self._db.write() as connection:
            account_id = await id_of(connection, account_name)
            pace = await self.pace(connection, account_id)
            return await self._reserve(connection, None, account_id, kind, pace, self._db.clock.now())

    async def over(self, use_id: int, *, answered: bool = True) -> None:
        """The Site can note this use no more; soon, where nobody saw its answer."""
        at = self._db.clock.now() + (timedelta(0) if answered else SETTLES)
        async with self._db.write() as connection:
            await connection.execute(_OVER, {"use_id": use_id, "now": at})

    async def forget_old(self) -> None:
        """Delete what counts no more, of Accounts that use nothing any more too."""
        now = self._db.clock.now()
        old = select(rate_usage.c.account_id, rate_usage.c.kind).where(rate_usage.c.over_at < now - IDLE).distinct()
        async with self._db.read() as connection:
            if (await connection.execute(old.limit(1))).first() is None:
                return
        async with self._db.write() as connection:
            for row in (await connection.execute(old)).all():
                limit = (await self.pace(connection, row.account_id)).limit(row.kind)
                await _forget(connection, row.account_id, row.kind, now, most=limit.largest if limit else 0)

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
        must: bool = False,
    ) -> int:
        found = await self._levels(connection, account_id, kind, pace, now)
        if not must:
            await _expect_room_in(connection, found, lease, account_id, pace, now)
        # Who may do ten a minute does ten a minute all day long: of that nobody wants to be told.
        near = [level for level in found if level.comes_near and level.window is not LimitWindow.MINUTE]
        await self._tell(connection, lease.job.id if lease else None, account_id, near)
        limit = pace.limit(kind)
        await _forget(connection, account_id, kind, now, most=limit.largest if limit else 0)
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
        self,
        connection: AsyncConnection,
        account_id: int,
        kind: LimitKind,
        pace: Pace,
        now: datetime,
        *,
        room_for: int = 1,
    ) -> list[Level]:
        limit = pace.limit(kind)
        if limit is None:
            return []
        values = {"account_id": account_id, "kind": kind, "since": counted_since(limit, now)}
        uses = [use_of(row) for row in await connection.execute(_COUNTED, values)]
        return levels(kind, limit, uses, now, zone=pace.hours.zone, share=pace.share(now), room_for=room_for)

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
    """Nobody is at work for this Account any more: what is no Effect is over soon, however its worker ended."""
    await connection.execute(_ALL_OVER, {"of_account": account_id, "now": now + SETTLES})


async def _forget(connection: AsyncConnection, account_id: int, kind: LimitKind, now: datetime, *, most: int) -> None:
    """Delete what counts no more, but never the newest `most`: a clock that has jumped ahead may jump back."""
    mine = (rate_usage.c.account_id == account_id, rate_usage.c.kind == kind)
    newest = select(rate_usage.c.over_at).where(*mine, rate_usage.c.over_at.is_not(None))
    ordered = newest.order_by(rate_usage.c.over_at.desc()).limit(1).offset(most)
    before = (await connection.execute(ordered)).scalar()
    if before is not None:
        await connection.execute(delete(rate_usage).where(*mine, rate_usage.c.over_at < min(before, now - KEPT)))


async def _expect_room_in(
    connection: AsyncConnection,
    found: Sequence[Level],
    lease: Lease | None,
    account_id: int,
    pace: Pace,
    now: datetime,
) -> None:
    """Raises NoRoom, and Rejected when waiting would make no room for this Attempt."""
    full = fullest(found)
    if full is None:
        return
    if lease is not None and full.kind is LimitKind.PAGE_LOADS:
        await _expect_others(connection, lease, account_id, full, pace)
    wait = _no_room(pace, full, None, now)
    raise NoRoom(_capital(wait.words), until=wait.until, words=wait.words, flows=wait.flows)


async def _expect_others(connection: AsyncConnection, lease: Lease, account_id: int, full: Level, pace: Pace) -> None:
    """Raises Rejected when this Attempt alone has filled the window: the next would come no further, nor would any."""
    since = begins(full.window, full.now, pace.hours.zone)
    values = {"account_id": account_id, "kind": full.kind, "since": since}
    others = _COUNTED.where(or_(rate_usage.c.job_id != lease.job.id, rate_usage.c.fence != lease.fence)).limit(1)
    if (await connection.execute(others, values)).first() is None:
        name = lease.job.account
        raise Rejected(
            f"The limit of {full.most} {full.kind.words} per {full.window} is less than one {lease.job.flow} of {name} "
            f"needs: it alone had used {full.used} when there was no room for what comes next.",
            cure=f"Raise it, then retry the job: runner limits set {name} {full.kind} --per-{full.window} N",
        )


def use_of(row: Any) -> Use:
    """A row of USE as a value."""
    near = frozenset(map(LimitWindow, row.near))
    return Use(began_at=row.began_at, over_at=row.over_at, near=near, effect_id=row.effect_id)


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


def about(words: str) -> str:
    """`hours`, or the limit: what comes first in the words of a Wait."""
    return "hours" if words.startswith("hours") else words.partition(",")[0]


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


_BOUND_BY = select(account.c.name, account.c.created_at, account.c.limits, account.c.hours).where(
    account.c.id == bindparam("account_id")
)
USE = (rate_usage.c.began_at, rate_usage.c.over_at, rate_usage.c.near, rate_usage.c.effect_id)
_COUNTED = select(*USE).where(
    rate_usage.c.account_id == bindparam("account_id"),
    rate_usage.c.kind == bindparam("kind"),
    or_(rate_usage.c.over_at.is_(None), rate_usage.c.over_at > bindparam("since")),
)
_INSERT = insert(rate_usage).returning(rate_usage.c.id)
_NOW = bindparam("now", type_=UtcTime)
# Never before it began, though the clock was put back meanwhile: it would count in no window.
_AT = case((rate_usage.c.began_at > _NOW, rate_usage.c.began_at), else_=_NOW)
_OVER = (
    update(rate_usage).where(rate_usage.c.id == bindparam("use_id"), rate_usage.c.over_at.is_(None)).values(over_at=_AT)
)
_ALL_OVER = (
    update(rate_usage)
    .where(
        rate_usage.c.account_id == bindparam("of_account"),
        rate_usage.c.over_at.is_(None),
        rate_usage.c.effect_id.is_(None),
    )
    .values(over_at=_AT)
)
_SETTLE = (
    update(rate_usage)
    .where(rate_usage.c.effect_id == bindparam("of_effect"), rate_usage.c.over_at.is_(None))
    .values(over_at=_AT)
)
