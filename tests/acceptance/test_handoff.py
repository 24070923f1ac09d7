"""A person takes over: what a new operator does when an account is stopped by a page that wants a human being."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from queue import Empty, Queue
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINK = re.compile(r"http://127\.0\.0\.1:\d+/live\S*")
CONFIG = "[live]\nport = 0\n"


class Told:
    """What a running command prints, line by line, without ever blocking the test for good."""

    def __init__(self, stream: Any) -> None:
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._queue.put(line)

    def until(self, pattern: str, *, within_s: float = 40) -> re.Match[str]:
        """The first match in what is printed from the beginning on; lines are joined, for a terminal folds them."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if found := re.search(pattern, "".join(self.lines)):
                return found
            try:
                self.lines.append(self._queue.get(timeout=0.1))
            except Empty:
                continue
        raise AssertionError(f"not within {within_s} s: {pattern!r} in {''.join(self.lines)!r}")


@pytest.fixture
def farid(shop: Any) -> Any:
    shop.configure(accounts=("farid",), extra=CONFIG)
    return shop


def answer_of(market: Any, account: str) -> str:
    """What a person would read in the picture, or on their phone."""
    (found,) = [each for each in market.client.get("/_state").json()["challenges"] if each["account"] == account]
    return str(found["answer"])


def events(shop: Any, *names: str) -> list[tuple[str, dict[str, Any]]]:
    marks = ", ".join("?" * len(names))
    rows = shop.rows(f"select name, data from event where name in ({marks}) order by id", *names)
    return [(name, json.loads(data)) for name, data in rows]


async def place_of(shop: Any, page: Page, box: dict[str, float]) -> tuple[float, float]:
    """Where a place of the page (CSS pixels) is in the live view's picture on this screen."""
    shown = await page.locator("canvas").bounding_box()
    assert shown is not None
    return (
        shown["x"] + box["x"] * shown["width"] / 1280,
        shown["y"] + box["y"] * shown["height"] / 800,
    )


FIELD = {"x": 640, "y": 340}


async def find_field(market: Any, new_page: Any, kind: str) -> dict[str, float]:
    raise NotImplementedError


async def test_a_captcha_is_solved_in_the_live_view_and_the_same_job_finishes(
    farid: Any, new_page: Callable[[], Awaitable[Page]]
) -> None:
    farid.market.faults({"route": "GET /inbox", "effect": "captcha", "account": "farid", "count": 1})
    met = farid.cli("run", "farid", "read_inbox")
    assert met.code == 3, met.said
    assert "runner handoff farid" in met.said
    waiting = farid.cli("handoff", "--json").json["waiting"]
    assert [(each["account"], each["job"]) for each in waiting] == [("farid", 1)]
    assert waiting[0]["picture"] in map(str, farid.pictures())
    process = farid.start("handoff", "farid", "--live")
    told = Told(process.stdout)
    link = told.until(r"http://127\.0\.0\.1:\d+/live/\d+\?token=\S+").group()

    page = await new_page()
    await page.set_viewport_size({"width": 1280, "height": 1000})
    await page.goto(link)
    assert "token" not in page.url
    await expect(page.get_by_text("asks whether a human is there (captcha)")).to_be_visible()
    await expect(page.locator("#veil")).to_be_hidden()
    await page.get_by_label("Your name").fill("anna")
    await page.get_by_role("button", name="Take control").click()
    await expect(page.get_by_text("You have control")).to_be_visible()
    letters = answer_of(farid.market, "farid")
    # The field stands in the middle of the page, and Tab leads to it: as a person, by the keyboard.
    await page.locator("canvas").focus()
    await into_the_answer(page)
    await page.keyboard.type(letters.lower())
    await page.keyboard.press("Enter")
    await expect_ledger(farid, "challenge_passed")
    await page.get_by_role("button", name="Give it back").click()
    given_back = time.monotonic()

    told.until(r"farid read_inbox: done")
    assert time.monotonic() - given_back < 10
    assert process.wait(timeout=30) == 0
    assert farid.rows("select id, state from job") == [(1, "succeeded")]
    assert len(farid.market.ledger("sign_in", "farid")) == 1, "nothing was logged in again"
    assert farid.rows("select state from account") == [("active",)]
    assert farid.rows("select end from session order by id")[-1] == ("handed_over",)
    inputs = [data for _, data in events(farid, "InputGiven")]
    assert {each["who"] for each in inputs} == {"anna"}
    assert sum(each.get("characters", 0) for each in inputs) == 6
    assert letters.lower() not in json.dumps(inputs).lower()
    assert [name for name, _ in events(farid, "PersonNeeded", "TakeoverBegan", "TakeoverEnded")] == [
        "PersonNeeded",
        "TakeoverBegan",
        "TakeoverEnded",
    ]


async def into_the_answer(page: Page) -> None:
    """Click the one field of the challenge page, where the picture shows it."""
    box = await page.locator("canvas").bounding_box()
    assert box is not None
    await page.screenshot(path="/tmp/scratch/b-handoff.png")
    await page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)


async def expect_ledger(shop: Any, kind: str) -> None:
    until = time.monotonic() + 15
    while not shop.market.ledger(kind, "farid"):
        assert time.monotonic() < until, kind
        time.sleep(0.1)
