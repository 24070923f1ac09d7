"""Does it stay flat with a million jobs? Run: python -m bench.scale --help.

Asks what claims, pages and sweeps ask, of stores of 1,000 to 1,000,000 jobs in turn, and tells how the time grows:
0 is flat, 1 is as the store does. Then starts the daemon on the largest.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from bench.scale_calls import Asked, asked
from bench.scale_store import Shop, built
from runner.browser.processes import pss_bytes

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MOST_SLOPE = 0.15
START_S, MEMORY_MB = 2.0, 250
RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
CONFIG = """\
[sites.mock]
base_url = "http://127.0.0.1:9"

[log]
format = "json"
"""


def slope(by_size: Mapping[int, float]) -> float:
    """How a figure grows with the size: the least-squares line through their logarithms."""
    if len(by_size) == 1:
        return math.nan
    xs = [math.log(size) for size in by_size]
    ys = [math.log(max(figure, 1e-3)) for figure in by_size.values()]
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)


def table(found: Mapping[int, Mapping[str, Asked]]) -> str:
    """One row for each call: median milliseconds at each size, the slope of these, and that of SQLite's own steps."""
    sizes = list(found)
    head = "| call | " + " | ".join(f"{size:,}" for size in sizes) + " | slope | slope of steps | steps at most |\n"
    lines = [head, "|---" * (len(sizes) + 4) + "|\n"]
    for name in found[sizes[0]]:
        ms = {size: found[size][name].ms for size in sizes}
        steps = {size: float(found[size][name].steps) for size in sizes}
        told = " | ".join(f"{each:.1f}" for each in ms.values())
        lines.append(f"| {name} | {told} | {slope(ms):.2f} | {slope(steps):.2f} | {found[sizes[-1]][name].steps:,} |\n")
    return "".join(lines)


def started(database: Path) -> tuple[float, float, float]:
    """Seconds until a daemon says that it has started; its PSS in MB then, and its most within 20 s after that."""
    with tempfile.TemporaryDirectory(prefix="runner-scale-") as name:
        folder = Path(name)
        for each in database.parent.glob(f"{database.name}*"):
            shutil.copy(each, folder / each.name.replace(database.name, "runner.db"))
        # Nobody is served: what a daemon costs by itself is asked.
        with closing(sqlite3.connect(folder / "runner.db")) as connection, connection:
            connection.execute("UPDATE account SET state = 'paused'")
        (folder / "playwright.config.toml").write_text(CONFIG)
        began = time.monotonic()
        process = subprocess.Popen([*RUNNER, "daemon"], cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            while "daemon started" not in process.stderr.readline():
                if process.poll() is not None:
                    raise RuntimeError("the daemon did not start")
            took_s, first = time.monotonic() - began, pss_bytes(process.pid)
            most = first
            while time.monotonic() - began < took_s + 20:
                most = max(most, pss_bytes(process.pid))
                time.sleep(0.5)
        finally:
            process.terminate()
            process.wait(30)
    return took_s, first / 1e6, most / 1e6


def main() -> None:
    """Parse the command line, build what is lacking, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of jobs, with commas between")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "runner-scale")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--match", default="", help="only calls with this in their name")
    parser.add_argument("--no-daemon", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    sizes: Sequence[int] = [int(each) for each in given.sizes.split(",")]
    sys.stdout.write(f"Load average at the start: {os.getloadavg()[0]:.1f}; medians of {given.rounds}.\n\n")
    found = {}
    for size in sizes:
        path = built(given.folder, Shop(jobs=size))
        sys.stderr.write(f"scale: {size:,} jobs, {path.stat().st_size / 1e6:,.0f} MB\n")
        found[size] = asyncio.run(asked(path, rounds=given.rounds, match=given.match))
    sys.stdout.write(table(found))
    if not given.no_daemon:
        took_s, first, most = started(built(given.folder, Shop(jobs=sizes[-1])))
        sys.stdout.write(
            f"\nDaemon with {sizes[-1]:,} jobs: started after {took_s:.2f} s (aim {START_S:.0f}), "
            f"PSS {first:.0f} MB then and {most:.0f} MB at most (aim {MEMORY_MB}); load {os.getloadavg()[0]:.1f}.\n"
        )


if __name__ == "__main__":
    main()
