"""The login state of a live browser: read out of it, and laid into one without clearing what else is there.

Playwright's `set_storage_state` clears first. Here cookies are added to those that are there, and what belongs to an
origin is written on a blank page of that origin, which we serve ourselves: nothing of it touches the network.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from runner.browser.session import LiveSession
from runner.errors import BrowserGone, RetryLater

READ_S = 2.0
MOST_BYTES = 16_000_000
LAY_IN_S = 10.0
BLANK = "<!doctype html><title>login state</title>"
SCRIPT = Path(__file__).with_name("lay_in.js")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoginState:
    """Cookies, and per origin localStorage and IndexedDB, in Playwright's own forms; of allowed origins only."""

    cookies: tuple[Mapping[str, Any], ...] = ()
    origins: tuple[Mapping[str, Any], ...] = ()

    def within(self, allowed: Iterable[str]) -> LoginState:
        """What of it belongs to these origins (`https://host:port`)."""
        origins = set(allowed)
        hosts = {(urlsplit(origin).hostname or "").lower() for origin in origins}
        return LoginState(
            cookies=tuple(cookie for cookie in self.cookies if _reaches(cookie, hosts)),
            origins=tuple(each for each in self.origins if each.get("origin") in origins),
        )

    def with_missing_from(self, older: LoginState, *, visited: Iterable[str]) -> LoginState:
        """With the origins of an older state that this one knows nothing of, because they were not `visited`."""
        known = {each["origin"] for each in self.origins} | set(visited)
        kept = tuple(each for each in older.origins if each["origin"] not in known)
        return LoginState(cookies=self.cookies, origins=(*self.origins, *kept))

    def cookies_hash(self) -> str:
        """The same for cookies of the same names and values, however far their expiry was put off."""
        told = sorted(json.dumps(_identity(cookie)) for cookie in self.cookies)
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def packed(self) -> bytes:
        """As JSON."""
        return json.dumps({"cookies": self.cookies, "origins": self.origins}, ensure_ascii=False).encode()

    @classmethod
    def unpacked(cls, data: bytes) -> LoginState:
        """From JSON. Raises ValueError, KeyError and TypeError for what is none."""
        found = json.loads(data)
        return cls(cookies=tuple(map(dict, found["cookies"])), origins=tuple(map(dict, found["origins"])))


async def cookies_of(session: LiveSession) -> LoginState:
    """Only the cookies: costs one question to the browser."""
    with _told("reading the cookies"):
        found = await session.within(READ_S, session.context.cookies(), "reading the cookies")
    return LoginState(cookies=tuple(dict(each) for each in found)).within(session.guard.origins)


async def read(session: LiveSession, *, older: LoginState | None = None) -> LoginState:
    """All of it, of the Site's own origins. Raises RetryLater, BrowserGone.

    A browser tells only of origins that it has been to: what `older` knows of the others is taken over.
    """
    try:
        state = await _told_by(session, indexed_db=True)
        if len(state.packed()) > MOST_BYTES:
            raise RetryLater(f"its IndexedDB is larger than {MOST_BYTES // 1_000_000} MB")
    except BrowserGone:
        raise
    except RetryLater as problem:
        # A shop's whole catalogue may lie in there, and a login seldom does.
        log.warning("the login state is saved without IndexedDB", account=session.account, reason=problem.what)
        state = await _told_by(session, indexed_db=False)
    if older is not None:
        state = state.with_missing_from(older, visited=[_origin(page.url) for page in session.context.pages])
    return state.within(session.guard.origins)


async def _told_by(session: LiveSession, *, indexed_db: bool) -> LoginState:
    with _told("reading the login state"):
        asked = session.context.storage_state(indexed_db=indexed_db)
        found = await session.within(READ_S, asked, "reading the login state")
    return LoginState(cookies=tuple(map(dict, found["cookies"])), origins=tuple(map(dict, found["origins"])))


async def leave(session: LiveSession) -> None:
    """Leave the page that is open, so that the next look at who is signed in is at a page that is loaded for it."""
    with _told("leaving the page"):
        await session.within(LAY_IN_S, session.page.goto("about:blank"), "leaving the page")


async def lay_in(session: LiveSession, state: LoginState) -> None:
    """Put it into the browser beside what is there; the flow's page is blank afterwards, so that nothing old is read.

    Raises RetryLater, BrowserGone.
    """
    state = state.within(session.guard.origins)
    # First of all: a page of the Site may hold its databases open, and shows what was before.
    await leave(session)
    with _told("laying in the checkpoint"):
        await _add_cookies(session, state.cookies)
        if state.origins:
            await session.within(LAY_IN_S, _fill(session, state.origins), "laying in the checkpoint")


async def _add_cookies(session: LiveSession, cookies: Sequence[Mapping[str, Any]]) -> None:
    # One that has expired meanwhile would take away a newer one of its name.
    alive: list[Any] = [dict(each) for each in cookies if each["expires"] == -1 or each["expires"] > time.time()]
    try:
        await session.within(LAY_IN_S, session.context.add_cookies(alive), "setting the cookies")
    except PlaywrightError:
        # One that the browser refuses makes it refuse them all.
        for cookie in alive:
            try:
                await session.within(LAY_IN_S, session.context.add_cookies([cookie]), "setting a cookie")
            except PlaywrightError:
                log.warning("the browser refuses a cookie of the checkpoint", cookie=cookie.get("name"))


async def _fill(session: LiveSession, origins: Sequence[Mapping[str, Any]]) -> None:
    async with session.aside() as page:
        for each in origins:
            async with _blank(page, each["origin"]):
                failed = await page.evaluate(SCRIPT.read_text(encoding="utf-8"), dict(each))
            for words in failed:
                log.warning("a part of the checkpoint could not be laid in", origin=each["origin"], part=words)


@contextlib.asynccontextmanager
async def _blank(page: Page, origin: str) -> AsyncIterator[None]:
    """An empty page of this origin, served by us; whatever else it asks for is refused."""
    address = f"{origin}/"
    cdp = await page.context.new_cdp_session(page)
    # A service worker of the Site would answer in our place, and ask the network.
    await cdp.send("Network.enable")
    await cdp.send("Network.setBypassServiceWorker", {"bypass": True})

    async def answer(route: Any) -> None:
        if route.request.url == address:
            await route.fulfill(body=BLANK, content_type="text/html; charset=utf-8")
        else:
            await route.abort()

    await page.route("**/*", answer)
    try:
        await page.goto(address)
        yield
    finally:
        with contextlib.suppress(PlaywrightError):
            await page.unroute("**/*", answer)
            await cdp.detach()


@contextlib.contextmanager
def _told(what: str) -> Any:
    try:
        yield
    except PlaywrightError as error:
        raise RetryLater(f"{what} failed: {str(error).partition(chr(10))[0]}") from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _reaches(cookie: Mapping[str, Any], hosts: Iterable[str]) -> bool:
    """Whether a cookie is sent to one of these hosts: its own, or with a leading dot any below it."""
    domain = str(cookie.get("domain", "")).lower()
    bare = domain.removeprefix(".").strip("[]")
    return any(host == bare or (domain.startswith(".") and host.endswith(f".{bare}")) for host in hosts)


def _identity(cookie: Mapping[str, Any]) -> list[Any]:
    return [cookie.get(key) for key in ("domain", "path", "name", "value", "partitionKey")]
