"""Listens to what a browser context tells: console, errors, requests, dialogs, windows, crashes."""

from __future__ import annotations

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    WebError,
    WebSocket,
)
from playwright.async_api import Error as PlaywrightError

from runner.browser.blocking import Blocking
from runner.browser.deadlines import Gone
from runner.browser.guard import Guard
from runner.browser.ring import Ring
from runner.domain.clock import Clock
from runner.domain.pages import LastResponse

BLOCKED_BY_US = "ERR_BLOCKED_BY_CLIENT"
DATA_TYPES = frozenset({"xhr", "fetch"})


class Listener:
    """Fills the Ring, the Guard's record and `gone` from Playwright's events; set `closing` before closing.

    While `opening_aside` is set, a page that opens is one of ours, and nothing to tell.
    `disconnected` says that the browser went without having been asked.
    """

    def __init__(
        self,
        context: BrowserContext,
        page: Page,
        *,
        guard: Guard,
        blocking: Blocking,
        ring: Ring,
        gone: Gone,
        clock: Clock,
    ) -> None:
        self.closing = False
        self.opening_aside = False
        self.disconnected = False
        self._page, self._blocking = page, blocking
        self._guard, self._ring, self._gone, self._clock = guard, ring, gone, clock
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("dialog", self._on_dialog)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_request_failed)
        context.on("response", self._on_response)
        context.on("page", self._on_page)
        context.on("close", lambda _: self._disconnected())
        page.on("crash", lambda _: self._end("its page crashed", crashed=True))
        page.on("close", lambda _: self._end("its page was closed"))
        for each in context.pages:
            each.on("websocket", self._on_websocket)

    def _disconnected(self) -> None:
        self.disconnected = not self.closing
        self._end("it was closed")

    def _end(self, reason: str, *, crashed: bool = False) -> None:
        if not self.closing:
            self._gone.because(reason, crashed=crashed)

    def _on_console(self, message: ConsoleMessage) -> None:
        where = message.location
        if BLOCKED_BY_US in message.text and self._blocking.stops(where.get("url", "")):
            return
        line = int(where.get("lineNumber", 0)) + 1
        source = f"{where['url']}:{line}" if where.get("url") else ""
        self._ring.say(self._clock.now(), message.type, message.text, source)

    def _on_error(self, problem: WebError) -> None:
        error = problem.error
        text = getattr(error, "stack", None) or str(error)
        self._ring.say(self._clock.now(), "pageerror", text)

    async def _on_dialog(self, dialog: Dialog) -> None:
        """Nobody is there to answer: it is dismissed, which leaves everything as it is, and recorded."""
        self._ring.say(self._clock.now(), "dialog", f"{dialog.type} dismissed: {dialog.message}")
        try:
            # Dismissing "leave this page?" would cancel our own navigation or closing.
            await (dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())
        except PlaywrightError as error:
            # The page went away with its dialog, or a flow answered it first: both are an answer.
            self._ring.say(self._clock.now(), "dialog", f"{dialog.type} had ended: {error}")

    def _on_page(self, page: Page) -> None:
        page.on("websocket", self._on_websocket)
        if page is not self._page and not self.opening_aside:
            self._ring.say(self._clock.now(), "window", f"the page opened another window: {page.url}")

    def _on_request(self, request: Request) -> None:
        if not self._guard.allows(request.url):
            self._refused(request.method, request.url, request.resource_type)

    def _on_websocket(self, socket: WebSocket) -> None:
        if not self._guard.allows(socket.url):
            self._refused("GET", socket.url, "websocket")
        else:
            socket.on("socketerror", lambda error: self._socket_failed(socket.url, error))

    def _on_request_failed(self, request: Request) -> None:
        if self._guard.allows(request.url) and not self._blocking.stops(request.url):
            self._ring.request(
                self._clock.now(), request.method, request.url, request.resource_type, failure=request.failure
            )

    def _on_response(self, response: Response) -> None:
        request = response.request
        if response.status >= 400:
            self._ring.request(
                self._clock.now(), request.method, response.url, request.resource_type, status=response.status
            )
        document = self._is_main_document(request)
        if (document or request.resource_type in DATA_TYPES) and self._guard.allows(response.url):
            answer = LastResponse(url=response.url, status=response.status, headers=dict(response.headers))
            self._ring.answer(answer, document=document)

    def _is_main_document(self, request: Request) -> bool:
        if request.service_worker is not None or not request.is_navigation_request():
            return False
        try:
            return bool(request.frame == self._page.main_frame)
        except PlaywrightError:
            return False  # the first request of another window: its frame does not exist yet, so it is not ours

    def _refused(self, method: str, url: str, resource_type: str) -> None:
        at = self._clock.now()
        self._guard.record(url, resource_type, at)
        self._ring.request(at, method, url, resource_type, failure="origin is not allowed", blocked=True)

    def _socket_failed(self, url: str, error: str) -> None:
        self._ring.request(self._clock.now(), "GET", url, "websocket", failure=error)
