"""The same session as a bare Playwright script: no runner code, and none of its safety. In three forms:

- `usual`, as most are written: the full Chromium launched for each session, the login laid in from a file;
- `bare`: as the runner launches, the account's own profile in a headless shell, opened for each session;
- `best`: the same profiles kept open from session to session, and each page read by one `evaluate`.

What somebody would write who has one evening: persistent profile, sign in once, read the threads that have something
unread, publish one listing with one photo, close. Nothing is recorded, nothing is read back, nobody checks who is
signed in, and whatever goes wrong ends it. Locators and steps are those of the adapter in runner/sites/mock.

Started by `python -m bench`; see `bench.orders`.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, BrowserType, Page, async_playwright

from bench.orders import Plan, answer, plan_of_this_process

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
INBOX_AT_ONCE = f"""() => ({{
  rows: ({READ_THREADS})([...document.querySelectorAll("[data-thread-id]")]),
  next: [...document.querySelectorAll("nav[aria-label=Pages] a")].find(a => /^\\s*Next\\s*$/.test(a.textContent))?.href,
}})"""
LOG_AT_ONCE = f"""async () => {{
  const log = document.querySelector("[role=log]");
  while (log.getAttribute("aria-busy") !== "false") await new Promise(requestAnimationFrame);
  return ({READ_LOG})([log]);
}}"""
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


def options(plan: Plan) -> dict[str, Any]:
    """How every page is shown."""
    return {"viewport": plan["viewport"], "locale": plan["locale"], "timezone_id": plan["timezone"]}


def launch(plan: Plan) -> dict[str, Any]:
    """How every browser is launched."""
    return {
        "executable_path": plan["browser"],
        "headless": True,
        "chromium_sandbox": plan["sandbox"],
        "args": plan["args"],
    }


async def open_profile(chromium: BrowserType, plan: Plan, account: str) -> BrowserContext:
    """The account's persistent context, with the same program and switches as the runner's."""
    return await chromium.launch_persistent_context(Path(plan["profiles"]) / account, **launch(plan), **options(plan))


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


async def read_inbox(page: Page, url: str, *, is_open: bool = False) -> int:
    """Open every thread with something unread; returns how many messages these hold."""
    path: str | None = f"{url}/inbox"
    unread: list[str] = []
    while path:
        if not is_open:
            await page.goto(path, wait_until="domcontentloaded")
        is_open = False
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


async def read_inbox_at_once(page: Page, url: str, *, is_open: bool = False) -> int:
    """The same, each page by one `evaluate`."""
    path: str | None = f"{url}/inbox"
    unread: list[str] = []
    while path:
        if not is_open:
            await page.goto(path, wait_until="domcontentloaded")
        is_open = False
        seen = await page.evaluate(INBOX_AT_ONCE)
        unread += [row["id"] for row in seen["rows"] if row["unread"]]
        path = seen.get("next")
    messages = 0
    for thread in unread:
        await page.goto(f"{url}/inbox/thread/{thread}", wait_until="domcontentloaded")
        messages += len(await page.evaluate(LOG_AT_ONCE))
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


async def prepare(chromium: BrowserType, plan: Plan) -> None:
    """Sign every account in, and keep its login in its profile and in a file."""
    for account, password_file in plan["password_files"].items():
        password = await asyncio.to_thread(Path(password_file).read_text)
        context = await open_profile(chromium, plan, account)
        await sign_in(context.pages[0], plan["url"], account, password.strip())
        await context.storage_state(path=login_file(plan, account))
        await context.close()


def login_file(plan: Plan, account: str) -> Path:
    """Where the login of an account is kept beside its profile."""
    return Path(plan["profiles"]) / f"{account}.json"


class Sessions:
    """Does one session of an account, from closed to closed; the `best` form leaves its browsers open in between."""

    def __init__(self, chromium: BrowserType, plan: Plan, stack: AsyncExitStack) -> None:
        self._chromium, self._plan, self._stack = chromium, plan, stack
        self._open: dict[str, BrowserContext] = {}

    async def once(self, account: str, listing: dict[str, str]) -> None:
        """One session."""
        url = self._plan["url"]
        match self._plan["form"]:
            case "usual":
                browser = await self._chromium.launch(**launch(self._plan))
                login = login_file(self._plan, account)
                page = await (await browser.new_context(storage_state=login, **options(self._plan))).new_page()
                await read_inbox(page, url)
                await publish(page, url, listing)
                await browser.close()
            case "bare":
                context = await open_profile(self._chromium, self._plan, account)
                await read_inbox(context.pages[0], url)
                await publish(context.pages[0], url, listing)
                await context.close()
            case "best":
                page = (await self._warm(account)).pages[0]
                await read_inbox_at_once(page, url)
                await publish(page, url, listing)

    async def _warm(self, account: str) -> BrowserContext:
        if account not in self._open:
            context = await open_profile(self._chromium, self._plan, account)
            self._stack.push_async_callback(context.close)
            self._open[account] = context
        return self._open[account]


async def main() -> None:
    """Answer orders until stdin ends."""
    plan = plan_of_this_process()
    async with async_playwright() as driver, AsyncExitStack() as stack:
        sessions = Sessions(driver.chromium, plan, stack)

        async def all_of(listings: dict[str, dict[str, str]]) -> None:
            await asyncio.gather(*(sessions.once(name, listings[name]) for name in listings))

        await answer(lambda: prepare(driver.chromium, plan), all_of)


if __name__ == "__main__":
    asyncio.run(main())
