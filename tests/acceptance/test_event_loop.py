"""The event loop of a runner at work is never held up: a page that hangs, a lease, the live view all wait for it.

What is measured is the processor time of the loop's own thread in each callback, which a busy machine does not stretch.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import goods
from bench.market import open_market
from bench.ours import jobs_of
from bench.ways import configuration
from runner import wiring
from runner.browser.discovery import find_browser
from runner.config.load import load
from runner.domain.jobs import NewJob
from runner.domain.states import JobState
from runner.logs import Redactor

HELD_UP_MS = 20
ACCOUNTS = ("farid", "elena")


class Watchdog:
    """Every callback that the loop has run, with what it took of its thread's processor time.

    Python's own collections are left out: they befall any callback. So is what was slow once only: with two accounts
    whatever holds the loop up does so for each, and the machine's own hiccups do not come twice in one place.
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, int]] = []
        self.seen = 0
        self._collecting = self._begun = 0.0

    @property
    def slow(self) -> list[tuple[str, int]]:
        """What has held the loop up, and for how many ms."""
        often = Counter(name for name, _ in self.found)
        return [each for each in self.found if often[each[0]] > 1]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at each callback inside."""
        run = asyncio.Handle._run

        def watched(handle: asyncio.Handle) -> None:
            self.seen += 1
            callback = handle._callback
            self._collecting, begun = 0.0, time.thread_time()
            run(handle)
            took_ms = (time.thread_time() - begun - self._collecting) * 1_000
            if took_ms > HELD_UP_MS:
                self.found.append((_name_of(callback), round(took_ms)))

        asyncio.Handle._run = watched  # type: ignore[method-assign]  # because there is no other way to see each one
        gc.callbacks.append(self._collected)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collected)
            asyncio.Handle._run = run  # type: ignore[method-assign]  # as above

    def _collected(self, phase: str, _: object) -> None:
        if phase == "start":
            self._begun = time.thread_time()
        else:
            self._collecting += time.thread_time() - self._begun


def _name_of(callback: Any) -> str:
    task = getattr(callback, "__self__", None)
    of = task.get_coro() if isinstance(task, asyncio.Task) else callback
    return str(getattr(of, "__qualname__", repr(of)))


async def perform(runner: wiring.Runner, new: list[NewJob]) -> list[JobState]:
    """Have Jobs done as a cycle does them; how each ended."""
    batch_id, jobs = await runner.books.engine.submit_batch("watched", new)
    await runner.cycles.work(batch_id, asyncio.Event())
    return [(await runner.books.engine.get(job.id)).state for job in jobs]


def test_the_watchdog_sees_what_holds_the_loop_up() -> None:
    def busy() -> None:
        until = time.thread_time() + 2 * HELD_UP_MS / 1_000
        while time.thread_time() < until:
            pass

    async def work() -> None:
        for _ in range(2):
            asyncio.get_running_loop().call_soon(busy)
        await asyncio.to_thread(busy)  # a thread of its own holds nobody up
        await asyncio.sleep(0)

    dog = Watchdog()
    with dog.watching():
        asyncio.run(work())
    assert len(dog.slow) == 2
    assert all("busy" in name for name, _ in dog.slow)


@pytest.mark.browser
async def test_no_callback_holds_the_loop_up_while_accounts_are_worked_on(tmp_path: Path) -> None:
    """Two accounts side by side: inboxes, what their messages lead to, a listing with a photo, and a failure."""
    browser = find_browser(configured=None, headless=True)
    config = tmp_path / "playwright.config.toml"
    with open_market(tmp_path / "market") as market:
        config.write_text(configuration(market, browser, ACCOUNTS, browsers=2, models=tmp_path / "models"))
        photo = goods.photo(tmp_path / "camera.jpg")
        market.write_to(ACCOUNTS)
        async with wiring.open_runner(load(config, environ={}), Redactor()) as runner:
            # What is imported, compiled and trained once is no work: a daemon does that in its first minute.
            await perform(runner, [NewJob(account=name, flow="read_inbox") for name in ACCOUNTS])
            await perform(runner, [job for name in ACCOUNTS for job in jobs_of(name, goods.listing(1, photo))])
            await perform(runner, [failing(ACCOUNTS[0])])
            market.write_to(ACCOUNTS)
            dog = Watchdog()
            with dog.watching():
                done = await perform(
                    runner, [job for name in ACCOUNTS for job in jobs_of(name, goods.listing(2, photo))]
                )
                failed = await perform(runner, [failing(ACCOUNTS[0])])
    assert set(done) == {JobState.SUCCEEDED}
    assert failed == [JobState.FAILED]
    assert dog.seen > 1_000
    assert dog.slow == []


def failing(account: str) -> NewJob:
    """A Job whose thread is not there: it fails at once, with all its evidence."""
    return NewJob(account=account, flow="send_message", params={"thread": "no-such", "text": "Hello"}, max_attempts=1)
