"""Evidence from real pages: well, refused, hung, crashed, closed, tall, full of secrets."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from PIL import Image

from runner.browser import evidence, masks, processes
from runner.browser.evidence import AttemptFacts, capture
from runner.domain.states import EvidenceKind
from runner.errors import ErrorKind
from runner.logs import Redactor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CANARY = 'Canary+"7/ÿ&<x'
STARTED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FACTS = AttemptFacts(
    account="amy",
    flow="read_inbox",
    job_id=41,
    attempt_number=2,
    started_at=STARTED,
    failed_at=STARTED + timedelta(seconds=12.5),
    step="open inbox",
    kind=ErrorKind.SITE_CHANGED,
    what="The list of threads is missing.",
    cure="Look at the screenshot and mend the adapter's locators.",
    locator="get_by_role('list', name='Threads')",
)
GREEN, RED = (0, 128, 0), (255, 0, 0)


def by_kind(files) -> dict[EvidenceKind, Path]:
    return {file.kind: file for file in files}


def colour(picture: Path, at=(5, 5)) -> tuple[int, int, int]:
    return Image.open(picture).convert("RGB").getpixel(at)


def near(one, other) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


async def shows(session, rgb) -> None:
    """Wait until the compositor shows this colour, which is what a last picture is made from."""
    async with asyncio.timeout(10):
        while not session.gone.is_set():
            await session.picture.renew()
            if session.picture.latest and near(colour(io.BytesIO(session.picture.latest.jpeg)), rgb):
                return


def crash(session) -> None:
    tree = psutil.Process(session.pid).children(recursive=True)
    processes.kill(each for each in tree if "--type=renderer" in each.cmdline())


async def test_a_failure_is_shown_whole(open_session, web, tmp_path, closed_port):
    web.page(
        "/inbox",
        "<title>Inbox | Amy</title><body style='margin:0;background:green;height:2000px'><h1>Inbox</h1>"
        f"<img src='http://127.0.0.1:{closed_port}/blocked.png'><img src='/gone.png'>"
        "<script>console.error('no `threads` | <b>today</b>')</script>",
    )
    session = await open_session()
    await session.trace.start()
    await session.page.goto(web.url("/inbox"))
    folder = tmp_path / "screenshots" / "2026-11-22" / "amy" / "41-2"
    started = time.monotonic()
    files = by_kind(await capture(session, folder, facts=FACTS, relative_to=tmp_path / "screenshots"))
    assert time.monotonic() - started < 5
    # A thread is kept when it is read, not when something fails.
    elsewhere = {EvidenceKind.LAST_PICTURE, EvidenceKind.ATTEMPT_PAGE, EvidenceKind.THREAD}
    assert set(files) == set(EvidenceKind) - elsewhere
    assert files[EvidenceKind.SCREENSHOT].path == "2026-11-22/amy/41-2/screenshot.png"
    for file in files.values():
        assert (tmp_path / "screenshots" / file.path).stat().st_size == file.size_bytes
    picture = folder / "screenshot.png"
    assert Image.open(picture).size == (1280, 2000)
    assert near(colour(picture, (1270, 1990)), GREEN)
    assert "<h1>Inbox</h1>" in (folder / "page.html").read_text()
    said = [json.loads(line) for line in (folder / "console.jsonl").read_text().splitlines()]
    assert "no `threads` | <b>today</b>" in [line["text"] for line in said]
    asked = [json.loads(line) for line in (folder / "network.jsonl").read_text().splitlines()]
    assert {(line["url"].rpartition("/")[2], line["status"], line["blocked"]) for line in asked} >= {
        ("gone.png", 404, False),
        ("blocked.png", None, True),
    }


async def test_the_summary_tells_the_whole_story(open_session, web, tmp_path):
    web.page("/inbox", "<title>In|box `x` <b></title><script>console.error('no `threads`')</script>", status=503)
    session = await open_session()
    await session.page.goto(web.url("/inbox"))
    await capture(session, tmp_path / "e", facts=FACTS)
    text = (tmp_path / "e" / "summary.md").read_text()
    assert text.startswith("# amy: read_inbox failed (site_changed)\n")
    for expected in (
        "`The list of threads is missing.`",
        "Look at the screenshot and mend the adapter's locators.",
        "| Step | `open inbox` |",
        "| Missing element | `get_by_role('list', name='Threads')` |",
        "| Failed | 2026-11-22 10:00:12 UTC, 12.5 s later |",
        f"| Address | `{web.url('/inbox')}` |",
        "| Title | `In\\|box ʼxʼ <b>` |",
        f"| Last answer | 503 from `{web.url('/inbox')}` |",
        "[screenshot.png](screenshot.png)",
        "[page.html](page.html)",
        "error: no `threads`",
        f"GET {web.url('/inbox')} 503",
    ):
        assert expected in text


async def test_a_hung_page_is_shown_as_it_stands_now(open_session, web, tmp_path):
    web.page(
        "/",
        "<body style='background:red'><h1>hang</h1><script>setTimeout(() => { document.body.style.background='green';"
        "requestAnimationFrame(() => setTimeout(() => { while (true) {} })) }, 300)</script>",
    )
    session = await open_session(last_picture_every_s=3600)
    await session.page.goto(web.url("/"))
    await shows(session, GREEN)
    session.picture.latest = None  # whatever was seen before the page hung must not be what is shown
    started = time.monotonic()
    files = by_kind(await capture(session, tmp_path / "e", facts=FACTS))
    assert time.monotonic() - started < 5
    assert EvidenceKind.SCREENSHOT not in files
    assert near(colour(tmp_path / "e" / "last_picture.jpg"), GREEN)
    assert files[EvidenceKind.LAST_PICTURE].age_s < 5
    text = (tmp_path / "e" / "summary.md").read_text()
    assert "The page hangs" in text
    assert "s before this" in text


async def test_a_page_that_hangs_before_it_paints_shows_what_was_seen_before_it(open_session, web, tmp_path):
    web.page("/before", "<body style='background:green'>")
    web.page("/", "<script>while (true) {}</script>")
    session = await open_session()
    await session.page.goto(web.url("/before"))
    await shows(session, GREEN)
    await session.page.goto(web.url("/"), wait_until="commit")
    files = by_kind(await capture(session, tmp_path / "e", facts=FACTS))
    assert EvidenceKind.LAST_PICTURE in files
    assert Image.open(tmp_path / "e" / "last_picture.jpg").size[0] > 300


async def test_a_crashed_page_is_shown_as_it_was_last_seen(open_session, web, tmp_path):
    web.page("/", "<body style='background:green'>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    await shows(session, GREEN)
    seen = session.picture.latest.at
    crash(session)
    await session.gone.wait()
    files = by_kind(await capture(session, tmp_path / "e", facts=FACTS))
    assert near(colour(tmp_path / "e" / "last_picture.jpg"), GREEN)
    age_s = files[EvidenceKind.LAST_PICTURE].age_s
    assert abs(age_s - (datetime.now(UTC) - seen).total_seconds()) < 2
    text = (tmp_path / "e" / "summary.md").read_text()
    assert f"{age_s:.1f} s old" in text
    assert "its page crashed" in text


async def test_the_picture_for_a_crash_is_renewed_by_itself(open_session, web):
    web.page("/", "<body style='background:green'>")
    session = await open_session(last_picture_every_s=0.05)
    await session.page.goto(web.url("/"))
    async with asyncio.timeout(10):
        while not (session.picture.latest and near(colour(io.BytesIO(session.picture.latest.jpeg)), GREEN)):
            await session.page.title()


async def test_a_killed_and_a_closed_browser_still_give_evidence(open_session, web, tmp_path):
    web.page("/", "<body style='background:green'>")
    for name in ("killed", "closed"):
        session = await open_session()
        await session.page.goto(web.url("/"))
        await shows(session, GREEN)
        if name == "killed":
            processes.kill([psutil.Process(session.pid)])
            await session.gone.wait()
        await session.close()
        files = by_kind(await capture(session, tmp_path / name, facts=FACTS))
        assert {EvidenceKind.LAST_PICTURE, EvidenceKind.SUMMARY} <= set(files)


async def test_a_frozen_browser_costs_no_more_than_the_budget(open_session, web, tmp_path):
    web.page("/", "<body style='background:green'>")
    session = await open_session()
    await session.trace.start()
    await session.page.goto(web.url("/"))
    await shows(session, GREEN)
    tree = processes.with_descendants([psutil.Process(session.pid)])
    for each in tree:
        each.suspend()
    try:
        started = time.monotonic()
        files = by_kind(await capture(session, tmp_path / "e", facts=FACTS, budget_s=3))
        assert time.monotonic() - started < 3.5
    finally:
        for each in tree:
            each.resume()
    assert {EvidenceKind.LAST_PICTURE, EvidenceKind.SUMMARY} <= set(files)


async def test_no_browser_at_all_still_gives_a_summary(tmp_path):
    (file,) = await capture(None, tmp_path / "e", facts=FACTS)
    assert file.kind is EvidenceKind.SUMMARY
    assert "none was open" in (tmp_path / "e" / "summary.md").read_text()


async def test_a_very_tall_page_is_bounded(open_session, web, tmp_path):
    web.page("/", "<body style='margin:0;background:green;height:200000px'>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    await capture(session, tmp_path / "e", facts=FACTS)
    assert Image.open(tmp_path / "e" / "screenshot.png").size == (1280, evidence.TALLEST_PX)
    assert "200000 pixels tall" in (tmp_path / "e" / "summary.md").read_text()


async def test_a_full_disk_is_noted_and_hides_nothing(open_session, web, tmp_path, monkeypatch):
    web.page("/", "<h1>hello</h1>")
    session = await open_session()
    await session.page.goto(web.url("/"))
    real = Path.write_bytes

    def full_for_pictures(path: Path, data: bytes) -> int:
        if path.suffix == ".png":
            real(path, data[:10])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full_for_pictures)
    files = by_kind(await capture(session, tmp_path / "e", facts=FACTS))
    assert {EvidenceKind.LAST_PICTURE, EvidenceKind.PAGE, EvidenceKind.SUMMARY} <= set(files)
    assert not (tmp_path / "e" / "screenshot.png").exists(), "half a picture is not left behind"
    assert "No space left on device" in (tmp_path / "e" / "summary.md").read_text()


async def test_a_folder_that_cannot_be_made_is_no_error(open_session, web, tmp_path):
    (tmp_path / "file").write_text("in the way")
    session = await open_session()
    assert await capture(session, tmp_path / "file" / "e", facts=FACTS) == []


SECRET_PAGE = """<!doctype html><title>{shown}</title><body style="margin:0;background:green">
<form action="/sign-in" method="post"><input type="password" name="p" value="{shown}" aria-label="Password"
 style="display:block;width:300px;height:40px;border:0;background:red">
<input name="plain" aria-label="Plain" style="display:block;width:300px;height:40px;border:0;background:red">
<p style="margin:0;width:300px;height:40px;background:red">your password is {shown}</p><button>Sign in</button></form>
<script>console.log('typed', {script}); fetch('/missing?p=' + encodeURIComponent({script}));
fetch('/missing/' + {base64})</script>"""


def secret_page() -> str:
    shown = CANARY.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    encoded = base64.b64encode(CANARY.encode()).decode()
    return SECRET_PAGE.format(shown=shown, script=json.dumps(CANARY), base64=json.dumps(encoded))


def forms_of(secret: str) -> set[bytes]:
    escaped = json.dumps(secret)[1:-1]
    texts = {secret, quote(secret, safe=""), quote(secret), escaped, json.dumps(secret, ensure_ascii=False)[1:-1]}
    coded = base64.b64encode(secret.encode())
    return {text.encode() for text in texts} | {coded, coded.rstrip(b"="), quote(coded.decode(), safe="").encode()}


def everything_in(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, those inside a trace included."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[path.name] = path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as trace:
                found |= {f"trace:{name}": trace.read(name) for name in trace.namelist()}
    return found


async def test_a_password_stands_in_no_file(open_session, web, tmp_path):
    web.page("/sign-in", secret_page())
    session = await open_session(redactor=Redactor([CANARY]))
    await session.trace.start()
    await session.page.goto(web.url("/sign-in"))
    async with session.signing_in():
        await session.page.get_by_label("Password").fill(CANARY)
        async with session.page.expect_navigation():
            await session.page.get_by_role("button").click()
    # Typed once more outside of a sign-in, as a careless adapter would: the second line of defence must hold.
    await session.page.get_by_label("Plain").fill(CANARY)
    facts = AttemptFacts(**{**FACTS.__dict__, "what": f"refused {CANARY}", "cure": f"not {CANARY}"})
    files = by_kind(await capture(session, tmp_path / "e", facts=facts, secrets=[CANARY]))
    assert set(files) >= {EvidenceKind.TRACE, EvidenceKind.PAGE, EvidenceKind.CONSOLE, EvidenceKind.NETWORK}
    everything = everything_in(tmp_path / "e")
    assert any(name.endswith(".trace") for name in everything)
    leaks = {(name, form) for name, data in everything.items() for form in forms_of(CANARY) if form in data}
    assert leaks == set()
    for y in (20, 60, 100):  # password field, plain field, text: all red where they are not painted over
        assert not near(colour(tmp_path / "e" / "screenshot.png", (290, y)), RED)


HIDING_PLACES = {
    "text": '<p class="red">it is SE<b>CRET  </b>word</p>',
    "field": '<input class="red" value="secret word">',
    "password field": '<input class="red" type="password" value="something">',
    "frame": '<iframe class="red" srcdoc="<body style=background:red>secret word"></iframe>',
    "shadow": '<div class="red"><template shadowrootmode="open">'
    '<p style="margin:0;height:40px">secret word</p></template></div>',
}
RED_BOX = "<style>body{margin:0}.red{display:block;width:300px;height:40px;margin:0;border:0;background:red}</style>"


@pytest.mark.parametrize("place", HIDING_PLACES)
async def test_a_secret_stands_in_no_picture_of_a_thread(open_session, web, tmp_path, place):
    web.page("/", RED_BOX + HIDING_PLACES[place])
    session = await open_session()
    await session.page.goto(web.url("/"))
    assert await masks.needed(session.page, ["secret word"])
    if place != "frame":  # within a frame the text itself is painted over, and not the frame
        await evidence.keep_thread(session, tmp_path / "t", secrets=["secret word"], relative_to=tmp_path)
        assert not near(colour(tmp_path / "t" / "thread.png", (290, 20)), RED)


async def test_a_thread_that_hides_nothing_is_shown_as_it_is(open_session, web, tmp_path):
    web.page("/", RED_BOX + '<p class="red">a word that is no secret</p><input value="plain">')
    session = await open_session()
    await session.page.goto(web.url("/"))
    assert not await masks.needed(session.page, ["secret word", "abc"])
    (file,) = await evidence.keep_thread(session, tmp_path / "t", secrets=["secret word"], relative_to=tmp_path)
    assert file.path == "t/thread.png"
    assert near(colour(tmp_path / "t" / "thread.png", (290, 20)), RED)


async def test_masking_leaves_the_page_as_it_was(open_session, web, tmp_path):
    web.page("/", '<input aria-label="Plain">')
    session = await open_session()
    await session.page.goto(web.url("/"))
    await session.page.get_by_label("Plain").fill(CANARY)
    before = await session.page.content()
    await capture(session, tmp_path / "e", facts=FACTS, secrets=[CANARY])
    assert await session.page.content() == before


async def test_nothing_of_a_sign_in_is_recorded(open_session, web, tmp_path):
    """Even with nobody knowing the secret: what is not recorded cannot leak."""
    web.page("/sign-in", secret_page().replace("value=", "data-nothing="))
    web.page("/after", "<h1>After</h1>")
    session = await open_session(last_picture_every_s=0.05)
    await session.trace.start()
    await session.page.goto(web.url("/after"))
    async with session.signing_in():
        await session.page.goto(web.url("/sign-in"))
        await session.page.get_by_label("Password").fill("unknown to all")
        assert not await session.picture.renew()
        async with session.page.expect_navigation():
            await session.page.get_by_role("button").click()
        await session.page.goto(web.url("/after"))
    await session.page.get_by_role("heading", name="After").click()
    assert await session.trace.stop(tmp_path / "trace.zip")
    everything = everything_in(tmp_path)
    assert [name for name in everything if name.endswith(".trace")] == ["trace:0-trace.trace", "trace:1-trace.trace"]
    assert b"After" in everything["trace:1-trace.trace"]
    assert [name for name, data in everything.items() if b"unknown" in data] == []


async def test_a_trace_that_nobody_wants_is_thrown_away(open_session, web, tmp_path):
    web.page("/", "<h1>hello</h1>")
    session = await open_session()
    await session.trace.start()
    await session.page.goto(web.url("/"))
    assert not await session.trace.stop(None)
    assert not await session.trace.stop(tmp_path / "trace.zip")
    assert not (tmp_path / "trace.zip").exists()
