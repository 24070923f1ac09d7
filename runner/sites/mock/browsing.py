"""Moving about the mock marketplace: open a page, submit a form, and notice when another page came instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from playwright.async_api import Locator, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.domain.pages import LastResponse
from runner.errors import ErrorKind, Rejected, RetryLater, SiteChanged
from runner.sites.interface import BeforeSubmit
from runner.sites.mock import locators, troubles

ANSWER_S = 20.0
"""A frozen page answers no script, and Playwright waits for one without end."""
FETCH_S = 10.0
"""How long an answer to a request of the page may take; what is later is asked for by opening the page."""


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
        if reuse and self.take_unused(path):
            return
        self._unused_path = None
        response = await self.page.goto(self.base_url + path, wait_until="domcontentloaded")
        self.loaded = True
        await self._expect_good(response, signed_out_ok=signed_out_ok)

    def take_unused(self, path: str) -> bool:
        """Whether this page is open already, loaded only to see who is signed in and not used since."""
        is_unused = self._unused_path == path and self.path == path
        if is_unused:
            self._unused_path = None
        return is_unused

    def mark_unused(self) -> None:
        """The page that is open now was loaded for its header only: `open(..., reuse=True)` may take it over."""
        self._unused_path = self.path

    async def read(self, *names: str) -> dict[str, Any]:
        """Parts of the page that is open (see `locators.READ`), in one question; None for a part that is not there."""
        async with asyncio.timeout(ANSWER_S):
            parts: dict[str, Any] = await self.page.evaluate(locators.READ, list(names))
        return parts

    async def fetched(self, path: str, *names: str) -> dict[str, Any]:
        """The same parts of another page, which the open one asks for in its place. Raises what came instead.

        SiteChanged as well when the first of them is missing.
        """
        async with asyncio.timeout(ANSWER_S):
            told: dict[str, Any] = await self.page.evaluate(
                locators.FETCH, [self.base_url + path, ["heard", *names], FETCH_S * 1000]
            )
        last = _answer(told)
        at = urlsplit(last.url).path
        trouble = troubles.judge(at, told["heard"], last)
        if trouble is not None:
            raise trouble
        if last.status != 200 or at != urlsplit(path).path or told[names[0]] is None:
            raise SiteChanged(f"The site answers {last.status} with {at} when {path} is fetched.")
        return told

    async def fetched_log(self, thread_id: str, *, limit_s: float = FETCH_S) -> tuple[LastResponse, dict[str, Any]]:
        """What the script of a Thread's page would be told now: the answer, and what it holds."""
        path = self.base_url + locators.THREAD_JSON_PATH + quote(thread_id, safe="")
        async with asyncio.timeout(ANSWER_S):
            told: dict[str, Any] = await self.page.evaluate(locators.FETCH_LOG, [path, limit_s * 1000])
        return _answer(told), told["body"]

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
        trouble = await troubles.read(self.page, None)
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

    @staticmethod
    def next_path(path: str, link: str | None) -> str | None:
        """Path and query of the next page of a list, by its link on the page at `path`; None on the last."""
        if link is None:
            return None
        parts = urlsplit(urljoin(path, link))
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    async def _expect_good(self, response: Response | None, *, signed_out_ok: bool) -> None:
        last = last_response(response)
        status = last.status if last else 200
        misled = self.path in (locators.SIGN_IN_PATH, locators.CHALLENGE_PATH)
        if status < 400 and not misled:
            return
        if signed_out_ok and self.path == locators.SIGN_IN_PATH and status < 400:
            return
        trouble = await troubles.read(self.page, last)
        if trouble is not None:
            raise trouble
        what = f"The site answers {status} for {self.path}."
        if status == 404:
            raise Rejected(what, cure="It is not there, or it belongs to another account.")
        raise RetryLater(what)


def _answer(told: dict[str, Any]) -> LastResponse:
    return LastResponse(url=told["url"], status=told["status"], headers=told["headers"])


def last_response(response: Response | None) -> LastResponse | None:
    """A Playwright Response as the value that is judged."""
    if response is None:
        return None
    return LastResponse(url=response.url, status=response.status, headers=response.headers)
