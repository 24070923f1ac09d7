"""Heartbeats as another process sees them: which running Jobs' Leases are no longer renewed.

Nothing here compares `lease_until` with the time of day: a clock that is set by a day would make every live Worker look
frozen, or every frozen one alive. A renewal is seen by the value having changed, and silence is counted on this
process's own monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from runner.domain.jobs import Job


@dataclass(frozen=True, kw_only=True)
class Beat:
    """The last renewal of a Lease that was seen: what it looked like, and for how long it has been so."""

    owner: str | None
    fence: int
    lease_until: datetime | None
    silent_s: float = 0.0

    def is_same(self, other: Beat) -> bool:
        """Whether nothing was renewed between the two."""
        return (self.owner, self.fence, self.lease_until) == (other.owner, other.fence, other.lease_until)


class Heartbeats:
    """Counts for how long each Lease was not renewed; only suspicion comes of it, never proof of a death.

    No single gap between two looks counts for more than `longest_gap_s`: an observer that slept itself (a suspended
    laptop, SIGSTOP) must not suspect everybody when it wakes, before they had a moment to renew.
    """

    def __init__(
        self, *, ttl_s: float, longest_gap_s: float, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_s = ttl_s
        self._longest_gap_s = longest_gap_s
        self._monotonic_s = monotonic_s
        self._looked_at_s: float | None = None
        self._seen: dict[int, Beat] = {}

    def forget(self) -> None:
        """Count from anew: nobody could renew anything, so that silence so far says nothing."""
        self._seen = {}
        self._looked_at_s = None

    def silent(self, running: Iterable[Job]) -> list[Job]:
        """Look at all running Jobs; returns those whose Lease has not been renewed for its whole time to live."""
        now_s = self._monotonic_s()
        gap_s = 0.0 if self._looked_at_s is None else min(now_s - self._looked_at_s, self._longest_gap_s)
        self._looked_at_s = now_s
        seen: dict[int, Beat] = {}
        silent = []
        for job in running:
            beat = Beat(owner=job.owner, fence=job.fence, lease_until=job.lease_until)
            before = self._seen.get(job.id)
            if before is not None and before.is_same(beat):
                beat = Beat(
                    owner=job.owner, fence=job.fence, lease_until=job.lease_until, silent_s=before.silent_s + gap_s
                )
            seen[job.id] = beat
            if beat.silent_s >= self._ttl_s:
                silent.append(job)
        self._seen = seen
        return silent
