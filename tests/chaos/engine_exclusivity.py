"""Two daemons and five terminals on one data folder, killed at random: never one account twice at once.

No browsers: processes that claim, renew and finish through the engine. Each writes the beginning and the end of what it
holds into one append-only file, and that file is the judge, not our tables. An Account is held from the line "begin",
written after the claim, to the line "end", written before the outcome is recorded; by one that was killed, for as long
as it is sure to have lived.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.clock import SystemClock
from runner.domain.jobs import Lease, NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.errors import StaleLease
from runner.orchestrator import owners
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.owners import Owner
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.workers import LEASE_TTL_S
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.sessions import Sessions
from tests.chaos.figures import Figures

ACCOUNTS = tuple(f"account-{number}" for number in range(12))
ROLES = ("daemon", "daemon", "terminal", "terminal", "terminal", "terminal", "terminal")
RESCUE_EVERY_S = 0.2
AT_MOST_S = 3600.0
EMPTY_LOOKS = 3


@dataclass(kw_only=True)
class House:
    """One data folder and the file in which everybody writes what he holds."""

    folder: Path
    seed: int
    believes_everybody_dead: bool
    """The mutant: its rescuer takes Leases from the living."""
    children: dict[int, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "runner.db"

    @property
    def closing(self) -> Path:
        """There from the moment on at which nobody may bring a Job any more."""
        return self.folder / "closing"

    @property
    def told(self) -> Path:
        return self.folder / "intervals.log"

    def tell(self, descriptor: int, *words: object) -> None:
        """One line, appended in one piece, whoever else writes."""
        line = " ".join(str(word) for word in (time.monotonic_ns(), os.getpid(), *words))
        os.write(descriptor, f"{line}\n".encode())

    def journal(self) -> int:
        return os.open(self.told, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def count(self, where: str) -> int:
        with closing(sqlite3.connect(self.database, timeout=30)) as tables:
            return int(tables.execute(f"SELECT count(*) FROM job WHERE {where}").fetchone()[0])


def exclusivity(figures: Figures, *, claims: int, kills: int) -> None:
    """The check: nobody is held twice at once, nothing that was finished is lost or done again."""
    _run(figures, claims=claims, kills=kills, believes_everybody_dead=False)
    for words in _verdict(figures):
        figures.breach(words)


def trusting_rescuer(figures: Figures, *, claims: int) -> None:
    """The mutant: a rescuer that takes Leases from live owners must be convicted by the same judge."""
    _run(figures, claims=claims, kills=0, believes_everybody_dead=True)
    if not figures.counts["overlaps"]:
        figures.breach("the mutant was not convicted: the judge of overlaps proves nothing")


def _verdict(figures: Figures) -> Iterator[str]:
    for what in ("overlaps", "leases lost by the living", "finished twice", "acknowledged and lost", "unfinished"):
        if figures.counts[what]:
            yield f"{what}: {figures.counts[what]}"


def _run(figures: Figures, *, claims: int, kills: int, believes_everybody_dead: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = House(folder=Path(folder), seed=figures.seed, believes_everybody_dead=believes_everybody_dead)
        asyncio.run(_submit(house, claims))
        killed = _let_them_work(house, kills)
        _judge(house, figures)
        figures.counts["kills"] = killed


async def _submit(house: House, claims: int) -> None:
    secret = SecretRef(kind="env", name="PASSWORD")
    async with Database.open(house.database, clock=SystemClock()) as db:
        await Accounts(db).add_many(
            [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ACCOUNTS]
        )
        jobs = [NewJob(account=ACCOUNTS[number % len(ACCOUNTS)], flow="read_inbox") for number in range(claims)]
        await EmbeddedEngine(db).submit(jobs)


# ── The processes ─────────────────────────────────────────────────────────────────────────────────────────────


def _let_them_work(house: House, kills: int) -> int:
    """Start all, kill one now and then, start another in its place, until everything is done; returns the kills."""
    dice = random.Random(house.seed)
    descriptor = house.journal()
    deadline, killed, looked_at, empty_looks = time.monotonic() + AT_MOST_S, 0, 0.0, 0
    try:
        for role in ROLES:
            _start(house, role, dice)
        while time.monotonic() < deadline:
            time.sleep(dice.uniform(0.01, 0.1))
            if killed < kills:
                pid = dice.choice(sorted(house.children))
                house.tell(descriptor, "kill", pid)
                _end(house, pid)
                killed += 1
                _start(house, ROLES[killed % len(ROLES)], dice)
            elif time.monotonic() > looked_at + 0.5:
                looked_at = time.monotonic()
                empty = house.count("state IN ('queued', 'running')") == 0
                # A terminal may be bringing one just now: only what stays empty after closing time is done.
                empty_looks = empty_looks + 1 if empty and house.closing.exists() else 0
                house.closing.touch()
                if empty_looks == EMPTY_LOOKS:
                    break
            _replace_the_fallen(house, descriptor, dice)
    finally:
        for pid in list(house.children):
            _end(house, pid)
        os.close(descriptor)
    return killed


def _replace_the_fallen(house: House, descriptor: int, dice: random.Random) -> None:
    """A process that ended by itself, with an error, is a finding; another takes its place all the same."""
    for pid, role in list(house.children.items()):
        if os.waitpid(pid, os.WNOHANG)[0]:
            house.tell(descriptor, "fell", pid)
            del house.children[pid]
            _start(house, role, dice)


def _start(house: House, role: str, dice: random.Random) -> None:
    seed = dice.randrange(2**32)
    pid = os.fork()
    if pid:
        house.children[pid] = role
        return
    code = 1
    try:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        asyncio.run(_child(house, role, random.Random(seed)))
        code = 0
    except BaseException as error:  # noqa: BLE001 as a forked child must never return into its parent's code
        print(f"a {role} fell: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 because a person must see it
    finally:
        os._exit(code)


def _end(house: House, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    house.children.pop(pid, None)


async def _child(house: House, role: str, dice: random.Random) -> None:
    owner = str(Owner.this_process())
    if house.believes_everybody_dead:
        owners.is_alive = lambda other: other == owner
    descriptor = house.journal()
    async with Database.open(house.database, clock=SystemClock(), busy_timeout_s=60) as db:
        engine = EmbeddedEngine(db)
        rescuer = _rescuer(engine, db, owner)
        rescued_at = 0.0
        while True:
            if role == "daemon" and time.monotonic() > rescued_at + RESCUE_EVERY_S:
                await rescuer.rescue()
                rescued_at = time.monotonic()
            lease = await _claim(engine, role, owner, dice, closed=house.closing.exists())
            if lease is None:
                await asyncio.sleep(0.01)
                continue
            try:
                await _hold(house, engine, lease, descriptor, dice)
            except StaleLease:
                house.tell(descriptor, "stale", lease.job.account, lease.job.id)


async def _claim(engine: EmbeddedEngine, role: str, owner: str, dice: random.Random, *, closed: bool) -> Lease | None:
    """A daemon takes what Rotation gives; a terminal wants one Account, or brings a Job of its own."""
    if role == "daemon":
        return await engine.claim(owner=owner, ttl_s=LEASE_TTL_S)
    account = dice.choice(ACCOUNTS)
    if dice.random() < 0.8 or closed:
        return await engine.claim(owner=owner, ttl_s=LEASE_TTL_S, account=account)
    [job] = await engine.submit([NewJob(account=account, flow="check_login", pinned_to=owner)])
    return await engine.claim_job(job.id, owner=owner, ttl_s=LEASE_TTL_S) or await engine.claim(
        owner=owner, ttl_s=LEASE_TTL_S, account=account
    )


async def _hold(house: House, engine: EmbeddedEngine, lease: Lease, descriptor: int, dice: random.Random) -> None:
    account, job = lease.job.account, lease.job.id
    house.tell(descriptor, "begin", account, job)
    try:
        await asyncio.sleep(dice.uniform(0, 0.02))
        if dice.random() < 0.2:
            await engine.renew(lease, ttl_s=LEASE_TTL_S)
            house.tell(descriptor, "beat", account, job)
    finally:
        house.tell(descriptor, "end", account, job)
    if dice.random() < 0.05:
        await engine.requeue(lease)
    else:
        await engine.succeed(lease, {"by": os.getpid()})
        house.tell(descriptor, "ack", account, job)


def _rescuer(engine: EmbeddedEngine, db: Database, owner: str) -> Rescuer:
    async def nobody(_: object) -> None:
        """There are no browsers here."""

    return Rescuer(
        engine=engine,
        sessions=Sessions(db),
        owner=owner,
        heartbeats=Heartbeats(ttl_s=600, longest_gap_s=6),
        kill_browser=nobody,
        kill_driver=nobody,
        kill_process=nobody,
        kept_from_writing_by=db.kept_from_writing_by,
    )


# ── The judge ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Held:
    """One Account in the hands of one process; `last_ns` is when it is last sure to have been held."""

    pid: int
    job: int
    began_ns: int
    last_ns: int
    ended: bool = False


def _judge(house: House, figures: Figures) -> None:
    held: dict[str, list[Held]] = defaultdict(list)
    open_by: dict[int, tuple[str, Held]] = {}
    killed: dict[int, int] = {}  # job → the process that was killed while it held it
    acknowledged: dict[int, int] = defaultdict(int)
    for line in house.told.read_text().splitlines():
        at, pid, word, *rest = line.split()
        at_ns, number = int(at), int(pid)
        match word:
            case "begin":
                one = Held(pid=number, job=int(rest[1]), began_ns=at_ns, last_ns=at_ns)
                held[rest[0]].append(one)
                open_by[number] = (rest[0], one)
                figures.counts["jobs of the killed claimed again"] += killed.pop(one.job, None) is not None
            case "beat" | "end":
                open_by[number][1].last_ns = at_ns
                if word == "end":
                    open_by.pop(number)[1].ended = True
            case "kill":
                if int(rest[0]) in open_by:
                    one = open_by[int(rest[0])][1]
                    one.last_ns = at_ns
                    killed[one.job] = one.pid
                    figures.counts["killed while holding"] += 1
            case "ack":
                acknowledged[int(rest[1])] += 1
            case "stale":
                figures.counts["leases lost by the living"] += 1
            case "fell":
                figures.breach(f"process {rest[0]} ended by itself")
    figures.counts["claims"] = sum(len(each) for each in held.values())
    figures.counts["overlaps"] = sum(_overlaps(each) for each in held.values())
    figures.counts["finished twice"] = sum(times > 1 for times in acknowledged.values())
    done = set(_ids(house, "state = 'succeeded'"))
    figures.counts["acknowledged and lost"] = len(set(acknowledged) - done)
    figures.counts["unfinished"] = house.count("state <> 'succeeded'")


def _overlaps(held: list[Held]) -> int:
    """How often somebody began before the one before him was over."""
    found, over_ns = 0, 0
    for one in sorted(held, key=lambda each: each.began_ns):
        found += one.began_ns < over_ns
        over_ns = max(over_ns, one.last_ns)
    return found


def _ids(house: House, where: str) -> list[int]:
    with closing(sqlite3.connect(house.database, timeout=30)) as tables:
        return [int(row[0]) for row in tables.execute(f"SELECT id FROM job WHERE {where}")]
