"""`runner debug` over SSH: no display, and the page that stands still is in the person's own browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest
import pytest_asyncio

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WALL = r"Watch: (http://127\.0\.0\.1:\d+/live\?token=\S+)"
LINK = r"From your own: (http://127\.0\.0\.1:\d+/live/\d+\?token=\S+)"
FIELD = (640, 383)
"""The one field of a challenge page."""
Soon = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope="session")
async def debug(farid: Any) -> AsyncIterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `runner debug` at a terminal without a display; it is ended with the test."""
    started = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*farid.command, "debug", *args],
            cwd=farid.folder,
            env=farid.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for each in started:
        if each.poll() is None:
            for process in [*psutil.Process(each.pid).children(recursive=True), each]:
                process.kill()
        each.wait(timeout=30)


def answer_of(market: Any) -> str:
    (found,) = [each for each in market.client.get("/_state").json()["challenges"] if each["account"] == "farid"]
    return str(found["answer"])


async def test_a_captcha_is_solved_in_the_live_view_of_a_debug_session_and_the_account_is_active_again(
    farid: Any, debug: Any, operator: Any, told: Any, soon: Soon
) -> None:
    if sys.platform != "linux" or shutil.which("xvfb-run") is None:
        return  # tests/acceptance/test_debug.py holds what is said there
    farid.market.faults({"route": "GET /inbox", "effect": "captcha", "account": "farid", "count": 1})
    process = debug("farid", "read_inbox", "--slow-mo", "0")
    out = told(process.stderr)
    anna = await operator("anna")
    await anna.open((await out.until(WALL)).group(1))
    assert "token" not in anna.page.url, "the link answers"

    await anna.open((await out.until(LINK, within_s=90)).group(1))
    await out.until("a  again from this step")
    await anna.takes_control()
    await anna.clicks(*FIELD)
    await anna.types(answer_of(farid.market).lower())
    await anna.presses("Enter")
    await soon(lambda: farid.market.ledger("challenge_passed", "farid"), "the challenge passed")
    await anna.gives_it_back()
    await anna.sees("Take control")
    process.stdin.write("a\n")
    process.stdin.flush()
    await soon(lambda: process.poll() is not None, "the end", within_s=60)

    assert process.returncode == 0
    assert farid.rows("select state from job") == [("succeeded",)]
    assert farid.rows("select state, state_reason from account") == [("active", None)]
    assert len({session for (session,) in farid.rows("select session_id from attempt")}) == 1
    assert len(farid.market.ledger("sign_in", "farid")) == 1, "nothing was logged in again"
