"""Follows Threads up: beside the work, never in its way."""

from __future__ import annotations

import asyncio

from runner.domain.jobs import Event
from runner.inbox.following import FLOW, Following
from runner.orchestrator.sweeping import Sweeping
from runner.store.events import Events

SWEEP_EVERY_S = 15.0
"""What is due, or was said to another process, is seen after so long at most."""

ENDED = ("JobSucceeded", "JobFailed", "JobCancelled", "JobUnknown")
STIRRING = ("MessagesReceived", "ThreadChanged", "ThreadEnrolled")


class FollowingUp:
    """Sends what is due, and stops what somebody has answered."""

    def __init__(self, *, following: Following, events: Events) -> None:
        self._sweeping = Sweeping(
            following.sweep, events=events, wakes=_wakes, every_s=SWEEP_EVERY_S, left="follow-ups wait"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Follow up until `stop` is set, and once more then."""
        await self._sweeping.run(stop)


def _wakes(event: Event) -> bool:
    return event.name in STIRRING or (event.name in ENDED and event.data.get("flow") == FLOW)
