"""From whatever an Attempt raised to an AttemptError: the one place that reads Playwright's messages."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.browser.guard import Guard
from runner.domain.pages import LastResponse
from runner.errors import (
    AttemptError,
    BrowserGone,
    ErrorKind,
    InternalError,
    Interrupted,
    Rejected,
    RetryLater,
    RunnerError,
    SiteChanged,
)
from runner.sites import net_errors
from runner.sites.interface import Site

TROUBLE_DEADLINE_S = 2.0

_NET = re.compile(r"net::(?P<code>ERR_[A-Z0-9_]+)(?: at (?P<url>\S+))?")
_WAITING_FOR = re.compile(r"waiting for (?P<locator>(?:get_by_|locator\(|frame_locator\().*)")
_STRICT = re.compile(r"strict mode violation: (?P<locator>.+) resolved to (?P<count>\d+) elements")
_STATE = re.compile(r" to be (?:visible|hidden|attached|detached)$")
_HINDRANCE = re.compile(
    r"- (?P<why>element is not [a-z]+|element is outside of the viewport|(?P<cover><.*) intercepts pointer events)"
)
_CLICKED = "waiting for scheduled navigations to finish"
_LOADS = (
    "Page.goto:",
    "Page.reload:",
    "Page.go_back:",
    "Page.expect_navigation:",
    "Page.wait_for_url:",
    "Page.wait_for_load_state:",
)
_GONE = (
    "Page crashed",
    "Target crashed",
    "Target page, context or browser has been closed",
    "Connection closed",
    "Browser closed",
)

log = structlog.get_logger(__name__)


async def translate(
    error: BaseException,
    *,
    site: Site,
    last_response: LastResponse | None,
    session_gone: bool,
    step: str | None,
    guard: Guard | None = None,
) -> AttemptError:
    """What an Attempt's error means, after asking the Site what is wrong with the page that is open now.

    `session_gone`: the browser is known to be dead. `step` is the Step in which it happened. `guard` is the Session's
    origin allowlist. Never raises but for cancellation, and takes little over 2 s at most.
    """
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
        return Interrupted("The attempt was interrupted by us.", cure="It goes on by itself and costs no attempt.")
    if isinstance(error, AttemptError) and not isinstance(error, SiteChanged):
        return error
    if isinstance(error, RunnerError) and not isinstance(error, AttemptError):
        return Rejected(error.what, cure=error.cure)
    if session_gone or is_gone(error):
        return BrowserGone(f"The browser or its page died{_in(step)}.")
    net = navigation_error(error, site=site, guard=guard)
    if net is not None:
        return net
    if not isinstance(error, PlaywrightError | TimeoutError | AttemptError):
        return _of_the_page(error, step)  # our own bug: what the page says of itself would only hide it
    found = await _asked(site, last_response)
    return found or _of_the_page(error, step)


def is_gone(error: BaseException) -> bool:
    """Whether the error says that the page, its renderer or the browser is dead."""
    return isinstance(error, PlaywrightError) and any(words in error.message for words in _GONE)


def is_slow_load(error: BaseException) -> bool:
    """Whether a page load timed out, as opposed to an element that is missing on a page that did load."""
    return isinstance(error, PlaywrightTimeout) and error.message.startswith(_LOADS)


def navigation_error(error: BaseException, *, site: Site, guard: Guard | None = None) -> AttemptError | None:
    """The AttemptError for a failed load (`net::ERR_…`), in words and with a cure; None for any other error."""
    match = _NET.search(error.message) if isinstance(error, PlaywrightError) else None
    if match is None:
        return None
    code, url = match["code"], match["url"] or site.base_url
    stopped = _stopped(code, url, guard)
    if stopped is not None:
        host = _host(stopped)
        return Rejected(
            f"The request to {host} was blocked by allowlist: only the site's own origins may be opened.",
            cure=f"If {host} belongs to the site, add it to the site's allowed_origins in playwright.config.toml.",
        )
    words = net_errors.words(code)
    kind = ErrorKind.TIMEOUT if code in net_errors.TIMED_OUT else ErrorKind.NETWORK
    return RetryLater(f"{_host(url)} {words.what} ({code}).", cure=words.cure, kind=kind)


def _stopped(code: str, url: str, guard: Guard | None) -> str | None:
    """The URL that our own allowlist stopped; None when the failure is a real one.

    The allowlist works by host resolver rules, so a blocked origin looks like a DNS failure. After a redirect the
    message still names the address that was asked for first, which is allowed: then the Guard's record decides.
    """
    if code in net_errors.BLOCKED:
        return url
    if guard is None or code not in net_errors.NOT_RESOLVED:
        return None
    if not guard.allows(url):
        return url
    last = guard.blocked[-1] if guard.blocked else None
    return last.url if last is not None and last.resource_type == "document" else None


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


async def _asked(site: Site, last_response: LastResponse | None) -> AttemptError | None:
    try:
        async with asyncio.timeout(TROUBLE_DEADLINE_S):
            return await site.trouble(last_response)
    except (PlaywrightError, TimeoutError) as error:
        # A page that cannot be asked has nothing to add; the error being translated stays the one that counts.
        log.info("trouble_not_readable", site=site.name, error=str(error).partition("\n")[0])
        return None


def _of_the_page(error: BaseException, step: str | None) -> AttemptError:
    if isinstance(error, SiteChanged):
        return error
    if isinstance(error, PlaywrightError):
        return _of_playwright(error, step)
    if isinstance(error, TimeoutError):
        return RetryLater(f"The site did not answer in time{_in(step)}.", kind=ErrorKind.TIMEOUT)
    what = f"{type(error).__name__}{_in(step)}: {error}"
    return InternalError(what, cure="This is a bug of ours; the evidence beside this attempt belongs into its report.")


def _of_playwright(error: PlaywrightError, step: str | None) -> AttemptError:
    strict = _STRICT.search(error.message)
    if strict:
        what = f"{strict['count']} elements instead of one match {strict['locator']}{_in(step)}."
        return SiteChanged(what, cure="Make that locator of the site's adapter exact.", locator=strict["locator"])
    if not isinstance(error, PlaywrightTimeout):
        return InternalError(
            f"The browser refused{_in(step)}: {error.message.partition(chr(10))[0]}", cure="This is a bug of ours."
        )
    waited = _WAITING_FOR.search(error.message)
    if waited is None or is_slow_load(error) or _CLICKED in error.message:
        what = f"The site did not answer in time{_in(step)}: {error.message.partition(chr(10))[0]}"
        return RetryLater(what, kind=ErrorKind.TIMEOUT)
    locator = _STATE.sub("", waited["locator"].strip())
    hindrance = _HINDRANCE.search(error.message)
    if hindrance:
        why = f"it is covered by {hindrance['cover'][:80]}" if hindrance["cover"] else hindrance["why"]
        what = f"{locator} is on the page but cannot be used{_in(step)}: {why}."
        return RetryLater(what, cure="The screenshot shows what is in the way.", kind=ErrorKind.TIMEOUT)
    cure = "Look at the screenshot, and mend that locator of the site's adapter."
    return SiteChanged(f"{locator} is not on the page{_in(step)}.", cure=cure, locator=locator)


def _in(step: str | None) -> str:
    return f' in step "{step}"' if step else ""
