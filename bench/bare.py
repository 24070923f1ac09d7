"""The same session as a bare Playwright script: no runner code, and none of its safety.

What somebody would write who has one evening: persistent profile, sign in once, read the threads that have something
unread, publish one listing with one photo, close. Nothing is recorded, nothing is read back, nobody checks who is
signed in, and whatever goes wrong ends it. Locators and steps are those of the adapter in runner/sites/mock.

Started by `python -m bench`, one JSON line per order on stdin, one per answer on stdout.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, BrowserType, Page, async_playwright

READ_THREADS = """rows => rows.map(row => {
  const text = name => row.querySelector(`[data-field="${name}"]`)?.textContent.trim() ?? "";
  return {
    id: row.dataset.threadId, unread: Number(row.dataset.unread), lastAt: row.dataset.lastActivity,
    counterpart: text("counterpart"), listing: text("listing"), excerpt: text("excerpt"),
  };
})"""
READ_LOG = """logs => logs.flatMap(log => [...log.querySelectorAll("[data-message-id]")].map(row => ({
  id: row.dataset.messageId, direction: row.dataset.direction,
  sender: row.querySelector('[data-field="sender"]').textContent.trim(),
  text: row.querySelector('[data-field="text"]').textContent,
  at: row.querySelector("time").dateTime,
})))"""
FIELDS = {
    "reference": "Your reference",
    "title": "Title",
    "price": "Price",
    "description": "Description",
    "location": "Location",
}
SELECTS = {"currency": "Currency", "category": "Category", "condition": "Condition"}


def labelled(words: str) -> re.Pattern[str]:
    """A label that may carry a required-mark."""
    return re.compile(rf"^\s*{re.escape(words)}\s*\*?\s*$")


async def open_profile(chromium: BrowserType, plan: dict[str, Any], account: str) -> BrowserContext:
    """The account's persistent context, with the same program and switches as the runner's."""
    return await chromium.launch_persistent_context(
        Path(plan["profiles"]) / account,
        executable_path=plan["browser"],
        headless=True,
        chromium_sandbox=plan["sandbox"],
        args=plan["args"],
        viewport=plan["viewport"],
        locale=plan["locale"],
        timezone_id=plan["timezone"],
    )


async def sign_in(page: Page, url: str, account: str, password: str) -> None:
    """Once, before anything is measured."""
    await page.goto(f"{url}/sign-in", wait_until="domcontentloaded")
    cookies = page.get_by_role("button", name="Only necessary cookies")
    if await cookies.count():
        await cookies.click()
    await page.get_by_label(labelled("E-mail or username")).fill(account)
    await page.get_by_label(labelled("Password")).fill(password)
    await page.get_by_role("checkbox", name=labelled("Keep me signed in")).check()
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("main").get_by_role("button", name=labelled("Sign in")).click()


async def read_inbox(page: Page, url: str) -> int:
    """Open every thread with something unread; returns how many messages these hold."""
    path: str | None = f"{url}/inbox"
    unread: list[str] = []
    while path:
        await page.goto(path, wait_until="domcontentloaded")
        rows: list[dict[str, Any]] = await page.locator("[data-thread-id]").evaluate_all(READ_THREADS)
        unread += [row["id"] for row in rows if row["unread"]]
        pages = page.get_by_role("navigation", name="Pages")
        links = pages.get_by_role("link", name=labelled("Next"))
        path = next(iter(await links.evaluate_all("links => links.map(link => link.href)")), None)
    messages = 0
    for thread in unread:
        await page.goto(f"{url}/inbox/thread/{thread}", wait_until="domcontentloaded")
        log = page.get_by_role("log", name="Messages")
        await log.and_(page.locator('[aria-busy="false"]')).wait_for()
        messages += len(await log.evaluate_all(READ_LOG))
    return messages


async def publish(page: Page, url: str, listing: dict[str, str]) -> str:
    """Publish in the three steps of the form; returns the listing's address."""
    await page.goto(f"{url}/sell", wait_until="domcontentloaded")
    form = page.get_by_role("main")
    for name, label in FIELDS.items():
        await form.get_by_label(labelled(label)).fill(listing[name])
    for name, label in SELECTS.items():
        await form.get_by_label(labelled(label)).select_option(value=listing[name])
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("button", name=labelled("Continue to photos")).click()
    await page.get_by_label(labelled("Choose photos")).set_input_files(listing["photo"])
    await page.locator('[data-photos][data-uploading="0"][data-count="1"]').wait_for()
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("button", name=labelled("Continue to review")).click()
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("button", name=labelled("Publish listing")).click()
    return page.url


async def session(chromium: BrowserType, plan: dict[str, Any], account: str, listing: dict[str, str]) -> None:
    """One session from closed to closed."""
    context = await open_profile(chromium, plan, account)
    await read_inbox(context.pages[0], plan["url"])
    await publish(context.pages[0], plan["url"], listing)
    await context.close()


async def prepare(chromium: BrowserType, plan: dict[str, Any]) -> None:
    """Sign every account in."""
    for account, password_file in plan["password_files"].items():
        password = await asyncio.to_thread(Path(password_file).read_text)
        context = await open_profile(chromium, plan, account)
        await sign_in(context.pages[0], plan["url"], account, password.strip())
        await context.close()


async def main() -> None:
    """Answer orders until stdin ends: `{"prepare": [account]}`, or `{"listings": {account: listing}}`."""
    plan = json.loads(await asyncio.to_thread(Path(sys.argv[1]).read_text))
    async with async_playwright() as driver:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            started = time.monotonic()
            if "prepare" in order:
                await prepare(driver.chromium, plan)
            else:
                listings = order["listings"]
                await asyncio.gather(*(session(driver.chromium, plan, name, listings[name]) for name in listings))
            sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
