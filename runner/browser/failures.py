"""Playwright's errors in our words: what happened, and so what happens next."""

from __future__ import annotations

import re

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.browser.deadlines import Gone, says_gone
from runner.errors import AttemptError, BrowserGone, ErrorKind, InternalError, RetryLater

_NET_ERROR = re.compile(r"net::(ERR_\w+)(?: at (\S+))?")
_LOCATOR = re.compile(r"waiting for ((?:locator|get_by|frame_locator|getBy)\S.*)")

NET_WORDS = (
    ("ERR_NAME_NOT_RESOLVED", "its name could not be found", "Look at base_url and at allowed_origins, then at DNS."),
    ("ERR_CONNECTION_REFUSED", "nobody answers there", "See whether the site is up."),
    ("ERR_CONNECTION_", "the connection broke", "See whether the site is up."),
    ("ERR_EMPTY_RESPONSE", "it closed the connection without an answer", "See whether the site is up."),
    ("ERR_INTERNET_DISCONNECTED", "this machine has no network", "Look at the network."),
    ("ERR_CERT_", "its TLS certificate is not trusted", "Have the certificate mended, or trust its issuer here."),
    ("ERR_SSL_", "TLS failed", "See whether base_url should begin with http:// or https://."),
    ("ERR_TIMED_OUT", "the connection timed out", "See whether the site is up."),
    ("ERR_TOO_MANY_REDIRECTS", "it redirects in a circle", "Open the page by hand and look."),
)


def explain(error: PlaywrightError, *, gone: Gone | None = None) -> AttemptError:
    """The AttemptError that an error of Playwright means; `gone` is the Session's, where there is one.

    A timeout keeps the locator that was waited for: whoever knows the page can tell a slow page from a changed one.
    """
    if gone is not None and gone.is_set():
        return gone.error()
    text = str(error)
    if says_gone(error):
        return BrowserGone("The browser or its page was gone.")
    found = _NET_ERROR.search(text)
    if found:
        return _network(found.group(1), found.group(2))
    first = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, PlaywrightTimeout):
        locator = _LOCATOR.search(text)
        return RetryLater(first, kind=ErrorKind.TIMEOUT, locator=locator.group(1).strip() if locator else None)
    return InternalError(f"Playwright refused: {first}")


def _network(code: str, url: str | None) -> RetryLater:
    words, cure = next(
        ((words, cure) for name, words, cure in NET_WORDS if code.startswith(name)),
        ("the request failed", "See whether the site is up."),
    )
    where = f"{url} cannot be reached" if url else "A page cannot be reached"
    return RetryLater(f"{where}: {words} ({code}).", cure=cure, kind=ErrorKind.NETWORK)
