"""A Session in a real browser: how it opens, what it tells, and that it ends whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runner.browser import processes, profiles
from runner.browser.launch import Browsers
from runner.browser.session import Ending, Timeouts, kill_browser_of
from runner.domain.states import Mode
from runner.errors import BrowserGone, Conflict, ErrorKind, RetryLater, SetupError

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HANG = "<h1>Before</h1><script>setTimeout(() => { while (true) {} }, 50)</script>"


def renderers_of(pid: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(pid).children(recursive=True) if "--type=renderer" in each.cmdline()]


async def gone(session) -> str:
    async with asyncio.timeout(10):
        await session.gone.wait()
    return session.crashed_reason


async def test_a_session_opens_a_page_and_closes_cleanly(open_session, web):
    web.page("/", "<title>Shop</title><h1>Amy's shop</h1>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    assert await session.page.title() == "Shop"
    closed = await session.close()
    assert closed.ending is Ending.CLOSED
    assert closed.killed == ()
    assert not psutil.pid_exists(session.pid)


async def test_closing_twice_gives_the_same_ending(open_session):
    session = await open_session()
    assert await session.close() is await session.close()


async def test_the_browser_itself_holds_the_profile_lock(open_session, launch_request):
    session = await open_session()
    profile = launch_request().profile_dir
    assert profiles.holder(profile) == session.pid
    await session.close()
    assert profiles.holder(profile) is None


async def test_a_second_browser_on_a_profile_is_refused_and_says_who_has_it(open_session, browsers, launch_request):
    session = await open_session()
    with pytest.raises(Conflict, match=rf"amy's profile is open in another browser \(pid {session.pid}, since 20"):
        await browsers.launch(launch_request())
    assert processes.browsers_on(profiles.user_data_dir(session.profile_dir)), "the first browser was left alone"


async def test_a_profile_taken_between_check_and_start_is_refused_too(
    open_session, browsers, launch_request, monkeypatch
):
    session = await open_session()
    monkeypatch.setattr(profiles, "prepare", lambda *args, **kwargs: None)
    with pytest.raises(Conflict, match=f"pid {session.pid}"):
        await browsers.launch(launch_request())
    assert processes.browsers_on(profiles.user_data_dir(session.profile_dir)), "the first browser was left alone"


async def test_cookies_and_local_storage_outlive_the_browser(open_session, web):
    web.page("/", "<h1>hello</h1>", Set_Cookie="who=amy; Max-Age=3600")
    first = await open_session()
    await first.page.goto(web.url("/"))
    await first.page.evaluate("localStorage.setItem('seen', 'yes')")
    await first.close()
    second = await open_session()
    await second.page.goto(web.url("/"))
    assert await second.page.evaluate("[document.cookie, localStorage.getItem('seen')]") == ["who=amy", "yes"]


async def test_a_crashed_page_ends_what_was_waiting(open_session, web):
    web.page("/", "<h1>hello</h1>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    waiting = asyncio.create_task(session.within(30, session.page.wait_for_selector("#never"), "waiting for it"))
    processes.kill(renderers_of(session.pid))
    with pytest.raises(BrowserGone, match="its page crashed"):
        await waiting
    assert await gone(session) == "its page crashed"
    assert (await session.close()).ending is Ending.CLOSED


async def test_a_killed_browser_is_noticed(open_session, web):
    session = await open_session()
    processes.kill([psutil.Process(session.pid)])
    assert await gone(session)
    assert (await session.close()).ending is Ending.WAS_GONE
    assert profiles.holder(session.profile_dir) is None


async def test_a_hung_page_meets_the_deadline_and_the_browser_still_closes(open_session, web):
    web.page("/", HANG)
    session = await open_session()
    await session.page.goto(web.url("/"))
    with pytest.raises(RetryLater, match=r"reading the title took longer than 0\.5 s") as caught:
        await session.within(0.5, session.page.evaluate("new Promise(() => 0)"), "reading the title")
    assert caught.value.kind is ErrorKind.TIMEOUT
    tree = processes.with_descendants([psutil.Process(session.pid)])
    await session.close()
    assert not [each for each in tree if processes.is_running(each)]


async def test_a_frozen_browser_is_killed_within_its_deadline(open_session):
    session = await open_session(timeouts=Timeouts(close_s=0.5))
    tree = processes.with_descendants([psutil.Process(session.pid)])
    for each in tree:
        each.send_signal(signal.SIGSTOP)
    closed = await session.close()
    assert closed.ending is Ending.KILLED
    assert session.pid in closed.killed
    assert closed.seconds < 3
    assert not [each for each in tree if processes.is_running(each)]
    assert profiles.holder(session.profile_dir) is None


async def test_a_cancelled_close_still_frees_the_profile(open_session):
    session = await open_session()
    closing = asyncio.create_task(session.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert await processes.ended([psutil.Process(session.pid)] if psutil.pid_exists(session.pid) else [], 10)


async def test_a_cancelled_launch_leaves_no_browser(browsers, launch_request, monkeypatch):
    request = launch_request()
    folder = profiles.user_data_dir(request.profile_dir)
    launching = asyncio.create_task(browsers.launch(request))
    async with asyncio.timeout(10):
        while not processes.browsers_on(folder):  # noqa: ASYNC110 - a process that is not there yet tells nobody
            await asyncio.sleep(0)
    launching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launching
    assert processes.browsers_on(folder) == []


async def test_a_launch_that_takes_too_long_leaves_no_browser(browsers, launch_request, chromium, tmp_path):
    slow = tmp_path / "slow-chromium"
    slow.write_text("#!/bin/sh\ntail -f /dev/null\n")
    slow.chmod(0o755)
    fake = type(chromium)(**{**chromium.__dict__, "path": slow})
    request = launch_request(browser=fake, timeouts=Timeouts(launch_s=0.5))
    with pytest.raises(RetryLater, match=r"amy did not start within 0\.5 s") as caught:
        await browsers.launch(request)
    assert caught.value.kind is ErrorKind.TIMEOUT
    assert profiles.holder(request.profile_dir) is None


async def test_a_headed_run_without_a_display_offers_xvfb(browsers, launch_request, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SetupError, match="xvfb-run"):
        await browsers.launch(launch_request(mode=Mode.HEADED))


async def test_the_browser_gets_none_of_our_secrets(open_session, monkeypatch):
    monkeypatch.setenv("AMY_PASSWORD", "correct horse")
    session = await open_session()
    assert "AMY_PASSWORD" not in psutil.Process(session.pid).environ()


async def test_dialogs_are_answered_and_recorded(open_session, web):
    web.page("/", "<h1>hello</h1><script>onload = () => { document.title = confirm('Really delete?') }</script>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    await session.page.wait_for_function("document.title === 'false'")
    assert [line.text for line in session.ring.console.lines()] == ["confirm dismissed: Really delete?"]


async def test_a_page_that_asks_whether_to_leave_does_not_hold_us(open_session, web):
    web.page("/", "<button>x</button><script>onbeforeunload = e => { e.preventDefault(); return 'stay' }</script>")
    web.page("/next", "<title>next</title>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    await session.page.get_by_role("button").click()  # Chromium asks only where somebody has touched the page
    await session.within(5, session.page.goto(web.url("/next")), "leaving")
    assert await session.page.title() == "next"


async def test_another_window_is_recorded_and_the_flow_keeps_its_page(open_session, web):
    web.page("/", "<title>first</title><button onclick=\"window.open('/other')\">Open</button>")
    web.page("/other", "<title>other</title>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    async with session.context.expect_page() as opened:
        await session.page.get_by_role("button").click()
    await opened.value
    assert [line.level for line in session.ring.console.lines()] == ["window"]
    assert await session.page.title() == "first"
    assert not session.gone.is_set()


async def test_the_ring_keeps_errors_refusals_and_the_last_answer(open_session, web, closed_port):
    web.page("/data", '{"ok": true}', status=429, Retry_After="30")
    web.page(
        "/",
        "<script>console.warn('careful'); fetch('/data').finally(() => { document.title = 'done' });"
        "setTimeout(() => { throw new Error('broken script') })</script>",
    )
    session = await open_session(allowed_origins=(web.origin, f"http://127.0.0.1:{closed_port}"))
    await session.page.goto(web.url("/"))
    await session.page.wait_for_function("document.title === 'done'")
    assert session.ring.last_response.status == 429
    assert session.ring.last_response.headers["retry-after"] == "30"
    assert session.ring.last_document.url == web.url("/")
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        await session.page.goto(f"http://127.0.0.1:{closed_port}/")
    said = [(line.level, line.text.splitlines()[0]) for line in session.ring.console.lines()]
    assert ("warning", "careful") in said
    assert ("pageerror", "Error: broken script") in said
    asked = {(line.url, line.status, line.failure) for line in session.ring.network.lines()}
    assert (web.url("/data"), 429, None) in asked
    assert (f"http://127.0.0.1:{closed_port}/", None, "net::ERR_CONNECTION_REFUSED") in asked


async def test_browsers_close_every_session_at_the_end(launch_request):
    async with Browsers() as own:
        session = await own.launch(launch_request())
        driver = psutil.Process(own.driver_pid)
    assert not psutil.pid_exists(session.pid)
    assert not processes.is_running(driver)


async def test_a_dead_driver_is_started_again(launch_request, web):
    web.page("/", "<title>again</title>")
    async with Browsers() as own:
        first = await own.launch(launch_request())
        processes.kill([psutil.Process(own.driver_pid)])
        assert await gone(first)
        await first.close()
        second = await own.launch(launch_request())
        await second.page.goto(web.url("/"))
        assert await second.page.title() == "again"


async def test_a_driver_that_ends_as_it_starts_is_a_browser_that_is_gone(launch_request, monkeypatch):
    """Which is tried again: as an error of our own it would have ended its job for good."""
    async with Browsers() as own:
        monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "/bin/false")
        with pytest.raises(BrowserGone, match="driver ended while it started"):
            await own.launch(launch_request())
        monkeypatch.delenv("PLAYWRIGHT_NODEJS_PATH")
        session = await own.launch(launch_request())
        assert not session.gone.is_set()


DIES = """
import asyncio, json, os, sys
from pathlib import Path
from runner.browser.discovery import find_browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.sandbox import sandbox_mode

async def main():
    async with Browsers() as browsers:
        session = await browsers.launch(LaunchRequest(
            account="amy", profile_dir=Path(sys.argv[1]), browser=find_browser(configured=None, headless=True),
            sandbox=sandbox_mode(setting="auto", is_root=os.geteuid() == 0), allowed_origins=()))
        print(json.dumps({"driver": browsers.driver_pid, "browser": session.pid}), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def killed_runner(tmp_path: Path):
    """A process of ours with a Session open, and its death: the pids of its driver and browser."""
    profile = tmp_path / "profiles" / "amy"
    process = subprocess.Popen([sys.executable, "-c", DIES, str(profile)], stdout=subprocess.PIPE, text=True)
    pids = json.loads(process.stdout.readline())
    started = {name: psutil.Process(pid) for name, pid in pids.items()}

    def die(freeze_browser: bool):
        if freeze_browser:
            started["browser"].send_signal(signal.SIGSTOP)
        process.kill()
        process.wait()
        return profile, started

    yield die
    process.kill()
    processes.kill(started.values())
    process.stdout.close()


async def test_a_killed_runner_leaves_neither_driver_nor_browser(killed_runner):
    profile, started = killed_runner(freeze_browser=False)
    assert await processes.ended(started.values(), 10)
    assert profiles.holder(profile) is None


async def test_the_frozen_browser_of_a_killed_runner_keeps_the_profile_until_it_is_killed(
    killed_runner, browsers, launch_request
):
    profile, started = killed_runner(freeze_browser=True)
    assert await processes.ended([started["driver"]], 10)
    with pytest.raises(Conflict, match=f"pid {started['browser'].pid}"):
        await browsers.launch(launch_request(profile_dir=profile))
    assert started["browser"].pid in await kill_browser_of(profile)
    session = await browsers.launch(launch_request(profile_dir=profile))
    await session.close()


async def test_playwrights_node_path_is_ours_only_while_the_driver_starts(browsers):
    assert "PLAYWRIGHT_NODEJS_PATH" not in os.environ
    assert "RUNNER_NODE" not in os.environ
