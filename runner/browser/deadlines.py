"""A deadline of our own on every call to a browser: a frozen one lets Playwright's calls hang for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from playwright.async_api import Error as PlaywrightError

from runner.errors import BrowserGone, ErrorKind, RetryLater

T = TypeVar("T")

CANCEL_GRACE_S = 5.0
"""How long something cancelled may take to tidy up before we go on without it."""

_GONE_WORDS = ("has been closed", "Target crashed", "Page crashed", "Connection closed", "Browser closed")


class Gone(asyncio.Event):
    """Set, with a reason for a person, when the browser or its page cannot be used any more."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None
        self.crashed = False

    def because(self, reason: str, *, crashed: bool = False) -> None:
        """Set it; the first reason stays, for the others follow from it. `crashed`: nobody can have wanted it."""
        if self.reason is None:
            self.reason, self.crashed = reason, crashed
        self.set()

    def error(self) -> BrowserGone:
        """The error that ends whatever was waiting."""
        return BrowserGone(f"The browser is gone: {self.reason or 'it was closed'}.")


def says_gone(error: PlaywrightError) -> bool:
    """Whether an error of Playwright means that page, context or browser are no more."""
    return any(words in str(error) for words in _GONE_WORDS)


async def within(seconds: float, awaitable: Awaitable[T], what: str, *, gone: Gone | None = None) -> T:
    """Await, but no longer than `seconds` and not past the end of the browser; `what` says what was tried.

    Raises RetryLater (`timeout`) and BrowserGone; errors of the awaitable itself pass through, but those of
    Playwright that only say that the target is closed.
    """
    work = asyncio.ensure_future(awaitable)
    watch = asyncio.ensure_future(gone.wait()) if gone else None
    try:
        await asyncio.wait(
            {work} if watch is None else {work, watch}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if work.done():
            return await _result(work, what, gone)
        if gone and gone.is_set():
            raise gone.error()
        raise RetryLater(f"{what} took longer than {seconds:g} s.", kind=ErrorKind.TIMEOUT)
    finally:
        if watch is not None:
            watch.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=CANCEL_GRACE_S)


async def _result(work: asyncio.Future[T], what: str, gone: Gone | None) -> T:
    try:
        return await work
    except PlaywrightError as error:
        if gone and gone.is_set():
            raise gone.error() from error
        if says_gone(error):
            raise BrowserGone(f"The browser or its page was gone: {what}.") from error
        raise
