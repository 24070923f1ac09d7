"""A browser at rest: open, signed in, and with nothing of a Site running in it until somebody needs it again."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable

from playwright.async_api import Error as PlaywrightError

from runner.browser.session import LiveSession
from runner.errors import BrowserGone, RetryLater

REST_S = 5.0
WAKE_S = 3.0
"""How long a browser that was well may take to say so; one that takes longer is closed, and another one launched."""
BLANK = "about:blank"


class Rest:
    """Leads a Session's page to nothing (`begin`), and makes sure of it before it is used again (`end`)."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live
        self._until_used = contextlib.ExitStack()

    async def begin(self) -> None:
        """No script of the Site goes on, and nobody takes pictures of nothing. Raises RetryLater, BrowserGone."""
        live = self._live
        if live.trace.running:
            await live.for_the_trace(live.trace.stop(None), "throwing the trace away")
        live.trail.end()
        await self._within(REST_S, self._blank(), "laying the browser to rest")
        self._expect_blank()
        self._until_used.enter_context(live.picture.paused())

    async def end(self) -> None:
        """It is well and as it was left, and remembers nothing of before. Raises RetryLater, BrowserGone."""
        live = self._live
        await self._within(WAKE_S, live.page.evaluate("1"), "waking the browser")
        self._expect_blank()
        live.picture.latest = None
        self._until_used.close()
        live.forget()

    async def _blank(self) -> None:
        live = self._live
        for page in live.context.pages:
            if page is not live.page:
                await page.close()
        await live.page.goto(BLANK)
        # A worker of the Site lives on for half a minute without a page of its own.
        cdp = await live.context.new_cdp_session(live.page)
        try:
            await cdp.send("ServiceWorker.enable")
            await cdp.send("ServiceWorker.stopAllWorkers")
            await cdp.send("ServiceWorker.disable")
        finally:
            await cdp.detach()

    def _expect_blank(self) -> None:
        live = self._live
        if live.page.url != BLANK or len(live.context.pages) != 1:
            raise RetryLater(f"The browser of account {live.account} does not rest: it shows {live.page.url}.")
        if live.gone.is_set():
            raise BrowserGone(f"The browser of account {live.account} is gone: {live.gone.reason}.")

    async def _within(self, seconds: float, work: Awaitable[object], what: str) -> None:
        try:
            await self._live.within(seconds, work, what)
        except PlaywrightError as error:
            raise RetryLater(f"{what} failed: {str(error).partition(chr(10))[0]}") from error
