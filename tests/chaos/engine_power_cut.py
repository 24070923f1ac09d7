"""The power fails at any moment under the database: nothing that was acknowledged may be gone afterwards.

The disk is cut before single writes and syncs; what was not synced survives sector by sector as the dice say. Whatever
an engine or journal method had returned before the cut must then be there, in the state that was reported.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.clock import SystemClock
from runner.domain.effects import EffectKind, EffectState
from runner.domain.jobs import NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.errors import ErrorKind
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.effects import Effects
from tests.chaos.engine_disk import Disk
from tests.chaos.figures import Figures

ACCOUNTS = ("amy", "bob", "cleo")
EFFECT_ORDER = [str(state) for state in (EffectState.PLANNED, EffectState.PREPARED, EffectState.ARMED)]
JOB_ORDER = ["queued", "running", "succeeded"]


@dataclass
class Bystander:
    """Somebody who noted everything that was acknowledged, and cuts the power now and then."""

    dice: random.Random
    folder: Path
    cuts: int
    share: float
    acknowledged: dict[tuple[str, int], str] = field(default_factory=dict)
    """The last state of each job and effect that a method has reported."""
    remembered: list[tuple[Path, dict[tuple[str, int], str]]] = field(default_factory=list)
    disk: Disk | None = None

    def look(self) -> None:
        """Before a write or a sync."""
        if self.disk is not None and len(self.remembered) < self.cuts and self.dice.random() < self.share:
            place = self.folder / f"cut-{len(self.remembered)}"
            self.disk.cut_power(self.dice, place)
            self.remembered.append((place, dict(self.acknowledged)))


def power_cut(figures: Figures, *, cuts: int, per_mille: int) -> None:
    """The check: with the product's own settings nothing acknowledged is lost, and no database is damaged.

    So many of a thousand writes and syncs are the last before a cut.
    """
    _run(figures, cuts=cuts, per_mille=per_mille, syncs=True)
    if lost := figures.counts["acknowledged and lost"]:
        figures.breach(f"{lost} acknowledged states were lost")
    if damaged := figures.counts["damaged databases"]:
        figures.breach(f"{damaged} databases were damaged")


def power_cut_unsynced(figures: Figures, *, cuts: int, per_mille: int) -> None:
    """The mutant: with `synchronous=OFF` the same judge must find losses."""
    _run(figures, cuts=cuts, per_mille=per_mille, syncs=False)
    if not figures.counts["acknowledged and lost"]:
        figures.breach("the mutant was not convicted: the power cuts prove nothing")


def _run(figures: Figures, *, cuts: int, per_mille: int, syncs: bool) -> None:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with tempfile.TemporaryDirectory() as folder:
            bystander = Bystander(
                dice=random.Random(figures.seed), folder=Path(folder), cuts=cuts, share=per_mille / 1000
            )
            figures.counts["jobs"] = asyncio.run(_work(bystander, syncs=syncs))
            for place, acknowledged in bystander.remembered:
                _judge(figures, place / "runner.db", acknowledged)
    finally:
        structlog.configure(**before)


async def _work(bystander: Bystander, *, syncs: bool) -> int:
    """Jobs and Effects through the product's own engine and journal, until the cuts are made; returns how many."""
    path = bystander.folder / "runner.db"
    secret = SecretRef(kind="env", name="PASSWORD")
    async with Database.open(path, clock=SystemClock()) as db:
        await Accounts(db).add_many(
            [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ACCOUNTS]
        )
    disk = Disk(bystander.look, syncs=syncs)
    async with Database.open(path, clock=SystemClock(), connect=disk.connect) as db:
        bystander.disk = disk
        number = 0
        while len(bystander.remembered) < bystander.cuts:
            await _one_job(db, bystander, number)
            number += 1
        bystander.disk = None
    return number


async def _one_job(db: Database, bystander: Bystander, number: int) -> None:
    engine, effects, noted = EmbeddedEngine(db), Effects(db), bystander.acknowledged
    account = ACCOUNTS[number % len(ACCOUNTS)]
    [job] = await engine.submit([NewJob(account=account, flow="publish_listing")])
    noted["job", job.id] = "queued"
    lease = await engine.claim_job(job.id, owner="w1", ttl_s=10)
    assert lease is not None
    noted["job", job.id] = "running"
    effect = await effects.plan(lease, EffectKind.PUBLISH_LISTING, f"listing {number}", "hash")
    noted["effect", effect.id] = "planned"
    for state in (EffectState.PREPARED, EffectState.ARMED):
        effect = await effects.transition(lease, effect, state)
        noted["effect", effect.id] = str(state)
    await engine.renew(lease, ttl_s=10)
    if number % 7 == 0:
        await engine.retry_later(
            lease, due_at=db.clock.now() - timedelta(seconds=1), kind=ErrorKind.NETWORK, error="no answer"
        )
        noted.pop(("job", job.id))  # queued again: one of the earlier states is the right one
        return
    effect = await effects.transition(lease, effect, EffectState.CONFIRMED, remote_id=f"L{number}")
    noted["effect", effect.id] = "confirmed"
    await engine.succeed(lease, {"listing": f"L{number}"})
    noted["job", job.id] = "succeeded"


def _judge(figures: Figures, path: Path, acknowledged: dict[tuple[str, int], str]) -> None:
    """Open what is left as the next start would, and compare; a later state than the one reported is fine."""
    figures.counts["cuts"] += 1
    with closing(sqlite3.connect(path)) as tables:
        try:
            sound = tables.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            jobs = dict(tables.execute("SELECT id, state FROM job").fetchall())
            effects = dict(tables.execute("SELECT id, state FROM effect").fetchall())
        except sqlite3.DatabaseError:
            sound, jobs, effects = False, {}, {}
    figures.counts["damaged databases"] += not sound
    figures.counts["acknowledged"] += len(acknowledged)
    for (what, number), state in acknowledged.items():
        order = JOB_ORDER if what == "job" else [*EFFECT_ORDER, "confirmed"]
        found = (jobs if what == "job" else effects).get(number)
        kept = found is not None and order.index(found) >= order.index(state)
        figures.counts["acknowledged and lost"] += not kept
