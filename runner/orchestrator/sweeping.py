"""The loop that all work beside the work has: a sweep when there may be something to do, and once more at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from runner.domain.jobs import Event
from runner.orchestrator.first_of import first_of
from runner.store.events import Events
from runner.store.hub import Subscription

log = structlog.get_logger()

Sweep = Callable[[asyncio.Event | None], Awaitable[object]]
"""Does all that there is to do, or as much as there is time for until the Event; what it leaves, it finds again."""

LAST_SWEEP_S = 10.0
"""A person who stops a daemon does not wait for more."""


class BesideWork(Protocol):
    """Whatever goes on beside the work, until it is told to stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop` is set, and see to what has come by then."""
        ...


class Sweeping:
    """Sweeps at the start, whenever an Event of this process `wakes` it, every `every_s`, and once more at the end.

    Without `at_start` nothing is looked for that was there before, neither at the start nor, where nothing has come
    since, at the end. A sweep that fails is logged with `left`, which says what stays undone, and made again.
    """

    def __init__(
        self,
        sweep: Sweep,
        *,
        events: Events,
        wakes: Callable[[Event], bool],
        every_s: float,
        left: str,
        at_start: bool = True,
    ) -> None:
        self._sweep = sweep
        self._events = events
        self._wakes = wakes
        self._every_s = every_s
        self._left = left
        self._at_start = at_start
        self._woken = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set, and what has come by then."""
        with self._events.subscribe() as seen:
            hearing = asyncio.create_task(self._hear(seen))
            try:
                due = self._at_start
                while not stop.is_set():
                    if due:
                        await self._once(stop)
                    due = await self._is_due(stop)
                if self._at_start or self._woken.is_set() or any(map(self._wakes, seen.ready())):
                    await self._last()
            finally:
                hearing.cancel()

    async def _once(self, stop: asyncio.Event | None = None) -> None:
        self._woken.clear()
        try:
            await self._sweep(stop)
        except Exception:
            # What stands beside the work is never worth it; what was left is found again.
            log.exception(self._left)

    async def _hear(self, seen: Subscription) -> None:
        async for event in seen:
            if self._wakes(event):
                self._woken.set()

    async def _is_due(self, stop: asyncio.Event) -> bool:
        """Wait until there may be something to do; False when it is time to stop."""
        try:
            async with asyncio.timeout(self._every_s):
                await first_of(self._woken, stop)
        except TimeoutError:
            return True
        return not stop.is_set()

    async def _last(self) -> None:
        try:
            async with asyncio.timeout(LAST_SWEEP_S):
                await self._once()
        except TimeoutError:
            log.warning(f"{self._left} until the next run", after_s=LAST_SWEEP_S)
