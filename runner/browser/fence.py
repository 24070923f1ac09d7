"""The network fence around a submit: one request goes out, once, whatever the browser or the page would repeat.

On a reused connection Chromium repeats a POST by itself when the server commits and then drops the connection, answers
408 or sends a GOAWAY, and Playwright shows one request (DESIGN §5). A page's own script may try again as well. So the
request is taken out of the browser's hands: the driver sends it, without retries and redirects, and every further one
is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import structlog
from playwright.async_api import BrowserContext, Route
from playwright.async_api import Error as PlaywrightError

log = structlog.get_logger(__name__)


class SubmitFence:
    """Stands between the page and one address: `put_up` before arming, `take_down` when the submit is over.

    `passed` and `stopped` count requests; `answered` says that the one which went out has got an answer, of any status.
    """

    def __init__(self, context: BrowserContext, pattern: str, *, answer_s: float) -> None:
        self._context = context
        self._pattern = pattern
        self._answer_s = answer_s
        self._up = False
        self.passed = 0
        self.stopped = 0
        self.answered = False

    async def put_up(self) -> None:
        """From here on the first POST to the address is sent once, and every other is refused."""
        await self._context.route(self._pattern, self._handle)
        self._up = True

    async def take_down(self) -> None:
        """Let the page alone again; a request that is still on its way is not waited for."""
        if not self._up:
            return
        self._up = False
        try:
            await self._context.unroute(self._pattern, self._handle)
        except PlaywrightError as gone:
            log.debug("the browser took its fence with it", error=gone.message.splitlines()[0])
        if self.stopped:
            log.warning("a repeated submit was stopped", address=self._pattern, times=self.stopped)

    async def _handle(self, route: Route) -> None:
        if route.request.method not in ("POST", "PUT", "PATCH", "DELETE"):
            await route.fallback()
            return
        # Counted before anything is awaited: of two requests at the same moment only one finds it at nought.
        self.passed += 1
        if self.passed > 1:
            self.stopped += 1
            await _quietly(route.abort("blockedbyclient"))
            return
        try:
            answer = await route.fetch(max_redirects=0, max_retries=0, timeout=self._answer_s * 1000)
        except PlaywrightError as error:
            log.info("the submit got no answer", address=route.request.url, error=error.message.splitlines()[0])
            await _quietly(route.abort("connectionclosed"))
            return
        self.answered = True
        await _quietly(route.fulfill(response=answer))


@asynccontextmanager
async def submit_fence(
    context: BrowserContext, pattern: str | None, *, answer_s: float
) -> AsyncIterator[SubmitFence | None]:
    """A fence for one submit, taken down at the end; None where a Site asks for none."""
    if pattern is None:
        yield None
        return
    fence = SubmitFence(context, pattern, answer_s=answer_s)
    try:
        yield fence
    finally:
        await fence.take_down()


async def _quietly(answering: Awaitable[None]) -> None:
    """Answer a request whose page may be gone by now: then nobody waits for the answer."""
    try:
        await answering
    except PlaywrightError as gone:
        log.debug("nobody waits for the answer any more", error=gone.message.splitlines()[0])
