"""Deadlines: whatever is awaited ends in time, with an error that says what was tried."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Error as PlaywrightError

from runner.browser.deadlines import Gone, within
from runner.errors import BrowserGone, ErrorKind, RetryLater


async def value():
    return 42


async def for_ever():
    await asyncio.Event().wait()


async def fails(error):
    raise error


async def test_a_result_in_time_is_given_back():
    assert await within(5, value(), "counting", gone=Gone()) == 42


async def test_too_long_says_what_was_tried():
    with pytest.raises(RetryLater, match=r"^opening the inbox took longer than 0\.01 s\.$") as caught:
        await within(0.01, for_ever(), "opening the inbox")
    assert caught.value.kind is ErrorKind.TIMEOUT


async def test_the_end_of_the_browser_ends_the_wait():
    gone = Gone()
    waiting = asyncio.create_task(within(60, for_ever(), "opening the inbox", gone=gone))
    await asyncio.sleep(0)
    gone.because("its page crashed")
    gone.because("it was closed")
    with pytest.raises(BrowserGone, match="its page crashed"):
        await waiting


async def test_its_own_errors_pass_through():
    with pytest.raises(ZeroDivisionError):
        await within(5, fails(ZeroDivisionError()), "counting", gone=Gone())
    with pytest.raises(PlaywrightError, match="strict mode violation"):
        await within(5, fails(PlaywrightError("strict mode violation")), "clicking", gone=Gone())


async def test_a_closed_target_is_a_browser_that_is_gone():
    error = PlaywrightError("Page.click: Target page, context or browser has been closed")
    with pytest.raises(BrowserGone, match="clicking"):
        await within(5, fails(error), "clicking")


async def test_what_is_late_is_cancelled_and_may_tidy_up():
    tidied = []

    async def tidy():
        try:
            await for_ever()
        finally:
            tidied.append(True)

    with pytest.raises(RetryLater):
        await within(0.01, tidy(), "working")
    assert tidied == [True]


async def test_cancelling_the_caller_cancels_the_work():
    work = asyncio.ensure_future(for_ever())
    caller = asyncio.create_task(within(60, work, "working"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.cancelled()
