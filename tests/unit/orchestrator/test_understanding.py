from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.classification import Asked, Classification, Likely, MessageType
from runner.domain.clock import SystemClock
from runner.domain.messages import RemoteMessage, ThreadSummary, keyed
from runner.domain.states import Direction
from runner.orchestrator.understanding import Understanding
from runner.store.accounts import Accounts
from runner.store.classifications import Classifications
from runner.store.database import Database
from runner.store.events import Events
from runner.store.threads import Threads

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Keyword:
    """A classifier for which everything is an offer; it can be out of order."""

    def __init__(self) -> None:
        self.broken = False
        self.asked: list[Asked] = []

    async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
        if self.broken:
            raise RuntimeError("no model")
        self.asked += asked
        offer = MessageType.OFFER
        top = (Likely(type=offer, probability=0.9),)
        return [
            Classification(type=offer, confidence=0.9, top=top, first_contact=each.first_contact, by="keyword")
            for each in asked
        ]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "runner.db", clock=SystemClock()) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(database).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        yield database


async def arrives(db: Database, text: str) -> None:
    message = RemoteMessage(remote_id=text, direction=Direction.INBOUND, sender="Zoë", text=text, sent_at=NOON)
    summary = ThreadSummary(
        remote_id="t-1", counterpart="Zoë", listing_title=None, excerpt=text, last_at=NOON, unread=1, url="http://x/"
    )
    await Threads(db).save_thread("amy", summary, text, keyed([message]))


def understanding(db: Database, classifier: Keyword) -> Understanding:
    return Understanding(rows=Classifications(db), classifier=classifier, events=Events(db))


async def left(db: Database) -> int:
    return len(await Classifications(db).unclassified(limit=10))


async def test_a_message_is_classified_when_it_has_arrived(db: Database) -> None:
    stop, classifier = asyncio.Event(), Keyword()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(understanding(db, classifier).run(stop))
        with Events(db).subscribe() as seen:
            await asyncio.sleep(0)
            await arrives(db, "80?")
            async for event in seen:
                if event.name == "MessageClassified":
                    break
        stop.set()
    assert classifier.asked == [Asked(text="80?", first_contact=True)]
    assert await left(db) == 0


async def test_what_arrived_in_the_last_moment_is_classified_before_the_end(db: Database) -> None:
    stop, classifier = asyncio.Event(), Keyword()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(understanding(db, classifier).run(stop))
        await asyncio.sleep(0)
        await arrives(db, "80?")
        stop.set()
    assert await left(db) == 0


async def test_nothing_is_asked_where_nothing_came(db: Database) -> None:
    await arrives(db, "before it ran")
    stop, classifier = asyncio.Event(), Keyword()
    stop.set()
    await understanding(db, classifier).run(stop)
    assert classifier.asked == []


async def test_a_classifier_that_fails_leaves_the_messages_for_the_next_sweep(db: Database) -> None:
    classifier = Keyword()
    work = understanding(db, classifier)
    await arrives(db, "80?")
    classifier.broken = True
    assert await work.sweep() == 0
    assert await left(db) == 1
    classifier.broken = False
    assert await work.sweep() == 1
    assert await left(db) == 0


async def test_whoever_stops_it_does_not_wait_for_all_that_was_left(db: Database) -> None:
    stop = asyncio.Event()

    class Stopped(Keyword):
        async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
            stop.set()  # somebody stops the daemon while the first of many batches is being classified
            return await super().classify(asked)

    for number in range(250):
        await arrives(db, f"{number}?")
    assert await understanding(db, Stopped()).sweep(stop) == 200
    assert await left(db) == 10
