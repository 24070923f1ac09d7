"""A live Session: one account's profile open in one browser, with everything that it says and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import psutil
import structlog
from playwright.async_api import BrowserContext, Page, Request
from playwright.async_api import Error as PlaywrightError

from runner.browser import deadlines, processes, profiles
from runner.browser.blocking import Blocking
from runner.browser.deadlines import Gone
from runner.browser.guard import BlockedRequest, Guard
from runner.browser.hands import Hands
from runner.browser.last_picture import LastPicture
from runner.browser.listening import Listener
from runner.browser.live_view import LiveView
from runner.browser.ring import Ring
from runner.browser.trace_folder import TraceFolder
from runner.browser.tracing import Trace
from runner.browser.trail import Trail
from runner.domain.clock import Clock
from runner.errors import BrowserGone, RetryLater, RunnerError
from runner.logs import Redactor

T = TypeVar("T")
log = structlog.get_logger(__name__)

DYING_S = 0.5
KILL_S = 5.0
"""How long a killed process may take to disappear: the kernel frees its memory first."""
RESUME = "() => window.__pw_resume && window.__pw_resume()"
INSPECT_S = 7 * 86_400.0
"""Nobody looks around in a browser for longer than a week."""


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Deadlines in seconds, of Playwright's and of our own."""

    launch_s: float = 30.0
    action_s: float = 10.0
    navigation_s: float = 20.0
    close_s: float = 10.0


class Sent:
    """Whether a password has left the browser: with a form that was submitted, or in what a script has sent."""

    def __init__(self, password: str) -> None:
        self.password = False
        self._redactor = Redactor([password])

    def look(self, request: Request) -> None:
        """Take note of one request."""
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        body = (request.post_data_buffer or b"").decode("utf-8", "replace")
        self.password = self.password or request.is_navigation_request() or self._redactor.text(body) != body


class Ending(StrEnum):
    """How a browser ended."""

    CLOSED = "closed"  # cleanly: cookies are on disk
    KILLED = "killed"  # it did not close in time
    WAS_GONE = "was_gone"  # it had crashed or been closed before we asked


@dataclass(frozen=True, kw_only=True)
class Closed:
    """How a Session ended, in how many seconds, and the pids that had to be killed."""

    ending: Ending
    seconds: float
    killed: tuple[int, ...] = ()


class LiveSession:
    """An open browser with one page for flows; made by `Browsers.launch`, ended by `close`.

    `gone` is set, with a reason, when the page crashes, the window is closed or the browser process ends.
    """

    def __init__(
        self,
        *,
        account: str,
        profile_dir: Path,
        context: BrowserContext,
        page: Page,
        browser_version: str,
        browsers: list[psutil.Process],
        guard: Guard,
        redactor: Redactor,
        timeouts: Timeouts,
        blocking: Blocking,
        clock: Clock,
        last_picture_every_s: float,
        live_fps: float,
        live_quality: int,
        temp_dir: Path,
        trace_folder: TraceFolder | None = None,
    ) -> None:
        self.account = account
        self.profile_dir = profile_dir
        self.context = context
        self.page = page
        self.browser_version = browser_version
        self.clock = clock
        self.started_at: datetime = clock.now()
        self.pid: int = browsers[-1].pid
        self.guard = guard
        self.redactor = redactor
        self.timeouts = timeouts
        self.ring = Ring(redactor)
        self.gone = Gone()
        self._browsers = browsers
        self._closing: asyncio.Task[Closed] | None = None
        self._blocking = blocking
        self._listener = Listener(
            context, page, guard=guard, blocking=blocking, ring=self.ring, gone=self.gone, clock=clock
        )
        self.picture = LastPicture(context, page, every_s=last_picture_every_s, gone=self.gone, clock=clock)
        self.view = LiveView(
            context, page, fps=live_fps, quality=live_quality, gone=self.gone, secrets=lambda: redactor.known
        )
        self.hands = Hands(page, action_s=timeouts.action_s, navigation_s=timeouts.navigation_s, gone=self.gone)
        self.trace = Trace(context, redactor, temp_dir, folder=trace_folder)
        self.trail = Trail(page, picture=self.picture, gone=self.gone)
        self._tasks: list[asyncio.Task[None]] = []

    async def attach(self) -> None:
        """Get hold of the page while all is well, for the last picture and for whoever watches later."""
        await self.picture.attach()
        await self.view.attach()
        await self._blocking.attach(self.context, self.page)

    def watch(self) -> None:
        """Begin to keep the last picture and to notice the browser's end; `close` ends both."""
        self._tasks = [
            asyncio.create_task(self.picture.run(), name=f"last picture of browser {self.pid}"),
            asyncio.create_task(self._watch_process(), name=f"watch browser {self.pid}"),
        ]

    @property
    def blocked(self) -> list[BlockedRequest]:
        """Requests that the origin allowlist refused (the first few hundred; `guard.count` has the number)."""
        return self.guard.blocked

    @property
    def crashed_reason(self) -> str | None:
        """Why the browser cannot be used any more; None while it can."""
        return self.gone.reason

    def memory_bytes(self) -> int:
        """What the browser takes up with all its processes; takes a few milliseconds of a thread."""
        return processes.memory_bytes(self._browsers)

    def forget(self) -> None:
        """What was said and refused so far was another Attempt's."""
        self.ring.forget()
        self.guard.forget()

    async def within(self, seconds: float, awaitable: Awaitable[T], what: str) -> T:
        """Await under a deadline and no longer than the browser lives (see `deadlines.within`)."""
        return await deadlines.within(seconds, awaitable, what, gone=self.gone)

    @contextlib.asynccontextmanager
    async def aside(self) -> AsyncIterator[Page]:
        """A page of our own beside that of the flow; gone at the end of the block."""
        self._listener.opening_aside = True
        try:
            page = await self.within(
                self.timeouts.action_s, self.context.new_page(), "opening a page beside the flow's"
            )
        finally:
            self._listener.opening_aside = False
        try:
            yield page
        finally:
            if not self.gone.is_set():
                with contextlib.suppress(PlaywrightError):
                    await self.within(self.timeouts.action_s, page.close(), "closing the page beside the flow's")

    async def inspect(self) -> None:
        """Open Playwright's inspector and wait until a person presses Resume in it, or closes the browser."""
        try:
            await self.within(INSPECT_S, self.page.pause(), "looking around")
        except BrowserGone as gone:
            log.info("nobody looks around any more", reason=gone.what)

    async def lead_to(self, url: str) -> bool:
        """Open a page for a person to look at; False when it could not be had, and they see what came instead."""
        going = self.page.goto(url, wait_until="domcontentloaded", timeout=self.timeouts.navigation_s * 1000)
        try:
            await self.within(self.timeouts.navigation_s + 1, going, f"opening {url}")
        except (PlaywrightError, RetryLater) as error:
            log.warning("the page could not be opened", account=self.account, url=url, error=str(error).splitlines()[0])
            return False
        return True

    @contextlib.asynccontextmanager
    async def inspected(self) -> AsyncIterator[None]:
        """Playwright's inspector stands beside the page while the body runs, whatever is pressed in it meanwhile."""
        looking = asyncio.create_task(self.inspect(), name=f"inspector of browser {self.pid}")
        try:
            yield
        finally:
            if not looking.done() and not self.gone.is_set():
                # What the inspector's own Resume calls: without it every later action would wait for that button.
                with contextlib.suppress(PlaywrightError, RunnerError):
                    await self.within(self.timeouts.action_s, self.page.evaluate(RESUME), "ending the pause")
            looking.cancel()
            await asyncio.wait({looking}, timeout=self.timeouts.close_s)

    @contextlib.asynccontextmanager
    async def signing_in(self, sent: Sent | None = None) -> AsyncIterator[None]:
        """What happens inside stands in no trace and on no picture, live or last: a password is typed there.

        `sent` takes note of whether it went out.
        """
        sent = sent or Sent("")
        with self.view.withheld("A password is being typed. The picture comes back after it."):
            async with self.in_hand():
                self.context.on("request", sent.look)
                try:
                    yield
                finally:
                    self.context.remove_listener("request", sent.look)

    @contextlib.asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        """What a person does inside stands in no trace, trail or last picture: it may be the typing of a password."""
        with self.picture.paused(), self.trail.paused():
            await self.within(self.timeouts.action_s, self.trace.pause(), "pausing the trace")
            try:
                yield
            finally:
                if not self.gone.is_set():
                    await self.for_the_trace(self.trace.resume(), "resuming the trace")

    async def for_the_trace(self, awaitable: Awaitable[object], what: str) -> None:
        """Await what a trace needs, under a deadline; a trace that cannot be had is never worth what is traced."""
        try:
            await self.within(self.timeouts.action_s, awaitable, what)
        except (PlaywrightError, RunnerError, OSError) as error:
            log.warning("there is no trace from here on", account=self.account, what=what, error=str(error))

    async def close(self) -> Closed:
        """Close the browser and wait until its profile is free; kills it when it does not close in time.

        May be called again and by several at once: all get the one ending. When the caller is cancelled the
        closing goes on, and ends within `close_s` and a few seconds.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name=f"close browser {self.pid}")
        return await asyncio.shield(self._closing)

    async def _close(self) -> Closed:
        started = time.monotonic()
        self._listener.closing = True
        if self.gone.is_set():
            # The page's end is told a moment before the process has ended: one that dies was not killed by us.
            await processes.ended(self._browsers, DYING_S)
        was_gone = self._listener.disconnected or not all(processes.is_running(each) for each in self._browsers)
        tree = processes.with_descendants(self._browsers)
        clean = await self._close_context()
        left_s = max(0.5, self.timeouts.close_s - (time.monotonic() - started)) if clean else 0.0
        clean = await processes.ended(self._browsers, left_s) and clean
        # Renderers that hang may outlive even a browser that closed properly.
        killed = processes.kill(tree)
        await processes.ended(tree, KILL_S)
        self.gone.because("it was closed")
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                log.warning("session_task_failed", account=self.account, error=repr(ended))
        self.picture.stop()
        await self.view.stop()
        self.view.forget()
        self.trace.forget()
        ending = Ending.WAS_GONE if was_gone else Ending.CLOSED if clean else Ending.KILLED
        pids = tuple(each.pid for each in killed)
        return Closed(ending=ending, seconds=time.monotonic() - started, killed=pids)

    async def _close_context(self) -> bool:
        try:
            async with asyncio.timeout(self.timeouts.close_s):
                await self.context.close()
        except (TimeoutError, PlaywrightError):
            return False  # frozen or gone already: the kill follows
        return True

    async def _watch_process(self) -> None:
        """The kernel's word that the process ended reaches us even when the driver hangs."""
        await processes.ended(self._browsers[-1:])
        if not self._listener.closing:
            self.gone.because(f"its process (pid {self.pid}) ended unexpectedly")


async def kill_browser_of(profile_dir: Path) -> list[int]:
    """Kill every browser that is open on a profile, with all that it started, and wait for its end.

    For browsers whose owner is proved dead. Returns the pids that were killed.
    """
    tree = processes.with_descendants(processes.browsers_on(profiles.user_data_dir(profile_dir)))
    killed = processes.kill(tree)
    await processes.ended(killed, KILL_S)
    return [each.pid for each in killed]
