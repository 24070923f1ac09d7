"""A trace is readable after SIGKILL of the runner: the next start puts it with the attempt's evidence."""

from __future__ import annotations

import base64
import json
import re
import signal
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser


@pytest.fixture
def killed(shop: Any, wait_for: Any) -> Any:
    """A shop whose runner was killed in the middle of reading amy's inbox, after it had signed in."""
    shop.configure(accounts=("amy", "ben"), extra='[evidence]\ntrace = "always"\n', navigation_s=60)
    shop.market.faults({"route": "GET /inbox/thread/*", "account": "amy", "effect": "hang"})
    run = shop.start("run", "amy", "read_inbox")
    wait_for(lambda: shop.market.fired() == [1], what="the flow to hang in its first thread", within_s=90)
    raw = shop.folder / "screenshots" / ".traces"
    wait_for(lambda: any("inbox/thread" in path.read_text() for path in raw.glob("*/raw/*.trace")), what="the trace")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    return shop


def trace_of(shop: Any, attempt: int) -> Path:
    (row,) = shop.rows("select path from evidence where attempt_id = ? and kind = 'trace'", attempt)
    return shop.folder / "screenshots" / row[0]


def lines(trace: zipfile.ZipFile, ending: str) -> list[dict[str, Any]]:
    """Every line of the entries with this ending, each of them whole."""
    names = [name for name in trace.namelist() if name.endswith(ending)]
    return [json.loads(line) for name in names for line in trace.read(name).splitlines()]


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_the_next_start_makes_a_trace_that_playwright_opens(
    killed: Any, plain_chromium: Browser, wait_for: Any
) -> None:
    assert list((killed.folder / "screenshots" / ".traces").iterdir())
    assert killed.cli("run", "ben", "check_login").code == 0, "somebody else's start salvages it"

    assert not (killed.folder / "screenshots" / ".traces").exists()
    ((outcome, place),) = killed.rows("select outcome, evidence_dir from attempt where id = 1")
    assert (outcome, trace_of(killed, 1).parent) == ("interrupted", killed.folder / "screenshots" / place)
    with zipfile.ZipFile(trace_of(killed, 1)) as trace:
        names = trace.namelist()
        assert trace.testzip() is None
        events, requests = lines(trace, ".trace"), lines(trace, ".network")
    assert sum(name.endswith("-trace.trace") for name in names) == 2, "before and after the sign-in"
    assert any(name.startswith("resources/") for name in names)
    began = [json.dumps(event.get("params", {})) for event in events if event["type"] == "before"]
    assert any("/inbox/thread/" in params for params in began)
    asked = [entry["snapshot"]["request"] for entry in requests]
    assert asked
    assert [one for one in asked if one["method"] == "POST" and "sign-in" in one["url"]] == []
    assert list((killed.folder / "screenshots" / place).glob("last_picture.jpg")), "and what was seen last"

    viewer = killed.start("trace", 1)
    context = await plain_chromium.new_context()
    try:
        said = wait_for(lambda: re.search(r"http://\S+", viewer.stdout.readline()), what="the viewer", within_s=60)
        page = await context.new_page()
        await page.goto(said.group())
        await page.get_by_text("/inbox/thread/").first.wait_for(timeout=60_000)
        assert await page.get_by_text("Could not load trace").count() == 0
    finally:
        await context.close()
        viewer.send_signal(signal.SIGTERM)
        viewer.communicate(timeout=60)


def test_the_password_is_nowhere_in_it(killed: Any) -> None:
    assert killed.cli("run", "ben", "check_login").code == 0
    password = killed.market.password("amy")
    forms = {password, quote(password, safe=""), base64.b64encode(password.encode()).decode()}

    with zipfile.ZipFile(trace_of(killed, 1)) as trace:
        entries = {name: trace.read(name) for name in trace.namelist()}

    assert len(entries) > 5
    assert [name for name, data in entries.items() if any(form.encode() in data for form in forms)] == []


def test_it_is_left_alone_while_its_runner_lives_and_gone_when_all_goes_well(shop: Any, wait_for: Any) -> None:
    shop.configure(accounts=("amy", "ben"), extra='[evidence]\ntrace = "always"\n')
    shop.market.faults(
        {"route": "GET /inbox/thread/*", "account": "amy", "effect": "latency_ms", "ms": 3000, "count": 1}
    )
    run = shop.start("run", "amy", "read_inbox")
    wait_for(lambda: shop.market.fired() == [1], what="the flow to be in its first thread", within_s=90)

    assert shop.cli("run", "ben", "check_login").code == 0
    _, err = run.communicate(timeout=120)

    assert run.returncode == 0, err
    assert shop.rows("select count(*) from evidence") == [(0,)]
    assert not (shop.folder / "screenshots" / ".traces").exists()
