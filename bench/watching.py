"""What a watched session costs: processor seconds of runner, driver and Chromium, with nobody, one and three watching.

    .venv/bin/python -m bench.watching http://127.0.0.1:8765 [SECONDS]

The page at that address (the mock marketplace, say) is left alone ("still"), loaded anew every second ("moving"), or
repainted sixty times a second ("animated"). A person's own browser is not counted, only what leaves towards it.

Last result (2 cores, busy; CPU seconds per second, nobody / one / three watching, 3 pictures a second at most):
still 0.025 / 0.028 / 0.032, moving 0.117 / 0.151 / 0.152, animated 0.505 / 0.759 / 0.766. So a page that stands still
costs nothing to watch, a flow at work about a quarter more, and it does not matter how many watch. Therefore the
capture ends with the last watcher, and there is one for all of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from runner.browser.discovery import find_browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.live_view import Watcher
from runner.browser.sandbox import sandbox_mode
from runner.browser.session import LiveSession

SECONDS = 20.0
ANIMATED = "setInterval(() => { document.body.style.background = `hsl(${Date.now() / 20 % 360} 60% 80%)` }, 16)"


def cpu_s() -> float:
    """Processor seconds so far of this process and everything that it has started."""
    total = 0.0
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


async def follow(watcher: Watcher, count: list[int]) -> None:
    """Take every picture that there is."""
    while True:
        await watcher.next()
        count.append(1)


async def cost(session: LiveSession, url: str, *, watchers: int, moving: bool, seconds: float) -> tuple[float, float]:
    """Processor seconds per second, and pictures per second and watcher."""
    async with AsyncExitStack() as stack:
        count: list[int] = []
        tasks = [
            asyncio.create_task(follow(await stack.enter_async_context(session.view.watch()), count))
            for _ in range(watchers)
        ]
        before, began = cpu_s(), time.monotonic()
        while time.monotonic() - began < seconds:
            if moving:
                await session.page.goto(url)
            await asyncio.sleep(1.0)
        spent, passed = cpu_s() - before, time.monotonic() - began
        for task in tasks:
            task.cancel()
    return spent / passed, len(count) / passed / max(1, watchers)


async def measure(url: str, folder: Path, seconds: float) -> None:
    """Print one line for each way."""
    async with Browsers() as browsers:
        session = await browsers.launch(
            LaunchRequest(
                account="amy",
                profile_dir=folder / "profile",
                browser=find_browser(configured=None, headless=True),
                sandbox=sandbox_mode(setting="auto", is_root=os.geteuid() == 0),
                allowed_origins=(url,),
            )
        )
        await session.page.goto(url)
        for kind in ("still", "moving", "animated"):
            if kind == "animated":
                await session.page.evaluate(ANIMATED)
            for watchers in (0, 1, 3, 0):
                moving = kind == "moving"
                spent, pictures = await cost(session, url, watchers=watchers, moving=moving, seconds=seconds)
                print(f"{kind:8} {watchers} watching  {spent:6.3f} CPU s/s  {pictures:4.1f} pictures/s")  # noqa: T201 a report
        await session.close()


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1], Path(tempfile.mkdtemp()), float(sys.argv[2]) if sys.argv[2:] else SECONDS))
