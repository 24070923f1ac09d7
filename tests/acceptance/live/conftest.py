"""What tests of the live view share: a command's words as they come, and a person's own browser on the link."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from queue import Empty, Queue
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect


class Told:
    """What a running command prints, read beside the test, so that nobody waits for a pipe."""

    def __init__(self, stream: Any) -> None:
        self.text = ""
        self._queue: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._queue.put(line)

    async def until(self, pattern: str, *, within_s: float = 40) -> re.Match[str]:
        """The first match in what was printed from the beginning on."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            try:
                self.text += self._queue.get_nowait()
            except Empty:
                await asyncio.sleep(0.05)
            if found := re.search(pattern, self.text):
                return found
        raise AssertionError(f"not within {within_s} s: {pattern!r} in {self.text!r}")


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture
def farid(shop: Any) -> Any:
    """A shop with farid only, whose live view takes any port."""
    shop.configure(accounts=("farid",), extra="[live]\nport = 0\n", fast_reads=False)
    return shop


@pytest.fixture
def events(shop: Any) -> Callable[..., list[tuple[str, dict[str, Any]]]]:
    """(name, data) of the stored Events with these names, oldest first."""

    def read(*names: str) -> list[tuple[str, dict[str, Any]]]:
        marks = ", ".join("?" * len(names))
        rows = shop.rows(f"select name, data from event where name in ({marks}) order by id", *names)
        return [(name, json.loads(data)) for name, data in rows]

    return read


@pytest.fixture
def soon() -> Callable[..., Awaitable[Any]]:
    """Wait for a condition without holding up the event loop, in which the person's browser lives."""

    async def wait(condition: Callable[[], Any], what: str, *, within_s: float = 20) -> Any:
        end = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < end, f"not within {within_s} s: {what}"
            await asyncio.sleep(0.05)
        return found

    return wait


class Operator:
    """A person with a browser of their own, at a live view."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name

    async def open(self, link: str) -> None:
        await self.page.goto(link)

    async def sees(self, text: str, *, within_s: float = 15) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible(timeout=within_s * 1000)

    async def sees_a_picture(self) -> None:
        await expect(self.page.locator("#veil")).to_be_hidden(timeout=15_000)

    async def pictures(self) -> int:
        return int(await self.page.locator("canvas").get_attribute("data-pictures") or 0)

    async def takes_control(self) -> None:
        await self.sees_a_picture()
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.get_by_role("button", name="Take control").click()
        await self.sees("You have control", within_s=30)

    async def clicks(self, x: float, y: float) -> None:
        """Click at a place of the page that is watched, 1280 by 800, where the picture shows it."""
        box = await self.page.locator("canvas").bounding_box()
        assert box is not None
        at = {"x": x / 1280 * box["width"], "y": y / 800 * box["height"]}
        await self.page.locator("canvas").click(position=at)  # type: ignore[arg-type]  # Position is not exported

    async def types(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def presses(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def gives_it_back(self) -> None:
        await self.page.get_by_role("button", name="Give it back").click()


NewOperator = Callable[..., Awaitable[Operator]]


@pytest_asyncio.fixture(loop_scope="session")
async def operator(plain_chromium: Browser) -> AsyncIterator[NewOperator]:
    """Makes people, each in a browser context of their own."""
    contexts = []

    async def make(name: str = "anna", *, width: int = 1280, height: int = 1000) -> Operator:
        context = await plain_chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.set_default_timeout(15_000)
        return Operator(await context.new_page(), name)

    yield make
    for context in contexts:
        await context.close()


@pytest.fixture(scope="session")
def display() -> Iterator[str | None]:
    """A display that nobody sees; None on a machine without Xvfb."""
    if shutil.which("Xvfb") is None:
        yield None
        return
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()
