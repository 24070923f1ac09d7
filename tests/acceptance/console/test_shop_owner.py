"""The walk of a new shop owner: the one link that `make demo` prints, and all the rest without a manual."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

DEMO = [sys.executable, "-c", "from runner.cli.main import main; main()", "demo", "--stay", "--port", "0"]
SLOW_MS = 90_000
REPLY = "Yes, it is still here. Come by on Saturday!"
THREE = ("amy", "ben", "dev")
ALL = (*THREE, "carla", "elena", "farid")


def noted(market: str, kind: str, account: str) -> list[str]:
    """What the marketplace itself has noted since its start."""
    answer = httpx.get(f"{market}/_ledger", params={"kind": kind, "account": account}, timeout=30)
    return [str(each) for each in answer.json()["entries"] if not each["detail"].get("seeded")]


@pytest.fixture
def said(shop: Any, wait_for: Any, tmp_path: Path) -> Iterator[str]:
    """What a demo that stays has printed until then."""
    told = tmp_path / "said.txt"
    with told.open("w") as out:
        demo = subprocess.Popen(
            [*DEMO, "--dir", str(tmp_path / "demo")],
            env=shop.environment({"COLUMNS": "300"}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "The console stays open" in told.read_text(), what="the demo has worked", within_s=150)
        yield told.read_text()
    finally:
        demo.terminate()
        ended = demo.wait(timeout=60)
    assert ended == 0


async def test_from_the_printed_link_to_the_exported_week(said: str, plain_chromium: Browser, tmp_path: Path) -> None:
    links = re.findall(r"http://\S+/sign-in#\S+", said)
    assert len(links) == 1, "one link is printed"
    market = next(re.finditer(r"marketplace is at (http://\S+)", said)).group(1)
    context = await plain_chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(links[0])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Now", level=1)).to_be_visible()
    await starts_a_cycle_and_watches_it(page)
    await finds_the_failure_with_its_picture_and_retries_it(page)
    await answers_a_message(page, market)
    await publishes_a_listing_to_three_accounts(page, market)
    await exports_the_week(page, tmp_path)
    await context.close()


async def starts_a_cycle_and_watches_it(page: Page) -> None:
    await page.get_by_role("button", name="Start a cycle").click()
    await expect(page.get_by_text("The cycle has begun.")).to_be_visible()
    # elena's inbox answers 503 until her job has used up its attempts; the other five are read.
    await expect(page.get_by_text("6 of 6 done")).to_be_visible(timeout=SLOW_MS)


async def finds_the_failure_with_its_picture_and_retries_it(page: Page) -> None:
    await page.get_by_role("link", name="Errors", exact=True).click()
    failure = page.get_by_role("article").filter(has_text="elena").filter(has_text="attempt 3")
    picture = failure.locator("img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("each => each.decode().then(() => each.naturalWidth)") > 0
    await failure.get_by_role("button", name="Retry").click()
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await expect(page.get_by_role("row").filter(has_text="elena").first).to_contain_text("succeeded", timeout=SLOW_MS)


async def answers_a_message(page: Page, market: str) -> None:
    await page.get_by_role("link", name="Inbox", exact=True).click()
    await page.get_by_role("region", name="Threads").get_by_role("link").first.click()
    await page.get_by_label("Your reply").fill(REPLY)
    await page.get_by_role("button", name="Send").click()
    messages = page.get_by_role("region", name="Messages")
    await expect(messages.get_by_text(REPLY)).to_be_visible()
    await expect(messages.get_by_text("sent", exact=True)).to_be_visible(timeout=SLOW_MS)
    sent = [each for name in ALL for each in noted(market, "message_sent", name)]
    assert len(sent) == 1
    assert REPLY in sent[0]


async def publishes_a_listing_to_three_accounts(page: Page, market: str) -> None:
    await page.get_by_role("link", name="Listings", exact=True).click()
    before = {name: len(noted(market, "listing_published", name)) for name in THREE}
    await page.get_by_label("Title or reference").fill("lens")
    await expect(page.get_by_role("article")).to_have_count(1)
    await page.get_by_role("checkbox", name="Choose").click()
    await page.get_by_role("button", name="Publish 1 chosen").click()
    dialog = page.get_by_role("dialog")
    for name in THREE:
        await dialog.get_by_role("checkbox", name=name).click()
    await dialog.get_by_role("button", name="Publish now").click()
    progress = page.get_by_role("region", name="Progress of publishing")
    await expect(progress.get_by_text("3 of 3 done")).to_be_visible(timeout=SLOW_MS)
    for name in THREE:
        assert len(noted(market, "listing_published", name)) == before[name] + 1, name


async def exports_the_week(page: Page, folder: Path) -> None:
    await page.get_by_role("link", name="Analytics", exact=True).click()
    async with page.expect_download() as begun:
        await page.get_by_text("Export the week").click()
    path = folder / "week.xlsx"
    await (await begun.value).save_as(path)
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) >= 4
    assert any("elena" in str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
