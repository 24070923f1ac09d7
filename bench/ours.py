"""The runner doing the same session: both Jobs of every Account, through rotation, leases, journal and all.

Started by `python -m bench` with a configuration file, one JSON line per order on stdin, one per answer on stdout.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from runner import logs, wiring
from runner.browser.last_picture import LastPicture
from runner.browser.trail import Trail
from runner.config.load import load
from runner.domain.jobs import Job, NewJob
from runner.domain.states import JobState
from runner.logs import Redactor
from runner.store.hub import Subscription


async def perform(runner: wiring.Runner, new: list[NewJob]) -> float:
    """Submit the Jobs as one Batch; returns the seconds until the last was done and the last browser closed or kept."""
    with runner.books.events.subscribe() as seen:
        started = time.monotonic()
        batch_id, jobs = await runner.books.engine.submit_batch("bench", new)
        clock = Clock()
        watching = asyncio.create_task(clock.watch(seen))
        await runner.cycles.work(batch_id, asyncio.Event())
        watching.cancel()
        for job in jobs:
            _expect_success(await runner.books.engine.get(job.id))
        return clock.last - started


class Clock:
    """When a Job or a Session last ended: what is seen to beside the work may take a little longer."""

    def __init__(self) -> None:
        self.last = 0.0

    async def watch(self, seen: Subscription) -> None:
        """Look at the clock whenever something ends."""
        async for event in seen:
            if event.name in ("JobSucceeded", "SessionEnded"):
                self.last = time.monotonic()


def _expect_success(job: Job) -> None:
    if job.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"job {job.id} of account {job.account} ({job.flow}) is {job.state}: {job.error}")


def jobs_of(account: str, listing: dict[str, str]) -> list[NewJob]:
    """What one session does."""
    fields = {name: value for name, value in listing.items() if name != "photo"}
    return [
        NewJob(account=account, flow="read_inbox"),
        NewJob(account=account, flow="publish_listing", params={**fields, "photos": [listing["photo"]]}),
    ]


def keep_nothing() -> None:
    """Have no last picture taken and no trail kept, for the measurement of what they cost; nobody else may want that.

    The ring of console and network lines stays: what it hears decides what is wrong, and it costs nothing by itself.
    """

    async def never(_: LastPicture) -> None:
        await asyncio.Event().wait()

    LastPicture.run = never  # type: ignore[method-assign]  # because there is no such setting, and should be none
    Trail.begin = lambda *_, **__: None  # type: ignore[method-assign]  # the same


async def main() -> None:
    """Answer orders until stdin ends: those of `bench.orders`, and `{"flow": name, "accounts": [account]}`."""
    settings = load(Path(sys.argv[1]), environ={})
    if sys.argv[2:] == ["none"]:
        keep_nothing()
    redactor = Redactor()
    logs.configure(level=settings.log.level, style=settings.log.format, redactor=redactor)
    async with wiring.open_runner(settings, redactor) as runner:
        while line := await asyncio.to_thread(sys.stdin.readline):
            seconds = await perform(runner, _asked(json.loads(line)))
            sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")
            sys.stdout.flush()


def _asked(order: dict[str, Any]) -> list[NewJob]:
    if "prepare" in order:
        return [NewJob(account=name, flow="read_inbox") for name in order["prepare"]]
    if "flow" in order:
        return [NewJob(account=name, flow=order["flow"]) for name in order["accounts"]]
    return [job for account, listing in order["listings"].items() for job in jobs_of(account, listing)]


if __name__ == "__main__":
    asyncio.run(main())
