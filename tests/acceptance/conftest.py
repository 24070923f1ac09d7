"""A shop as an operator has it: a folder with a configuration, and the `runner` command as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.fork_server import ForkServer

RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
"""The `runner` command, found without a PATH."""

CONFIG = """\
[sites.mock]
base_url = "{url}"

[timeouts]
action_s = {action_s}
navigation_s = {navigation_s}

[retry]
max_attempts = {max_attempts}
first_wait_s = 0.2

[log]
format = "json"
"""

ACCOUNT = """
[[accounts]]
name = "{name}"
site = "mock"
password = {{ file = "{password_file}" }}
"""


def plain_environment() -> dict[str, str]:
    """What every command gets, see Shop.environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "COLUMNS": "100", "RUNNER_INBOX__CLASSIFY": "false"}


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything that a person saw, on one line."""
        return " ".join(f"{self.out} {self.err}".split())


class Shop:
    """A folder of an operator's own; every command runs in it, as a real process with a plain environment."""

    command = RUNNER

    def __init__(self, folder: Path, market: Any, commands: ForkServer) -> None:
        self.folder = folder
        self.market = market
        self.commands = commands
        self._running: list[subprocess.Popen[str]] = []
        self.configure()

    @property
    def database(self) -> Path:
        return self.folder / "runner.db"

    @property
    def config(self) -> Path:
        return self.folder / "playwright.config.toml"

    def configure(
        self,
        *,
        accounts: Sequence[str] = ("amy", "ben"),
        extra: str = "",
        url: str | None = None,
        action_s: float = 5.0,
        navigation_s: float = 8.0,
        max_attempts: int = 3,
        fast_reads: bool = True,
    ) -> None:
        """Write the configuration; `extra` is further TOML that stands before the accounts.

        Without `fast_reads` every thread is read on its page, for faults that befall a page.
        """
        if not fast_reads:
            extra = f"[sites.mock.options]\nfast_reads = false\n{extra}"
        text = CONFIG.format(
            url=url or self.market.url, action_s=action_s, navigation_s=navigation_s, max_attempts=max_attempts
        )
        passwords = self.market.data_dir / "passwords"
        for name in accounts:
            extra += ACCOUNT.format(name=name, password_file=passwords / name)
        self.config.write_text(text + extra, encoding="utf-8")

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a command gets: nothing of ours that could change its mind, and 100 columns.

        Messages are classified only where a test asks for it (CLASSIFIED): every process pays seconds to begin with it.
        """
        return {**plain_environment(), **(more or {})}

    def cli(self, *args: object, env: Mapping[str, str] | None = None, timeout_s: float = 120) -> Done:
        """Run one command to its end."""
        done = self.commands.run([*map(str, args)], cwd=self.folder, env=self.environment(env), timeout_s=timeout_s)
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(
        self,
        *args: object,
        env: Mapping[str, str] | None = None,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command that goes on beside the test; it is ended with the test.

        What it logs goes to `stderr`: a file is needed where it may be more than a pipe holds.
        """
        process = subprocess.Popen(
            [*RUNNER, *map(str, args)],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self._running.append(process)
        return process

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Look into the database, read only."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=15) as connection:
            return connection.execute(sql, params).fetchall()

    def write(self, sql: str, *params: object) -> None:
        """Change the database as only something that a test leaves out would."""
        with closing(sqlite3.connect(self.database, timeout=15)) as connection, connection:
            connection.execute(sql, params)

    def pictures(self) -> list[Path]:
        """Every picture that was kept as evidence."""
        return sorted(p for p in (self.folder / "screenshots").rglob("*") if p.suffix in (".png", ".jpg"))

    def close(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.communicate(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Where `Shop.cli` gets its processes from."""
    server = ForkServer(tmp_path_factory.mktemp("commands"), plain_environment())
    yield server
    server.close()


@pytest.fixture
def shop(tmp_path: Path, market: Any, commands: ForkServer) -> Iterator[Shop]:
    """A shop with accounts amy and ben on a marketplace as at its first start."""
    shop = Shop(tmp_path, market, commands)
    yield shop
    shop.close()


@pytest.fixture
def wait_for() -> Callable[..., Any]:
    """Wait for a condition, never for a duration."""

    def wait(condition: Callable[[], Any], *, what: str, within_s: float = 30) -> Any:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {within_s} s: {what}")

    return wait
