"""Which failures are the same one: a signature of what broke and where, and the one cure of all that share it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from runner.errors import ErrorKind

LENGTH = 10
"""Hexadecimal digits: enough to tell a million groups apart, and few enough to be typed."""

_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9a-z_-]*\d)[0-9a-z_-]{12,}\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_SPACE = re.compile(r"\s+")


def signature(*, kind: ErrorKind, step: str | None, locator: str | None, site: str, revision: str) -> str | None:
    """The name of a failure's error group; None for what is no failure (our own shutdown).

    Kind, Step, locator, Site and the adapter's revision make it, the Flow does not: an inbox that changed breaks
    every Flow that reads it, and is mended once. Numbers and ids in texts do not count.
    """
    if kind is ErrorKind.INTERRUPTED:
        return None
    parts = (str(kind), plain(step), plain(locator), site, revision)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:LENGTH]


def plain(text: str | None) -> str:
    """A text without what differs from one failure to the next: `photo 3 of 10` is `photo # of #`."""
    return _SPACE.sub(" ", _NUMBER.sub("#", _ID.sub("#", text or ""))).strip().casefold()


def cure(kind: ErrorKind, *, locator: str | None = None) -> str:
    """What a person does about a whole group."""
    if kind is ErrorKind.SITE_CHANGED and locator:
        return f"Mend {locator} in the site's adapter; the attempt's page shows what matched instead."
    return _CURES[kind]


_CURES: Mapping[ErrorKind, str] = {
    ErrorKind.SESSION_EXPIRED: "Sign in again: runner run ACCOUNT check_login",
    ErrorKind.CHALLENGE: "Answer the site's page by hand, then resume the accounts.",
    ErrorKind.CAPTCHA: "Answer the captcha by hand, then resume the accounts.",
    ErrorKind.RATE_LIMITED: "Do less at once: a lower orchestrator.concurrency, a longer cycle_every_s.",
    ErrorKind.NETWORK: "Look whether the site answers in a browser of your own; then retry the group.",
    ErrorKind.TIMEOUT: "Look whether the site is slow, or what is in the way on the picture; then retry the group.",
    ErrorKind.SITE_CHANGED: "Look at the picture, and mend the site's adapter.",
    ErrorKind.VALIDATION: "Mend the data that the site refused, as its own words say.",
    ErrorKind.BROWSER_CRASHED: "Look for memory that ran out (runner doctor), and at the last picture.",
    ErrorKind.ACCOUNT_LOCKED: "Settle it with the site, then resume the accounts.",
    ErrorKind.INTERRUPTED: "Nothing: it goes on by itself.",
    ErrorKind.INTERNAL: "Report it with the attempt's evidence: this is a bug of ours.",
}
