"""What went wrong with single items of a sweep: the others go on, and each is tried again later, ever more rarely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from runner.domain.clock import Clock

log = structlog.get_logger()

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Setback:
    """How often an item has failed, and when it is tried again."""

    failures: int
    again_at: datetime


class Setbacks:
    """The items of one process that could not be dealt with; a new process tries each of them once more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, int], Setback] = {}

    def waiting(self, what: str) -> set[int]:
        """The numbers of the items of a kind that are left alone for now."""
        now = self._clock.now()
        return {number for (kind, number), each in self._known.items() if kind == what and each.again_at > now}

    async def attempt(self, what: str, number: int, work: Callable[[], Awaitable[object]]) -> bool:
        """Deal with an item, and say whether anything came of it; a failure is told and remembered."""
        try:
            done = await work()
        except Exception:  # noqa: BLE001 — it is logged in _note
            # One item that cannot be dealt with must not keep all behind it from being dealt with.
            self._note(what, number)
            return False
        self._known.pop((what, number), None)
        return bool(done)

    def _note(self, what: str, number: int) -> None:
        before = self._known.get((what, number))
        failures = before.failures + 1 if before else 1
        wait = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
        self._known[what, number] = Setback(failures=failures, again_at=self._clock.now() + wait)
        log.exception(
            "one item is left for later", what=what, number=number, failures=failures, again_in_s=wait.total_seconds()
        )
