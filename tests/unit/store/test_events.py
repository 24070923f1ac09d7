from __future__ import annotations

import asyncio

import pytest

from runner.errors import NotFound
from runner.store import hub
from runner.store.database import Database
from runner.store.events import Events, Fact, record


async def test_events_are_numbered_in_order_and_read_from_any_number(db: Database, clock) -> None:
    events = Events(db)
    start = await events.last_id()
    first = await events.append("CycleStarted", concurrency=4)
    second = await events.append("CycleEnded", account="amy", job_id=7, attempt_id=8, batch_id=9, text="half \ud83d")
    assert await events.since(start) == [first, second]
    assert await events.since(first.id) == [second]
    assert (second.at, second.account, second.job_id, second.batch_id) == (clock.now(), "amy", 7, 9)
    assert second.data == {"text": "half \ufffd"}
    assert await events.last_id() == second.id


async def test_events_are_filtered(db: Database) -> None:
    events = Events(db)
    start = await events.last_id()
    for account, job_id, batch_id in (("amy", 1, 1), ("bob", 2, 1), ("amy", 3, 2)):
        await events.append("JobLookedAt", account=account, job_id=job_id, batch_id=batch_id)
    assert [event.job_id for event in await events.since(start, account="amy")] == [1, 3]
    assert [event.job_id for event in await events.since(start, batch_id=1)] == [1, 2]
    assert [event.job_id for event in await events.since(start, job_id=3)] == [3]
    assert await events.since(start, names=["Other"]) == []
    assert [event.job_id for event in await events.since(start, limit=2)] == [1, 2]
    with pytest.raises(NotFound):
        await events.since(0, account="nobody")


async def test_whoever_watches_sees_each_event_after_its_commit(db: Database) -> None:
    events = Events(db)
    with events.subscribe() as seen:
        appended = asyncio.create_task(events.append("CycleStarted"))
        event = await anext(seen)
        # It is committed: another connection finds it.
        assert await events.since(event.id - 1) == [event]
        assert await appended == event
    await events.append("CycleEnded")
    assert seen.ready() == []


async def test_an_event_of_a_transaction_that_is_undone_is_never_shown(db: Database) -> None:
    async def undone() -> None:
        async with db.write() as connection:
            await record(db, connection, [Fact(name="Never")])
            raise ValueError("mine")

    with Events(db).subscribe() as seen:
        with pytest.raises(ValueError, match="mine"):
            await undone()
        await Events(db).append("After")
        assert [event.name for event in seen.ready()] == ["After"]


async def test_many_events_of_one_transaction_keep_their_order(db: Database) -> None:
    async with db.write() as connection:
        events = await record(db, connection, [Fact(name="Counted", data={"n": n}) for n in range(2500)])
    stored = await Events(db).since(events[0].id - 1, limit=5000)
    assert [event.data["n"] for event in stored] == list(range(2500))
    assert stored == events


async def test_who_is_too_slow_loses_the_oldest_and_is_told(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "KEPT", 2)
    with Events(db).subscribe() as seen:
        for n in range(5):
            await Events(db).append("Counted", n=n)
        assert [event.data["n"] for event in seen.ready()] == [3, 4]
        assert seen.missed == 3
