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
from runner.browser import profiles
from runner.browser.last_picture import LastPicture
from runner.browser.trail import Trail
from runner.config.load import load
from runner.domain.jobs import Job, NewJob
from runner.domain.states import JobState
from runner.logs import Redactor
from runner.store.hub import Subscription

POLL_S = 0.005


async def perform(runner: wiring.Runner, new: list[NewJob]) -> float:
    """Submit the Jobs as one Batch; returns the seconds until the last visit was over, its browser closed or warm."""
    with runner.books.events.subscribe() as seen:
        started = time.monotonic()
        batch_id, jobs = await runner.books.engine.submit_batch("bench", new)
        ending = asyncio.create_task(_last_visit_over(runner, seen, len(jobs)))
        await runner.cycles.work(batch_id, asyncio.Event())
        for job in jobs:
            _expect_success(await runner.books.engine.get(job.id))
        return await ending - started


async def _last_visit_over(runner: wiring.Runner, seen: Subscription, jobs: int) -> float:
    """When all Jobs have ended and every Session of theirs is closed, or kept warm and idle."""
    sessions = {each.row.id for each in runner.open_sessions.all()}
    while True:
        for event in seen.ready():
            jobs -= event.name == "JobSucceeded"
            if event.name == "SessionStarted":
                sessions.add(event.data["session"])
            elif event.name == "SessionEnded":
                sessions.discard(event.data["session"])
        if not jobs and all(_is_idle(runner, session) for session in sessions):
            return time.monotonic()
        await asyncio.sleep(POLL_S)


def _is_idle(runner: wiring.Runner, session: int) -> bool:
    opened = runner.open_sessions.get(session)
    return opened is not None and profiles.idle_file(opened.live.profile_dir).exists()


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
