"""What is owed by when, and that a breach is told and seen to once, whoever looks."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from runner.domain.messages import RemoteMessage, StoredThread, ThreadSummary
from runner.domain.pace import HoursPlan
from runner.domain.sla import Sla, SlaKind
from runner.domain.states import Direction, ThreadStatus
from runner.engine.paces import Paces
from runner.store.database import Database
from runner.store.due_times import DueTimes
from runner.store.events import Events
from runner.store.rate_usage import RateUsage
from runner.store.slas import Slas
from runner.store.threads import Threads

HOUR = timedelta(hours=1)
IN, OUT = Direction.INBOUND, Direction.OUTBOUND


class Desk:
    """An inbox of amy's with one Thread, `t-1`, that is tagged vip."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.usage = RateUsage(db)
        self.threads = Threads(db)
        self.slas = Slas(db)
        self.due_times = DueTimes(db, self.usage, self.slas)
        self._said: list[tuple[str, RemoteMessage]] = []

    async def says(self, way: Direction, at: datetime) -> None:
        key = f"id:{len(self._said)}"
        one = RemoteMessage(remote_id=key, direction=way, sender="Zoë", text="Hello?", sent_at=at)
        self._said.append((key, one))
        summary = ThreadSummary(
            remote_id="t-1", counterpart="Zoë", listing_title=None, excerpt="", last_at=at, unread=1, url="http://x"
        )
        await self.threads.save_thread("amy", summary, key, self._said)

    async def thread(self) -> StoredThread:
        await self.due_times.keep_up()
        return await self.threads.get(1)

    async def told(self) -> list[tuple[str, str]]:
        found = await Events(self.db).since(0, names=("SlaNear", "SlaBroken"))
        assert all(each.account == "amy" and each.data["thread"] == 1 for each in found)
        return [(each.name, each.data["kind"]) for each in found]


async def at_desk(db: Database, clock, *, tag: str = "vip") -> Desk:
    desk = Desk(db)
    await desk.says(IN, clock.time)
    await desk.threads.tag(1, add=[tag])
    return desk


async def test_an_answer_is_owed_from_the_question_and_no_more_once_it_is_there(db: Database, clock) -> None:
    desk, asked = await at_desk(db, clock), clock.time
    assert (await desk.thread()).due_at is None
    await desk.slas.put(Sla(tag="vip", first_response=2 * HOUR))
    found = await desk.thread()
    assert (found.due_at, found.due_for, found.due_tag) == (asked + 2 * HOUR, SlaKind.FIRST_RESPONSE, "vip")
    clock.forward(2 * 3600)
    assert [each.id for each in await desk.threads.list_threads(only_overdue=True)] == [1]
    await desk.says(OUT, clock.time)
    assert not (await desk.thread()).overdue
    assert await desk.threads.list_threads(only_overdue=True) == []
    clock.forward(60)
    await desk.says(IN, clock.time)
    assert (await desk.thread()).due_at == clock.time + 2 * HOUR


async def test_the_end_is_owed_until_closed_and_counts_anew_when_it_is_opened_again(db: Database, clock) -> None:
    desk, begun = await at_desk(db, clock), clock.time
    await desk.slas.put(Sla(tag="vip", resolution=24 * HOUR))
    assert (await desk.thread()).due_at == begun + 24 * HOUR
    await desk.threads.set_status(1, ThreadStatus.CLOSED)
    assert (await desk.thread()).due_at is None
    clock.forward(3600)
    await desk.threads.set_status(1, ThreadStatus.OPEN)
    assert (await desk.thread()).due_at == clock.time + 24 * HOUR


async def test_a_thread_that_was_closed_unanswered_is_not_late_as_it_opens_again(db: Database, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.slas.put(Sla(tag="vip", first_response=HOUR))
    await desk.threads.set_status(1, ThreadStatus.CLOSED)
    clock.forward(7200)
    await desk.says(IN, clock.time)
    found = await desk.thread()
    assert (found.due_at, found.overdue) == (clock.time + HOUR, False)


async def test_tags_and_slas_that_go_take_their_due_times_with_them(db: Database, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.threads.tag(1, add=["rush"])
    await desk.slas.put(Sla(tag="vip", first_response=2 * HOUR))
    await desk.slas.put(Sla(tag="rush", first_response=HOUR))
    assert (await desk.thread()).due_tag == "rush"
    await desk.threads.tag(1, remove=["rush"])
    assert (await desk.thread()).due_tag == "vip"
    await desk.slas.remove("vip")
    assert (await desk.thread()).due_at is None


async def test_hours_that_are_set_move_what_is_due(db: Database, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.slas.put(Sla(tag="vip", first_response=2 * HOUR))
    await desk.thread()
    days = dict.fromkeys(("monday", "sunday"), "08:00-13:00")
    await Paces(db, desk.usage).set_hours("amy", HoursPlan(days=days))
    # It was asked on a Sunday at 12:00 UTC: one hour then, the other on Monday.
    assert (await desk.thread()).due_at == clock.time + timedelta(hours=21)


async def test_near_and_broken_are_told_once_and_what_is_late_is_given_to_somebody(db: Database, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.slas.put(Sla(tag="vip", first_response=HOUR, assign="anna", put_tag="late"))
    assert await desk.due_times.sweep() == 0
    clock.forward(48 * 60)
    assert (await desk.due_times.sweep(), await desk.due_times.sweep()) == (1, 0)
    clock.forward(12 * 60)
    assert (await desk.due_times.sweep(), await desk.due_times.sweep()) == (1, 0)
    assert await desk.told() == [("SlaNear", "first_response"), ("SlaBroken", "first_response")]
    found = await desk.thread()
    assert (found.assignee, found.tags, found.overdue) == ("anna", ("late", "vip"), True)
    # A person takes it over; tag and SLA go and come back: it is the same breach, and was told.
    await desk.threads.assign(1, "ben")
    await desk.threads.tag(1, remove=["vip"])
    await desk.due_times.sweep()
    await desk.slas.put(Sla(tag="vip", first_response=timedelta(minutes=30), assign="anna"))
    await desk.threads.tag(1, add=["vip"])
    assert await desk.due_times.sweep() == 0
    assert (await desk.thread()).assignee == "ben"
    # The next question that stays unanswered is another one.
    await desk.says(OUT, clock.time)
    clock.forward(60)
    await desk.says(IN, clock.time)
    clock.forward(3600)
    assert await desk.due_times.sweep() == 1
    assert (await desk.told())[2:] == [("SlaBroken", "first_response")]


async def test_an_answer_that_came_a_moment_ago_is_not_told_as_late(db: Database, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.slas.put(Sla(tag="vip", first_response=HOUR))
    await desk.due_times.keep_up()
    clock.forward(3600)
    await desk.says(OUT, clock.time)
    # The sweep of a process that has not heard of it yet.
    assert not await desk.due_times._tell(1, SlaKind.FIRST_RESPONSE)
    assert await desk.told() == []


async def test_of_many_that_sweep_at_once_over_two_connections_one_tells(db: Database, path: Path, clock) -> None:
    desk = await at_desk(db, clock)
    await desk.slas.put(Sla(tag="vip", first_response=HOUR, put_tag="late"))
    clock.forward(3600)
    async with Database.open(path, clock=clock) as other:
        there = DueTimes(other, RateUsage(other), Slas(other))
        swept = await asyncio.gather(*(each.sweep() for each in (desk.due_times, there) * 4))
    assert sum(swept) == 1
    assert await desk.told() == [("SlaBroken", "first_response")]


async def test_more_threads_than_one_step_takes_are_all_worked_out(db: Database, clock) -> None:
    desk = Desk(db)
    for number in range(130):
        summary = ThreadSummary(
            remote_id=f"t-{number}",
            counterpart="Zoë",
            listing_title=None,
            excerpt="",
            last_at=clock.time,
            unread=1,
            url="x",
        )
        one = RemoteMessage(remote_id="1", direction=IN, sender="Zoë", text="Hello?", sent_at=clock.time)
        await desk.threads.save_thread("amy", summary, "f", [("id:1", one)])
        await desk.threads.tag(number + 1, add=["vip"])
    await desk.slas.put(Sla(tag="vip", first_response=HOUR))
    clock.forward(3600)
    assert await desk.due_times.sweep() == 130
    assert len(await desk.threads.list_threads(only_overdue=True, limit=500)) == 130
