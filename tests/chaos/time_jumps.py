"""The clock is set by a day both ways, to 1970, and over the nights that are longer or shorter: no lease is lost early.

A live owner is proved by its process and, through `Heartbeats`, by renewals that are seen to change; the time of day
has no say in it. One process holds Leases and renews them while the clock is set under all of them; the rescuer of
another looks on.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.jobs import Lease, NewJob
from runner.domain.states import JobState
from runner.engine.embedded import EmbeddedEngine
from runner.errors import StaleLease
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.owners import Owner
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.workers import HEARTBEAT_S, LEASE_TTL_S
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.sessions import Sessions
from tests.chaos.figures import Figures

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Jerusalem", "Australia/Lord_Howe")
YEAR = range(366)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class SetClock:
    """The time of day, as somebody sets it; `passes` moves it and the monotonic clock together."""

    def __init__(self) -> None:
        self.time = NOON
        self.monotonic_s = 1000.0

    def now(self) -> datetime:
        return self.time

    def passes(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.monotonic_s += seconds


def time_jumps(figures: Figures, *, rounds: int) -> None:
    """The check, so many times over: all jumps, and in each zone both nights of the year."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "template.db"
            asyncio.run(make(template))
            for number in range(rounds):
                for what, moments in _jumps():
                    asyncio.run(_watched(figures, template, what, moments))
                for zone in ZONES:
                    with _living_in(zone):
                        moments = nights(ZoneInfo(zone), NOON.year + number)
                        asyncio.run(_watched(figures, template, zone, moments))
    finally:
        structlog.configure(**before)


def _jumps() -> Iterator[tuple[str, list[datetime]]]:
    day = timedelta(days=1)
    yield "a day forward", [NOON + day]
    yield "a day back", [NOON - day]
    yield "forward and back", [NOON + day, NOON, NOON - day, NOON]
    yield "1970", [datetime(1970, 1, 1, tzinfo=UTC)]
    yield "from 1970", [datetime(1970, 1, 1, tzinfo=UTC), NOON]


def nights(zone: ZoneInfo, year: int) -> list[datetime]:
    """A few seconds before each change of the zone's offset in a year."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(len(YEAR) * 24)]
    changes = [
        before
        for before, after in itertools.pairwise(hours)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    ]
    return [hour + timedelta(hours=1) - timedelta(seconds=3 * HEARTBEAT_S) for hour in changes]


@contextmanager
def _living_in(zone: str) -> Iterator[None]:
    """The machine's own zone, which must not matter."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


async def make(path: Path) -> None:
    secret = SecretRef(kind="env", name="PASSWORD")
    async with Database.open(path, clock=SetClock()) as db:
        await Accounts(db).add_many(
            [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ("amy", "bob")]
        )


async def _watched(figures: Figures, template: Path, what: str, moments: list[datetime]) -> None:
    clock = SetClock()
    path = template.with_name("runner.db")
    shutil.copy(template, path)
    async with Database.open(path, clock=clock) as db:
        engine = EmbeddedEngine(db)
        await engine.submit([NewJob(account=name, flow="read_inbox") for name in ("amy", "bob")])
        alive = await engine.claim(owner=str(Owner.this_process()), ttl_s=LEASE_TTL_S)
        assert alive is not None
        rescuer = _rescuer(engine, db, clock)
        for moment in moments:
            clock.time = moment
            await _beat_through(figures, engine, rescuer, clock, alive, what)
        await _finish(figures, engine, clock, alive, what)


async def _beat_through(
    figures: Figures, engine: EmbeddedEngine, rescuer: Rescuer, clock: SetClock, lease: Lease, what: str
) -> None:
    """The rescuer looks before the owner has renewed anything at the new time, and at every heartbeat after."""
    for _ in range(8):
        figures.counts["looks"] += 1
        if await rescuer.rescue():
            figures.breach(f"{what}: a live owner lost its lease to the clock")
        try:
            await engine.renew(lease, ttl_s=LEASE_TTL_S)
        except StaleLease:
            figures.breach(f"{what}: a live owner cannot renew")
        clock.passes(HEARTBEAT_S)


async def _finish(figures: Figures, engine: EmbeddedEngine, clock: SetClock, lease: Lease, what: str) -> None:
    await engine.succeed(lease, {})
    figures.counts["clocks set"] += 1
    left = await engine.claim(owner="w2", ttl_s=LEASE_TTL_S)
    if left is None and clock.now() >= NOON:
        figures.breach(f"{what}: a job that had been due is not claimed")
    states = sorted(job.state for job in await engine.list_jobs())
    if JobState.SUCCEEDED not in states:
        figures.breach(f"{what}: the outcome of the live owner is lost: {states}")


def _rescuer(engine: EmbeddedEngine, db: Database, clock: SetClock) -> Rescuer:
    async def never(who: object) -> None:
        raise AssertionError(f"the browser or driver of a live owner was killed: {who}")

    return Rescuer(
        engine=engine,
        sessions=Sessions(db),
        owner="another process",
        heartbeats=Heartbeats(ttl_s=LEASE_TTL_S, longest_gap_s=6, monotonic_s=lambda: clock.monotonic_s),
        kill_browser=never,
        kill_driver=never,
        kill_process=never,
        kept_from_writing_by=db.kept_from_writing_by,
    )
