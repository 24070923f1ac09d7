"""Reads that timed out are repeated at once, and nothing else is."""

from __future__ import annotations

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.errors import ErrorKind, RateLimited, RetryLater, SessionExpired, SiteChanged
from runner.sites.retrying import Repeats

SLOW_LOAD = PlaywrightTimeout('Page.goto: Timeout 4000ms exceeded.\nCall log:\n  - navigating to "http://127.0.0.1/"')
MISSING = PlaywrightTimeout('Locator.click: Timeout 4000ms exceeded.\nCall log:\n  - waiting for get_by_role("button")')
SLOW_DATA = RetryLater("The messages did not load in time.", kind=ErrorKind.TIMEOUT)


class Reading:
    """Fails with the given errors, one per call, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "read"


@pytest.fixture
def repeats() -> Repeats:
    return Repeats(first_wait_s=0.001, max_wait_s=0.002)


@pytest.mark.parametrize("error", [SLOW_LOAD, SLOW_DATA])
async def test_a_read_that_timed_out_is_repeated_and_counted(repeats: Repeats, error: Exception) -> None:
    reading = Reading(error, error)
    assert await repeats.repeatable("reading", reading) == "read"
    assert (reading.calls, repeats.count) == (3, 2)
    assert repeats.reasons[0].startswith("reading: ")


async def test_after_the_last_try_the_error_itself_is_raised(repeats: Repeats) -> None:
    reading = Reading(*[SLOW_DATA] * 5)
    with pytest.raises(RetryLater) as raised:
        await repeats.repeatable("reading", reading)
    assert raised.value is SLOW_DATA
    assert (reading.calls, repeats.count) == (3, 2)


@pytest.mark.parametrize(
    "error",
    [
        MISSING,
        RetryLater("The site answers 503."),
        RateLimited("Too fast.", retry_after_s=1),
        SessionExpired("Gone."),
        SiteChanged("Changed."),
        PlaywrightError("Page.goto: net::ERR_CONNECTION_REFUSED at http://127.0.0.1/"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_not_merely_slow_is_not_repeated(repeats: Repeats, error: Exception) -> None:
    reading = Reading(error)
    with pytest.raises(type(error)):
        await repeats.repeatable("reading", reading)
    assert (reading.calls, repeats.count) == (1, 0)
