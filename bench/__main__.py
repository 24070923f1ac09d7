"""What does a session cost in the runner, and in what else there is? Run: make bench, or python -m bench --help.

Writes the tables to bench/RESULTS.md, with what they were measured on. bench/README.md says what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bench import aims, claims, goods, report
from bench.aims import Aim
from bench.chart import chart
from bench.market import THREADS, open_market
from bench.measure import CAN_MEASURE
from bench.report import Measurement, Spread
from bench.sessions import ACCOUNTS, EVIDENCE, Bench, tell
from bench.ways import HOUSE, Way, Ways, missing
from runner.browser.discovery import Browser, find_browser

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured; `beside` are commands whose output is shown as it is."""

    rounds: int
    browsers: tuple[int, ...]
    queue: claims.Queue
    ways: tuple[Way, ...] = tuple(Way)
    cold: tuple[Way, ...] = tuple(Way)
    beside: Mapping[str, str] = dataclasses.field(default_factory=dict)


FULL = Plan(
    rounds=5,
    browsers=(1, 2, 4),
    queue=claims.Queue(),
    beside={
        "What keeping each step costs": "bench.trail",
        "Ways to have a last picture": "bench.last_picture",
        "What 200 listeners cost a cycle": "bench.listeners",
        "Pages of the console": "bench.pages",
    },
)
SHORT = Plan(rounds=1, browsers=(1,), cold=(Way.RUNNER,), queue=claims.Queue(accounts=100, jobs=1_000, claims=50))


def machine(browser: Browser, load: float) -> str:
    """What the numbers were measured on."""
    memory = psutil.virtual_memory().total / 1024**3
    packages = ", ".join(f"{name} {at}" for name in ("playwright", "crawlee", "selenium") if (at := _version(name)))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB RAM, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{browser.name} {browser.version}, {packages}. "
        f"Load average at the start: {load:.2f}{', so it was busy with other work too' if load > 1 else ''}."
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that was measured."""

    measured: list[Measurement]
    memory: list[Measurement]
    cold: Mapping[Way, list[float]]
    evidence: Mapping[str, list[Measurement]]
    readings: Mapping[str, list[float]]

    def aims(self) -> list[Aim]:
        """The aims, those with what was measured."""
        base, kept = self.evidence["none"], self.evidence["default"]
        return [
            *aims.of_sessions(self.measured),
            Aim(
                figure="processor time with default evidence over none, when nothing fails",
                limit=1.05,
                found=Spread.of(one.cpu_s / other.cpu_s for one, other in zip(kept, base, strict=True)),
            ),
            Aim(
                figure="seconds of reading unchanged inboxes over reading them the first time",
                limit=0.2,
                found=Spread.of(
                    one / other for one, other in zip(self.readings["again"], self.readings["first"], strict=True)
                ),
            ),
        ]

    def tables(self) -> str:
        """Everything but what stands in modules of its own."""
        return "\n".join(
            [
                f"## Aims\n\n{aims.table(self.aims())}",
                f"## Sessions\n\n{report.tables(self.measured, self.memory)}",
                f"## From nothing to the first result\n\n{_cold_table(self.cold)}",
                f"## Evidence, when nothing fails\n\n{_evidence_table(self.evidence)}",
            ]
        )


def run(plan: Plan, folder: Path) -> tuple[str, str]:
    """Measure; the page for RESULTS.md, and its chart."""
    load, began = os.getloadavg()[0], datetime.now(UTC)
    browser = find_browser(configured=None, headless=True)
    left_out = {way: why for way in Way if (why := missing(way))}
    which = [way for way in plan.ways if way not in left_out]
    accounts = ACCOUNTS[: max(plan.browsers)]
    with open_market(folder / "market") as market, Ways(folder, market, browser, accounts) as ways:
        bench = Bench(market, goods.photo(folder / "camera.jpg"), ways, which, plan.browsers)
        bench.prepare()
        tell("everything is warm")
        found = Found(
            measured=bench.rounds(plan.rounds, first=1, memory=False),
            memory=bench.rounds(1, first=plan.rounds + 1, memory=True),
            cold=bench.cold(plan.rounds, [way for way in which if way in plan.cold]),
            evidence=bench.evidence(plan.rounds),
            readings=bench.readings(plan.rounds),
        )
    tell("now claims")
    queued = asyncio.run(claims.measure(folder, plan.queue))
    parts = [found.tables(), f"## Claims and events\n\n{claims.table(queued, plan.queue)}"]
    parts += [f"## {title}\n\n{_beside(module)}" for title, module in plan.beside.items()]
    said = page(plan, machine(browser, load), began, left_out)
    return said + "\n".join(parts), chart(found.measured, max(plan.browsers))


def page(plan: Plan, described: str, began: datetime, left_out: Mapping[Way, str]) -> str:
    """The beginning of RESULTS.md."""
    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    absent = "".join(f"\nLeft out: {way}, because {why}.\n" for way, why in left_out.items())
    return (
        "# What a session costs, in the runner and in what else there is\n\n"
        f"Written by `{command}` (`make bench`) on {began:%Y-%m-%d %H:%M} UTC. README.md says what is measured.\n\n"
        f"{described}\n\n"
        f"One session: read {THREADS} changed threads, publish a listing with a photo. "
        f"Rounds: {plan.rounds}, all ways in turn; medians, with the least and the most in brackets. "
        f"Ratios are taken round by round.\n{absent}\n![Sessions per minute](results.svg)\n\n"
    )


def _cold_table(cold: Mapping[Way, Sequence[float]]) -> str:
    rows = "".join(f"| {way} | {Spread.of(seconds).text(2)} |\n" for way, seconds in cold.items())
    return f"| way | seconds from its start to the end of its first session |\n|---|---:|\n{rows}"


def _evidence_table(evidence: Mapping[str, Sequence[Measurement]]) -> str:
    base, rows = evidence["none"], ""
    for kind in EVIDENCE:
        pairs = list(zip(evidence[kind], base, strict=True))
        cells = (
            Spread.of(each.cpu_s for each in evidence[kind]).text(2),
            Spread.of(one.cpu_s / other.cpu_s for one, other in pairs).text(2),
            Spread.of(one.seconds / other.seconds for one, other in pairs).text(2),
        )
        rows += f"| {kind} | {' | '.join(cells)} |\n"
    return f"| kept | processor s per session | over none | seconds, over none |\n|---|---:|---:|---:|\n{rows}"


def _beside(module: str) -> str:
    tell(f"now {module}")
    done = subprocess.run([sys.executable, "-m", module], cwd=HOUSE, capture_output=True, text=True, check=False)
    return f"`python -m {module}`\n\n```\n{(done.stdout or done.stderr).rstrip()}\n```\n"


def main() -> None:
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    names = [way.name.lower() for way in Way]
    parser.add_argument("--short", action="store_true", help="one round with one browser: to see that it works")
    parser.add_argument("--rounds", type=int, help=f"timed rounds (default {FULL.rounds})")
    parser.add_argument("--ways", nargs="+", metavar="WAY", choices=names, help=f"only these of {', '.join(names)}")
    parser.add_argument("--alone", action="store_true", help="the sessions and claims only, none of the other benches")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables go (default bench/RESULTS.md)")
    given = parser.parse_args()
    if not CAN_MEASURE:
        parser.error("it reads /proc/PID/smaps_rollup, which only Linux has: run it there, or in a container")
    plan = SHORT if given.short else FULL
    if given.rounds:
        plan = dataclasses.replace(plan, rounds=given.rounds)
    if given.ways:
        plan = dataclasses.replace(plan, ways=tuple(way for way in Way if way.name.lower() in {*given.ways, "runner"}))
    if given.alone:
        plan = dataclasses.replace(plan, beside={})
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        text, drawn = run(plan, Path(folder))
    given.out.write_text(text, encoding="utf-8")
    given.out.with_name("results.svg").write_text(drawn, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
