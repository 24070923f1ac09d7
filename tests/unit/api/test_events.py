"""Streams of Events over a real server: numbered, resumed without a gap or a repeat, ended with a last word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner import api_wiring, wiring
from runner.api import serving
from runner.api.app import create_app
from runner.api.feed import Feed
from runner.api.routes import events as routes
from runner.domain.access import Role
from runner.domain.jobs import NewJob
from runner.logs import Redactor
from tests.unit.api.conftest import settings_of

JOB = NewJob(account="amy", flow="read_inbox")


class Told:
    """One event as a browser would hand it on; `number` is what it would send as Last-Event-ID from now on."""

    def __init__(self, lines: list[str], number: str) -> None:
        fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        self.number = fields.get("id", number)
        self.name = fields.get("event", "")
        self.data: Any = json.loads(fields["data"]) if "data" in fields else None


class Served:
    """The API on a port of its own."""

    def __init__(self, runner: wiring.Runner, address: str, secret: str) -> None:
        self.runner = runner
        self.client = httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {secret}"}, timeout=20)

    @asynccontextmanager
    async def listen(self, path: str = "/api/v1/events", last: str | None = None, **params: Any) -> AsyncIterator[Any]:
        headers = {"last-event-id": last} if last is not None else {}
        async with self.client.stream("GET", path, params=params, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield self._told(answer)

    async def _told(self, answer: httpx.Response) -> AsyncIterator[Told]:
        lines: list[str] = []
        number = ""
        async for line in answer.aiter_lines():
            if line:
                lines.append(line)
                continue
            told, lines = Told(lines, number), []
            number = told.number
            if told.data is not None or told.number:
                yield told

    async def submit(self, count: int = 1, **more: Any) -> list[int]:
        return [job.id for job in await self.runner.books.engine.submit([JOB] * count)]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with wiring.open_runner(settings_of(tmp_path, port=0), Redactor()) as runner:
        _, secret = await runner.books.tokens.add("t", Role.ADMIN, ["*"], "a test")
        place = serving.Place(host="127.0.0.1", port=0)
        listener, services = serving.listen(place), api_wiring.api_services(runner)
        # Without the console: NiceGUI has one application in a process.
        async with services.feed.open(), serving.served(create_app(services), listener, place):
            served = Served(runner, serving.address_of(listener, place), secret)
            yield served
            await served.client.aclose()


async def take(told: AsyncIterator[Told], count: int) -> list[Told]:
    found: list[Told] = []
    async with asyncio.timeout(15):
        while len(found) < count:
            one = await anext(told)
            if one.data is not None:
                found.append(one)
    return found


async def test_events_come_as_they_happen_each_with_its_number(served: Served) -> None:
    async with served.listen(types="JobSubmitted") as told:
        first = await anext(told)
        assert (first.name, first.number.isdecimal()) == ("", True), "where it begins, before anything happens"
        await served.submit(3)
        found = await take(told, 3)
    assert [each.name for each in found] == ["JobSubmitted"] * 3
    assert [each.data["job_id"] for each in found] == ["1", "2", "3"]
    assert [each.number for each in found] == [each.data["id"] for each in found]


async def test_whoever_was_away_gets_what_was_missed_and_nothing_twice(served: Served) -> None:
    seen: list[int] = []
    last = "0"
    for round_ in range(4):
        await served.submit(20)
        async with served.listen(last=last) as told:
            wanted = 7 if round_ < 3 else 80 - len(seen) + 1
            for each in await take(told, wanted):
                seen.append(int(each.number))
                last = each.number
    stored = [event.id for event in await served.runner.books.events.since(0)]
    assert seen == stored


async def test_only_what_was_asked_for_comes(served: Served) -> None:
    batch, _ = await served.runner.books.engine.submit_batch("b", [JOB])
    await served.submit()
    async with served.listen(last="0", batch=batch) as told:
        assert [each.name for each in await take(told, 2)] == ["BatchSubmitted", "JobSubmitted"]
        await served.submit()
        await served.runner.books.engine.cancel(1)
        assert [(each.name, each.data["job_id"]) for each in await take(told, 1)] == [("JobCancelled", "1")]


async def test_what_another_process_records_comes_too(served: Served) -> None:
    other = settings_of(served.runner.books.settings.store.path.parent)
    async with served.listen(types="JobSubmitted") as told:
        await anext(told)
        async with wiring.open_books(other) as books:
            await books.engine.submit([JOB])
            assert [each.name for each in await take(told, 1)] == ["JobSubmitted"]


async def test_a_number_of_another_database_is_answered_with_resync(served: Served) -> None:
    await served.submit()
    async with served.listen(last="999999") as told:
        (first,) = await take(told, 1)
        assert first.name == "resync"
        assert first.number == first.data["newest"] == str(await served.runner.books.events.last_id())
        await served.submit()
        assert [each.name for each in await take(told, 1)] == ["JobSubmitted"]


async def test_whoever_missed_too_much_is_told_to_read_anew(served: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(routes, "OLDEST_TAKEN", 5)
    await served.submit(10)
    async with served.listen(last="1") as told:
        assert (await take(told, 1))[0].name == "resync"


async def test_a_batch_tells_its_progress_and_its_end(served: Served) -> None:
    engine = served.runner.books.engine
    batch, jobs = await engine.submit_batch("b", [JOB] * 4)
    path = f"/api/v1/batches/{batch}/events"
    async with served.listen(path) as told:
        for job in jobs:
            await engine.cancel(job.id)
        found = []
        async with asyncio.timeout(15):
            async for each in told:
                found.append(each)
    named = [each for each in found if each.data is not None]
    assert named[-1].name == "final"
    end = named[-1].data
    assert (end["total"], end["done"], end["failed"], end["percentage"], end["current"]) == (4, 4, 0, 100.0, [])
    assert [each.name for each in named].count("JobCancelled") == 4
    answer = await served.client.get(path, headers={"last-event-id": named[-1].number})
    assert answer.status_code == 204, "a browser that has seen the end comes no more"
    assert (await served.client.get("/api/v1/batches/99/events")).status_code == 404


async def test_the_last_word_comes_after_the_last_event_of_another_process(served: Served) -> None:
    batch, jobs = await served.runner.books.engine.submit_batch("b", [JOB] * 30)
    other = settings_of(served.runner.books.settings.store.path.parent)
    names = []
    async with served.listen(f"/api/v1/batches/{batch}/events") as told, wiring.open_books(other) as books:
        await anext(told)
        await books.engine.cancel_many([job.id for job in jobs])
        async with asyncio.timeout(15):
            async for each in told:
                names.append(each.name)
    assert (names.count("JobCancelled"), names[-1]) == (30, "final")


async def test_a_heartbeat_moves_the_number_on(served: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(routes, "HEARTBEAT_S", 0.1)
    async with served.listen(types="NothingLikeThis") as told:
        begun = await anext(told)
        await served.submit(5)
        async with asyncio.timeout(15):
            while int((await anext(told)).number) < int(begun.number) + 5:
                pass


async def test_a_revoked_token_hears_no_more(served: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(routes, "HEARTBEAT_S", 0.1)
    async with served.listen() as told:
        await anext(told)
        await served.runner.books.tokens.revoke("t")
        async with asyncio.timeout(15):
            async for _ in told:
                pass


async def test_many_listeners_hear_the_same(served: Served) -> None:
    async def hear() -> list[str]:
        async with served.listen(types="JobSubmitted") as told:
            await anext(told)
            ready.release()
            return [each.number for each in await take(told, 10)]

    ready, many = asyncio.Semaphore(0), 40
    served.client._transport._pool._max_connections = many + 10  # type: ignore[attr-defined]  # httpx has no way to ask
    listening = [asyncio.create_task(hear()) for _ in range(many)]
    for _ in range(many):
        await ready.acquire()
    await served.submit(10)
    heard = await asyncio.gather(*listening)
    assert all(each == heard[0] for each in heard)


async def test_wrong_numbers_are_refused(served: Served) -> None:
    for last in ("x", "-1", "1.5", "9" * 30):
        answer = await served.client.get("/api/v1/events", headers={"last-event-id": last})
        assert answer.status_code == 422, last


async def test_a_batch_that_ended_before_the_feed_knows_is_not_over_yet(shop: Any) -> None:
    batch, jobs = await shop.services.engine.submit_batch("b", [JOB])
    await shop.services.engine.cancel(jobs[0].id)
    feed = Feed(shop.services.events)  # that nobody reads for yet
    stream = routes._batch_stream(replace(shop.services, feed=feed), None, batch, 0)  # type: ignore[arg-type]  # never asked
    told = [await anext(stream), await anext(stream)]
    await feed._catch_up()
    told += [part async for part in stream]
    names = [part.split(b"event: ")[1].split(b"\n")[0] for part in told if b"event: " in part]
    assert names[0] == b"progress"
    assert names[-2:] == [b"JobCancelled", b"final"]
