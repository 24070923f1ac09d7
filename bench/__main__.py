"""What does the runner cost over a bare Playwright script? Run: make bench, or python -m bench --help.

Writes the tables to bench/RESULTS.md, with what they were measured on. bench/README.md says what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import platform
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from bench import claims, goods, report
from bench.market import THREADS, BenchMarket, open_market
from bench.measure import CAN_MEASURE, Meter
from bench.report import Measurement
from bench.ways import Way, Ways, Worker
from runner.browser.discovery import Browser, find_browser

ACCOUNTS = ("farid", "elena", "dev", "carla")
RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int
    memory_rounds: int
    browsers: tuple[int, ...]
    queue: claims.Queue


FULL = Plan(rounds=5, memory_rounds=1, browsers=(1, 2, 4), queue=claims.Queue())
SHORT = Plan(rounds=1, memory_rounds=1, browsers=(1,), queue=claims.Queue(accounts=100, jobs=1_000, claims=50))


class Bench:
    """Gives the same sessions to both ways in turn, and checks each against the marketplace's ledger."""

    def __init__(self, market: BenchMarket, photo: Path, workers: dict[tuple[Way, int], Worker]) -> None:
        self._market = market
        self._photo = photo
        self._workers = workers
        self._made = 0

    def prepare(self, accounts: Sequence[str], widest: int) -> None:
        """Sign in, read what is old, and do everything once so that all is warm."""
        for way in Way:
            self._workers[way, widest].order({"prepare": accounts})
        for way, browsers in self._workers:
            self.once(way, browsers, number=0, memory=False)

    def once(self, way: Way, browsers: int, *, number: int, memory: bool) -> Measurement:
        """Measure `browsers` sessions side by side. Raises RuntimeError when they did not do their work."""
        accounts = ACCOUNTS[:browsers]
        self._market.write_to(accounts)
        worker = self._workers[way, browsers]
        order = {"listings": {account: self._listing() for account in accounts}}
        with Meter(worker.pid, memory=memory) as meter:
            seconds = worker.order(order)
        self._check(way, accounts)
        self._market.tidy()
        return Measurement(way=way, browsers=browsers, round=number, seconds=seconds, cost=meter.cost)

    def rounds(self, count: int, *, first: int, memory: bool, browsers: Sequence[int]) -> list[Measurement]:
        """So many rounds; which way goes first changes every round."""
        measured = []
        for number in range(first, first + count):
            order = list(Way) if number % 2 else list(reversed(Way))
            for width in browsers:
                measured += [self.once(way, width, number=number, memory=memory) for way in order]
            tell(f"round {number}{' (memory)' if memory else ''} done")
        return measured

    def _listing(self) -> dict[str, str]:
        self._made += 1
        return goods.listing(self._made, self._photo)

    def _check(self, way: Way, accounts: Sequence[str]) -> None:
        done = self._market.done()
        for account in accounts:
            counts = done.get(account, Counter())
            if counts.get("listing_published") != 1 or counts.get("thread_read") != THREADS:
                raise RuntimeError(f"{way} did not do its work for {account}: the ledger says {dict(counts)}")


def machine(browser: Browser, load: float) -> str:
    """What the numbers were measured on."""
    memory = psutil.virtual_memory().total / 1024**3
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB RAM, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{browser.name} {browser.version}, Playwright {version('playwright')}. "
        f"Load average at the start: {load:.2f}{', so it was busy with other work too' if load > 1 else ''}."
    )


def run(plan: Plan, folder: Path) -> str:
    """Measure, and return the page for RESULTS.md."""
    load, began = os.getloadavg()[0], datetime.now(UTC)
    browser = find_browser(configured=None, headless=True)
    accounts, widest = ACCOUNTS[: max(plan.browsers)], max(plan.browsers)
    with open_market(folder / "market") as market, Ways(folder, market, browser, accounts) as ways:
        workers = {(way, width): ways.worker(way, width) for width in plan.browsers for way in Way}
        bench = Bench(market, goods.photo(folder / "camera.jpg"), workers)
        bench.prepare(accounts, widest)
        tell("everything is warm")
        measured = bench.rounds(plan.rounds, first=1, memory=False, browsers=plan.browsers)
        memory = bench.rounds(plan.memory_rounds, first=plan.rounds + 1, memory=True, browsers=plan.browsers)
    tell("now claims")
    queued = asyncio.run(claims.measure(folder, plan.queue))
    tables = f"{report.tables(measured, memory)}\n## Claims\n\n{claims.table(queued, plan.queue)}"
    return page(plan, machine(browser, load), began, tables)


def page(plan: Plan, described: str, began: datetime, tables: str) -> str:
    """RESULTS.md as a whole."""
    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    return (
        "# What the runner costs over a bare Playwright script\n\n"
        f"Written by `{command}` (`make bench`) on {began:%Y-%m-%d %H:%M} UTC. README.md says what is measured.\n\n"
        f"{described}\n\n"
        f"One session: open the profile, read {THREADS} changed threads, publish a listing with a photo, close. "
        f"Rounds: {plan.rounds}, both ways in turn; medians, with the least and the most in brackets. "
        "Ratios are runner over bare script, taken round by round.\n\n"
        f"{tables}"
    )


def tell(words: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"bench: {words}\n")


def main() -> None:
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one round with one browser: to see that it works")
    parser.add_argument("--rounds", type=int, help=f"timed rounds (default {FULL.rounds})")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables go (default bench/RESULTS.md)")
    given = parser.parse_args()
    if not CAN_MEASURE:
        parser.error("it reads /proc/PID/smaps_rollup, which only Linux has: run it there, or in a container")
    plan = SHORT if given.short else FULL
    if given.rounds:
        plan = dataclasses.replace(plan, rounds=given.rounds)
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        text = run(plan, Path(folder))
    given.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
