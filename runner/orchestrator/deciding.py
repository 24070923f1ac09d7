"""Has the Rules asked about what arrives, and follow-ups sent: beside the work, never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from runner.domain.jobs import Event
from runner.inbox.answering import Answering
from runner.inbox.following import Following
from runner.orchestrator.first_of import first_of
from runner.store.events import Events
from runner.store.hub import Subscription

log = structlog.get_logger()

SWEEP_EVERY_S = 15.0
"""What another process has read, classified or corrected is decided about after so long at most."""

LAST_SWEEP_S = 10.0

ENDS = ("JobSucceeded", "JobFailed", "JobCancelled", "JobUnknown")


def tells_of_types(event: Event) -> bool:
    """Whether there may be something to decide about."""
    return event.name in ("MessageClassified", "MessagesReceived")


def tells_of_sends(event: Event) -> bool:
    """Whether there may be something to follow up, or no longer."""
    ended = event.name in ENDS and event.data.get("flow") == "send_message"
    return ended or event.name in ("MessagesReceived", "ThreadChanged", "ThreadEnrolled")


class Deciding:
    """Sweeps at the start, whenever this process has classified something, now and then, and once more at the end."""

    def __init__(
        self, *, answering: Answering | Following, events: Events, wakes: Callable[[Event], bool] = tells_of_types
    ) -> None:
        self._answering = answering
        self._wakes = wakes
        self._events = events
        self._arrived = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Decide until `stop` is set, and about what has come by then."""
        with self._events.subscribe() as seen:
            hearing = asyncio.create_task(self._hear(seen))
            try:
                while not stop.is_set():
                    await self._sweep(stop)
                    await self._woken(stop)
                await self._last_sweep()
            finally:
                hearing.cancel()

    async def _sweep(self, stop: asyncio.Event | None = None) -> None:
        self._arrived.clear()
        try:
            await self._answering.sweep(stop)
        except Exception:
            # Answering is never worth the work that it stands beside; what is undecided is found again.
            log.exception("messages stay undecided, and are looked at again")

    async def _hear(self, seen: Subscription) -> None:
        async for event in seen:
            if self._wakes(event):
                self._arrived.set()

    async def _woken(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(SWEEP_EVERY_S):
                await first_of(self._arrived, stop)
        except TimeoutError:
            return

    async def _last_sweep(self) -> None:
        try:
            async with asyncio.timeout(LAST_SWEEP_S):
                await self._sweep()
        except TimeoutError:
            log.warning("messages stay undecided until the next run", after_s=LAST_SWEEP_S)
