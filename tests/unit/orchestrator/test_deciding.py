"""Deciding beside the work: what arrives is classified, then decided about, also when the process ends at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest

from runner import inbox_wiring
from runner.domain.classification import Asked, Classification, MessageType
from runner.domain.drafts import DraftState, Terms
from runner.domain.jobs import Job
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.rules import Level, NewRule, Then, When
from runner.domain.states import Direction
from runner.domain.templates import NewTemplate
from runner.engine.embedded import EmbeddedEngine
from runner.inbox.answering import Answering
from runner.orchestrator.deciding import Deciding
from runner.orchestrator.understanding import Understanding
from runner.store.classifications import Classifications
from runner.store.database import Database
from runner.store.drafts import Drafts
from runner.store.events import Events
from runner.store.rules import Rules
from runner.store.templates import Templates
from runner.store.threads import Threads


class AllOffers:
    """A classifier that is always sure."""

    async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
        return [
            Classification(type=MessageType.OFFER, confidence=0.99, top=(), first_contact=one.first_contact, by="x")
            for one in asked
        ]


@pytest.fixture
async def answering(db: Database, engine: EmbeddedEngine) -> Answering:
    made = Answering(
        templates=Templates(db),
        rules=Rules(db),
        drafts=Drafts(db),
        threads=Threads(db),
        engine=engine,
        terms=Terms(zone=UTC, threshold=0.6, within=timedelta(hours=1)),
        max_attempts=3,
        clock=db.clock,
    )
    await made.templates.add(NewTemplate(name="no", variants=("No, sorry.",)))
    rule = NewRule(name="offers", when=When(types=(MessageType.OFFER,)), then=Then(reply="no"), level=Level.AUTOMATIC)
    await made.rules.add(rule)
    return made


@pytest.fixture
def arrives(db: Database, clock: Any) -> Callable[[], Any]:
    async def one() -> None:
        at = clock.now()
        summary = ThreadSummary(
            remote_id="7", counterpart="Ida", listing_title=None, excerpt="", last_at=at, unread=1, url="http://x/"
        )
        message = RemoteMessage(remote_id="1", direction=Direction.INBOUND, sender="Ida", text="20?", sent_at=at)
        await Threads(db).save_thread("amy", summary, "f", [("id:1", message)])

    return one


def at_work(db: Database, answering: Answering) -> Any:
    events: Any = Events(db)
    understanding = Understanding(rows=Classifications(db), classifier=AllOffers(), events=events)
    return inbox_wiring.at_work(understanding, Deciding(answering=answering, events=events))


async def replies(engine: EmbeddedEngine) -> list[Job]:
    return await engine.list_jobs(flow="send_message")


async def test_what_arrives_is_answered_while_the_work_goes_on(
    db: Database, engine: EmbeddedEngine, answering: Answering, arrives: Any
) -> None:
    with Events(db).subscribe() as seen:
        async with asyncio.timeout(20), at_work(db, answering):
            await arrives()
            async for event in seen:
                if event.name == "JobSubmitted":
                    break
    assert [job.params["text"] for job in await replies(engine)] == ["No, sorry."]


async def test_what_arrives_last_is_decided_about_before_the_process_ends(
    db: Database, engine: EmbeddedEngine, answering: Answering, arrives: Any
) -> None:
    async with at_work(db, answering):
        await arrives()
    assert [job.params["text"] for job in await replies(engine)] == ["No, sorry."]


async def test_a_store_that_fails_leaves_it_to_the_next_sweep(
    db: Database,
    engine: EmbeddedEngine,
    answering: Answering,
    arrives: Any,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as broken:
        broken.setattr(answering.drafts, "decide", fails)
        async with at_work(db, answering):
            await arrives()
    assert await replies(engine) == []
    clock.forward(60)
    async with at_work(db, answering):
        pass
    (draft,) = await answering.drafts.list_drafts()
    assert (draft.state, len(await replies(engine))) == (DraftState.SENT, 1)
