"""Sees to what is owed in Threads: beside the work, never in its way."""

from __future__ import annotations

import asyncio

from runner.domain.jobs import Event
from runner.orchestrator.sweeping import Sweeping
from runner.store.due_times import STIRRING, DueTimes
from runner.store.events import Events

SWEEP_EVERY_S = 15.0
"""What has come due, or was done by another process, is seen after so long at most."""


class Escalating:
    """Keeps due times up, and tells once what is near and what is broken."""

    def __init__(self, *, due_times: DueTimes, events: Events) -> None:
        self._sweeping = Sweeping(
            due_times.sweep, events=events, wakes=_wakes, every_s=SWEEP_EVERY_S, left="due times wait"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """See to them until `stop` is set, and once more then."""
        await self._sweeping.run(stop)


def _wakes(event: Event) -> bool:
    return event.name in STIRRING
