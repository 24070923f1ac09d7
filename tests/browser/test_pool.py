"""Warm browsers: at rest nothing of the site goes on, and what is given out again is well and remembers nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import psutil
import pytest

from runner.browser import processes, profiles
from runner.browser.discovery import BrowserMissing, find_browser
from runner.browser.pool import Pool, PoolRules
from runner.browser.session import Timeouts
from runner.domain.states import SessionEnd

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RULES = PoolRules(all_bytes=10**10, each_bytes=10**9, idle_s=600, max_age_s=3600)

BUSY = """<title>busy</title><script>
setInterval(() => fetch('/tick'), 20);
navigator.serviceWorker.register('/worker.js');
open('/popup');
</script>"""
WORKER = "self.addEventListener('install', () => self.skipWaiting()); setInterval(() => fetch('/worker-tick'), 20);"
POPUP = "<title>popup</title><script>setInterval(() => fetch('/popup-tick'), 20);</script>"
TICKS = ("GET /tick", "GET /worker-tick", "GET /popup-tick")


async def everybody(names: Collection[str]) -> Collection[str]:
    return names


@pytest.fixture
def ended() -> list[tuple[str, SessionEnd]]:
    """What has been closed, and how it ended."""
    return []


@pytest.fixture
def keep(ended: list[tuple[str, SessionEnd]]) -> Callable[..., Any]:
    async def keep(pool: Pool[str], session: Any) -> bool:
        async def end(how: SessionEnd) -> None:
            await session.close()
            ended.append((session.account, how))

        return await pool.keep(session, session.account, end)

    return keep


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what a browser asks for tells nobody here
            await asyncio.sleep(0.01)


async def test_at_rest_nothing_of_the_site_goes_on_and_the_next_visit_begins_with_nothing(
    browsers, open_session, web, keep
):
    web.page("/", BUSY)
    web.page("/popup", POPUP)
    web.page("/worker.js", WORKER, Content_Type="text/javascript")
    web.page("/quiet", "<title>quiet</title>")
    session = await open_session(timeouts=Timeouts(close_s=5))
    await session.page.goto(web.url("/"))
    await until(lambda: set(TICKS) <= set(web.seen) and session.ring.console.lines())
    async with Pool(browsers, RULES, served=everybody) as pool:
        assert await keep(pool, session)
        assert (session.page.url, len(session.context.pages)) == ("about:blank", 1)
        # What was on its way to the server arrives in the first round; in the second the scripts of the site would have
        # asked for much, had any gone on. A browser that works is the clock.
        for _ in range(2):
            asked = len(web.seen)
            for _ in range(20):
                await session.page.evaluate("new Promise(done => setTimeout(done, 20))")
        assert web.seen[asked:] == []
        assert await pool.take("amy", lambda kept: True) == "amy"
        assert session.ring.console.lines() == []
        assert session.ring.network.lines() == []
        await session.page.goto(web.url("/quiet"))
        await until(lambda: session.picture.latest and session.picture.latest.url == web.url("/quiet"))


async def test_one_that_hangs_or_has_died_is_not_given_out(browsers, open_session, keep, ended, tmp_path, monkeypatch):
    monkeypatch.setattr("runner.browser.resting.WAKE_S", 0.5)
    async with Pool(browsers, RULES, served=everybody) as pool:
        hangs = await open_session(account="amy", timeouts=Timeouts(close_s=0.5))
        dies = await open_session(account="ben", profile_dir=tmp_path / "ben")
        assert await keep(pool, hangs)
        assert await keep(pool, dies)
        for each in processes.with_descendants([psutil.Process(hangs.pid)]):
            each.send_signal(signal.SIGSTOP)
        processes.kill(processes.with_descendants([psutil.Process(dies.pid)]))
        assert await pool.take("amy", lambda kept: True) is None
        await until(lambda: len(ended) == 2)
        assert await pool.take("ben", lambda kept: True) is None
    assert dict(ended)["ben"] is SessionEnd.CRASHED
    assert profiles.holder(hangs.profile_dir) is None


async def test_the_budget_holds_by_what_the_system_counts_and_the_least_recently_used_goes(
    browsers, open_session, keep, ended, tmp_path
):
    sessions = [await open_session(account=name, profile_dir=tmp_path / name) for name in ("amy", "ben", "cleo")]
    size = sessions[0].memory_bytes()
    assert 10_000_000 < size < 1_000_000_000
    async with Pool(browsers, replace(RULES, all_bytes=int(size * 2.7)), served=everybody) as pool:
        for session in sessions:
            assert await keep(pool, session)
        await until(lambda: ended)
        assert ended == [("amy", SessionEnd.DONE)]
        assert pool.accounts == ["ben", "cleo"]
        # Another kind of browser is needed for ben: his is closed before anybody launches it.
        assert await pool.take("ben", lambda kept: False) is None
        assert ended[1:] == [("ben", SessionEnd.DONE)]
    assert ended[2:] == [("cleo", SessionEnd.DONE)], "at the end all are closed"
    assert [profiles.holder(each.profile_dir) for each in sessions] == [None, None, None]


async def test_a_pool_that_keeps_nothing_leaves_the_closing_to_the_visit(browsers, open_session, keep, ended):
    session = await open_session()
    async with Pool(browsers, replace(RULES, all_bytes=0), served=everybody) as pool:
        assert not await keep(pool, session)
    assert (ended, session.gone.is_set()) == ([], False)


# ── The headless shell and the whole Chromium, on one profile ──────────────────────────────────────────────────

LOGIN = "localStorage.setItem('who', 'amy'); document.cookie = 'login=amy; max-age=86400; path=/'; 0"
WHO = "[localStorage.getItem('who'), document.cookie]"


@pytest.fixture
def programs():
    """What headless work is done with, and what shows a window: one and the same where only one is installed."""
    headless = find_browser(configured=None, headless=True)
    try:
        return headless, find_browser(configured=None, headless=False)
    except BrowserMissing:
        return headless, headless


async def test_a_login_survives_the_switch_from_the_shell_to_the_whole_chromium_and_back(open_session, web, programs):
    shell, whole = programs
    web.page("/", "<title>shop</title>")
    first = await open_session(browser=shell)
    await first.page.goto(web.url("/"))
    await first.page.evaluate(LOGIN)
    await first.close()
    for browser in (whole, shell, whole):
        session = await open_session(browser=browser)
        await session.page.goto(web.url("/"))
        assert await session.page.evaluate(WHO) == ["amy", "login=amy"], f"in {browser}"
        await session.close()
