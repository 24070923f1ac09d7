"""Why a running Attempt is being ended from outside."""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """Who ends a running Attempt; without one, a cancelled Attempt is our own shutdown."""

    SHUTDOWN = "shutdown"  # the Orchestrator stops: interrupted, costs no attempt
    CANCELLED = "cancelled"  # an operator asked for it
    STALE = "stale"  # the lease is lost: nothing may be written any more


class Watch:
    """Carries the reason from the heartbeat, which learns it, to the Attempt, which acts on it."""

    def __init__(self) -> None:
        self.ending = Ending.SHUTDOWN

    def end(self, ending: Ending) -> None:
        """Note the reason; the task is cancelled right after."""
        self.ending = ending
