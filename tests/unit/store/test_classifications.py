from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from runner.domain.classification import Classification, Likely, MessageType
from runner.domain.messages import RemoteMessage, ThreadSummary, keyed
from runner.domain.states import Direction
from runner.errors import Conflict, NotFound
from runner.store.classifications import Classifications
from runner.store.database import Database
from runner.store.events import Events
from runner.store.pages import Wish
from runner.store.threads import Threads
from runner.store.trade_tables import message

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


async def saved(db: Database, *said: tuple[Direction, str], thread: str = "t-1") -> list[int]:
    """Messages of one Thread, a minute apart; returns their numbers."""
    start = db.clock.now()
    messages = [
        RemoteMessage(remote_id=f"{n}", direction=way, sender="Zoë", text=text, sent_at=start + timedelta(minutes=n))
        for n, (way, text) in enumerate(said)
    ]
    summary = ThreadSummary(
        remote_id=thread, counterpart="Zoë", listing_title="Sofa", excerpt="", last_at=start, unread=1, url="http://x/"
    )
    await Threads(db).save_thread("amy", summary, "f", keyed(messages))
    found = await Threads(db).by_remote_id("amy", thread)
    return [each.id for each in await Threads(db).messages_of(found.id)]


def said(confidence: float, type_: MessageType = MessageType.OFFER) -> Classification:
    top = (Likely(type=type_, probability=confidence),)
    return Classification(type=type_, confidence=confidence, top=top, first_contact=True, by="test-1")


async def test_only_what_counterparts_wrote_waits_to_be_classified_and_the_first_is_known(db: Database) -> None:
    first, _, last = await saved(db, (IN, "hi"), (OUT, "hello"), (IN, "how much"))
    waiting = await Classifications(db).unclassified(limit=10)
    assert [(each.id, each.first_contact) for each in waiting] == [(last, False), (first, True)]


async def test_a_classified_message_waits_no_more_and_an_event_tells_of_it(db: Database) -> None:
    [number] = await saved(db, (IN, "80 cash?"))
    before = await Events(db).last_id()
    rows = Classifications(db)
    assert await rows.record([(number, said(0.9))]) == 1
    assert await rows.record([(number, said(0.9))]) == 0
    assert await rows.unclassified(limit=10) == []
    [event] = await Events(db).since(before)
    assert (event.name, event.account, event.data["type"]) == ("MessageClassified", "amy", "offer")
    [stored] = await Threads(db).messages_of(event.data["thread"])
    assert (stored.type, stored.confidence, stored.classified_by) == (MessageType.OFFER, 0.9, "test-1")


async def test_unsure_ones_wait_for_a_person_until_they_are_answered_or_corrected(db: Database) -> None:
    rows = Classifications(db)
    unsure, answered, _ = await saved(db, (IN, "hm"), (IN, "what"), (OUT, "yes?"))
    [later] = await saved(db, (IN, "and now"), thread="t-2")
    [sure] = await saved(db, (IN, "80 cash"), thread="t-3")
    await rows.record([(unsure, said(0.3)), (answered, said(0.3)), (later, said(0.59)), (sure, said(0.6))])
    queue = await rows.queue(Wish(), threshold=0.6)
    assert [(each.message_id, each.counterpart, each.listing_title) for each in queue.items] == [(later, "Zoë", "Sofa")]
    await rows.correct(later, MessageType.CLOSING, by="ana")
    assert (await rows.queue(Wish(), threshold=0.6)).items == []


async def test_a_correction_outlives_its_message_and_no_classifier_overrules_it(db: Database) -> None:
    rows = Classifications(db)
    [number] = await saved(db, (IN, "the usual please"))
    await rows.correct(number, MessageType.PAYMENT, by="ana")
    assert await rows.record([(number, said(0.99))]) == 0
    async with db.write() as connection:
        await connection.execute(delete(message))
    [kept] = await rows.corrections()
    assert (kept.message_id, kept.text, kept.type, kept.by) == (number, "the usual please", MessageType.PAYMENT, "ana")


async def test_only_a_counterparts_message_can_be_corrected(db: Database) -> None:
    _, ours = await saved(db, (IN, "hi"), (OUT, "hello"))
    with pytest.raises(Conflict, match="one of ours"):
        await Classifications(db).correct(ours, MessageType.OFFER, by="ana")
    with pytest.raises(NotFound):
        await Classifications(db).correct(999, MessageType.OFFER, by="ana")
