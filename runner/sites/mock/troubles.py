"""Pages of the mock marketplace that take the place of others, as AttemptErrors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page

from runner.domain.pages import LastResponse
from runner.errors import AttemptError, ErrorKind, NeedsPerson, RateLimited, RetryLater, SessionExpired
from runner.sites.mock import locators

_CHALLENGES = {
    locators.CAPTCHA: (ErrorKind.CAPTCHA, "asks whether a human is there (captcha)"),
    locators.TWO_FACTOR: (ErrorKind.CHALLENGE, "asks for a security code (two-factor)"),
    locators.TERMS: (ErrorKind.CHALLENGE, "asks to accept new terms"),
}
_BY_HAND = "Answer the page by hand: runner handoff opens it, and the job goes on."


async def read(page: Page, last: LastResponse | None) -> AttemptError | None:
    """What is wrong with the page that is open now; None when it looks well. Reads only, and never waits."""
    read: dict[str, Any] = await page.evaluate(locators.READ, ["heard"])
    return judge(urlsplit(page.url).path, read["heard"], last)


def judge(path: str, heard: Mapping[str, Any], last: LastResponse | None) -> AttemptError | None:
    """What is wrong with a page at `path` of which this was heard (see `locators.READ`); None when it looks well."""
    heading = heard["headings"][0] if heard["headings"] else ""
    if heading in _CHALLENGES:
        kind, what = _CHALLENGES[heading]
        return NeedsPerson(f"The site {what}.", cure=_BY_HAND, kind=kind)
    if path == locators.CHALLENGE_PATH:
        return NeedsPerson(f'The site asks for something new: "{heading}".', cure=_BY_HAND)
    if heading == locators.LOCKED:
        return _locked(" ".join(heard["alerts"]))
    if heading == locators.RATE_LIMITED:
        return rate_limited(last, float(heard["waitS"]) if heard["waitS"] else None)
    if path == locators.SIGN_IN_PATH:
        return SessionExpired("The site no longer knows this session.")
    if heading == locators.FORM_EXPIRED:
        return SessionExpired("The site says that the form has expired.")
    return by_status(last) or (_server_error(last) if heading == locators.ERROR else None)


def of_answer(last: LastResponse, body: Mapping[str, Any]) -> AttemptError | None:
    """What is wrong with an answer that a script gets; None when it says nothing about trouble."""
    if last.status != 403:
        return by_status(last)
    if body.get("error") == "locked":
        return _locked(str(body.get("message", "")))
    kind = ErrorKind.CAPTCHA if body.get("kind") == "captcha" else ErrorKind.CHALLENGE
    return NeedsPerson("The site asks for a person before it shows anything else.", cure=_BY_HAND, kind=kind)


def _locked(why: str) -> NeedsPerson:
    return NeedsPerson(
        f"The site has locked this account: {why}",
        cure="Settle it with the site, then resume the account.",
        kind=ErrorKind.ACCOUNT_LOCKED,
    )


def by_status(last: LastResponse | None) -> AttemptError | None:
    """What the status of an answer alone says; None when it says nothing about trouble."""
    if last is None:
        return None
    if last.status == 429:
        return rate_limited(last, None)
    if last.status >= 500:
        return _server_error(last)
    if last.status == 401:
        return SessionExpired("The site no longer knows this session.")
    return None


def rate_limited(last: LastResponse | None, shown_s: float | None) -> RateLimited:
    """A 429, with the wait from its Retry-After header, or from the page's own words."""
    header = _retry_after_s(last.headers.get("retry-after")) if last else None
    wait_s = header if header is not None else shown_s
    asked = f" and asks for {wait_s:.0f} s" if wait_s is not None else ""
    return RateLimited(f"The site says that we are going too fast{asked}.", retry_after_s=wait_s)


def _server_error(last: LastResponse | None) -> RetryLater:
    status = f" ({last.status})" if last is not None and last.status >= 400 else ""
    return RetryLater(f"The site says that something went wrong{status}.")


def _retry_after_s(value: str | None) -> float | None:
    """Seconds of a Retry-After header: a number, or a date (RFC 9110 §10.2.3); None when it is neither."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
