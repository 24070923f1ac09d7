"""What does it cost to have a picture of a page that hangs or has crashed? Run: python bench/last_picture.py

A hung page (its script never returns) answers nothing; a crashed one has no surface left. Ways to have a picture:

  screenshot    CDP Page.captureScreenshot (JPEG 50, optimizeForSpeed) every second
  screencast    CDP Page.startScreencast running all the time, every frame acknowledged
  every 10th    the same with everyNthFrame=10
  one frame     startScreencast, its first frame, stopScreencast, every second
  html          page.content() every second, to be drawn later

One run does the same clicks with each, in turn, several rounds over, and compares the processor time of browser,
driver and Python with that of no picture at all. A run on 2 cores that had other work too, Chromium 156 headless shell:

    way           processor   time   pictures/s   missed   KB each   asked of a hung page
    nothing           1.00x   1.00x       0.0        0         0   -
    screenshot        0.89x   1.05x       0.3        1        28   no
    screencast        2.33x   1.83x      38.9        0        28   before
    every 10th        1.50x   1.25x       4.1        0        28   before
    one frame         0.90x   0.92x       1.1        0        28   yes
    html              0.88x   0.90x       0.6        4         1   no

What is within a tenth of "nothing" is noise.

Chosen: one frame. It is taken from the compositor in the browser process and needs no answer of the page: asked for
after the page hangs, it still shows what is on the screen now. Screenshot and html wait for ever then, and html
shows neither canvas nor what a style would have made of it. Only for a crash does a picture have to be there before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from runner.browser.discovery import find_browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.sandbox import sandbox_mode

EVERY_S = 1.0
JPEG = {"format": "jpeg", "quality": 50}
PAGE = """<!doctype html><title>Listings</title><style>
li {{ display: inline-block; width: 280px; height: 150px; margin: 6px; border-radius: 9px; box-shadow: 0 2px 9px #8888;
     background: linear-gradient({hue}deg, #cde, #edc) }} .spin {{ animation: spin 2s infinite linear }}
@keyframes spin {{ to {{ transform: rotate(360deg) }} }}</style>
<h1>Page {number}</h1><p class="spin" style="width:40px">busy</p><input aria-label="Search">
<ul>{items}</ul><a href="/{next}">Next</a>"""


class Handler(BaseHTTPRequestHandler):
    """Pages that link to one another, and one that hangs."""

    def do_GET(self) -> None:
        """Answer any number with a page, `/hang` with one whose script never returns."""
        name = self.path.strip("/") or "0"
        if name == "hang":
            body = "<h1>about to hang</h1><script>setTimeout(() => { while (true) {} }, 300)</script>"
        else:
            items = "".join(f"<li>Item {index} of page {name}</li>" for index in range(24))
            number = int(name)
            body = PAGE.format(number=number, hue=number * 7 % 360, items=items, next=number + 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


Take = Callable[[], Awaitable[int]]


@dataclass
class Tally:
    """What one way cost in one round, and what it saw."""

    cpu_s: float
    wall_s: float
    pictures: int = 0
    missed: int = 0
    bytes: int = 0


def screenshot(cdp: CDPSession, page: Page) -> Take:
    async def take() -> int:
        answer = await cdp.send("Page.captureScreenshot", {**JPEG, "optimizeForSpeed": True})
        return len(answer["data"]) * 3 // 4

    return take


def html(cdp: CDPSession, page: Page) -> Take:
    async def take() -> int:
        return len(await page.content())

    return take


def one_frame(cdp: CDPSession, page: Page) -> Take:
    frames: asyncio.Queue[int] = asyncio.Queue()
    cdp.on("Page.screencastFrame", lambda frame: frames.put_nowait(len(frame["data"]) * 3 // 4))

    async def take() -> int:
        starting = asyncio.ensure_future(cdp.send("Page.startScreencast", JPEG))
        try:
            return await frames.get()
        finally:
            starting.cancel()
            asyncio.ensure_future(cdp.send("Page.stopScreencast"))  # noqa: RUF006 - a hung page never answers it

    return take


@contextlib.asynccontextmanager
async def every_second(take: Take | None, tally: Tally) -> AsyncIterator[None]:
    async def loop() -> None:
        while take is not None:
            try:
                tally.bytes += await take()
                tally.pictures += 1
            except PlaywrightError:
                tally.missed += 1  # the page was just being replaced by the next one
            await asyncio.sleep(EVERY_S)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()


@contextlib.asynccontextmanager
async def screencast(cdp: CDPSession, nth: int, tally: Tally) -> AsyncIterator[None]:
    def on_frame(frame: dict[str, object]) -> None:
        tally.pictures += 1
        tally.bytes += len(str(frame["data"])) * 3 // 4
        asyncio.ensure_future(cdp.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]}))  # noqa: RUF006 because an acknowledgement is owned by nobody; the measurement ends it

    cdp.on("Page.screencastFrame", on_frame)
    await cdp.send("Page.startScreencast", {**JPEG, "everyNthFrame": nth})
    yield
    await cdp.send("Page.stopScreencast")


def watching(way: str, cdp: CDPSession, page: Page, tally: Tally) -> contextlib.AbstractAsyncContextManager[None]:
    takes = {"screenshot": screenshot, "one frame": one_frame, "html": html}
    if way in takes:
        return every_second(takes[way](cdp, page), tally)
    if way == "nothing":
        return every_second(None, tally)
    return screencast(cdp, 10 if way == "every 10th" else 1, tally)


def cpu_s(processes: list[psutil.Process]) -> float:
    """Processor seconds of all, children that have ended and were collected included."""
    times = [each.cpu_times() for each in processes if each.is_running()]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


async def clicks(page: Page, origin: str, steps: int) -> None:
    await page.goto(f"{origin}/0")
    for step in range(steps):
        await page.get_by_label("Search").fill(f"laptop {step}")
        await page.get_by_role("link", name="Next").click()
        await page.get_by_role("heading", name=f"Page {step + 1}", exact=True).wait_for()


async def measure(browsers: Browsers, request: LaunchRequest, way: str, origin: str, steps: int) -> Tally:
    session = await browsers.launch(request)
    tally = Tally(cpu_s=0, wall_s=0)
    cdp = await session.context.new_cdp_session(session.page)
    await clicks(session.page, origin, 5)
    this = psutil.Process()
    everyone = [this, *this.children(recursive=True)]
    before, started = cpu_s(everyone), time.monotonic()
    async with watching(way, cdp, session.page, tally):
        await clicks(session.page, origin, steps)
    tally.wall_s, tally.cpu_s = time.monotonic() - started, cpu_s(everyone) - before
    await session.close()
    return tally


async def sees_a_hung_page(browsers: Browsers, request: LaunchRequest, way: str, origin: str) -> str:
    session = await browsers.launch(request)
    cdp = await session.context.new_cdp_session(session.page)
    takes = {"screenshot": screenshot, "one frame": one_frame, "html": html}
    await session.page.goto(f"{origin}/hang")
    await asyncio.sleep(0.8)
    answer = "-"
    if way in takes:
        try:
            async with asyncio.timeout(2):
                answer = "yes" if await takes[way](cdp, session.page)() else "no"
        except TimeoutError:
            answer = "no"
    elif way != "nothing":
        answer = "before"
    await session.close()
    return answer


WAYS = ("nothing", "screenshot", "screencast", "every 10th", "one frame", "html")


async def main(steps: int, rounds: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    results: dict[str, list[Tally]] = {way: [] for way in WAYS}
    hung = {}
    with tempfile.TemporaryDirectory() as folder:
        request = LaunchRequest(
            account="bench",
            profile_dir=Path(folder) / "bench",
            browser=find_browser(configured=None, headless=True),
            sandbox=sandbox_mode(setting="auto", is_root=os.geteuid() == 0),
            allowed_origins=(origin,),
        )
        async with Browsers() as browsers:
            for _ in range(rounds):
                for way in WAYS:
                    results[way].append(await measure(browsers, request, way, origin, steps))
            for way in WAYS:
                hung[way] = await sees_a_hung_page(browsers, request, way, origin)
    show(results, hung)


def show(results: dict[str, list[Tally]], hung: dict[str, str]) -> None:
    print("way           processor   time   pictures/s   missed   KB each   asked of a hung page")  # noqa: T201 because a table is its output
    least = {way: statistics.median(each.cpu_s for each in tallies) for way, tallies in results.items()}
    wall = {way: statistics.median(each.wall_s for each in tallies) for way, tallies in results.items()}
    for way, tallies in results.items():
        pictures = sum(each.pictures for each in tallies)
        kilobytes = sum(each.bytes for each in tallies) / 1024 / pictures if pictures else 0
        rate = pictures / sum(each.wall_s for each in tallies)
        print(  # noqa: T201 because a table is its output
            f"{way:12} {least[way] / least['nothing']:9.2f}x {wall[way] / wall['nothing']:6.2f}x {rate:9.1f} "
            f"{sum(each.missed for each in tallies):8} {kilobytes:9.0f}   {hung[way]}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.steps, chosen.rounds))
