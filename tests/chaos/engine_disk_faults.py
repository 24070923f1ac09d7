"""The disk fills up or turns read-only at every single write, the database is locked for long: nothing is lost.

What is asked: an error that a person understands, nothing that was acknowledged gone, and the same process going on by
itself once there is room again.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import structlog

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.clock import SystemClock
from runner.domain.effects import Effect, EffectKind, EffectState
from runner.domain.jobs import Job, Lease, NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict, SetupError
from runner.orchestrator.patience import recorded
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.effects import Effects
from tests.chaos.engine_disk import Disk
from tests.chaos.figures import Figures

FAULTS: dict[str, tuple[int, str]] = {
    "full": (apsw.SQLITE_FULL, "the disk is full"),
    "read-only": (apsw.SQLITE_READONLY, "read-only"),
}


@dataclass
class Bad:
    """A disk that works for so many writes and then fails at each, until somebody mends it."""

    code: int
    good_writes: int
    writes: int = 0
    mended: bool = False
    failed: int = 0

    def look(self) -> None:
        self.writes += 1
        if not self.mended and self.writes > self.good_writes:
            self.failed += 1
            raise apsw.exception_for(self.code)


@dataclass
class Story:
    """One job with one effect, a step after the other; `done` are the steps that were acknowledged."""

    db: Database
    done: list[str] = field(default_factory=list)
    job: Job | None = None
    lease: Lease | None = None
    effect: Effect | None = None

    def steps(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "submitted": self._submit,
            "claimed": self._claim,
            "planned": self._plan,
            "prepared": lambda: self._move(EffectState.PREPARED),
            "armed": lambda: self._move(EffectState.ARMED),
            "confirmed": lambda: self._move(EffectState.CONFIRMED),
            "succeeded": self._succeed,
        }

    async def _submit(self) -> None:
        new = NewJob(account="amy", flow="publish_listing", key="only once")
        [self.job] = await EmbeddedEngine(self.db).submit([new])

    async def _claim(self) -> None:
        assert self.job is not None
        self.lease = await EmbeddedEngine(self.db).claim_job(self.job.id, owner="w1", ttl_s=10)
        assert self.lease is not None

    async def _plan(self) -> None:
        assert self.lease is not None
        self.effect = await Effects(self.db).plan(self.lease, EffectKind.PUBLISH_LISTING, "listing", "hash")

    async def _move(self, to: EffectState) -> None:
        assert self.lease is not None
        assert self.effect is not None
        self.effect = await Effects(self.db).transition(self.lease, self.effect, to)

    async def _succeed(self) -> None:
        assert self.lease is not None
        await EmbeddedEngine(self.db).succeed(self.lease, {"listing": "L1"})


STATES = {
    "submitted": ("queued", None),
    "claimed": ("running", None),
    "planned": ("running", "planned"),
    "prepared": ("running", "prepared"),
    "armed": ("running", "armed"),
    "confirmed": ("running", "confirmed"),
    "succeeded": ("succeeded", "confirmed"),
}


def bad_disk(figures: Figures, *, every: int) -> None:
    """The check: fail at the first write, at the second, and so on (each `every`-th), until the story ends unharmed."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "template.db"
            asyncio.run(_make(template))
            for fault in FAULTS:
                good = 0
                while asyncio.run(_one_story(figures, template, fault, good)):
                    good += every
    finally:
        structlog.configure(**before)


async def _make(path: Path) -> None:
    async with Database.open(path, clock=SystemClock()) as db:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(db).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])


async def _one_story(figures: Figures, template: Path, fault: str, good: int) -> bool:
    """Whether the disk failed at all; it is mended when the error was told, and the story goes on from there."""
    code, words = FAULTS[fault]
    path, seen = template.with_name(f"{fault}-{good}.db"), template.with_name(f"{fault}-{good}")
    shutil.copy(template, path)
    bad = Bad(code=code, good_writes=good)
    disk = Disk(bad.look)
    async with Database.open(path, clock=SystemClock(), connect=disk.connect) as db:
        story = Story(db)
        for name, step in story.steps().items():
            try:
                await step()
            except SetupError as told:
                if words not in str(told):
                    figures.breach(f"{fault} disk, write {good + 1}: told as {told}")
                disk.copy(seen)
                # A commit whose last sync failed is not acknowledged; a power cut now may show it, or not.
                _expect(figures, seen / path.name, story.done, f"{fault} disk at write {good + 1}", perhaps=name)
                bad.mended = True
                await step()
            story.done.append(name)
        bad.mended = True  # what is written when the last one leaves is no part of the story
        disk.copy(seen)
        _expect(figures, seen / path.name, story.done, f"{fault} disk at write {good + 1}, mended")
    figures.counts[f"{fault} at a write"] += bad.failed > 0
    return bad.failed > 0


def _expect(figures: Figures, path: Path, done: list[str], when: str, *, perhaps: str | None = None) -> None:
    """What was acknowledged last is what another process finds, or else `perhaps` the step that was refused."""
    with closing(sqlite3.connect(path)) as tables:
        found_job = tables.execute("SELECT state FROM job").fetchall()
        found_effect = tables.execute("SELECT state FROM effect").fetchall()
        sound = tables.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    found = (found_job[0][0] if found_job else None, found_effect[0][0] if found_effect else None)
    wanted = STATES[done[-1]] if done else (None, None)
    figures.counts["looks"] += 1
    figures.counts["refused and there"] += perhaps is not None and found != wanted
    if found != wanted and (perhaps is None or found != STATES[perhaps]):
        figures.breach(f"{when}: {wanted} was acknowledged, {found} is there")
    if not sound or len(found_job) > 1 or len(found_effect) > 1:
        figures.breach(f"{when}: the database is damaged, or something is there twice")


def locked(figures: Figures, *, tenths: int) -> None:
    """The check: somebody else writes for so many tenths of a second, twice as long as we have patience for."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runner.db"
            asyncio.run(_make(path))
            asyncio.run(_locked_out(figures, path, tenths / 10))
    finally:
        structlog.configure(**before)


async def _locked_out(figures: Figures, path: Path, lock_s: float) -> None:
    async with Database.open(path, clock=SystemClock(), busy_timeout_s=lock_s / 2) as db:
        story, steps = Story(db), None
        steps = story.steps()
        for name in ("submitted", "claimed", "planned", "prepared", "armed"):
            await steps[name]()
            story.done.append(name)
        locker = threading.Thread(target=_hold_the_lock, args=(path, lock_s, taken := threading.Event()))
        locker.start()
        await asyncio.to_thread(taken.wait)
        began = time.monotonic()
        await _expect_a_refusal(figures, steps["confirmed"])
        refused_s = time.monotonic() - began
        if (await EmbeddedEngine(db).list_jobs())[0].state != "running":
            figures.breach("what is acknowledged cannot be read while somebody else writes")
        # What an Attempt does with its outcome: it is patient beyond the busy timeout.
        for name in ("confirmed", "succeeded"):
            await recorded(steps[name])
            story.done.append(name)
        locker.join()
        _expect(figures, path, story.done, "after the lock")
        figures.counts["locked for ms"] = round(lock_s * 1000)
        figures.counts["refused after ms"] = round(refused_s * 1000)
        figures.counts["recorded after ms"] = round((time.monotonic() - began) * 1000)


async def _expect_a_refusal(figures: Figures, step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except Conflict as told:
        if "is locked" not in told.what or not told.cure:
            figures.breach(f"a locked database is told as: {told}")
    else:
        figures.breach("a write came through a lock")


def _hold_the_lock(path: Path, lock_s: float, taken: threading.Event) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as tables:
        tables.execute("BEGIN IMMEDIATE")
        taken.set()
        time.sleep(lock_s)
        tables.execute("ROLLBACK")
