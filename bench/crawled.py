"""The same session with Crawlee for Python, by the very steps of `bench.bare`. In two forms, each as Crawlee has it:

- `persistent`, which keeps logins: a crawler with the account's profile, so one browser for each account and crawl;
- `incognito`, its best form: one browser kept open from crawl to crawl, a context for each session, the login laid in
  as cookies, each page read by one `evaluate`, and as many at once as there are accounts.

Both use the headless shell, no session pool, no fingerprints and memory for storage: what costs and is not needed is
off.
Started by `python -m bench`; see `bench.orders`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from crawlee import ConcurrencySettings, Request
from crawlee.browsers import BrowserPool, PlaywrightBrowserPlugin
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext, PlaywrightPreNavCrawlingContext
from crawlee.storage_clients import MemoryStorageClient
from playwright.async_api import async_playwright

from bench import bare
from bench.orders import Plan, answer, plan_of_this_process

Listings = dict[str, dict[str, str]]


def pool(plan: Plan, *, profile: Path | None) -> BrowserPool:
    """A pool of one kind of browser."""
    plugin = PlaywrightBrowserPlugin(
        user_data_dir=profile,
        browser_launch_options=bare.launch(plan),
        browser_new_context_options=bare.options(plan),
        use_incognito_pages=profile is None,
    )
    return BrowserPool(plugins=[plugin])


def crawler(browsers: BrowserPool, at_once: int) -> PlaywrightCrawler:
    """A crawler that does so many sessions at once, tries each once, and says nothing."""
    return PlaywrightCrawler(
        browser_pool=browsers,
        storage_client=MemoryStorageClient(),
        concurrency_settings=ConcurrencySettings(
            min_concurrency=at_once, desired_concurrency=at_once, max_concurrency=at_once
        ),
        goto_options={"wait_until": "domcontentloaded"},
        max_request_retries=0,
        use_session_pool=False,
        configure_logging=False,
    )


def requests(plan: Plan, listings: Listings) -> list[Request]:
    """One for each session: the inbox, asked for again each time."""
    return [
        Request.from_url(
            f"{plan['url']}/inbox", always_enqueue=True, user_data={"account": account, "listing": listing}
        )
        for account, listing in listings.items()
    ]


async def persistent(plan: Plan, account: str, listing: dict[str, str]) -> None:
    """One session of one account, by a crawl of its own."""
    crawl = crawler(pool(plan, profile=Path(plan["profiles"]) / account), at_once=1)

    @crawl.router.default_handler
    async def session(context: PlaywrightCrawlingContext) -> None:
        await bare.read_inbox(context.page, plan["url"], is_open=True)
        await bare.publish(context.page, plan["url"], listing)

    await crawl.run(requests(plan, {account: listing}))


class Incognito:
    """Does sessions in contexts of one browser; `browsers` stays open around it."""

    def __init__(self, plan: Plan, browsers: BrowserPool) -> None:
        self._plan, self._browsers = plan, browsers
        self._cookies: dict[str, Any] = {}
        self._crawlers: dict[int, PlaywrightCrawler] = {}

    async def run(self, listings: Listings) -> None:
        """One session of each account, side by side."""
        crawl = self._crawlers.setdefault(len(listings), self._crawler(len(listings)))
        await crawl.run(requests(self._plan, listings))

    def _crawler(self, at_once: int) -> PlaywrightCrawler:
        crawl = crawler(self._browsers, at_once)

        @crawl.pre_navigation_hook
        async def sign_in(context: PlaywrightPreNavCrawlingContext) -> None:
            account = str(context.request.user_data["account"])
            if account not in self._cookies:
                kept = await asyncio.to_thread(bare.login_file(self._plan, account).read_text)
                self._cookies[account] = json.loads(kept)["cookies"]
            await context.page.context.add_cookies(self._cookies[account])

        @crawl.router.default_handler
        async def session(context: PlaywrightCrawlingContext) -> None:
            listing: Any = context.request.user_data["listing"]
            await bare.read_inbox_at_once(context.page, self._plan["url"], is_open=True)
            await bare.publish(context.page, self._plan["url"], listing)

        return crawl


async def prepare(plan: Plan) -> None:
    """Sign every account in, as the bare script does."""
    async with async_playwright() as driver:
        await bare.prepare(driver.chromium, plan)


async def main() -> None:
    """Answer orders until stdin ends."""
    logging.getLogger().setLevel(logging.ERROR)
    plan = plan_of_this_process()
    if plan["form"] == "incognito":
        async with pool(plan, profile=None) as browsers:
            await answer(lambda: prepare(plan), Incognito(plan, browsers).run)
        return

    async def all_of(listings: Listings) -> None:
        await asyncio.gather(*(persistent(plan, account, listings[account]) for account in listings))

    await answer(lambda: prepare(plan), all_of)


if __name__ == "__main__":
    asyncio.run(main())
