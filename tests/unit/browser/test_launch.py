"""What a launch says when it fails, and what it gives to the browser, without starting one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.browser import launch
from runner.browser.discovery import Browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.sandbox import SandboxChoice
from runner.errors import BrowserGone, Conflict, ErrorKind, RetryLater, SetupError


@pytest.fixture
def wanted(tmp_path) -> LaunchRequest:
    browser = Browser(
        path=Path("/opt/chromium"), name="Chromium", version="156.0", major=156, source="config", headless_shell=False
    )
    return LaunchRequest(
        account="amy",
        profile_dir=tmp_path / "amy",
        browser=browser,
        sandbox=SandboxChoice(sandboxed=True),
        allowed_origins=(),
    )


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("<process did exit: exitCode=75, signal=null>", Conflict, "amy's profile is open in another browser"),
        ("FATAL: No usable sandbox! Update your kernel", SetupError, "sandbox does not work"),
        ("mkdtemp: ENOSPC: no space left on device", SetupError, "The disk is full"),
        ("spawn /opt/chromium ENOENT", SetupError, "/opt/chromium cannot be started"),
        ("<process did exit: exitCode=1, signal=null>", BrowserGone, "amy did not start: .*exitCode=1"),
    ],
)
def test_a_failed_launch_says_what_to_mend(wanted, text, kind, words):
    error = launch._why_not_launched(wanted, PlaywrightError(f"BrowserType.launch_persistent_context: failed\n{text}"))
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    assert error.cure or kind is BrowserGone


def test_a_slow_launch_may_be_tried_again(wanted):
    error = launch._why_not_launched(wanted, PlaywrightTimeout("Timeout 30000ms exceeded."))
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.TIMEOUT


def test_the_browser_gets_neither_secrets_nor_a_proxy(wanted, tmp_path, monkeypatch):
    for name in ("AMY_PASSWORD", "HTTPS_PROXY", "http_proxy", "PLAYWRIGHT_NODEJS_PATH"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    environment = launch._browser_environment(wanted, tmp_path)
    assert {"AMY_PASSWORD", "HTTPS_PROXY", "http_proxy", "PLAYWRIGHT_NODEJS_PATH"}.isdisjoint(environment)
    assert (environment["DISPLAY"], environment["LC_ALL"]) == (":7", "C.UTF-8")
    assert environment["RUNNER_PROFILE_LOCK"] == str(wanted.profile_dir / "lock")


def test_a_script_that_lost_its_executable_bit_is_copied(tmp_path, monkeypatch):
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.X_OK and real(path, mode))
    browsers = Browsers()
    browsers._temp_dir = tmp_path
    copy = browsers._program("flocked.sh")
    monkeypatch.undo()
    assert copy.parent == tmp_path
    assert os.access(copy, os.X_OK)
    assert copy.read_text() == Path(launch.__file__).with_name("flocked.sh").read_text()


def test_both_scripts_are_executable_as_they_are_shipped():
    folder = Path(launch.__file__).parent
    assert [name for name in ("flocked.sh", "driver.sh") if not os.access(folder / name, os.X_OK)] == []
