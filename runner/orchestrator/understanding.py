"""Has what counterparts wrote classified once it is stored: beside the work, never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from runner.domain.classification import Asked
from runner.domain.jobs import Event
from runner.inbox.classify.interface import Classifier
from runner.orchestrator.first_of import first_of
from runner.store.classifications import Classifications
from runner.store.events import Events
from runner.store.hub import Subscription

log = structlog.get_logger()

AT_ONCE = 200
SWEEP_EVERY_S = 60.0
LAST_SWEEP_S = 10.0
"""A first use trains the model, which takes some seconds; a person who stops a daemon does not wait for more."""


class Understanding:
    """Classifies Messages that have no type yet. A classifier that fails leaves them for the next sweep."""

    def __init__(self, *, rows: Classifications, classifier: Classifier, events: Events) -> None:
        self._rows = rows
        self._classifier = classifier
        self._events = events
        self._arrived = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep when this process has stored new Messages, and now and then, until `stop` is set; then once more."""
        with self._events.subscribe() as seen:
            hearing = asyncio.create_task(self._hear(seen))
            try:
                while not stop.is_set():
                    if await self._woken(stop):
                        await self.sweep(stop)
                if self._arrived.is_set() or _tell_of_messages(seen.ready()):
                    await self._last_sweep()
            finally:
                hearing.cancel()

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Classify all that have no type yet, or as many as there is time for until `stop`; returns how many were."""
        count = 0
        self._arrived.clear()
        try:
            while not (stop is not None and stop.is_set()) and (
                waiting := await self._rows.unclassified(limit=AT_ONCE)
            ):
                asked = [Asked(text=each.text, first_contact=each.first_contact) for each in waiting]
                found = await self._classifier.classify(asked)
                said = [(each.id, what) for each, what in zip(waiting, found, strict=True)]
                count += await self._rows.record(said)
        except Exception:
            # Classifying is never worth the work that it stands beside.
            log.exception("messages stay unclassified, and are tried again", classified=count)
        if count:
            log.info("messages classified", count=count)
        return count

    async def _hear(self, seen: Subscription) -> None:
        async for event in seen:
            if _tell_of_messages([event]):
                self._arrived.set()

    async def _woken(self, stop: asyncio.Event) -> bool:
        """Wait until there may be something to classify; False when it is time to stop."""
        try:
            async with asyncio.timeout(SWEEP_EVERY_S):
                await first_of(self._arrived, stop)
        except TimeoutError:
            return True
        return not stop.is_set()

    async def _last_sweep(self) -> None:
        try:
            async with asyncio.timeout(LAST_SWEEP_S):
                await self.sweep()
        except TimeoutError:
            log.warning("messages stay unclassified until the next run", after_s=LAST_SWEEP_S)


def _tell_of_messages(events: Iterable[Event]) -> bool:
    return any(event.name == "MessagesReceived" for event in events)
