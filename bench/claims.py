"""How long does a claim take when very much is queued, and an event after it? Run: python -m bench.claims --help.

Prints one table. The queue has every priority, Jobs that are due, that fall due meanwhile, and that are for later.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.jobs import Lease, NewJob
from runner.domain.states import Priority
from runner.engine.embedded import EmbeddedEngine
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events

PROMISED_MS = 2.0
DUE_IN_S = (-100, -5, 30, 60, 90, 120, 3_600, 86_400)
"""A quarter of the Jobs is due at once; half falls due during the measurement, second by second."""

FLOWS = ("read_inbox", "check_login")


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How much is queued, and how often it is claimed from."""

    accounts: int = 10_000
    jobs: int = 100_000
    claims: int = 2_000


class JumpingClock:
    """A clock that the measurement moves: a hundredth of a second with every claim."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The time so far."""
        return self.time


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Milliseconds of one kind of call: on the wall, and of this process's processor time."""

    what: str
    wall_ms: list[float]
    processor_ms: list[float]

    def row(self) -> str:
        """A line of the table."""
        wall = sorted(self.wall_ms)
        figures = (
            statistics.median(wall),
            wall[int(len(wall) * 0.95)],
            wall[int(len(wall) * 0.99)],
            wall[-1],
            statistics.median(self.processor_ms),
        )
        each_s = f"{1_000 * len(wall) / sum(wall):.0f}"
        return f"| {self.what} | {len(wall)} | {each_s} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |"


async def fill(db: Database, engine: EmbeddedEngine, *, accounts: int, jobs: int, dice: random.Random) -> None:
    """Put that many Accounts and queued Jobs into an empty store."""
    secret = SecretRef(kind="env", name="PASSWORD")
    names = [f"shop-{number:05}" for number in range(accounts)]
    await Accounts(db).add_many([NewAccount(name=name, site="mock", username=name, secret=secret) for name in names])
    now, priorities = db.clock.now(), list(Priority)
    for start in range(0, jobs, 1_000):
        part = [
            NewJob(
                account=dice.choice(names),
                flow=dice.choice(FLOWS),
                priority=dice.choice(priorities),
                due_at=now + timedelta(seconds=dice.choice(DUE_IN_S) + dice.random()),
            )
            for _ in range(min(1_000, jobs - start))
        ]
        await engine.submit(part)


async def measure(folder: Path, queue: Queue) -> list[Timed]:
    """Fill a store, then claim and end so many Jobs in turn. Raises RuntimeError when nothing was due."""
    clock = JumpingClock()
    async with Database.open(folder / "bench.db", clock=clock) as db:
        engine = EmbeddedEngine(db)
        await fill(db, engine, accounts=queue.accounts, jobs=queue.jobs, dice=random.Random(3))  # noqa: S311 — no secret
        claimed = Timed(what="claim", wall_ms=[], processor_ms=[])
        ended = Timed(what="succeed", wall_ms=[], processor_ms=[])
        leases: list[Lease] = []

        async def claim() -> None:
            lease = await engine.claim(owner="bench", ttl_s=10)
            if lease is None:
                raise RuntimeError("nothing was due: the measurement means nothing")
            leases.append(lease)

        for _ in range(queue.claims):
            clock.time += timedelta(milliseconds=10)
            await _time(claimed, claim)
            await _time(ended, lambda: engine.succeed(leases.pop(), {"messages": 1}))
        told, events = Timed(what="event", wall_ms=[], processor_ms=[]), Events(db)
        for number in range(queue.claims):
            await _time(told, lambda number=number: events.append("BenchCounted", number=number))  # type: ignore[misc]  # because mypy cannot tell the type of a lambda with a default
    return [claimed, ended, told]


async def _time(timed: Timed, call: Callable[[], Awaitable[None]]) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    await call()
    timed.wall_ms.append((time.perf_counter() - wall) * 1_000)
    timed.processor_ms.append((time.process_time() - processor) * 1_000)


def table(timed: list[Timed], queue: Queue) -> str:
    """The table as RESULTS.md shows it."""
    head = (
        f"With {queue.jobs:,} queued jobs of {queue.accounts:,} accounts, each call committed with synchronous=FULL; "
        f"the aim is {PROMISED_MS:.0f} ms for a claim.\n\n"
        "| call | times | per second | median ms | p95 ms | p99 ms | most ms | median processor ms |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(each.row() for each in timed) + "\n"


def main() -> None:
    """Parse the command line, measure, print; exit code 1 when the median claim takes longer than the aim."""
    parser = argparse.ArgumentParser(prog="python -m bench.claims", description=(__doc__ or "").splitlines()[0])
    for name, default in dataclasses.asdict(Queue()).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    queue = Queue(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        timed = asyncio.run(measure(Path(folder), queue))
    sys.stdout.write(table(timed, queue))
    sys.exit(1 if statistics.median(timed[0].wall_ms) > PROMISED_MS else 0)


if __name__ == "__main__":
    main()
