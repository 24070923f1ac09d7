"""What several kinds of tests share: one Chromium and one mock marketplace per worker, and Steps that remember."""

from __future__ import annotations

import email
import email.policy
import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@dataclass(frozen=True)
class Request:
    """What came to a receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """A real HTTP server on loopback that keeps what it gets, and answers with `status`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.status = 200
        self.arrived = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, headers, body))
                self.send_response(receiver.status)
                self.end_headers()
                receiver.arrived.set()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def got(self) -> list[Any]:
        """The documents that came."""
        return [each.json for each in self.requests]

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Mailbox:
    """A small SMTP server on loopback that keeps the mails that it gets."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 mailbox\r\n")
                while line := self.rfile.readline():
                    word = line[:4].upper().strip()
                    if word == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (text := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(text[1:] if text.startswith(b"..") else text)
                        made = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                        assert isinstance(made, EmailMessage)
                        mailbox.mails.append(made)
                    self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 mailbox\r\n")
                    if word == b"QUIT":
                        return

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.close()
