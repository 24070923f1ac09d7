"""The ways to do a session, each a process of its own per number of browsers, kept warm and given orders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.market import BenchMarket
from runner.browser.discovery import Browser, find_browser
from runner.browser.guard import Guard
from runner.browser.sandbox import sandbox_mode
from runner.config.settings import BrowserSettings
from runner.errors import SetupError

HOUSE = Path(__file__).parents[1]

CONFIG = """\
[sites.mock]
base_url = "{url}"

[browser]
path = "{browser}"

[orchestrator]
concurrency = {browsers}

[inbox]
model_dir = "{models}"

[log]
level = "error"
"""
KEEPS_WARM = "pool" in BrowserSettings.model_fields
COLD = "\n[browser.pool]\nmemory_mb = 0\n"
"""No browser is kept warm: one is launched for each visit, and closed."""
EVIDENCE = {
    "none": '[evidence]\ntrace = "off"\nthreads = false\n',
    "default": "",
    "trace": '[evidence]\ntrace = "always"\n',
}
"""What is kept: nothing while nothing fails (see `bench.ours`), what is kept unless one says otherwise, and a trace."""
ACCOUNT = """
[[accounts]]
name = "{name}"
site = "mock"
password = {{ file = "{password_file}" }}
"""


class Way(StrEnum):
    """Who does the session, and how. README.md says what each of them is."""

    USUAL = "Playwright, full Chromium per session"  # as most scripts are written
    SELENIUM = "Selenium, full Chromium per session"
    CRAWLEE = "Crawlee, persistent profiles"  # it keeps logins
    CRAWLEE_BEST = "Crawlee, incognito, kept open"  # its best form
    BARE = "Playwright, launched as the runner does"  # what the runner's own cost is measured against
    BEST = "Playwright, warm profiles, one evaluate per page"  # its best form
    COLD = "the runner, no browser kept warm"  # launched for each visit, as BARE does
    RUNNER = "the runner"  # the product


OURS = (Way.COLD, Way.RUNNER)
MODULES = {
    Way.USUAL: ("bench.bare", "usual"),
    Way.SELENIUM: ("bench.selenium_way", "persistent"),
    Way.CRAWLEE: ("bench.crawled", "persistent"),
    Way.CRAWLEE_BEST: ("bench.crawled", "incognito"),
    Way.BARE: ("bench.bare", "bare"),
    Way.BEST: ("bench.bare", "best"),
}


def configuration(
    market: BenchMarket, browser: Browser, accounts: Sequence[str], *, browsers: int, models: Path
) -> str:
    """The runner's configuration file: so many browsers at once, and a trained classifier that is shared."""
    text = CONFIG.format(url=market.url, browser=browser.path, browsers=browsers, models=models)
    return text + "".join(ACCOUNT.format(name=name, password_file=market.password_file(name)) for name in accounts)


def full_browser() -> Path | None:
    """The Chromium that can show a window; None where there is none."""
    try:
        return find_browser(configured=None, headless=False).path
    except SetupError:
        return None


def missing(way: Way) -> str | None:
    """Why a way cannot be measured here; None when it can."""
    if way is Way.COLD and not KEEPS_WARM:
        return "this runner keeps no browser warm anyway"
    if way in (Way.USUAL, Way.SELENIUM) and full_browser() is None:
        return "there is no full Chromium here"
    if way is Way.SELENIUM and shutil.which("chromedriver") is None:
        return "there is no chromedriver here: apt-get install chromium-driver"
    package = {Way.SELENIUM: "selenium", Way.CRAWLEE: "crawlee", Way.CRAWLEE_BEST: "crawlee"}.get(way)
    if package is not None and find_spec(package) is None:
        return f"{package} is not installed: make bench installs it"
    return None


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
    """Workers of each way, each with profiles of its own, for some keep their browsers open. One works at a time."""

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
        return self._stack.enter_context(self.started(way, browsers))

    def started(self, way: Way, browsers: int, *, name: str = "", evidence: str = "default") -> Worker:
        """Start one; whoever asks for it ends it. Those of one `name` share profiles, and only one may be at work."""
        place = self._folder / f"{way.name.lower()}-{name or browsers}"
        place.mkdir(exist_ok=True)
        command = self._runner(place, way, browsers, evidence) if way in OURS else self._scripted(place, way)
        return Worker(command, place / "log")

    def runner_aside(self, name: str, *, evidence: str = "default") -> Worker:
        """A runner with a store and profiles of its own; it ends with the block."""
        return self._stack.enter_context(self.started(Way.RUNNER, 1, name=name, evidence=evidence))

    def _scripted(self, place: Path, way: Way) -> list[str]:
        settings, (module, form) = BrowserSettings(), MODULES[way]
        plan = {
            "form": form,
            "url": self._market.url,
            "profiles": str(place / "profiles"),
            "browser": str(full_browser() if way is Way.USUAL else self._browser.path),
            "full_browser": str(full_browser()),
            "chromedriver": shutil.which("chromedriver"),
            "sandbox": sandbox_mode(setting="auto", is_root=os.geteuid() == 0).sandboxed,
            "args": Guard([self._market.url]).switches(),
            "viewport": settings.viewport.model_dump(),
            "locale": settings.locale,
            "timezone": settings.timezone,
            "password_files": {name: str(self._market.password_file(name)) for name in self._accounts},
        }
        file = place / "plan.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        return [module, str(file)]

    def _runner(self, place: Path, way: Way, browsers: int, evidence: str) -> list[str]:
        config = place / "playwright.config.toml"
        models = self._folder / "models"
        text = configuration(self._market, self._browser, self._accounts, browsers=browsers, models=models)
        text += EVIDENCE[evidence] + (COLD if way is Way.COLD else "")
        config.write_text(text, encoding="utf-8")
        return ["bench.ours", str(config), evidence]
