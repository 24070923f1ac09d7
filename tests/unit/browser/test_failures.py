"""Playwright's errors in our words."""

from __future__ import annotations

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.browser.deadlines import Gone
from runner.browser.failures import explain
from runner.errors import BrowserGone, ErrorKind, InternalError, RetryLater


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ERR_NAME_NOT_RESOLVED", "its name could not be found"),
        ("ERR_CONNECTION_REFUSED", "nobody answers there"),
        ("ERR_CONNECTION_RESET", "the connection broke"),
        ("ERR_CERT_AUTHORITY_INVALID", "its TLS certificate is not trusted"),
        ("ERR_SSL_PROTOCOL_ERROR", "TLS failed"),
        ("ERR_SOMETHING_NEW", "the request failed"),
    ],
)
def test_a_site_that_cannot_be_reached_says_why(code, words):
    error = explain(PlaywrightError(f"Page.goto: net::{code} at http://127.0.0.1:1/\nCall log:\n  - navigating"))
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.NETWORK
    assert error.what == f"http://127.0.0.1:1/ cannot be reached: {words} ({code})."
    assert error.cure


def test_a_timeout_keeps_the_locator_that_was_waited_for():
    text = 'Locator.click: Timeout 500ms exceeded.\nCall log:\n  - waiting for get_by_role("button", name="Send")\n'
    error = explain(PlaywrightTimeout(text))
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.TIMEOUT
    assert error.locator == 'get_by_role("button", name="Send")'


def test_a_browser_that_is_gone_is_the_reason_for_whatever_failed():
    gone = Gone()
    gone.because("its page crashed")
    error = explain(PlaywrightTimeout("Timeout 500ms exceeded."), gone=gone)
    assert isinstance(error, BrowserGone)
    assert "its page crashed" in error.what
    assert isinstance(explain(PlaywrightError("Target page, context or browser has been closed")), BrowserGone)


def test_anything_else_is_our_bug():
    assert isinstance(explain(PlaywrightError("strict mode violation: 2 elements")), InternalError)
