"""A state machine over the engine and the journal of Effects: Hypothesis chooses what happens next, and looks for harm.

Real SQLite, the product's own engine, journal and retry policy; the site is a few lines with a ledger of its own, which
may lose answers, commit late within its bound, refuse, and refuse what it has committed. Workers stop at gates, where
they are killed, frozen and taken over, or go on; clocks are set by days meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.effects import Effect, EffectKind, EffectState
from runner.domain.jobs import Lease, NewJob
from runner.domain.retry import Next, RetryPolicy, decide
from runner.domain.states import JobState
from runner.engine.embedded import EmbeddedEngine
from runner.errors import AttemptError, BrowserGone, Rejected, RetryLater, StaleLease
from runner.orchestrator.effects import Find, Journal
from runner.sites.interface import BeforeSubmit
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.effects import Effects
from tests.chaos.figures import Figures
from tests.chaos.virtual_loop import connect_inline

ACCOUNTS = ("amy", "bob")
GOODS = ("laptop", "phone")
PUBLISH = EffectKind.PUBLISH_LISTING
BOUND_S = 5.0
POLICY = RetryPolicy(max_attempts=3, first_wait_s=2.0)
FATES = ("answers", "lost before", "lost after", "late", "refused", "refused but done", "site down")
STEPS: Counter[str] = Counter()
"""How often each rule was applied in this process, over all machines."""


@dataclass
class Shop:
    """The site: what it has committed, and what is still on its way."""

    now_s: float = 0.0
    set_by: timedelta = timedelta(0)
    arrivals: list[tuple[float, str]] = field(default_factory=list)

    def now(self) -> datetime:
        """The time of day, which anybody may set."""
        return datetime(2026, 11, 22, tzinfo=UTC) + self.set_by + timedelta(seconds=self.now_s)

    def shown(self, key: str) -> list[str]:
        return [f"L{number}" for number, (at_s, what) in enumerate(self.arrivals) if what == key and at_s <= self.now_s]

    def on_the_way(self, key: str) -> bool:
        return any(at_s > self.now_s for at_s, what in self.arrivals if what == key)


class Fence:
    """The network fence as the journal knows it: this shop's browser repeats nothing."""

    answered = False

    async def put_up(self) -> None:
        """Nothing to keep out."""


class Worker:
    """One process at one Attempt; it stops at each gate until it is told how it goes on."""

    def __init__(self, machine: JournalMachine, lease: Lease) -> None:
        self.machine, self.lease = machine, lease
        self.key = f"{lease.job.account}/{lease.job.params['good']}"
        self.gate: str | None = None
        self.go: asyncio.Future[str] | None = None
        self.has_browser = True
        self.fence = Fence()
        self.task: asyncio.Task[None] | None = None

    async def at(self, gate: str) -> str:
        """Stop here; returns what the machine decides."""
        self.gate, self.go = gate, asyncio.get_running_loop().create_future()
        decided = await self.go
        self.gate = None
        if not self.has_browser:
            raise BrowserGone("The browser was killed.")
        return decided

    async def find(self) -> list[str]:
        if await self.at("look") == "site down":
            raise RetryLater("The site does not answer.")
        return self.machine.shop.shown(self.key)

    async def fire(self, arm: BeforeSubmit) -> str:
        if await self.at("form") == "site down":
            raise RetryLater("The site does not answer.")
        await arm()
        STEPS["shots"] += 1
        fate = await self.at("armed")
        shop = self.machine.shop
        delay_s = self.machine.lateness_s if fate == "late" else 0.0
        if fate in ("answers", "lost after", "late", "refused but done"):
            shop.arrivals.append((shop.now_s + delay_s, self.key))
        self.fence.answered = fate in ("answers", "refused", "refused but done")
        if fate in ("refused", "refused but done"):
            raise Rejected("The title is too long.")
        if fate != "answers":
            raise RetryLater("The answer did not come.")
        await self.at("answer")
        return shop.shown(self.key)[-1]

    async def pause(self, seconds: float) -> None:
        until_s = self.machine.shop.now_s + seconds
        await self.at("pause")
        self.machine.shop.now_s = max(self.machine.shop.now_s, until_s)

    @asynccontextmanager
    async def fencing(self, _: EffectKind) -> AsyncIterator[Any]:
        yield self.fence

    async def attempt(self) -> None:
        """As an Attempt does it: the journal, then an outcome by the retry policy, all under the fence."""
        engine, effects = self.machine.engine, self.machine.effects
        try:
            try:
                journal = self.machine.journal_class(
                    effects,
                    lease=self.lease,
                    commit_latency_s=self.machine.bound_s,
                    answers_when_done=True,
                    fence=self.fencing,
                    lost=nothing,
                    pause=self.pause,
                    monotonic_s=lambda: self.machine.shop.now_s,
                )
                remote, _ = await journal.perform(PUBLISH, self.key, self.key, find=self.find, fire=self.fire)
                await engine.succeed(self.lease, {"listing": remote})
            except AttemptError as error:
                await self._failed(error)
        except StaleLease:
            assert not self.has_browser, "a live worker lost its lease"

    async def _failed(self, error: AttemptError) -> None:
        engine, lease = self.machine.engine, self.lease
        decision = decide(error, attempts=lease.job.attempts + 1, policy=POLICY, dice=random.Random(0))
        fired = await self.machine.effects.list_effects(job_id=lease.job.id, states=[EffectState.ARMED])
        kind, words = error.kind, str(error)
        if decision.next is Next.RETRY:
            due_at = self.machine.shop.now() + timedelta(seconds=decision.wait_s)
            await engine.retry_later(lease, due_at=due_at, kind=kind, error=words)
        elif decision.next is Next.UNKNOWN or (decision.next is Next.FAIL and fired):
            await engine.doubt(lease, kind=kind, error=words)
        elif decision.next is Next.PARK:
            await engine.park(lease, kind=kind, error=words)
        else:
            await engine.fail(lease, kind=kind, error=words)


async def nothing(_: Exception) -> None:
    """No page is there to be pictured."""


class JournalMachine(RuleBasedStateMachine):
    """Bounded: the shop says after how long nothing arrives any more."""

    bound_s: ClassVar[float | None] = BOUND_S
    lateness_s: ClassVar[float] = BOUND_S - 0.1
    journal_class: ClassVar[type[Journal]] = Journal
    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.workers: list[Worker] = []
        self.dead: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "runner.db"
        shutil.copy(self.template, path)
        self.stack = AsyncExitStack()
        opening = self.stack.enter_async_context(Database.open(path, clock=self.shop, connect=connect_inline))
        db = self.run(opening)
        self.engine, self.effects = EmbeddedEngine(db), Effects(db)
        self.owners = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        STEPS["calls"] += 1
        return self.loop.run_until_complete(work)

    # ── What may happen ───────────────────────────────────────────────────────────────────────────────────────

    @rule(account=st.sampled_from(ACCOUNTS), good=st.sampled_from(GOODS))
    def submit(self, account: str, good: str) -> None:
        self.run(self.engine.submit([NewJob(account=account, flow="publish_listing", params={"good": good})]))

    @rule()
    def claim(self) -> None:
        self.owners += 1
        lease = self.run(self.engine.claim(owner=f"w{self.owners}", ttl_s=10))
        if lease is not None:
            STEPS["attempts"] += 1
            worker = Worker(self, lease)
            worker.task = self.loop.create_task(worker.attempt())
            self.workers.append(worker)
            self.run(self._until_it_stops(worker))

    @rule(account=st.sampled_from(ACCOUNTS), good=st.sampled_from(GOODS), fate=st.sampled_from(FATES))
    def fire(self, account: str, good: str, fate: str) -> None:
        """The short way to where the harm is done: asked for, claimed, and as far as it gets in good weather."""
        self.submit(account, good)
        self.claim()
        if self.workers:
            worker = self.workers[-1]
            while worker in self.workers and worker.gate in ("look", "form"):
                self._tell(worker, "on")
            if worker in self.workers and worker.gate == "armed":
                self._tell(worker, fate)

    @rule(which=st.integers(0, 3), decided=st.sampled_from(("on", "on", *FATES)))
    def go_on(self, which: int, decided: str) -> None:
        if self.workers:
            self._tell(self.workers[which % len(self.workers)], decided)

    @rule(which=st.integers(0, 3), fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=6))
    def go_on_for_a_while(self, which: int, fates: list[str]) -> None:
        if self.workers:
            worker = self.workers[which % len(self.workers)]
            for fate in fates:
                if worker in self.workers:
                    self._tell(worker, fate)

    @rule(which=st.integers(0, 3))
    def kill(self, which: int) -> None:
        if self.workers:
            worker = self.workers.pop(which % len(self.workers))
            STEPS["kills"] += 1
            assert worker.task is not None
            worker.task.cancel()
            self.run(asyncio.wait({worker.task}))
            if worker.has_browser:
                self.dead.append(worker.lease.owner)

    @rule()
    def rescue(self) -> None:
        dead, self.dead = self.dead, []
        self.run(self.engine.release_dead(dead=dead))

    @rule(which=st.integers(0, 3))
    def take_over_a_frozen_one(self, which: int) -> None:
        if self.workers:
            worker = self.workers[which % len(self.workers)]
            worker.has_browser = False  # the browser first, as the rescuer does it
            self.run(self.engine.release_dead(dead=[worker.lease.owner]))

    @rule(seconds=st.sampled_from((0.5, 3.0, 30.0, 400.0)))
    def time_passes(self, seconds: float) -> None:
        self.shop.now_s += seconds

    @rule(days=st.sampled_from((-1, 1, -20_000)))
    def set_the_clock(self, days: int) -> None:
        self.shop.set_by = timedelta(days=days)

    @rule()
    def a_person_decides(self) -> None:
        for effect in self.run(self.effects.list_effects(states=[EffectState.UNKNOWN])):
            if not self.shop.on_the_way(effect.natural_key):
                there = self.shop.shown(effect.natural_key)
                to = EffectState.CONFIRMED if there else EffectState.NOT_DONE
                self.run(self.effects.settle(effect.id, to, remote_id=there[0] if there else None))

    @rule()
    def a_person_tries_again(self) -> None:
        waiting = [JobState.UNKNOWN, JobState.FAILED, JobState.PARKED]
        for job in self.run(self.engine.list_jobs(states=waiting)):
            self.run(self.engine.retry(job.id))

    # ── What must hold ────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_there_twice(self) -> None:
        STEPS["steps"] += 1
        times = Counter(what for _, what in self.shop.arrivals)
        assert not any(count > 1 for count in times.values()), f"in the ledger: {times}"

    @invariant()
    def no_account_is_open_twice(self) -> None:
        held = Counter(worker.lease.job.account for worker in self.workers if worker.has_browser)
        assert not any(count > 1 for count in held.values()), f"held at once: {held}"

    @invariant()
    def the_journal_tells_the_truth(self) -> None:
        effects: list[Effect] = self.run(self.effects.list_effects(limit=100))
        fired = [worker.key for worker in self.workers if worker.gate in ("armed", "answer") and worker.has_browser]
        assert len(fired) == len(set(fired)), f"two shots at once: {fired}"
        for effect in effects:
            if effect.state is EffectState.CONFIRMED:
                assert self.shop.shown(effect.natural_key), f"confirmed, and not there: {effect}"
            assert effect.state is not EffectState.DUPLICATED, f"taken for a duplicate: {effect}"
            assert effect.state is not EffectState.UNKNOWN or self.bound_s is None, f"unknown without need: {effect}"
        for key in fired:
            states = [effect.state for effect in effects if effect.natural_key == key]
            assert states == [EffectState.ARMED], f"a shot that is not armed: {key} is {states}"

    def teardown(self) -> None:
        try:
            if self.workers or self.dead:
                self._come_to_an_end()
        finally:
            self.run(self.stack.aclose())
            self.loop.close()
            self.folder.cleanup()

    def _come_to_an_end(self) -> None:
        """All are killed and rescued, the weather is good, a person helps: all that was asked for is done, once."""
        while self.workers:
            self.kill(0)
        for _ in range(20):
            self.rescue()
            self.shop.now_s += 100_000_000.0
            self.a_person_decides()
            self.a_person_tries_again()
            self.claim()
            while self.workers:
                self._tell(self.workers[0], "answers")
            if not self.run(self.engine.list_jobs(states=[JobState.QUEUED, JobState.RUNNING], limit=1)):
                break
        for job in self.run(self.engine.list_jobs(states=[JobState.SUCCEEDED], limit=200)):
            key = f"{job.account}/{job.params['good']}"
            assert len(self.shop.shown(key)) == 1, f"{job} has succeeded, and there are {self.shop.shown(key)}"
        self.nothing_is_there_twice()

    # ── How a worker goes on ──────────────────────────────────────────────────────────────────────────────────

    def _tell(self, worker: Worker, decided: str) -> None:
        if worker.has_browser:
            self._release(worker, decided)
            return
        before = self.run(self._all_rows())
        self._release(worker, decided)
        assert self.run(self._all_rows()) == before, "one that was taken over has written"

    def _release(self, worker: Worker, decided: str) -> None:
        assert worker.go is not None
        worker.go.set_result(decided)
        worker.gate = None
        self.run(self._until_it_stops(worker))

    async def _until_it_stops(self, worker: Worker) -> None:
        assert worker.task is not None
        while worker.gate is None and not worker.task.done():  # noqa: ASYNC110 as each turn takes it one step on
            await asyncio.sleep(0)
        if worker.task.done():
            self.workers.remove(worker)
            worker.task.result()

    async def _all_rows(self) -> tuple[Any, Any]:
        return await self.engine.list_jobs(limit=500), await self.effects.list_effects(limit=500)


class UnboundedMachine(JournalMachine):
    """A shop of which nobody knows when something may still arrive: all doubt is a person's."""

    bound_s = None
    lateness_s = 90.0


class Hasty(Journal):
    """The mutant: whatever ended in an error counts as not done, and nobody looks."""

    async def _settle(self, armed: Effect, find: Find, *, over: bool = False) -> Effect:
        unknown = await self._move(armed, EffectState.UNKNOWN)
        return await self._move(unknown, EffectState.NOT_DONE)

    async def _look_first(self, effect: Effect, find: Find) -> Effect:
        return effect if effect.state is EffectState.PREPARED else await self._move(effect, EffectState.PREPARED)


class HastyMachine(JournalMachine):
    journal_class = Hasty


def journal_machine(figures: Figures, *, steps: int) -> None:
    """The check: so many steps, half of them at a site with a bound and half at one without."""
    for machine in (JournalMachine, UnboundedMachine):
        STEPS.clear()
        number = figures.seed
        while STEPS["steps"] < steps // 2 and not figures.breaches:
            if found := _run(machine, number, max(100, steps // 2 - STEPS["steps"])):
                figures.breach(f"{machine.__name__}, seed {number}: {found}")
            number += 1
        for what in ("steps", "calls", "attempts", "shots", "kills"):
            figures.counts[what] += STEPS[what]


def hasty_journal(figures: Figures, *, steps: int) -> None:
    """The mutant: a journal that does not read back must be convicted by the same machine."""
    found = _run(HastyMachine, figures.seed, steps)
    figures.counts["convicted"] = found is not None
    if found is None:
        figures.breach("the mutant was not convicted: the machine proves nothing")


def _run(machine: type[JournalMachine], number: int, steps: int) -> str | None:
    """What was found, None when everything held."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    per_run = min(50, steps)
    rules = settings(
        max_examples=max(1, steps // per_run),
        stateful_step_count=per_run,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            machine.template = Path(folder) / "template.db"
            asyncio.run(_make(machine.template))
            run_state_machine_as_test(seed(number)(machine), settings=rules)
    except AssertionError as found:
        return str(found).splitlines()[0]
    finally:
        structlog.configure(**before)
    return None


async def _make(path: Path) -> None:
    async with Database.open(path, clock=Shop()) as db:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(db).add_many(
            [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ACCOUNTS]
        )
