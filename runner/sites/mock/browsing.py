"""Moving about the mock marketplace: open a page, submit a form, and notice when another page came instead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.domain.pages import LastResponse
from runner.errors import ErrorKind, Rejected, RetryLater
from runner.sites.interface import BeforeSubmit
from runner.sites.mock import locators, troubles


class Browsing:
    """One page at the marketplace. Every load goes through here, so that no trouble page is taken for a good one."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.find = locators.Locators(page)
        self.loaded = False
        """Whether this object has loaded a page: before that, what is open may be old."""
        self._unused_path: str | None = None

    @property
    def path(self) -> str:
        """The path of the page that is open now."""
        return urlsplit(self.page.url).path

    @property
    def at_site(self) -> bool:
        """Whether the page that is open is one of the Site, and not the browser's own error page."""
        return self.page.url.startswith(self.base_url + "/")

    async def open(self, path: str, *, signed_out_ok: bool = False, reuse: bool = False) -> None:
        """Load a page of the Site, or raise what came in its place.

        With `reuse`, a page that was loaded only to see who is signed in, and not used since, is not loaded twice.
        """
        if reuse and self._unused_path == path and self.path == path:
            self._unused_path = None
            return
        self._unused_path = None
        response = await self.page.goto(self.base_url + path, wait_until="domcontentloaded")
        self.loaded = True
        await self._expect_good(response, signed_out_ok=signed_out_ok)

    def mark_unused(self) -> None:
        """The page that is open now was loaded for its header only: `open(..., reuse=True)` may take it over."""
        self._unused_path = self.path

    async def submit(self, button: Locator, before_submit: BeforeSubmit | None = None) -> Response | None:
        """Click a button that leads to another page, and return the answer, trouble page or not.

        `before_submit` is awaited immediately before the click, when the button is already known to be clickable.
        """
        if before_submit is not None:
            await button.click(trial=True)
        async with self.page.expect_navigation(wait_until="domcontentloaded") as navigation:
            if before_submit is not None:
                await before_submit()
            # Without no_wait_after a hanging answer would let the click time out, and look like a missing button.
            await button.click(no_wait_after=True)
        self.loaded = True
        self._unused_path = None
        return await navigation.value

    async def expect_good(self, response: Response | None) -> None:
        """Raise when what answered a form is a trouble page."""
        await self._expect_good(response, signed_out_ok=False)

    async def first_of(self, *wanted: Locator, late: str) -> None:
        """Wait until one of the locators is there, or a trouble page; `late` is said if none comes.

        The caller looks for what it wanted, and calls `raise_trouble` when that is not there: the good case asks once.
        """
        union = self.find.trouble_heading()
        for locator in wanted:
            union = union.or_(locator)
        try:
            await union.first.wait_for()
        except PlaywrightTimeout as error:
            raise RetryLater(late, kind=ErrorKind.TIMEOUT) from error

    async def raise_trouble(self) -> None:
        """Raise what the page that is open now says is wrong; return when it says nothing."""
        trouble = await troubles.read(self.page, self.find, None)
        if trouble is not None:
            raise trouble

    @asynccontextmanager
    async def answers(self) -> AsyncIterator[list[Response]]:
        """The answers to every POST of the page while the body runs."""
        collected: list[Response] = []

        def collect(response: Response) -> None:
            if response.request.method == "POST":
                collected.append(response)

        self.page.on("response", collect)
        try:
            yield collected
        finally:
            self.page.remove_listener("response", collect)

    async def next_path(self) -> str | None:
        """Path and query of the next page of a list; None on the last."""
        links = self.find.next_page()
        found: list[str] = await links.evaluate_all("links => links.map(link => link.href)")
        if not found:
            return None
        parts = urlsplit(found[0])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    async def _expect_good(self, response: Response | None, *, signed_out_ok: bool) -> None:
        last = last_response(response)
        status = last.status if last else 200
        misled = self.path in (locators.SIGN_IN_PATH, locators.CHALLENGE_PATH)
        if status < 400 and not misled:
            return
        if signed_out_ok and self.path == locators.SIGN_IN_PATH and status < 400:
            return
        trouble = await troubles.read(self.page, self.find, last)
        if trouble is not None:
            raise trouble
        what = f"The site answers {status} for {self.path}."
        if status == 404:
            raise Rejected(what, cure="It is not there, or it belongs to another account.")
        raise RetryLater(what)


def last_response(response: Response | None) -> LastResponse | None:
    """A Playwright Response as the value that is judged."""
    if response is None:
        return None
    return LastResponse(url=response.url, status=response.status, headers=response.headers)
