"""The pause after a failure, in which a person looks around in the open browser."""

from __future__ import annotations

import contextlib

import structlog

from runner.browser.session import LiveSession
from runner.domain.jobs import Attempt
from runner.errors import AttemptError
from runner.orchestrator.visits import Look

log = structlog.get_logger()


async def pause_for_a_person(
    look: Look, live: LiveSession | None, error: AttemptError, *, step: str | None, attempt: Attempt
) -> None:
    """Open Playwright's inspector where somebody asked for it, and wait until they have looked around.

    Where a terminal asks (`Look.stopped`), its answer ends the pause; it asks when there is nothing to inspect, too.
    """
    browser_lives = live is not None and not live.gone.is_set()
    if look.stopped is not None:
        async with live.inspected() if live is not None and browser_lives else contextlib.nullcontext():
            await look.stopped(step, error, attempt, browser_lives)
    elif look.pause_on_error and live is not None and browser_lives:
        log.info("paused: look around in the browser, then press Resume in the inspector")
        await live.inspect()
