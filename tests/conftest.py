"""What several kinds of tests share: one Chromium and one mock marketplace per worker, and Steps that remember."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from runner.browser.discovery import find_browser

PAGE_TIMEOUT_MS = 15_000


class Market:
    """A running mock marketplace, judged by its own ledger."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url, self.data_dir = url, data_dir
        self.client = httpx.Client(base_url=url, timeout=30)

    def password(self, account: str) -> str:
        return (self.data_dir / "passwords" / account).read_text().strip()

    def ledger(self, kind: str, account: str = "amy", *, seeded: bool = False) -> list[dict[str, Any]]:
        """Entries of one kind; what was there from the start only with `seeded`."""
        answer = self.client.get("/_ledger", params={"kind": kind, "account": account}).raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return [entry for entry in entries if seeded or not entry["detail"].get("seeded")]

    def faults(self, *rules: dict[str, Any]) -> None:
        self._done(self.client.put("/_faults", json=list(rules)))

    def fired(self) -> list[int]:
        """How often each rule has fired."""
        return [rule["fired"] for rule in self.client.get("/_faults").json()["rules"]]

    def account(self, name: str = "amy") -> dict[str, Any]:
        """The marketplace's own counts for an account."""
        accounts = self.client.get("/_state").json()["accounts"]
        return next(account for account in accounts if account["account"] == name)

    def incoming(self, text: str, account: str = "amy", **fields: str) -> dict[str, str]:
        """A counterpart writes; returns thread_id and message_id."""
        answer = self._done(self.client.post("/_incoming", json={"account": account, "text": text, **fields}))
        return {name: str(value) for name, value in answer.json().items()}

    def reset(self) -> None:
        self._done(self.client.post("/_reset", json={"seed": 7}))

    @staticmethod
    def _done(answer: httpx.Response) -> httpx.Response:
        assert answer.is_success, answer.text
        return answer


@pytest.fixture(scope="session")
def market_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    data_dir = tmp_path_factory.mktemp("market")
    command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(data_dir), "--seed", "7"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            market = Market(started["url"], data_dir)
            yield market
            market.client.close()
        finally:
            process.terminate()


@pytest.fixture
def market(market_process: Market) -> Market:
    """The mock marketplace as at its first start: seeded, without faults, nobody signed in."""
    market_process.reset()
    return market_process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plain_chromium() -> AsyncIterator[Browser]:
    """A Chromium without profile and allowlist: what an adapter does is seen without the runner's browser floor."""
    executable = find_browser(configured=None, headless=True).path
    async with async_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await driver.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        await browser.close()


NewPage = Callable[[], Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(plain_chromium: Browser) -> AsyncIterator[NewPage]:
    """Opens a page in a context of its own, as a browser that was never there before."""
    contexts = []

    async def open_page() -> Page:
        context = await plain_chromium.new_context()
        contexts.append(context)
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        return await context.new_page()

    yield open_page
    for context in contexts:
        await context.close()


class RecordedSteps:
    """Steps that remember names and details, and in which one an error was raised."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.failed: str | None = None

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.taken]

    @asynccontextmanager
    async def __call__(self, name: str, detail: str = "") -> AsyncIterator[None]:
        self.taken.append((name, detail))
        try:
            yield
        except BaseException:
            self.failed = self.failed or name
            raise


@pytest.fixture
def steps() -> RecordedSteps:
    return RecordedSteps()
