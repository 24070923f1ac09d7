"""How much anybody may ask: a fixed number of requests in a minute, and ever longer waits after wrong passwords."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from runner.domain.clock import Clock

REMEMBERED = 10_000
FREE_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What is left to somebody in this minute; `reset_s` is how long it lasts."""

    limit: int
    remaining: int
    reset_s: int
    refused: bool


class Rates:
    """Counts requests by who asks, in windows of a minute. Kept in memory: a restart forgives."""

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def ask(self, who: str) -> Allowance:
        """Count one request."""
        now = self._clock.now()
        began, count = self._seen.pop(who, (now, 0))
        if not timedelta(0) <= now - began < MINUTE:
            began, count = now, 0
        self._seen[who] = (began, count + 1)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return Allowance(
            limit=self._per_minute,
            remaining=max(0, self._per_minute - count - 1),
            reset_s=max(1, math.ceil((began + MINUTE - now).total_seconds())),
            refused=count >= self._per_minute,
        )


class Patience:
    """Makes whoever guesses passwords wait: for each name and each address, longer after every failure."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def wait_s(self, *keys: str) -> int:
        """How long these must wait before the next try; 0 when they may try now."""
        now, longest = self._clock.now(), timedelta(0)
        for key in keys:
            count, last = self._failures.get(key, (0, now))
            if count >= FREE_TRIES:
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count - FREE_TRIES, 20))
                longest = max(longest, last + wait - now)
        return max(0, math.ceil(longest.total_seconds()))

    def failed(self, *keys: str) -> None:
        """Note a wrong password."""
        now = self._clock.now()
        for key in keys:
            count, last = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - last > FORGOTTEN_AFTER else count + 1, now)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forget what was noted."""
        for key in keys:
            self._failures.pop(key, None)
