"""What Steps leave behind, in a real Chromium: pages, pictures, and nothing of a password."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.browser import look_alikes, trail
from runner.logs import Redactor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECRET = "canary-7Q&x/quail"
PAGE = (
    "<!doctype html><title>Inbox</title><h1>Inbox</h1><p>{words}</p><input type=password value='" + SECRET + "'>"
    "<script>window.ran = (window.ran || 0) + 1</script>"
)


async def leave(session: Any, *names: str) -> None:
    for number, name in enumerate(names, start=1):
        await session.trail.leave(number, name, datetime.now(UTC))


def kept(session: Any, folder: Path) -> list[str]:
    return session.trail.write(folder, Redactor([SECRET]).text)


async def test_steps_leave_their_pages_without_secrets_and_without_life(open_session: Any, web: Any, tmp_path: Path):
    web.page("/", PAGE.format(words=f"you are {SECRET}"))
    session = await open_session(last_picture_every_s=3600)
    await session.page.goto(web.url("/"))
    session.trail.begin()

    await leave(session, "open inbox", "Read thread 3 / 10?")

    assert kept(session, tmp_path) == ["01-open-inbox.html", "02-read-thread-3-10.html"]
    text = (tmp_path / "steps" / "01-open-inbox.html").read_text()
    assert "<h1>Inbox</h1>" in text
    assert SECRET not in text
    assert text.startswith('<!DOCTYPE html><meta http-equiv="Content-Security-Policy"')
    await session.page.goto((tmp_path / "steps" / "01-open-inbox.html").as_uri())
    assert await session.page.evaluate("[document.title, window.ran]") == ["Inbox", None]


async def test_a_picture_is_taken_of_every_step_where_it_is_asked_for_with_secrets_masked(
    open_session: Any, web: Any, tmp_path: Path
):
    web.page("/", f"<body style='margin:0'><div style='background:red;height:200px;width:600px'>{SECRET}</div>")
    session = await open_session(last_picture_every_s=3600)
    await session.page.goto(web.url("/"))
    session.trail.begin(pictures_without=[SECRET])

    await leave(session, "look")

    assert kept(session, tmp_path) == ["01-look.html", "01-look.jpg"]
    picture = Image.open(tmp_path / "steps" / "01-look.jpg").convert("RGB")
    red, green, blue = picture.getpixel((300, 100))
    assert (red > 200, green < 60, blue > 200) == (True, True, True), "the mask is pink, the text was on red"


async def test_nothing_is_kept_while_signing_in_nor_before_it_begins_nor_after_it_has_ended(
    open_session: Any, web: Any, tmp_path: Path
):
    web.page("/", PAGE.format(words="hello"))
    session = await open_session()
    await session.page.goto(web.url("/"))
    await leave(session, "too early")
    session.trail.begin(pictures_without=[])
    async with session.signing_in():
        await leave(session, "sign in")
    assert kept(session, tmp_path) == []
    await leave(session, "read")
    session.trail.end()

    assert kept(session, tmp_path) == []
    assert not (tmp_path / "steps").exists()


async def test_the_last_steps_are_kept_within_bounds(open_session: Any, web: Any, tmp_path: Path):
    web.page("/", f"<p>{'x' * 700_000}</p>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    session.trail.begin()

    await leave(session, *[f"step {n}" for n in range(30)])

    files = [tmp_path / "steps" / name for name in kept(session, tmp_path) if name.endswith(".html")]
    assert files[-1].name == "30-step-29.html"
    assert sum(file.stat().st_size for file in files) <= trail.MOST_HTML_IN_ALL + 200 * len(files)
    assert len(files) == trail.MOST_HTML_IN_ALL // trail.MOST_HTML


async def test_a_page_that_hangs_delays_a_step_by_half_a_second_and_fails_nothing(open_session: Any, web: Any):
    web.page("/", "<script>setTimeout(() => { while (true) {} }, 50)</script>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    session.trail.begin()
    started = time.monotonic()

    await leave(session, "hang", "hang")

    assert time.monotonic() - started < 2 * trail.HTML_S + 0.5


async def test_what_matched_instead_is_asked_of_the_page(open_session: Any, web: Any):
    web.page("/", f"<button>Send it</button><button>Cancel</button><label>Word<input value='{SECRET}'></label>")
    session = await open_session()
    await session.page.goto(web.url("/"))

    found = await look_alikes.find(session.page, 'get_by_role("button", name="Send")', 2)
    fields = await look_alikes.find(session.page, 'get_by_label("Words")', 2)
    marks = await look_alikes.find(session.page, 'locator("#nothing")', 2)

    assert [each.name for each in found] == ["Send it", "Cancel"]
    assert (fields[0].role, fields[0].name) == ("textbox", "Word")
    assert SECRET not in str(fields)
    assert marks == []
