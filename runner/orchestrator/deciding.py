"""Has the Rules asked about what arrives, and follow-ups sent: beside the work, never in its way."""

from __future__ import annotations

import asyncio

from runner.domain.jobs import Event
from runner.inbox.answering import FLOW, Answering
from runner.orchestrator.sweeping import Sweeping
from runner.store.events import Events

SWEEP_EVERY_S = 15.0
"""What another process has read, classified or corrected is decided about after so long at most."""

ARRIVED = ("MessageClassified", "MessagesReceived")
ENDED = ("JobSucceeded", "JobFailed", "JobCancelled")


class Deciding:
    """Decides about what has arrived, submits what goes out by itself, and enters what became of it."""

    def __init__(self, *, answering: Answering, events: Events) -> None:
        self._sweeping = Sweeping(
            answering.sweep, events=events, wakes=_wakes, every_s=SWEEP_EVERY_S, left="messages stay undecided"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Decide until `stop` is set, and about what has come by then."""
        await self._sweeping.run(stop)


def _wakes(event: Event) -> bool:
    return event.name in ARRIVED or (event.name in ENDED and event.data.get("flow") == FLOW)
