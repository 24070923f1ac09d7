"""The processes of a runner, found through /proc, killed, and looked for afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

NAMES = ("runner", "driver", "browser", "all")


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process by pid and start time, so that a later one with the same pid is not mistaken for it."""

    pid: int
    started: float
    words: str

    def lives(self) -> bool:
        """Whether it still runs; a zombie does not."""
        with contextlib.suppress(psutil.NoSuchProcess):
            now = psutil.Process(self.pid)
            return now.create_time() == self.started and now.status() != psutil.STATUS_ZOMBIE
        return False


@dataclass(frozen=True, kw_only=True)
class Family:
    """A runner with what it has started."""

    runner: int
    driver: tuple[int, ...]
    browser: tuple[int, ...]
    rest: tuple[int, ...]

    def members(self, name: str) -> tuple[int, ...]:
        """The pids that a blow against this name hits."""
        if name == "all":
            return (self.runner, *self.driver, *self.browser, *self.rest)
        return {"runner": (self.runner,), "driver": self.driver, "browser": self.browser}[name]


def family(runner: int) -> Family:
    """Who is there now, in one look at the process table."""
    below = _children()
    driver = tuple(pid for pid in below.get(runner, ()) if b"run-driver" in _command(pid))
    browser = tuple(pid for node in driver for pid in below.get(node, ()))
    rest = tuple(pid for each in browser for pid in _descendants(each, below))
    return Family(runner=runner, driver=driver, browser=browser, rest=rest)


def _children() -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
        with contextlib.suppress(OSError):
            # "4711 (name, maybe with blanks) S 4700 ...": the parent stands second behind the bracket.
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(pid)
    return below


def _descendants(pid: int, below: dict[int, list[int]]) -> list[int]:
    nearest = below.get(pid, [])
    return [*nearest, *(deeper for child in nearest for deeper in _descendants(child, below))]


def identified(pids: Iterable[int]) -> list[Process]:
    """The processes among these pids that run."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            one = psutil.Process(pid)
            found.append(Process(pid=pid, started=one.create_time(), words=" ".join(one.cmdline()[:3])))
    return found


def kill(pids: Iterable[int]) -> None:
    """SIGKILL, in this order, without a pause."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
