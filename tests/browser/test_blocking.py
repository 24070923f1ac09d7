"""What pages need not load is not asked for, and nothing looks wrong because of it."""

from __future__ import annotations

import pytest

from runner.browser.blocking import Kind

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGE = """<style>@font-face{font-family:own;src:url(/own.woff2)} p{font-family:own}</style>
<p>Words in a font of their own</p><video src="/film.mp4?quality=high" preload="auto" autoplay muted></video>
<img src="/picture.png"><img src="/missing.gif">"""


async def opened(open_session, web, **settings):
    web.page("/", PAGE)
    for path, kind in (("/own.woff2", "font/woff2"), ("/film.mp4", "video/mp4"), ("/picture.png", "image/png")):
        web.page(path, "", Content_Type=kind)
    session = await open_session(**settings)
    await session.page.goto(web.url("/"), wait_until="load")
    await session.page.evaluate("document.fonts.load('1em own').catch(() => null)")
    return session


async def test_what_is_blocked_is_not_asked_for_and_is_no_failure(open_session, web):
    session = await opened(open_session, web, block=(Kind.FONTS, Kind.MEDIA))
    asked = {each.partition(" ")[2] for each in web.seen}
    assert asked & {"/own.woff2", "/film.mp4", "/picture.png"} == {"/picture.png"}
    assert [(line.url.rpartition("/")[2], line.status) for line in session.ring.network.lines()] == [
        ("missing.gif", 404)
    ]
    assert [line.text for line in session.ring.console.lines() if "BLOCKED" in line.text] == []


async def test_nothing_is_blocked_unless_somebody_says_so(open_session, web):
    await opened(open_session, web)
    asked = {each.partition(" ")[2] for each in web.seen}
    assert {"/own.woff2", "/film.mp4", "/picture.png"} <= asked
