"""Virtual time: the Orchestrator, its Workers, Attempts, Journal and engine live through years in minutes.

Everything of the product is real but the browser and the site. A thousand days are one run of `virtual_days`; the same
seed must give the same history, to the last wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import structlog

from runner.browser.pool import Pool, PoolRules
from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.effects import EffectState
from runner.domain.jobs import Job, Lease, NewJob
from runner.domain.retry import RetryPolicy
from runner.domain.states import AccountState, JobState, Mode
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict
from runner.orchestrator.attempts import AttemptRules, Attempts
from runner.orchestrator.cycles import Cycles
from runner.orchestrator.failures import Failures
from runner.orchestrator.floods import Floods
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.open_sessions import OpenSessions
from runner.orchestrator.orchestrator import Orchestrator
from runner.orchestrator.owners import Owner
from runner.orchestrator.records import Records
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.signing_in import SigningIn, SignInRules
from runner.orchestrator.visits import SitePlan, Visits
from runner.orchestrator.workers import Worker
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts as AttemptRows
from runner.store.check_results import CheckResults
from runner.store.database import Database
from runner.store.drafts import Drafts
from runner.store.effects import Effects
from runner.store.enrolments import Enrolments
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles
from runner.store.listings import Listings
from runner.store.profiles import Profiles
from runner.store.rate_usage import RateUsage
from runner.store.sessions import Sessions
from runner.store.steps import Steps
from runner.store.threads import Threads
from tests.chaos.figures import Figures
from tests.chaos.virtual_loop import START, VirtualClock, connect_inline, run_virtually
from tests.chaos.virtual_site import RETRY_AFTER_S, NoEvidence, VirtualBrowsers, VirtualSite, World

ACCOUNTS = ("amy", "bob", "cleo", "dan", "elena", "farid")
POLL_S = 3600.0
CYCLE_S = 12 * 3600.0
STARVED_S = POLL_S + 900.0
"""Six accounts have two short turns each per half day: what is due waits for the next look at the queue, no longer."""
NONE_KEPT = PoolRules(all_bytes=0, each_bytes=0, idle_s=0, max_age_s=0)
POLICY = RetryPolicy(max_attempts=3, first_wait_s=60.0, multiplier=3.0, max_wait_s=1800.0)


class Watched:
    """The engine, with every claim and every wait checked against the tables by statements of our own."""

    def __init__(self, engine: EmbeddedEngine, path: Path, clock: VirtualClock, figures: Figures) -> None:
        self._engine = engine
        self._tables = sqlite3.connect(path)
        self._clock = clock
        self._figures = figures
        self._not_before: dict[int, datetime] = {}
        self.resumed: dict[str, datetime] = {}
        self.longest_wait_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def claim(self, *, owner: str, ttl_s: float, account: str | None = None) -> Lease | None:
        lease = await self._engine.claim(owner=owner, ttl_s=ttl_s, account=account)
        if lease is not None:
            self._figures.counts["claims"] += 1
            self._check(lease)
        return lease

    async def retry_later(self, lease: Lease, *, due_at: datetime, **rest: Any) -> None:
        self._figures.counts["retries"] += 1
        wait_s = (due_at - self._clock.now()).total_seconds()
        if str(rest["kind"]) == "rate_limited" and wait_s < RETRY_AFTER_S:
            self._figures.breach(f"job {lease.job.id} comes back after {wait_s} s; the site asked for {RETRY_AFTER_S}")
        self._not_before[lease.job.id] = due_at
        await self._engine.retry_later(lease, due_at=due_at, **rest)

    def _check(self, lease: Lease) -> None:
        job, now = lease.job, self._clock.now()
        if job.due_at > now:
            self._figures.breach(f"job {job.id} was claimed {job.due_at - now} before it was due")
        if now < self._not_before.pop(job.id, now):
            self._figures.breach(f"job {job.id} did not wait its time out")
        if job.attempts >= job.max_attempts:
            self._figures.breach(f"job {job.id} begins attempt {job.attempts + 1} of {job.max_attempts}")
        # A job of a parked account waits for a person; its turn comes after that.
        since = max(job.due_at, self.resumed.get(job.account, job.due_at))
        self.longest_wait_s = max(self.longest_wait_s, (now - since).total_seconds())
        if now - since > timedelta(seconds=STARVED_S):
            self._figures.breach(f"job {job.id} of {job.account} was due for {now - since}")
        busy = self._rows("SELECT account_id FROM job WHERE state = 'running' GROUP BY 1 HAVING count(*) > 1")
        if busy:
            self._figures.breach(f"two jobs of one account run at once: {busy}")
        passed_over = self._rows(
            "SELECT other.id FROM job AS other JOIN job AS mine ON mine.account_id = other.account_id"
            " WHERE mine.id = ? AND other.state = 'queued' AND other.due_at < mine.due_at",
            job.id,
        )
        if passed_over:
            self._figures.breach(f"job {job.id} went before {passed_over}, which had been due for longer")

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._tables.execute(sql, values).fetchall()

    def close(self) -> None:
        self._tables.close()


class WithPasswords(SigningIn):
    """There is no browser whose login could be kept: every sign-in is by password."""

    async def _newest(self, account: Any) -> None:
        del account

    async def _save(self, *_: Any) -> None:
        pass


class Life:
    """Two daemons on one store, an operator, and the site; `days` of it."""

    def __init__(self, db: Database, world: World, figures: Figures, clock: VirtualClock, seed: int) -> None:
        self.db, self.world, self.figures, self.clock = db, world, figures, clock
        self.dice = random.Random(seed + 1)
        self.engine = Watched(EmbeddedEngine(db), db.path, clock, figures)
        self.records = Records(
            accounts=Accounts(db),
            attempts=AttemptRows(db),
            check_results=CheckResults(db),
            drafts=Drafts(db),
            effects=Effects(db),
            enrolments=Enrolments(db),
            events=Events(db),
            evidence=EvidenceFiles(db),
            listings=Listings(db),
            profiles=Profiles(db),
            sessions=Sessions(db),
            steps=Steps(db),
            threads=Threads(db),
        )
        self.published = 0

    async def live(self, days: int) -> None:
        secret = SecretRef(kind="env", name="PASSWORD")
        new = [NewAccount(name=name, site="virtual", username=name, secret=secret) for name in ACCOUNTS]
        await self.records.accounts.add_many(new)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._daemon("first").run(stop, beside=self._cycles().repeat))
            group.create_task(self._daemon("second").run(stop))
            group.create_task(self._operate(days, stop))
        self.engine.close()

    def _cycles(self) -> Cycles:
        return Cycles(
            engine=cast("Any", self.engine),
            accounts=self.records.accounts,
            orchestrator=self._daemon("first"),
            flows=("read_inbox",),
            every_s=CYCLE_S,
            max_attempts=POLICY.max_attempts,
            clock=self.clock,
        )

    def _daemon(self, host: str) -> Orchestrator:
        # Of another host nobody here can say that it is dead.
        owner = str(replace(Owner.this_process(), host=host))
        visits = Visits(
            pool=Pool(cast("Any", VirtualBrowsers(self.world)), NONE_KEPT, served=cast("Any", None)),
            accounts=self.records.accounts,
            sessions=self.records.sessions,
            profiles=self.records.profiles,
            events=self.records.events,
            open_sessions=OpenSessions(),
            clock=self.clock,
            owner=owner,
            request_for=lambda account, look: cast("Any", launch_request(account.name)),
            plan_for=lambda account: SitePlan(adapter=VirtualSite, base_url="", options={}),
        )
        attempts = Attempts(
            engine=cast("Any", self.engine),
            visits=visits,
            records=self.records,
            keeper=cast("Any", NoEvidence()),
            failures=Failures(
                keeper=cast("Any", NoEvidence()),
                pages=cast("Any", NoEvidence()),
                floods=Floods(events=Events(self.db), after=5, clock=self.clock),
            ),
            rules=AttemptRules(attempt_s=300, trace="off", policy_for=lambda kind: POLICY),
            signing_in=WithPasswords(
                results=self.records.check_results,
                profiles=self.records.profiles,
                checkpoints=cast("Any", None),
                usage=RateUsage(self.db),
                password_of=password,
                rules=SignInRules(checkpoint_every_s=900, sign_in_wait_s=900),
                clock=self.clock,
            ),
            password_of=password,
            clock=self.clock,
            dice=self.dice,
        )
        return Orchestrator(
            engine=cast("Any", self.engine),
            visits=visits,
            worker=lambda: Worker(
                engine=cast("Any", self.engine), attempts=attempts, visits=visits, owner=owner, idle_poll_s=POLL_S
            ),
            rescuer=Rescuer(
                engine=cast("Any", self.engine),
                sessions=self.records.sessions,
                owner=owner,
                heartbeats=Heartbeats(ttl_s=10, longest_gap_s=6, monotonic_s=asyncio.get_running_loop().time),
                kill_browser=nobody,
                kill_driver=nobody,
                kill_process=nobody,
                kept_from_writing_by=free,
            ),
            owner=owner,
            concurrency=1,
            stop_s=60,
            clock=self.clock,
            rescue_every_s=6 * 3600.0,
        )

    async def _operate(self, days: int, stop: asyncio.Event) -> None:
        """What people do: post the same listing from two terminals, resume what was parked, settle what is unknown."""
        for day in range(days):
            await asyncio.sleep(self.dice.uniform(0.2, 0.8) * 86_400)
            await self._post_twice(day)
            await self._look_after()
            await asyncio.sleep(START.timestamp() + (day + 1) * 86_400 - self.clock.now().timestamp())
        self.world.trouble_share = 0.0
        for _ in range(3):  # what is left comes to its end in good weather
            await asyncio.sleep(CYCLE_S)
            await self._look_after()
        stop.set()

    async def _post_twice(self, day: int) -> None:
        account = self.dice.choice(ACCOUNTS)
        params = {
            "reference": f"R-{day}",
            "title": f"Laptop {day}",
            "price": "250.00",
            "currency": "EUR",
            "category": "computers",
            "condition": "used",
            "description": "As new.",
            "location": "Haifa",
        }
        self.published += 1
        for _ in range(2):
            await self.engine.submit([NewJob(account=account, flow="publish_listing", params=params)])

    async def _look_after(self) -> None:
        for account in await self.records.accounts.list_accounts(states=[AccountState.PARKED]):
            await self.records.accounts.set_state(account.name, AccountState.ACTIVE)
            self.engine.resumed[account.name] = self.clock.now()
        for effect in await self.records.effects.list_effects(states=[EffectState.UNKNOWN]):
            there = self.world.of(effect.account, effect.natural_key.split("|")[0])
            to = EffectState.CONFIRMED if there else EffectState.NOT_DONE
            await self.records.effects.settle(effect.id, to, remote_id=there[0] if there else None)
        waiting = [JobState.PARKED, JobState.UNKNOWN, JobState.FAILED]
        for job in await self.engine.list_jobs(states=waiting, limit=50):
            if job.flow == "publish_listing" or job.state is JobState.PARKED:
                await self._retry(job)

    async def _retry(self, job: Job) -> None:
        try:
            await self.engine.retry(job.id)
        except Conflict:
            self.figures.counts["retries refused"] += 1


def launch_request(account: str) -> Any:
    """What Visits asks of a LaunchRequest."""
    return SimpleNamespace(
        account=account,
        mode=Mode.HEADLESS,
        profile_dir=Path(account),
        browser=SimpleNamespace(major=1),
        allowed_origins=(),
    )


async def password(_: object) -> str:
    return "secret"


async def free() -> None:
    """Nobody else writes."""


async def nobody(_: object) -> None:
    """No browser is left of anybody here."""


def virtual_days(figures: Figures, *, days: int) -> str:
    """Live through so many days; returns the history's hash. Breaches go into `figures`."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runner.db"
            world = run_virtually(lambda clock: _lived(figures, path, clock, days))
            history = _history(path, world)
    finally:
        structlog.configure(**before)
    _judge(figures, world)
    figures.counts["days"] = days
    return history


async def _lived(figures: Figures, path: Path, clock: VirtualClock, days: int) -> World:
    world = World(clock=clock, dice=random.Random(figures.seed))
    async with Database.open(path, clock=clock, connect=connect_inline) as db:
        life = Life(db, world, figures, clock, figures.seed)
        await life.live(days)
        figures.counts["listings"] = life.published
        figures.counts["longest wait s"] = round(life.engine.longest_wait_s)
    return world


def _judge(figures: Figures, world: World) -> None:
    for words in world.breaches:
        figures.breach(words)
    times: dict[tuple[str, str], int] = {}
    for entry in world.committed():
        times[entry.account, entry.reference] = times.get((entry.account, entry.reference), 0) + 1
    figures.counts["sessions"] = world.seen["sessions"]
    figures.counts["submits"] = world.seen["submits"]
    figures.counts["troubles"] = world.seen["troubles"]
    figures.counts["duplicates"] = sum(count - 1 for count in times.values())
    figures.counts["lost"] = figures.counts["listings"] - len(times)
    if figures.counts["duplicates"]:
        figures.breach(f"published more than once: {[key for key, count in times.items() if count > 1][:5]}")
    if figures.counts["lost"]:
        figures.breach(f"{figures.counts['lost']} listings were never published")


def _history(path: Path, world: World) -> str:
    """One hash over every Attempt and every line of the site's ledger, in order, with their times."""
    told = hashlib.sha256()
    with sqlite3.connect(path) as tables:
        rows = tables.execute(
            "SELECT id, job_id, number, started_at, ended_at, outcome, kind, wait_s, reason FROM attempt ORDER BY id"
        )
        for row in rows:
            told.update(repr(row).encode())
    tables.close()
    for entry in world.committed():
        told.update(repr(entry).encode())
    return told.hexdigest()[:16]


def lives_twice(figures: Figures, *, days: int, repeat: int = 1) -> None:
    """The check: live once, and again with the same seed for as many days as `repeat` says; histories must agree."""
    first = virtual_days(figures, days=days)
    figures.counts[f"history {first}, days lived twice"] = repeat
    if repeat:
        once, again = (virtual_days(Figures(check="again", seed=figures.seed), days=repeat) for _ in range(2))
        if once != again:
            figures.breach(f"the same seed gave two histories in {repeat} days: {once} and {again}")
