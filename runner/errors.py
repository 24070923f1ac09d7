"""The one tree of errors, branching by what happens next.

RunnerError
├── SetupError            the operator must mend something first: config, browser, files (exit code 2)
│   └── StoreUnusable     the database file cannot be read or written
├── NotFound              a name that does not exist; carries the nearest ones (exit code 2)
├── Conflict              somebody else has it, or the state forbids it (exit code 1)
│   └── StoreBusy         another process keeps the database locked; may pass by itself
├── StaleLease            this worker lost its claim: it must write nothing more
└── AttemptError          ends an Attempt; `kind` decides what happens next
    ├── RetryLater        may pass by itself: network, timeout, rate limit, crash
    │   ├── RateLimited   the site says how long to wait
    │   ├── SignInWaits   a password came to nothing: it is left alone for a while
    │   └── BrowserGone   the browser or its page died
    ├── SessionExpired    sign in again and go on
    ├── NeedsPerson       a person must act: challenge, captcha, wrong password, lock; parks the account
    ├── SiteChanged       an expected element is missing; retried once, then a person mends the adapter
    ├── Rejected          the site or we refuse the data; never retried
    ├── InDoubt           an Effect was fired and nobody can tell whether it happened
    ├── Interrupted       our own shutdown; costs no attempt
    │   ├── ProfileInUse  somebody else has the profile open; its turn comes when it is free
    │   └── NoRoom        a limit is reached, or it is closed; its turn comes then
    └── InternalError     our bug
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum


class ErrorKind(StrEnum):
    """Why an Attempt failed: the base of the retry policy."""

    SESSION_EXPIRED = "session_expired"
    CHALLENGE = "challenge"
    CAPTCHA = "captcha"
    RATE_LIMITED = "rate_limited"
    NETWORK = "network"
    TIMEOUT = "timeout"
    SITE_CHANGED = "site_changed"  # an expected element is missing
    VALIDATION = "validation"  # the site or we refuse the data
    BROWSER_CRASHED = "browser_crashed"
    ACCOUNT_LOCKED = "account_locked"
    INTERRUPTED = "interrupted"  # shutdown or crash of ours; costs no attempt
    INTERNAL = "internal"  # our bug


class RunnerError(Exception):
    """Something a person is told about: what happened, and what to do now."""

    def __init__(self, what: str, *, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what} {self.cure}".strip()


class SetupError(RunnerError):
    """The operator must mend the configuration, the machine or a file before anything can run."""


class StoreUnusable(SetupError):
    """The database cannot be read or written: a full disk, a damaged file, no permission."""


LISTED_BY = {
    "attempt": "runner evidence list",
    "draft": "runner inbox drafts",
    "effect": "runner effects list",
    "enrolment": "runner sequences enrolments",
    "evidence": "runner evidence list",
    "inbound message": "runner inbox show THREAD",
    "job": "runner jobs list",
    "listing": "runner listings list",
    "message": "runner inbox show THREAD",
    "note": "runner inbox note THREAD",
    "notice": "runner notices list",
    "session": "runner sessions list",
    "thread": "runner inbox list",
}
"""The command that lists what has numbers."""


class NotFound(RunnerError):
    """A name that does not exist; `nearest` holds the existing names that look like it."""

    def __init__(self, noun: str, name: str, existing: Iterable[str]) -> None:
        names = sorted(existing)
        self.noun, self.name = noun, name
        self.nearest = tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5))
        if self.nearest:
            cure = "Did you mean " + " or ".join(f'"{near}"' for near in self.nearest) + "?"
        elif names:
            cure = "There are: " + ", ".join(names[:12]) + (", …" if len(names) > 12 else "") + "."
        elif name.isdecimal():
            # Numbers are not listed here, and one that is wrong does not mean that there are none.
            cure = f"See those that there are: {LISTED_BY[noun]}" if noun in LISTED_BY else ""
        else:
            cure = f"There is no {noun} yet."
        super().__init__(f'There is no {noun} "{name}".', cure=cure)


class Conflict(RunnerError):
    """Somebody else has it now, or its state forbids what was asked."""


class StoreBusy(Conflict):
    """Another process has been writing to the database for longer than we wait."""


class StaleLease(RunnerError):
    """The lease passed to another owner; whatever this worker still wants to write is void."""


class AttemptError(RunnerError):
    """Ends an Attempt. `kind` is the base of the retry policy, `locator` names a missing element."""

    kind: ErrorKind = ErrorKind.INTERNAL

    def __init__(self, what: str, *, cure: str = "", kind: ErrorKind | None = None, locator: str | None = None) -> None:
        super().__init__(what, cure=cure)
        if kind is not None:
            self.kind = kind
        self.locator = locator


class RetryLater(AttemptError):
    """May pass by itself: `network`, `timeout`, `rate_limited`, `browser_crashed`."""

    kind = ErrorKind.NETWORK


class RateLimited(RetryLater):
    """The site asks for a pause of `retry_after_s` seconds (None when it does not say how long)."""

    kind = ErrorKind.RATE_LIMITED

    def __init__(self, what: str, *, retry_after_s: float | None, cure: str = "") -> None:
        super().__init__(what, cure=cure)
        self.retry_after_s = retry_after_s


class SignInWaits(RetryLater):
    """The last password tried did not come to a login; the next try is not before `wait_s` seconds from now."""

    kind = ErrorKind.SESSION_EXPIRED

    def __init__(self, what: str, *, wait_s: float, cure: str = "") -> None:
        super().__init__(what, cure=cure)
        self.wait_s = wait_s


class BrowserGone(RetryLater):
    """The browser process or the page's renderer died."""

    kind = ErrorKind.BROWSER_CRASHED


class SessionExpired(AttemptError):
    """The site no longer knows us: sign in again and go on."""

    kind = ErrorKind.SESSION_EXPIRED


class NeedsPerson(AttemptError):
    """A person must act; the account is parked and nothing is tried again before."""

    kind = ErrorKind.CHALLENGE


class SiteChanged(AttemptError):
    """An expected element is missing on a page that did load; `locator` names it."""

    kind = ErrorKind.SITE_CHANGED


class Rejected(AttemptError):
    """The site, or we, refuse the data; the site's own words are in `what`."""

    kind = ErrorKind.VALIDATION


class InDoubt(AttemptError):
    """An Effect was fired and read-back cannot tell whether it happened; a person decides."""

    kind = ErrorKind.NETWORK


class Interrupted(AttemptError):
    """Our own shutdown or cancellation; costs no attempt."""

    kind = ErrorKind.INTERRUPTED


class ProfileInUse(Interrupted):
    """Somebody else has the Account's profile open, a person perhaps: nothing was tried, so it costs no attempt."""


class NoRoom(Interrupted):
    """A limit has no room, or the hours are over, before anything was done; `words` say why, and until when.

    The Account's other Jobs of these `flows` would come no further; None for all of them.
    """

    def __init__(self, what: str, *, until: datetime, words: str, flows: Sequence[str] | None) -> None:
        super().__init__(what)
        self.until = until
        self.words = words
        self.flows = flows


class InternalError(AttemptError):
    """Our bug."""

    kind = ErrorKind.INTERNAL
