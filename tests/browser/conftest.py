"""A driver for all browser tests of a worker, and small web servers that a test fills with its own pages."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from runner.browser.discovery import Browser, find_browser
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.sandbox import sandbox_mode
from runner.browser.session import LiveSession

Answer = tuple[int, dict[str, str], bytes]


class Web:
    """A web server on loopback; `page` and `on` fill it, `seen` lists method and path of all that reached it."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], Answer]] = {}
        self.seen: list[str] = []
        self.release = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                path = self.path.partition("?")[0]
                web.seen.append(f"{self.command} {path}")
                found = web.answers.get(path, lambda _: (404, {}, b"nothing here"))
                status, headers, body = found(self)
                self.send_response(status)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = handle_one

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return self.origin + path

    def page(self, path: str, body: str, *, status: int = 200, **headers: str) -> str:
        """Serve this; header names with underscores. Returns its URL."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = lambda _: (status, named, body.encode())
        return self.url(path)

    def on(self, path: str, answer: Callable[[BaseHTTPRequestHandler], Answer]) -> str:
        self.answers[path] = answer
        return self.url(path)

    def hang(self, path: str) -> str:
        """Serve nothing until the test ends."""

        def wait(_: BaseHTTPRequestHandler) -> Answer:
            self.release.wait()
            return 200, {}, b"late"

        return self.on(path, wait)

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, and which nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def chromium() -> Browser:
    return find_browser(configured=None, headless=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    async with Browsers() as browsers:
        yield browsers


Open = Callable[..., Awaitable[LiveSession]]


@pytest.fixture
def launch_request(tmp_path: Path, web: Web, chromium: Browser) -> Callable[..., LaunchRequest]:
    """A LaunchRequest for amy's profile under tmp_path, allowed to reach `web`; every field may be given."""

    def make(**fields: Any) -> LaunchRequest:
        usual = {
            "account": "amy",
            "profile_dir": tmp_path / "profiles" / "amy",
            "browser": chromium,
            "sandbox": sandbox_mode(setting="auto", is_root=os.geteuid() == 0),
            "allowed_origins": (web.origin,),
        }
        return LaunchRequest(**{**usual, **fields})

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def open_session(browsers: Browsers, launch_request: Callable[..., LaunchRequest]) -> AsyncIterator[Open]:
    """Opens Sessions that are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_session(**fields: Any) -> LiveSession:
            session = await browsers.launch(launch_request(**fields))
            stack.push_async_callback(session.close)
            return session

        yield open_session
