"""Patience with the database: no outcome is given up because somebody else writes, or the disk is full, just now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_exponential

from runner.errors import Conflict, SetupError

T = TypeVar("T")

log = structlog.get_logger()

GIVE_UP_S = 60.0
"""After that the process ends with the error, and the next one settles what it left: a stuck one would hide it."""


async def recorded(write: Callable[[], Awaitable[T]]) -> T:
    """Await `write()`, again while the database is locked or cannot be written, for a minute at most.

    `write` must be one transaction, so that a try that failed has left nothing. Raises its last Conflict or SetupError,
    and at once everything else.
    """

    async def once() -> T:
        # Tenacity awaits only what it recognises as a coroutine function, and a lambda is none.
        return await write()

    patient = AsyncRetrying(
        retry=retry_if_exception_type((Conflict, SetupError)),
        wait=wait_exponential(multiplier=0.5, max=5),
        stop=stop_after_delay(GIVE_UP_S),
        before_sleep=_say,
        reraise=True,
    )
    return await patient(once)


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("cannot be recorded yet; trying again", error=str(error), tries=state.attempt_number)
