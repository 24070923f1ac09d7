"""`runner daemon`: cycles over all accounts until it is stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import structlog
import typer

from runner import wiring
from runner.cli import console, options
from runner.store.events import Events
from runner.store.hub import Subscription

log = structlog.get_logger()

TOLD = frozenset({"JobSucceeded", "JobCancelled"})
"""What the Orchestrator does not log by itself: it speaks of what went wrong."""
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def daemon(
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="SECONDS", min=1, help="Seconds from one cycle's start to the next."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", min=1, help="Browsers at once.")
    ] = None,
    live: options.Live = False,
    with_console: Annotated[
        bool, typer.Option("--console", help="Serve the console and the HTTP API too; [console] enabled does the same.")
    ] = False,
    no_auth: console.NoAuth = False,
    port: console.Port = None,
    config: options.Config = None,
) -> None:
    """Rotate through all accounts, cycle after cycle and by schedule, until SIGTERM or Ctrl-C; then finish cleanly."""
    settings, redactor = options.settings(
        config,
        {
            "orchestrator.cycle_every_s": every,
            "orchestrator.concurrency": concurrency,
            "live.enabled": live or None,
            "console.port": port,
        },
    )

    async def work(stop: asyncio.Event) -> None:
        async with wiring.open_runner(settings, redactor) as runner:
            log.info("daemon started", cycle_every_s=settings.orchestrator.cycle_every_s, owner=runner.owner)
            if runner.open_sessions.address:
                log.info("live view", at=runner.open_sessions.address, link="runner live --open")
            async with AsyncExitStack() as beside:
                await beside.enter_async_context(_told(runner.books.events))
                if with_console or settings.console.enabled:
                    await beside.enter_async_context(console.served(runner, no_auth=no_auth, performs=True))
                await runner.orchestrator.run(stop, beside=runner.create_jobs)
            log.info("daemon stopped")

    options.enter(work)


@asynccontextmanager
async def _told(events: Events) -> AsyncIterator[None]:
    """Log every Job that ends or waits, for as long as the body runs."""
    with events.subscribe() as feed:
        task = asyncio.create_task(_tell(feed))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _tell(feed: Subscription) -> None:
    async for event in feed:
        if event.name in TOLD:
            facts = {key: event.data[key] for key in ("flow", "result") if event.data.get(key)}
            words = WORDS.sub(" ", event.name).lower()
            log.info(words, account=event.account, job=event.job_id, **facts)
