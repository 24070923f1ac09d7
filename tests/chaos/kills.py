"""Checks 1 and 2: kill -9 of the runner, its driver, its browser or all at once, while it publishes and replies."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos import victims
from tests.chaos.figures import Figures
from tests.chaos.judge import expect_gone, judge, stretched
from tests.chaos.lane import OPEN, POLL_S, PRODUCT, UNJOURNALED, Lane, Wanted, lane

Points = Mapping[str, tuple[int, float]]

POINTS: Points = {
    # What is waited for: how often it is chosen, and the longest delay after it in seconds.
    "JobClaimed": (4, 0.8),
    "step:open browser": (4, 0.8),
    "step:check login": (4, 0.3),
    "step:read thread": (4, 0.3),
    "step:fill in details": (4, 0.3),
    "step:review": (4, 0.2),
    "step:publish": (10, 0.3),
    "step:send": (10, 0.3),
    "EffectPlanned": (4, 0.2),
    "EffectPrepared": (6, 0.4),
    "EffectArmed": (30, 0.3),
    "commit": (20, 0.03),
    "EffectConfirmed": (4, 0.05),
    "JobSucceeded": (2, 0.2),
}
UNJOURNALED_POINTS: Points = {"step:publish": (2, 0.3), "step:send": (2, 0.3), "commit": (3, 0.02)}
NOT_IN = {
    "listing_published": ("step:send", "step:read thread"),
    "message_sent": ("step:publish", "step:review", "step:fill in details"),
}
MOST_KILLS_PER_JOB = 3
JOBS_PER_ROUND = 20
RESCUED_WITHIN_S = 5.0
POINT_WITHIN_S = 20.0
SUBMITS = ("POST /sell/*/publish", "POST /api/threads/*/messages")
SLOW_COMMIT = {"effect": "latency_ms", "ms": 250, "probability": 0.5}
"""So that blows fall between arming and commit, and requests arrive whose sender is dead by then."""


@dataclass(kw_only=True)
class Tormentor:
    """One lane's work: `target` is how many kills it gives, `points` where, `until` (monotonic) when it stops."""

    lane: Lane
    dice: random.Random
    target: int
    figures: Figures
    entry: Sequence[str] = PRODUCT
    points: Points = field(default_factory=lambda: POINTS)
    until: float = float("inf")
    given: int = 0
    _checks: list[asyncio.Task[None]] = field(default_factory=list)
    _runner: subprocess.Popen[bytes] = field(init=False)

    async def run(self) -> None:
        """Rounds of jobs on a fresh marketplace, until enough was killed; then look what is left over."""
        self._runner = self.lane.start(entry=self.entry)
        while self._goes_on():
            self.lane.reset()
            slow = {**SLOW_COMMIT, "seed": self.dice.randrange(1 << 30)}
            self.lane.faults(*({"route": route, **slow} for route in SUBMITS))
            jobs: list[Wanted] = []
            while len(jobs) < JOBS_PER_ROUND and self._goes_on():
                jobs.append(await self.lane.submit(self.dice.choice(("publish_listing", "send_message"))))
                await self._torment(jobs[-1])
            await self.lane.quiet(0.5)
            judge(self.lane, jobs, self.figures)
        everybody = victims.identified(victims.family(self._runner.pid).members("all"))
        await self.lane.stop(self._runner)
        await asyncio.gather(*self._checks)
        await expect_gone(self.figures, everybody, self.lane.temp.iterdir(), "after the end")

    def _goes_on(self) -> bool:
        return self.given < self.target and time.monotonic() < self.until

    async def _torment(self, wanted: Wanted) -> None:
        """Kill up to three times while one Job is at work, then let it come to its end."""
        if self._runner.poll() is not None:
            raise RuntimeError(f"a runner ended by itself, with code {self._runner.returncode}")
        last = None
        for _ in range(self.dice.randint(1, MOST_KILLS_PER_JOB)):
            point, name = self._choose(wanted), self.dice.choice(victims.NAMES)
            delay_s = self.dice.random() * self.points[point][1]
            family = await self._reached(point, wanted, delay_s) if self._goes_on() else None
            if family is None:
                break
            last = time.time()
            self._strike(name, family, wanted)
        if not await self.lane.ended(wanted.job_id, stretched(60)):
            self.figures.breach(f"job {wanted.job_id} did not come to an end")
        elif last is not None:
            ended = self.lane.rows("SELECT ended_at FROM job WHERE id = ?", wanted.job_id)[0][0]
            moment = ended or self.lane.rows("SELECT max(at) FROM event WHERE job_id = ?", wanted.job_id)[0][0]
            self.figures.recovery_s.append(max(0.0, moment / 1e6 - last))

    def _choose(self, wanted: Wanted) -> str:
        possible = {name: each[0] for name, each in self.points.items() if name not in NOT_IN[wanted.kind]}
        return self.dice.choices(list(possible), weights=list(possible.values()))[0]

    async def _reached(self, point: str, wanted: Wanted, delay_s: float) -> victims.Family | None:
        """Wait for the point, then for the delay; None when the Job ended without coming by."""
        newest = self.lane.rows("SELECT coalesce(max(id), 0) FROM event")[0][0]
        family = victims.family(self._runner.pid)
        end = time.monotonic() + stretched(POINT_WITHIN_S)
        while time.monotonic() < end and self._runner.poll() is None:
            if point == "commit" and self.lane.entries(wanted.kind, wanted.mark):
                break
            happened = self.lane.rows(
                "SELECT id, name, json_extract(data, '$.step') FROM event WHERE job_id = ? AND id > ? ORDER BY id",
                wanted.job_id,
                newest,
            )
            names = {f"step:{step}" if name == "StepStarted" else name for _, name, step in happened}
            if point in names:
                break
            if self.lane.state(wanted.job_id) not in OPEN:
                return None
            if happened:
                newest, family = happened[-1][0], victims.family(self._runner.pid)
            await asyncio.sleep(POLL_S)
        else:
            return None
        if delay_s > 0.02:
            began = time.monotonic()
            family = victims.family(self._runner.pid)
            await asyncio.sleep(max(0.0, delay_s - (time.monotonic() - began)))
        return family

    def _strike(self, name: str, family: victims.Family, wanted: Wanted) -> None:
        """Kill; where the runner was hit it is started again at once."""
        doomed = victims.identified(family.members("all") if name != "browser" else (*family.browser, *family.rest))
        if name in ("runner", "driver"):
            # Its own Chromium, too, has to be gone.
            doomed = [each for each in doomed if name == "runner" or each.pid != family.runner]
        hit = family.members(name)
        if not hit:
            return  # there is no browser yet, or none any more
        running = self.lane.state(wanted.job_id) == "running"
        folders = list(self.lane.temp.iterdir()) if family.runner in hit else []
        victims.kill(hit)
        self.given += 1
        self.figures.counts["kills"] += 1
        self.figures.counts[f"of {name}"] += 1
        when = f"after a kill of {name}"
        self._checks.append(asyncio.create_task(expect_gone(self.figures, doomed, folders, when)))
        if family.runner in hit:
            self._runner.wait()
            self._runner = self.lane.start(entry=self.entry)
            if running:
                self._checks.append(asyncio.create_task(self._rescued(wanted, time.time())))

    async def _rescued(self, wanted: Wanted, started: float) -> None:
        """The rescuer has five seconds from the next start; a job that had just ended needs no rescue."""
        sql = "SELECT min(at) FROM event WHERE job_id = ? AND at >= ? AND name = 'JobRequeued'"
        asked = (wanted.job_id, int(started * 1e6))
        ended = "SELECT count(*) FROM event WHERE job_id = ? AND name IN ('JobSucceeded', 'JobUnknown')"

        def settled() -> bool:
            return bool(self.lane.rows(sql, *asked)[0][0] or self.lane.rows(ended, wanted.job_id)[0][0])

        await self.lane.until(settled, stretched(30), 0.1)
        at = self.lane.rows(sql, *asked)[0][0]
        if at is None:
            return
        self.figures.rescue_s.append(at / 1e6 - started)
        if self.figures.rescue_s[-1] > stretched(RESCUED_WITHIN_S):
            words = f"job {wanted.job_id} was rescued {self.figures.rescue_s[-1]:.1f} s after the next start"
            self.figures.breach(words)


async def kills(figures: Figures, *, target: int, lanes: int, minutes: int = 60) -> None:
    """Check 1: nothing lost, nothing twice. Every second lane's site gives no bound for late commits."""
    until = time.monotonic() + minutes * 60
    shares = [target // lanes + (number < target % lanes) for number in range(lanes)]

    async def one(number: int, share: int) -> None:
        async with lane(bound=2.0 if number % 2 == 0 else None) as made:
            dice = random.Random(figures.seed * 100 + number)
            await Tormentor(lane=made, dice=dice, target=share, figures=figures, until=until).run()

    await asyncio.gather(*(one(number, share) for number, share in enumerate(shares)))
    if figures.counts["kills"] < target:
        figures.breach(f"{target} kills were asked for, and {minutes} minutes were over before")


async def unjournaled(figures: Figures, *, target: int, lanes: int) -> None:
    """Check 2: the same without the journal; here duplicates are what must be found."""
    del lanes
    async with lane() as made:
        tormentor = Tormentor(
            lane=made,
            dice=random.Random(figures.seed),
            target=target,
            figures=figures,
            entry=UNJOURNALED,
            points=UNJOURNALED_POINTS,
        )
        with contextlib.suppress(AssertionError):
            await tormentor.run()
    found = figures.counts["duplicates"]
    figures.breaches[:] = [] if found else ["the harness does not notice a runner without a journal"]
