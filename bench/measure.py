"""What a process and all that it starts cost: processor seconds and memory, for Python, driver and Chromium apart.

Read from /proc (Linux). Memory is PSS: pages that several processes share are divided among them, so sums are true.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

from runner.browser.processes import PROC, pss_bytes

CAN_MEASURE = (PROC / "self" / "smaps_rollup").exists()
"""Whether this machine tells what is needed; only Linux does."""
TICK_S = 0.1
MEMORY_EVERY_TICKS = 3
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Part(StrEnum):
    """Which program a process belongs to."""

    PYTHON = "python"  # the bare script, or the runner
    DRIVER = "driver"  # Playwright's driver (node), or chromedriver
    CHROMIUM = "chromium"  # browsers with all their processes


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One process at one moment; `started` tells it from a later one with the same pid."""

    pid: int
    parent: int
    started: int
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Processor seconds by part, and peak PSS by part in bytes (0 where memory was not looked at)."""

    cpu_s: dict[Part, float] = field(default_factory=dict)
    peak_bytes: dict[Part, int] = field(default_factory=dict)


def parse_stat(text: str) -> Seen:
    """One /proc/PID/stat; the name in it may hold spaces and brackets."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    # Fields 14 and 15 of proc(5), user and system time, are the 12th and 13th after the name; 22, the start, the 20th.
    ticks = int(fields[11]) + int(fields[12])
    return Seen(pid=int(pid), parent=int(fields[1]), started=int(fields[19]), cpu_s=ticks / CLOCK_TICKS)


def parts(seen: Iterable[Seen], *, root: int, drivers: set[int]) -> dict[int, Part]:
    """The part of each process in the tree of `root`, by pid; what a driver started is Chromium."""
    children: dict[int, list[int]] = {}
    for each in seen:
        children.setdefault(each.parent, []).append(each.pid)
    found = {root: Part.PYTHON}
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent, []):
            if child in drivers:
                found[child] = Part.DRIVER
            else:
                found[child] = Part.PYTHON if found[parent] is Part.PYTHON else Part.CHROMIUM
            waiting.append(child)
    return found


class Meter:
    """Watches the tree of one process while its block runs; `cost` holds the result afterwards.

    Processor time is looked at every tenth of a second, so up to that much of a process's last moments is missed.
    """

    def __init__(self, root: int, *, memory: bool) -> None:
        self.cost = Cost()
        self._root = root
        self._memory = memory
        self._first: dict[tuple[int, int], float] = {}
        self._last: dict[tuple[int, int], float] = {}
        self._part: dict[tuple[int, int], Part] = {}
        self._peak: dict[Part, int] = dict.fromkeys(Part, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter")

    def __enter__(self) -> Self:
        self._look(memory=False)
        self._first = dict(self._last)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look(memory=self._memory)  # a block that was over before the first look at memory has a peak, too
        cpu_s = dict.fromkeys(Part, 0.0)
        for key, seconds in self._last.items():
            cpu_s[self._part[key]] += seconds - self._first.get(key, 0.0)
        self.cost = Cost(cpu_s=cpu_s, peak_bytes=dict(self._peak) if self._memory else {})

    def _run(self) -> None:
        ticks = 0
        while not self._over.wait(TICK_S):
            ticks += 1
            self._look(memory=self._memory and ticks % MEMORY_EVERY_TICKS == 0)

    def _look(self, *, memory: bool) -> None:
        seen = processes()
        mine = parts(seen, root=self._root, drivers=_drivers(seen, self._root))
        now: dict[Part, int] = dict.fromkeys(Part, 0)
        for each in seen:
            if each.pid not in mine:
                continue
            key = (each.pid, each.started)
            self._part[key] = mine[each.pid]
            self._last[key] = each.cpu_s
            if memory:
                now[mine[each.pid]] += pss_bytes(each.pid)
        for part, size in now.items():
            self._peak[part] = max(self._peak[part], size)


def processes() -> list[Seen]:
    """Every process that can be seen."""
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                found.append(parse_stat((folder / "stat").read_text(errors="replace")))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
    return found


def held_bytes(root: int) -> dict[Part, int]:
    """What a process and all that it started hold now, as PSS by part."""
    seen = processes()
    held = dict.fromkeys(Part, 0)
    for pid, part in parts(seen, root=root, drivers=_drivers(seen, root)).items():
        held[part] += pss_bytes(pid)
    return held


def _drivers(seen: Iterable[Seen], root: int) -> set[int]:
    """Children of `root` that are Playwright's driver, or Selenium's."""
    found = set()
    for each in seen:
        if each.parent == root:
            try:
                words = (PROC / str(each.pid) / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"run-driver" in words or words[0].endswith(b"chromedriver"):
                found.add(each.pid)
    return found
