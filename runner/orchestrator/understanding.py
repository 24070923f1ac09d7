"""Has what counterparts wrote classified once it is stored: beside the work, never in its way."""

from __future__ import annotations

import asyncio

import structlog

from runner.domain.classification import Asked
from runner.inbox.classify.interface import Classifier
from runner.orchestrator.sweeping import Sweeping
from runner.store.classifications import Classifications
from runner.store.events import Events

log = structlog.get_logger()

AT_ONCE = 200
SWEEP_EVERY_S = 60.0


class Understanding:
    """Classifies Messages that have no type yet. A classifier that fails leaves them for the next sweep."""

    def __init__(self, *, rows: Classifications, classifier: Classifier, events: Events) -> None:
        self._rows = rows
        self._classifier = classifier
        # A first use trains the model, which takes seconds: where nothing has come, nothing is asked.
        self._sweeping = Sweeping(
            self.sweep,
            events=events,
            wakes=lambda event: event.name == "MessagesReceived",
            every_s=SWEEP_EVERY_S,
            left="messages stay unclassified",
            at_start=False,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Classify what this process stores until `stop` is set, and now and then what others have."""
        await self._sweeping.run(stop)

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Classify all that have no type yet, or as many as there is time for until `stop`; returns how many were."""
        count = 0
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
