"""The last picture of a page, for when it cannot be asked any more: hung or crashed.

A picture is one frame of a screencast: started, its first frame taken, stopped. The frame comes from the compositor
in the browser process, so that a page which hangs is still shown as it stands now. A crashed page has nothing left to
show; for that one a frame is taken every second or so. bench/last_picture.py compares this with the other ways.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from runner.browser.deadlines import Gone
from runner.domain.clock import Clock

JPEG = {"format": "jpeg", "quality": 50, "everyNthFrame": 1}
FRAME_S = 1.5
"""How long a frame may take; a page that has never painted gives none."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A JPEG of the visible part of a page, and the moment and address that it shows."""

    jpeg: bytes
    at: datetime
    url: str


class LastPicture:
    """Keeps the last picture of one page, renewed every `every_s` seconds while it runs and is not paused."""

    def __init__(self, context: BrowserContext, page: Page, *, every_s: float, gone: Gone, clock: Clock) -> None:
        self.latest: Picture | None = None
        self._context, self._page = context, page
        self._every_s, self._gone, self._clock = every_s, gone, clock
        self._cdp: CDPSession | None = None
        self._frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._one_at_a_time = asyncio.Lock()
        self._sent: set[asyncio.Task[None]] = set()
        self._may_take = asyncio.Event()
        self._may_take.set()
        self._pauses = 0

    async def attach(self) -> None:
        """Get hold of the page while all is well: a hung one could not be attached to any more."""
        self._cdp = await self._context.new_cdp_session(self._page)
        self._cdp.on("Page.screencastFrame", self._frames.put_nowait)

    async def run(self) -> None:
        """Take pictures until cancelled or until the browser is gone."""
        while not self._gone.is_set():
            await self._may_take.wait()
            await self.renew()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._gone.wait()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take no picture inside: what is typed there belongs in none. May stand inside another."""
        self._pauses += 1
        self._may_take.clear()
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._may_take.set()

    async def renew(self) -> bool:
        """Take a picture now, of a hung page too; False when the page shows nothing or must not be taken."""
        if self._cdp is None or not self._may_take.is_set() or self._gone.is_set():
            return False
        async with self._one_at_a_time:
            while not self._frames.empty():
                self._frames.get_nowait()
            self._send(self._cdp, "Page.startScreencast", JPEG)
            try:
                async with asyncio.timeout(FRAME_S):
                    frame = await self._frames.get()
            except TimeoutError:
                return False
            finally:
                self._send(self._cdp, "Page.stopScreencast", {})
        if self._may_take.is_set():
            self.latest = Picture(jpeg=base64.b64decode(frame["data"]), at=self._clock.now(), url=self._page.url)
        return True

    def _send(self, cdp: CDPSession, method: str, params: dict[str, Any]) -> None:
        """Send without waiting for an answer: the browser acts on it at once, a hung page never answers it."""

        async def send() -> None:
            # Nothing to do about a page that is being replaced or is gone: the next second brings the next picture.
            with contextlib.suppress(PlaywrightError):
                await cdp.send(method, params)

        task = asyncio.create_task(send())
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)

    def stop(self) -> None:
        """Forget what nobody will answer any more."""
        for task in self._sent:
            task.cancel()
