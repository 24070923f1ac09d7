"""Hands each Event, once it is committed, to those in this process who watch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from runner.domain.jobs import Event

KEPT = 10_000


class Subscription(AsyncIterator[Event]):
    """Events as they are committed, in order; whoever is slower than `KEPT` Events loses the oldest, see `missed`."""

    def __init__(self) -> None:
        self.missed = 0
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()

    async def __anext__(self) -> Event:
        """Wait for the next Event."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def ready(self) -> list[Event]:
        """Take what has come so far, without waiting."""
        events = list(self._waiting)
        self._waiting.clear()
        return events

    def deliver(self, event: Event) -> None:
        """Add one Event."""
        if len(self._waiting) >= KEPT:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(event)
        self._arrived.set()


class Hub:
    """The Subscriptions of one process."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Watch from now on, until the block is left."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand committed Events to everybody who watches."""
        for subscription in self._subscriptions:
            for event in events:
                subscription.deliver(event)
