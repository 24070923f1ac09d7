"""The live view of one page: a few pictures a second for whoever watches, and none at all while nobody does.

Chromium sends a picture when the page changes, and no more than two or three that we have not acknowledged: that is
how it is slowed down. What changes while it waits for us it does not send later, so after a burst one fresh picture is
asked for. A slow watcher misses pictures; nobody ever waits for one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from playwright.async_api import BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from runner.browser.covers import Covers, painted_over
from runner.browser.deadlines import Gone

log = structlog.get_logger(__name__)

SETTLED_S = 0.6
"""After so long without a picture a burst is over."""
MOST_UNANSWERED = 2
SECRET_SHOWN = "This page shows a password; its picture is held back."  # noqa: S105 a sentence, not a password


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A JPEG of the visible part of the page, whose size in CSS pixels is `width` by `height`."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """No picture, and why, for whoever watches."""

    why: str


View = Frame | Withheld


class Watcher:
    """One who watches: `next` gives the newest that there is, leaving out what came in between."""

    def __init__(self, newest: Callable[[], View | None]) -> None:
        self._newest = newest
        self.bell = asyncio.Event()

    async def next(self) -> View:
        """The newest picture once there is one that was not given yet."""
        while True:
            await self.bell.wait()
            self.bell.clear()
            if (view := self._newest()) is not None:
                return view


class LiveView:
    """Shows one page to any number of watchers, `fps` pictures a second at most, passwords painted over."""

    def __init__(
        self,
        context: BrowserContext,
        page: Page,
        *,
        fps: float,
        quality: int,
        gone: Gone,
        secrets: Callable[[], Sequence[str]],
    ) -> None:
        self._context, self._page, self._gone = context, page, gone
        self._pause_s = 1 / fps
        self._screencast = {"format": "jpeg", "quality": quality, "everyNthFrame": 1}
        self._secrets = secrets
        self._cdp: CDPSession | None = None
        self._watchers: set[Watcher] = set()
        self._newest: View | None = None
        self._captured: dict[str, Any] | None = None
        self._unanswered: list[int] = []
        self._arrived = asyncio.Event()
        self._withheld: list[str] = []
        self._not_before = 0.0
        self._showing: asyncio.Task[None] | None = None
        self._sent: set[asyncio.Task[None]] = set()

    async def attach(self) -> None:
        """Get hold of the page while all is well: a hung one could not be attached to any more."""
        self._cdp = await self._context.new_cdp_session(self._page)
        self._cdp.on("Page.screencastFrame", self._on_frame)

    @property
    def watched(self) -> int:
        """How many watch."""
        return len(self._watchers)

    @property
    def is_withheld(self) -> bool:
        """Whether what happens on the page now must not be shown."""
        return bool(self._withheld)

    @property
    def showing(self) -> bool:
        """Whether anything is captured at all."""
        return self._showing is not None and not self._showing.done()

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[Watcher]:
        """Watch for as long as the body runs; the first watcher starts the capture, the last one ends it."""
        watcher = Watcher(lambda: self._newest)
        self._watchers.add(watcher)
        if self._newest is not None:
            watcher.bell.set()
        if not self.showing:
            self._showing = asyncio.create_task(self._show(), name="live view")
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                await self.stop()

    @contextlib.contextmanager
    def withheld(self, why: str) -> Iterator[None]:
        """Nothing that the page shows inside is shown to anybody, not later either."""
        self._withheld.append(why)
        self._publish(Withheld(why=why))
        try:
            yield
        finally:
            self._withheld.remove(why)
            self._not_before = time.time()
            self._arrived.set()

    async def stop(self) -> None:
        """End the capture and forget the last picture."""
        showing, self._showing = self._showing, None
        if showing is not None:
            showing.cancel()
            await asyncio.wait({showing})
        self._newest = None

    def forget(self) -> None:
        """Forget what a browser that is gone will not answer any more."""
        for task in self._sent:
            task.cancel()

    async def _show(self) -> None:
        assert self._cdp is not None, "attach comes first"
        covers = Covers(self._cdp, self._secrets)
        self._captured, self._unanswered = None, []
        try:
            while not self._gone.is_set():
                await self._burst(covers)
            self._publish(Withheld(why=f"There is nothing to see any more: {self._gone.reason}."))
        except Exception as problem:
            log.exception("the live view failed", error=str(problem))
            self._publish(Withheld(why="The live view failed; the log says why."))
            raise
        finally:
            self._send("Page.stopScreencast")

    async def _burst(self, covers: Covers) -> None:
        """One fresh picture, and those that follow it; returns when something may have been missed since."""
        self._send("Page.stopScreencast")
        self._arrived.clear()
        self._unanswered.clear()
        self._send("Page.startScreencast", self._screencast)
        complete = True
        while not self._gone.is_set():
            if not await self._captured_within(None if complete and self._newest else SETTLED_S):
                return
            began = time.monotonic()
            frame, self._captured = self._captured, None
            if frame is None or self._withheld or not await self._show_one(frame, covers):
                complete = False
            await asyncio.sleep(max(0.0, self._pause_s - (time.monotonic() - began)))
            # The first of a capture shows the page as it is; after a second one something may have been left out.
            complete = complete and self._captured is None
            # One for each turn: the others of the first few stay unanswered, and so the next one is all that comes.
            if self._unanswered:
                self._send("Page.screencastFrameAck", {"sessionId": self._unanswered.pop()})
                del self._unanswered[:-MOST_UNANSWERED]

    async def _captured_within(self, seconds: float | None) -> bool:
        """Wait for a picture or for the browser's end; False when none came in time."""
        gone = asyncio.ensure_future(self._gone.wait())
        arrived = asyncio.ensure_future(self._arrived.wait())
        try:
            done, _ = await asyncio.wait({gone, arrived}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            arrived.cancel()
        self._arrived.clear()
        return bool(done)

    async def _show_one(self, captured: dict[str, Any], covers: Covers) -> bool:
        """Publish a picture, painted over where it must be; False when it may not be shown."""
        facts = captured["metadata"]
        if facts.get("timestamp", time.time()) < self._not_before:
            return False
        found = await covers.find()
        if found is None or self._withheld:
            return False
        if found.shown:
            self._publish(Withheld(why=SECRET_SHOWN))
            return True
        width, height = facts["deviceWidth"], facts["deviceHeight"]
        jpeg = base64.b64decode(captured["data"])
        if found.places:
            jpeg = await asyncio.to_thread(painted_over, jpeg, found.places, page_width=width)
        if self._withheld or facts.get("timestamp", time.time()) < self._not_before:
            return False
        self._publish(Frame(jpeg=jpeg, width=round(width), height=round(height)))
        return True

    def _publish(self, view: View) -> None:
        if self._watchers:
            self._newest = view
            for watcher in self._watchers:
                watcher.bell.set()

    def _on_frame(self, frame: dict[str, Any]) -> None:
        self._captured = frame
        self._unanswered.append(frame["sessionId"])
        self._arrived.set()

    def _send(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send without waiting for an answer: the browser acts on it at once, a hung page never answers it."""
        cdp = self._cdp
        if cdp is None or self._gone.is_set():
            return

        async def send() -> None:
            # Nothing to do about a page that is being replaced or is gone: the next picture tells.
            with contextlib.suppress(PlaywrightError):
                await cdp.send(method, params or {})

        task = asyncio.create_task(send())
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)
