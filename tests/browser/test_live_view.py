"""The live view in real Chromium: what is shown, what is not, and what a person's hands do."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from runner.browser.live_view import Frame, LiveView, View, Watcher, Withheld
from runner.errors import Rejected

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGE = """<!doctype html><body style="margin:0;background:{colour}">{body}</body>"""
SIGN_IN = """<input id=p type=password style="position:absolute;left:100px;top:100px;width:300px;height:60px;
font-size:40px;background:#0f0;border:0;outline:0"><button onclick="p.type='text'">show</button>"""


async def until(watcher: Watcher, good: Any, *, within_s: float = 10) -> View:
    """The first picture that meets a condition."""
    async with asyncio.timeout(within_s):
        while True:
            view = await watcher.next()
            if good(view):
                return view


def shows(*rgb: int, at: tuple[int, int] = (600, 400)) -> Any:
    """Whether a picture has about this colour at a place of the page."""

    def good(view: View) -> bool:
        if not isinstance(view, Frame):
            return False
        image = Image.open(io.BytesIO(view.jpeg)).convert("RGB")
        scale = image.width / view.width
        there = image.getpixel((round(at[0] * scale), round(at[1] * scale)))
        assert isinstance(there, tuple)
        return all(abs(one - other) < 25 for one, other in zip(there, rgb, strict=True))

    return good


async def captures(view: LiveView, count: list[int]) -> None:
    """Count what Chromium captures for this view from now on."""
    assert view._cdp is not None
    view._cdp.on("Page.screencastFrame", lambda _: count.append(1))


async def test_whoever_watches_sees_the_page_and_what_it_becomes(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    async with session.view.watch() as watcher:
        frame = await until(watcher, shows(255, 0, 0))
        assert isinstance(frame, Frame)
        assert (frame.width, frame.height) == (1280, 800)
        await session.page.evaluate("document.body.style.background = '#0000ff'")
        await until(watcher, shows(0, 0, 255))


async def test_the_end_of_a_burst_is_seen_however_fast_it_was(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
        await session.page.evaluate(
            """() => new Promise(done => { let n = 0; const step = () => {
                 document.body.style.background = n < 90 ? `rgb(${n * 2}, ${n % 2 * 200}, 0)` : 'rgb(0, 0, 255)';
                 if (n++ < 90) requestAnimationFrame(step); else done() }; step() })"""
        )
        await until(watcher, shows(0, 0, 255), within_s=5)


async def test_nothing_is_captured_while_nobody_watches(web: Any, open_session: Any) -> None:
    session = await open_session()
    moving = "<p id=t></p><script>setInterval(() => t.textContent = Date.now(), 20)</script>"
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body=moving)))
    seen: list[int] = []
    await captures(session.view, seen)
    assert not session.view.showing
    async with session.view.watch() as one, session.view.watch() as other:
        await asyncio.gather(until(one, shows(255, 0, 0)), until(other, shows(255, 0, 0)))
        assert session.view.showing
    assert not session.view.showing
    before = len(seen)
    await session.page.evaluate("new Promise(done => setTimeout(done, 700))")
    assert len(seen) <= before + 1, "one may have been under way"


async def test_a_busy_page_gives_no_more_pictures_a_second_than_it_may(web: Any, open_session: Any) -> None:
    session = await open_session(live_fps=4.0)
    moving = "<p id=t></p><script>setInterval(() => t.textContent = Date.now(), 10)</script>"
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body=moving)))
    seen: list[int] = []
    await captures(session.view, seen)
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
        seen.clear()
        await session.page.evaluate("new Promise(done => setTimeout(done, 3000))")
    assert 6 <= len(seen) <= 16, "about four a second, not sixty"


async def test_a_slow_watcher_gets_the_newest_and_no_queue(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    async with session.view.watch() as slow, session.view.watch() as quick:
        await until(slow, shows(255, 0, 0))
        for colour, rgb in (("#00ff00", (0, 255, 0)), ("#0000ff", (0, 0, 255))):
            await session.page.evaluate(f"document.body.style.background = '{colour}'")
            await until(quick, shows(*rgb))
        assert shows(0, 0, 255)(await slow.next())


async def test_no_picture_leaves_while_we_sign_in(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
        async with session.signing_in():
            told = await watcher.next()
            assert isinstance(told, Withheld)
            assert "password" in told.why
            await session.page.evaluate("document.body.style.background = '#00ff00'")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.2):
                    await watcher.next()
            await session.page.evaluate("document.body.style.background = '#0000ff'")
        assert shows(0, 0, 255)(await until(watcher, lambda view: isinstance(view, Frame)))


async def test_a_password_field_is_painted_over_even_when_it_is_made_readable(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ffffff", body=SIGN_IN)))
    async with session.view.watch() as watcher:
        await until(watcher, shows(0, 255, 0, at=(200, 150)))
        await session.hands.click(200, 130)
        await session.hands.type_text("hunter2hunter2")
        await until(watcher, shows(70, 70, 78, at=(200, 150)))
        await session.page.get_by_role("button").click()
        assert await session.page.locator("#p").get_attribute("type") == "text"
        assert await session.page.locator("#p").input_value() == "hunter2hunter2"
        await session.page.evaluate("document.body.style.background = '#0000ff'")
        shown = await until(watcher, shows(0, 0, 255))
        assert shows(70, 70, 78, at=(200, 150))(shown), "for the document remembers that it was one"


async def test_a_known_secret_is_not_shown_wherever_it_stands(web: Any, open_session: Any) -> None:
    session = await open_session()
    session.redactor.add("correct-horse-battery")
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
        await session.page.evaluate("document.body.append('It is correct-horse-battery.')")
        told = await until(watcher, lambda view: isinstance(view, Withheld))
        assert "password" in told.why


async def test_a_page_that_hangs_is_still_shown(web: Any, open_session: Any) -> None:
    session = await open_session()
    await session.page.goto(web.page("/", PAGE.format(colour="#ff0000", body="")))
    hanging = asyncio.ensure_future(
        session.page.evaluate("const until = Date.now() + 4000; while (Date.now() < until);")
    )
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
    await hanging


async def test_hands_click_type_press_scroll_and_go_back(web: Any, open_session: Any) -> None:
    session = await open_session()
    body = """<input id=t style="position:absolute;left:50px;top:50px;width:200px;height:40px">
      <a href=/second style="position:absolute;left:50px;top:120px">on</a><div style="height:4000px"></div>
      <script>ondblclick = () => document.title = 'twice'</script>"""
    first = web.page("/", PAGE.format(colour="#ffffff", body=body))
    web.page("/second", "<h1>second</h1>")
    await session.page.goto(first)
    await session.hands.click(100, 70)
    await session.hands.type_text("abé😀")
    await session.hands.press("Backspace")
    assert await session.page.locator("#t").input_value() == "abé"
    await session.hands.click(400, 400)
    await session.hands.click(400, 400, times=2)
    assert await session.page.title() == "twice"
    await session.hands.wheel(600, 400, 0, 300)
    await session.page.wait_for_function("scrollY === 300")
    await session.hands.wheel(600, 400, 0, -300)
    await session.page.wait_for_function("scrollY === 0")
    await session.hands.click(55, 130)
    await session.page.wait_for_url("**/second")
    await session.hands.back()
    await session.page.wait_for_url(first)
    with pytest.raises(Rejected):
        await session.hands.press("a")


async def test_watching_survives_a_navigation_to_another_origin_and_a_crash(web: Any, open_session: Any) -> None:
    other = f"http://localhost:{web.port}"
    session = await open_session(allowed_origins=(web.origin, other))
    web.page("/", PAGE.format(colour="#ff0000", body=""))
    web.page("/blue", PAGE.format(colour="#0000ff", body=""))
    await session.page.goto(web.url("/"))
    async with session.view.watch() as watcher:
        await until(watcher, shows(255, 0, 0))
        await session.page.goto(f"{other}/blue")
        await until(watcher, shows(0, 0, 255))
        crash = asyncio.ensure_future(session.page.goto("chrome://crash"))
        told = await until(watcher, lambda view: isinstance(view, Withheld))
        assert "crashed" in told.why
        await asyncio.wait({crash})
        assert crash.exception() is not None


async def test_a_page_that_was_asked_for_by_hand_has_arrived_before_the_flow_goes_on(
    web: Any, open_session: Any
) -> None:
    session = await open_session()
    body = "<button style='width:300px;height:200px' onclick=\"setTimeout(() => location = '/slow', 100)\">on</button>"
    await session.page.goto(web.page("/", body))

    def slowly(_: Any) -> Any:
        web.release.wait(1.0)
        return 302, {"Location": "/there"}, b""

    web.on("/slow", slowly)
    web.page("/there", "<title>there</title>")
    web.page("/next", "<title>next</title>")
    await session.hands.click(50, 50)
    await session.hands.settle()
    assert await session.page.title() == "there"
    await session.page.goto(web.url("/next"))
    assert await session.page.title() == "next"
