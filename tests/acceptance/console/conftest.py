"""What tests of the console share: one demo that stays, as a newcomer starts it, and a person's browser on it.

Tests share the shop: each looks after what it makes itself, and counts on nothing that another may change.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

DEMO = [sys.executable, "-c", "from runner.cli.main import main; main()", "demo", "--stay", "--no-auth", "--port", "0"]
READY_S = 150


@dataclass(frozen=True, kw_only=True)
class Console:
    """A demo at work with its console; `api` asks its API as anybody on this machine may."""

    url: str
    folder: Path
    market_url: str
    api: httpx.Client

    def get(self, path: str, **params: Any) -> Any:
        """Read from the API."""
        return self.api.get(path, params=params).raise_for_status().json()

    def ledger(self, kind: str, account: str) -> list[dict[str, Any]]:
        """What the marketplace itself has noted, without what was there from the start."""
        answer = httpx.get(f"{self.market_url}/_ledger", params={"kind": kind, "account": account}, timeout=30)
        return [entry for entry in answer.json()["entries"] if not entry["detail"].get("seeded")]

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace the rules by which the marketplace misbehaves."""
        httpx.put(f"{self.market_url}/_faults", json=list(rules), timeout=30).raise_for_status()

    def incoming(self, text: str, account: str = "amy", **fields: str) -> None:
        """A counterpart writes at the marketplace."""
        body = {"account": account, "text": text, **fields}
        httpx.post(f"{self.market_url}/_incoming", json=body, timeout=30).raise_for_status()


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A demo that has done its cycle, and stays."""
    folder = tmp_path_factory.mktemp("demo")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    said = folder.parent / f"{folder.name}.txt"
    with said.open("w") as out:
        command = [*DEMO, "--dir", str(folder)]
        process = subprocess.Popen(
            command, env={**kept, "COLUMNS": "200"}, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + READY_S
        while "The console stays open" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        text = said.read_text()
        url, market = (
            next(re.finditer(rf"{words} is at (http://\S+)", text)).group(1)
            for words in ("The console", "The mock marketplace")
        )
        with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as api:
            yield Console(url=url, folder=folder, market_url=market, api=api)
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest_asyncio.fixture(loop_scope="session")
async def person(plain_chromium: Browser, console: Console) -> AsyncIterator[Page]:
    """A person's browser. What its pages complain about on their own console fails the test."""
    context = await plain_chromium.new_context(base_url=console.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    await context.close()
    assert complaints == []
