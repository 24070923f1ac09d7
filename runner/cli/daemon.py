"""`runner daemon`: cycles over all accounts until it is stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
import typer

from runner import wiring
from runner.cli import options

log = structlog.get_logger()


def daemon(
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="SECONDS", min=1, help="Seconds from one cycle's start to the next."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", min=1, help="Browsers at once.")
    ] = None,
    config: options.Config = None,
) -> None:
    """Rotate through all accounts, cycle after cycle, until SIGTERM or Ctrl-C; then finish cleanly."""
    settings, redactor = options.settings(
        config, {"orchestrator.cycle_every_s": every, "orchestrator.concurrency": concurrency}
    )

    async def work(stop: asyncio.Event) -> None:
        async with wiring.open_runner(settings, redactor) as runner:
            log.info("daemon started", cycle_every_s=settings.orchestrator.cycle_every_s, owner=runner.owner)
            await runner.orchestrator.run(stop, beside=runner.cycles.repeat)
            log.info("daemon stopped")

    options.enter(work)
