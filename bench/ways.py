"""The two ways to do a session, each a process of its own per number of browsers, kept warm and given orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.market import BenchMarket
from runner.browser.discovery import Browser
from runner.browser.guard import Guard
from runner.browser.sandbox import sandbox_mode
from runner.config.settings import BrowserSettings

HOUSE = Path(__file__).parents[1]

CONFIG = """\
[sites.mock]
base_url = "{url}"

[browser]
path = "{browser}"
pool = {{ memory_mb = {pool_mb} }}

[orchestrator]
concurrency = {browsers}

[log]
level = "error"
"""
ACCOUNT = """
[[accounts]]
name = "{name}"
site = "mock"
password = {{ file = "{password_file}" }}
"""


class Way(StrEnum):
    """Who does the session."""

    BARE = "bare"  # a Playwright script
    RUNNER = "runner"  # the product


class Worker:
    """A process that does sessions when it is told to."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=HOUSE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def order(self, order: Mapping[str, Any]) -> float:
        """Have it done; returns the seconds that it took. Raises RuntimeError with its last words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"it ended: {self._log.read_text(errors='replace')[-3000:]}")
        return float(json.loads(answer)["seconds"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the end of its orders: it closes what it has open
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Ways:
    """One Worker per way and number of browsers. All of a way share its profiles, and only one works at a time."""

    def __init__(self, folder: Path, market: BenchMarket, browser: Browser, accounts: Sequence[str]) -> None:
        self._folder = folder
        self._market = market
        self._browser = browser
        self._accounts = accounts
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def worker(self, way: Way, browsers: int) -> Worker:
        """Start one; it ends with the block."""
        command = self._bare() if way is Way.BARE else self._runner(browsers)
        return self._stack.enter_context(Worker(command, self._folder / f"{way}-{browsers}.log"))

    def _bare(self) -> list[str]:
        settings = BrowserSettings()
        plan = {
            "url": self._market.url,
            "profiles": str(self._folder / "bare-profiles"),
            "browser": str(self._browser.path),
            "sandbox": sandbox_mode(setting="auto", is_root=os.geteuid() == 0).sandboxed,
            "args": Guard([self._market.url]).switches(),
            "viewport": settings.viewport.model_dump(),
            "locale": settings.locale,
            "timezone": settings.timezone,
            "password_files": {name: str(self._market.password_file(name)) for name in self._accounts},
        }
        file = self._folder / "bare.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        return ["bench.bare", str(file)]

    def _runner(self, browsers: int) -> list[str]:
        config = self._folder / f"runner-{browsers}.toml"
        # Like the bare script it launches a browser for each session, and closes it.
        text = CONFIG.format(url=self._market.url, browser=self._browser.path, browsers=browsers, pool_mb=0)
        for name in self._accounts:
            text += ACCOUNT.format(name=name, password_file=self._market.password_file(name))
        config.write_text(text, encoding="utf-8")
        return ["bench.ours", str(config)]
