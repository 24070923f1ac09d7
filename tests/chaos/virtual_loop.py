"""Virtual time: an event loop whose clock jumps to the next timer whenever nothing else is left to do.

Nothing of the product is replaced for it: `asyncio.sleep`, `asyncio.timeout` and the like ask their loop for the time.
The database runs in the loop's own thread, so that the same seed gives the same history.
"""

from __future__ import annotations

import asyncio
import selectors
import sqlite3
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from runner.store import driver

T = TypeVar("T")

START = datetime(2026, 3, 1, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Where a real loop would wait for its next timer, this one is there at once."""

    def __init__(self) -> None:
        self._virtual_s = 0.0
        super().__init__(_Jumping(self.jump))
        # A timer that is due this much later counts as due. The machine's own nanosecond is lost in the sum after half
        # a year, and the loop would spin for ever at a timer that is due now.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual_s

    def jump(self, seconds: float) -> None:
        self._virtual_s += seconds


class _Jumping(selectors.DefaultSelector):
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            # No timer at all: only a thread can go on, such as the one that makes the tables.
            return super().select(10)
        # A timer is due a hair after the clock's resolution, so that rounding never makes the loop spin.
        self._jump(max(timeout, 1e-6))
        return []


class VirtualClock:
    """The time of day that belongs to the loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())


class InlineConnection(driver.Connection):
    """A connection without a thread of its own, and without syncs: no power fails in virtual time."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str) and args[0].startswith("PRAGMA synchronous"):
            args = ("PRAGMA synchronous=OFF", *args[1:])
        return fn(*args, **kwargs)

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def connect_inline(path: str, **options: Any) -> driver.Connection:
    connection = InlineConnection(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
    connection._connection = sqlite3.connect(path, **options)
    return connection


def run_virtually(main: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(VirtualClock(runner.get_loop())))
