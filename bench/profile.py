"""Where the processor time of the runner's own Python goes. Run: make profile, or python -m bench.profile --help.

Samples the process of `bench.ours` with py-spy while it does sessions, and draws the event loop's thread.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bench import goods
from bench.market import open_market
from bench.ways import Way, Ways
from runner.browser.discovery import find_browser

PICTURE = Path(__file__).with_name("profile.svg")
ACCOUNT = "farid"
WIDE, ROW = 1_200, 18
LEAST = 0.006
"""A function with less than this share of the time is not drawn."""
LOOP = ("(<frozen", "asyncio/", "threading.py", "contextlib.py", "<module>", "thread (", "bench/")
"""Frames that every sample has, or that only pass on: left out, so that the picture shows who is at work."""
WAITS = "select (selectors.py"


@dataclass(kw_only=True)
class Frame:
    """A function with the samples in it, and what it has called."""

    samples: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)


def tree(lines: Iterable[str]) -> Frame:
    """Py-spy's raw lines, `thread;function (file:line);… count`, as a tree of the main thread at work."""
    root = Frame()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if "MainThread" not in frames[0] or WAITS in frames[-1]:
            continue
        at, names = root, [each.rsplit(":", 1)[0] + ")" for each in frames[1:]]
        root.samples += int(count)
        for name in names:
            if any(part in name for part in LOOP):
                continue
            at = at.calls.setdefault(name, Frame())
            at.samples += int(count)
    return root


def draw(root: Frame, words: str) -> str:
    """The tree as SVG, the widest first, down to what can be read."""
    bars: list[str] = []
    depth = _draw(root, 0.0, 1, max(root.samples, 1), bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {(depth + 2) * ROW}" font-size="11" '
        f'font-family="system-ui,sans-serif"><title>{escape(words)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/><text x="4" y="13">{escape(words)}</text>'
        f"{''.join(bars)}</svg>\n"
    )


def _draw(frame: Frame, left: float, depth: int, whole: int, bars: list[str]) -> int:
    deepest = depth
    for name, each in sorted(frame.calls.items(), key=lambda pair: -pair[1].samples):
        share = each.samples / whole
        if share < LEAST:
            break
        width, top = share * WIDE, depth * ROW
        shown = escape(f"{name.split(' (')[0]} {share:.0%}"[: int(width / 6)])
        hue = 210 if "sqlalchemy" in name or "aiosqlite" in name else 150 if "(runner/" in name else 35
        bars.append(
            f'<g><title>{escape(name)} {share:.1%}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
            f'height="{ROW - 1}" fill="hsl({hue} 45% 80%)"/><text x="{left + 2:.1f}" y="{top + 12}">{shown}</text></g>'
        )
        deepest = max(deepest, _draw(each, left, depth + 1, whole, bars))
        left += width
    return deepest


def sampled(sessions: int, raw: Path, folder: Path) -> None:
    """Do sessions, and have py-spy write what it has seen to `raw`."""
    browser = find_browser(configured=None, headless=True)
    with open_market(folder / "market") as market, Ways(folder, market, browser, [ACCOUNT]) as ways:
        worker, photo = ways.worker(Way.RUNNER, 1), goods.photo(folder / "camera.jpg")
        worker.order({"prepare": [ACCOUNT]})
        spy = None
        for number in range(sessions + 2):
            if number == 2:  # what is imported, trained and compiled once is no part of a session
                command = ["py-spy", "record", "--pid", str(worker.pid), "--nonblocking", "--format", "raw"]
                spy = subprocess.Popen([Path(sys.executable).with_name(command[0]), *command[1:], "-t", "-o", raw])
            market.tidy()
            market.write_to([ACCOUNT])
            worker.order({"listings": {ACCOUNT: goods.listing(number, photo)}})
        if spy is not None:
            spy.send_signal(signal.SIGINT)
            spy.wait(60)


def main() -> None:
    """Parse the command line, sample, draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--out", type=Path, default=PICTURE, help="where the picture goes (default bench/profile.svg)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runner-profile-") as name:
        raw = Path(name) / "raw.txt"
        sampled(given.sessions, raw, Path(name))
        root = tree(raw.read_text(encoding="utf-8").splitlines())
    words = f"The runner's event loop at work, {given.sessions} sessions, {root.samples} samples (py-spy)"
    given.out.write_text(draw(root, words), encoding="utf-8")


if __name__ == "__main__":
    main()
