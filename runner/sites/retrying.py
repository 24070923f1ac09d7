"""Reads that timed out are repeated at once, inside the Attempt. Never put anything around it that changes the Site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
import tenacity

from runner.errors import AttemptError, ErrorKind, RetryLater
from runner.sites.translate import is_slow_load

T = TypeVar("T")

log = structlog.get_logger(__name__)


def may_repeat(error: BaseException) -> bool:
    """Whether a read that ended so may simply be done again: it timed out, and nothing else is known to be wrong.

    A page that did load and lacks an element is not slow but changed; waiting for it again would only cost time.
    """
    if isinstance(error, AttemptError):
        return isinstance(error, RetryLater) and error.kind is ErrorKind.TIMEOUT
    return is_slow_load(error)


@dataclass
class Repeats:
    """Repeats reads with short exponential waits; `count` is how many repetitions there were, `reasons` why."""

    tries: int = 3
    first_wait_s: float = 0.2
    max_wait_s: float = 2.0
    count: int = 0
    reasons: list[str] = field(default_factory=list)

    async def repeatable(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """Await `read()`, again when it timed out, at most `tries` times in all. `what` is for a person."""

        async def once() -> T:
            # Tenacity awaits only what it recognises as a coroutine function, and a lambda is none.
            return await read()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(may_repeat),
            stop=tenacity.stop_after_attempt(self.tries),
            wait=tenacity.wait_exponential_jitter(
                multiplier=self.first_wait_s, max=self.max_wait_s, jitter=self.first_wait_s
            ),
            before_sleep=lambda state: self._counted(what, state),
            reraise=True,
        )
        return await retrying(once)

    def _counted(self, what: str, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.count += 1
        self.reasons.append(f"{what}: {error}".splitlines()[0])
        log.info("read_repeated", what=what, number=state.attempt_number, error=str(error).splitlines()[0])
