"""What does it cost to keep what each step leaves behind? Run: python bench/trail.py

Each round reads the same pages of a web site with thirty steps, in each way in turn, a new browser for each:

  nothing       no trail
  html          the page's HTML at the end of each step: what is kept while all goes well
  html + jpeg   and a small picture of each step: from the second attempt on, and in debugging

Processor time of browser, driver and Python, against nothing, medians over the rounds. A run on 2 cores that had other
work too, Chromium 156 headless shell:

    way           processor    time   seconds of processor per step
    nothing           1.00x   1.00x   0.1417
    html              0.99x   0.97x   0.1407
    html + jpeg       1.52x   1.67x   0.2122

What is within a tenth of "nothing" is noise. The steps are as short as steps get, so that the shares are the largest
there are: a picture, with secrets painted over, costs 0.07 s of processor per step, however long the step takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from runner.browser.discovery import find_browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.sandbox import sandbox_mode
from runner.browser.session import LiveSession

STEPS = 30
WAYS = ("nothing", "html", "html + jpeg")
ROW = "<li><a href='/{n}'>Thread {n}</a> <b>Somebody</b> <p>Is it still there, and would you take less for it?</p></li>"
PAGE = "<!doctype html><title>Inbox</title><h1>Inbox {number}</h1><ul>{rows}</ul><button>Send</button>"


class Pages(BaseHTTPRequestHandler):
    """Two hundred rows on every page, about as much HTML as an inbox has."""

    def do_GET(self) -> None:
        rows = "".join(ROW.format(n=number) for number in range(200))
        body = PAGE.format(number=self.path[1:], rows=rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def processor_s(root: psutil.Process) -> float:
    """User and system seconds of a process and of all that it started and that still runs."""
    used = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
    return used


async def flow(session: LiveSession, origin: str, way: str) -> None:
    """The same reading and clicking in every way."""
    if way != "nothing":
        session.trail.begin(pictures_without=["hunter2-quail"] if way == "html + jpeg" else None)
    for number in range(STEPS):
        began = datetime.now(UTC)
        await session.page.goto(f"{origin}/{number}")
        await session.page.get_by_role("listitem").count()
        await session.page.get_by_role("button", name="Send").click()
        await session.trail.leave(number, "read thread", began)
    session.trail.end()


async def measure(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Processor and wall seconds of each way, round by round."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    me = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        async with Browsers() as browsers:
            for number in range(rounds + 1):
                turn = WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]
                for way in turn:
                    request = LaunchRequest(
                        account="amy",
                        profile_dir=Path(folder) / "amy",
                        browser=find_browser(configured=None, headless=True),
                        sandbox=sandbox_mode(setting="auto", is_root=os.geteuid() == 0),
                        allowed_origins=(origin,),
                    )
                    session = await browsers.launch(request)
                    await session.page.goto(origin)
                    before, started = processor_s(me), time.monotonic()
                    await flow(session, origin, way)
                    if number:  # the first round warms up
                        found[way].append((processor_s(me) - before, time.monotonic() - started))
                    await session.close()
    server.shutdown()
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    found = asyncio.run(measure(parser.parse_args().rounds))
    print("    way           processor    time   seconds of processor per step")  # noqa: T201 — a bench prints
    for way, rounds in found.items():
        cpu = statistics.median(one[0] / base[0] for one, base in zip(rounds, found["nothing"], strict=True))
        wall = statistics.median(one[1] / base[1] for one, base in zip(rounds, found["nothing"], strict=True))
        per_step = statistics.median(one[0] for one in rounds) / STEPS
        print(f"    {way:<12}      {cpu:.2f}x   {wall:.2f}x   {per_step:.4f}")  # noqa: T201 — a bench prints


if __name__ == "__main__":
    main()
