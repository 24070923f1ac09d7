from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, text, update

from runner.domain.messages import RemoteMessage, ThreadSummary, keyed
from runner.domain.states import Direction
from runner.errors import NotFound
from runner.store import search
from runner.store.database import Database
from runner.store.events import Events
from runner.store.threads import Threads
from runner.store.trade_tables import message

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SUMMARY = ThreadSummary(
    remote_id="t-1",
    counterpart="Zoë <script>",
    listing_title="ThinkPad",
    excerpt="Is it still there?",
    last_at=NOON,
    unread=2,
    url="http://127.0.0.1/inbox/t-1",
)


def said(text: str, *, at: datetime | None = NOON, remote_id: str | None = None) -> RemoteMessage:
    return RemoteMessage(remote_id=remote_id, direction=Direction.INBOUND, sender="Zoë", text=text, sent_at=at)


async def save(db: Database, *messages: RemoteMessage, summary: ThreadSummary = SUMMARY, account: str = "amy") -> int:
    return await Threads(db).save_thread(account, summary, summary.fingerprint, keyed(messages))


async def test_reading_the_same_thread_twice_changes_nothing(db: Database, clock) -> None:
    messages = [said("Hello"), said("Hello"), said("Is it still there?", remote_id="m-3")]
    assert await save(db, *messages) == 3
    [thread] = await Threads(db).list_threads()
    before = await Threads(db).messages_of(thread.id)
    told = await Events(db).last_id()
    clock.forward(60)
    assert await save(db, *messages) == 0
    assert await Threads(db).list_threads() == [thread]
    assert await Threads(db).messages_of(thread.id) == before
    assert await Events(db).last_id() == told


async def test_only_the_new_messages_are_added(db: Database, clock) -> None:
    await save(db, said("Hello"))
    clock.forward(60)
    later = replace(SUMMARY, excerpt="Well?", last_at=NOON + timedelta(minutes=1), unread=0)
    assert await save(db, said("Hello"), said("Well?", at=NOON + timedelta(minutes=1)), summary=later) == 1
    [thread] = await Threads(db).list_threads()
    assert (thread.counterpart, thread.message_count, thread.unread, thread.last_at) == (
        "Zoë <script>",
        2,
        0,
        later.last_at,
    )
    messages = await Threads(db).messages_of(thread.id)
    assert [(one.text, one.first_seen_at) for one in messages] == [
        ("Hello", NOON),
        ("Well?", NOON + timedelta(minutes=1)),
    ]


async def test_the_fingerprint_is_known_once_its_messages_are_stored_and_not_before(db: Database) -> None:
    threads = Threads(db)
    assert await threads.known_fingerprints("amy") == {}
    broken = said("x", at=datetime(2026, 11, 22, 12))  # a naive time cannot be stored
    with pytest.raises(Exception, match="without a zone"):
        await save(db, said("Hello"), broken)
    assert await threads.known_fingerprints("amy") == {}
    assert await threads.list_threads() == []
    await save(db, said("Hello"))
    assert await threads.known_fingerprints("amy") == {"t-1": SUMMARY.fingerprint}
    assert await threads.known_fingerprints("bob") == {}


async def test_messages_are_shown_in_the_order_they_were_sent(db: Database) -> None:
    await save(db, said("second", at=NOON + timedelta(seconds=2)), said("first", at=NOON), said("unknown", at=None))
    [thread] = await Threads(db).list_threads()
    order = [one.text for one in await Threads(db).messages_of(thread.id)]
    assert order == ["first", "unknown", "second"]


async def test_the_inbox_is_listed_newest_first_and_filtered(db: Database) -> None:
    threads = Threads(db)
    for n, (account, unread) in enumerate((("amy", 0), ("amy", 3), ("bob", 1), ("amy", 0))):
        at = None if n == 3 else NOON + timedelta(hours=n)
        await save(
            db, said("Hi"), summary=replace(SUMMARY, remote_id=f"t-{n}", last_at=at, unread=unread), account=account
        )
    assert [one.remote_id for one in await threads.list_threads()] == ["t-2", "t-1", "t-0", "t-3"]
    assert [one.remote_id for one in await threads.list_threads(limit=2, offset=1)] == ["t-1", "t-0"]
    assert [one.remote_id for one in await threads.list_threads(account_name="amy", only_unread=True)] == ["t-1"]
    assert await threads.count("amy") == (3, 3)
    with pytest.raises(NotFound):
        await threads.list_threads(account_name="nobody")


async def test_a_thread_is_found_by_the_sites_id(db: Database) -> None:
    await save(db, said("Hello"))
    thread = await Threads(db).by_remote_id("amy", "t-1")
    assert await Threads(db).get(thread.id) == thread
    with pytest.raises(NotFound, match='Did you mean "t-1"'):
        await Threads(db).by_remote_id("amy", "t-2")
    with pytest.raises(NotFound):
        await Threads(db).get(4711)
    with pytest.raises(NotFound):
        await Threads(db).messages_of(4711)


async def test_texts_of_any_kind_are_stored(db: Database) -> None:
    texts = ["👩‍👩‍👧", "مرحبا", "<b>bold</b> & {{x}} %s", "x" * 10_000, "half \ud83d", "nul \x00"]
    messages = [said(text) for text in texts]
    assert await save(db, *messages) == len(texts)
    assert await save(db, *messages) == 0
    [thread] = await Threads(db).list_threads()
    stored = [one.text for one in await Threads(db).messages_of(thread.id)]
    assert stored == [*texts[:4], "half \ufffd", "nul \ufffd"]


async def test_new_messages_are_told(db: Database) -> None:
    await save(db, said("Hello"), said("Hi"))
    [told] = await Events(db).since(0, names=["MessagesReceived"])
    assert (told.account, told.data["count"], told.data["counterpart"]) == ("amy", 2, "Zoë <script>")


async def test_the_search_index_follows_what_is_changed_and_deleted(db: Database) -> None:
    async def found(part: str) -> list[int]:
        async with db.read() as connection:
            return list((await connection.execute(await search.said(connection, part))).scalars())

    await save(db, said("The saddle is blue", remote_id="m-1"))
    assert (await found("saddle"), await found("green")) == ([1], [])
    async with db.write() as connection:
        await connection.execute(update(message).values(text="The bell is green"))
    assert (await found("saddle"), await found("green")) == ([], [1])
    async with db.write() as connection:
        await connection.execute(delete(message))
        assert (await connection.execute(text("SELECT count(*) FROM message_search"))).scalar_one() == 0
        await connection.execute(text("INSERT INTO message_search (message_search) VALUES ('integrity-check')"))
    assert await found("green") == []


IN_ORDER = ("first", "second", "third")


async def test_messages_of_one_second_keep_the_order_of_the_site_and_late_ones_find_their_place(db: Database) -> None:
    later = NOON + timedelta(minutes=5)
    await save(db, *(said(each, remote_id=each, at=later) for each in IN_ORDER))
    # One that was written before them is read after them, as when the network was slow.
    early = said("zero", remote_id="zero", at=NOON)
    await save(db, early, *(said(each, remote_id=each, at=later) for each in IN_ORDER))
    assert [each.text for each in await Threads(db).messages_of(1)] == ["zero", *IN_ORDER]


async def test_an_edited_message_is_the_same_one_with_both_texts(db: Database, clock) -> None:
    await save(db, said("I giv 20", remote_id="m-1"), said("ok?", remote_id="m-2"))
    clock.forward(60)
    assert await save(db, said("I give 200", remote_id="m-1"), said("ok?", remote_id="m-2")) == 0, "none is new"
    clock.forward(60)
    await save(db, said("I give 210", remote_id="m-1"), said("ok?", remote_id="m-2"))
    edited, other = await Threads(db).messages_of(1)
    assert (edited.text, edited.former_texts) == ("I give 210", ("I giv 20", "I give 200"))
    assert (edited.edited_at, other.edited_at) == (NOON + timedelta(minutes=2), None)
    async with db.read() as connection:
        found = await search.said(connection, "give 210")
        assert list((await connection.execute(found)).scalars()) == [1], "the search knows the new words"


async def test_a_message_without_an_id_is_known_again_when_it_is_edited(db: Database) -> None:
    one, two = said("helo", at=NOON), said("two", at=NOON + timedelta(seconds=1))
    await save(db, one, two)
    for _ in range(2):
        assert await save(db, replace(one, text="hello"), two) == 0
    first, _ = await Threads(db).messages_of(1)
    assert (first.text, first.former_texts, first.deleted_at) == ("hello", ("helo",), None)
    assert await save(db, replace(one, text="hello"), two, said("three", at=NOON + timedelta(seconds=2))) == 1


async def test_a_deleted_message_is_marked_and_stays_and_may_come_back(db: Database, clock) -> None:
    both = said("one", remote_id="m-1"), said("two", remote_id="m-2")
    await save(db, *both)
    clock.forward(60)
    await save(db, both[1])
    told = await Events(db).since(0)
    assert [each.data for each in told if each.name == "MessagesChanged"] == [
        {"thread": 1, "edited": [], "deleted": [1]}
    ]
    assert [each.deleted_at for each in await Threads(db).messages_of(1)] == [NOON + timedelta(minutes=1), None]
    await save(db)
    assert [each.deleted_at is None for each in await Threads(db).messages_of(1)] == [False, True], (
        "no empty page counts"
    )
    await save(db, *both)
    assert [each.deleted_at for each in await Threads(db).messages_of(1)] == [None, None]
