"""The stage of a simulated week: marketplace and runner as processes, both on one clock, and the shop's folder."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import httpx

from tests.week.clock import SharedClock
from tests.week.given import ALLOWED, THRESHOLD, ZONES
from tests.week.traffic import Inbound

ROOT = Path(__file__).parents[2]

CONFIG = """\
[sites.mock]
base_url = "{url}"
[orchestrator]
concurrency = {concurrency}
cycle_every_s = 604800
flows = ["read_inbox"]
idle_poll_s = 0.1
[timeouts]
action_s = 8
navigation_s = 15
[retry]
max_attempts = 8
first_wait_s = 5
[inbox]
threshold = {threshold}
answer_within_s = 604800
[limits]
messages = {{ per_minute = {pace.per_minute}, per_hour = {pace.per_hour}, per_day = {pace.per_day} }}
sign_ins = {{ per_hour = 6 }}
[hours]
monday = "08:00-12:30, 13:30-19:00"
tuesday = "08:00-12:30, 13:30-19:00"
wednesday = "08:00-12:30, 13:30-19:00"
thursday = "08:00-12:30, 13:30-19:00"
friday = "08:00-12:30, 13:30-19:00"
saturday = "10:00-16:00"
sunday = "closed"
holidays = "IN"
[evidence]
trace = "off"
threads = false
[log]
format = "json"
"""
ACCOUNT = """\
[[accounts]]
name = "{name}"
site = "mock"
timezone = "{zone}"
password = {{ file = "{password_file}" }}
"""


class Stage:
    """Made by `stage()`. Whatever reads the product's database from here only reads."""

    def __init__(self, folder: Path, *, accounts: Sequence[str], start: datetime) -> None:
        self.folder, self.accounts = folder, tuple(accounts)
        self.temp = folder / "t"
        self.temp.mkdir()
        self._log: IO[bytes] = (folder / "runner.log").open("ab")
        data = folder / "market"
        command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(data), "--seed", "7"]
        self.market = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT)
        assert self.market.stdout is not None
        self.url: str = json.loads(self.market.stdout.readline())["url"]
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.clock = SharedClock(folder / "clock")
        self.runner: subprocess.Popen[bytes] | None = None
        self.listings = self._listings(data / "market.db")
        self.threads: dict[str, str] = {}
        self.counterparts: dict[str, str] = {}
        self._write_config()
        self.jump(start)

    def _listings(self, database: Path) -> dict[str, list[int]]:
        """What each account has for sale, by the marketplace's numbers."""
        found: dict[str, list[int]] = {}
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as shop:
            for number, account in shop.execute("SELECT id, account FROM listing WHERE deleted_at IS NULL ORDER BY id"):
                found.setdefault(account, []).append(number)
        return found

    def _write_config(self) -> None:
        passwords = self.folder / "market" / "passwords"
        text = CONFIG.format(
            url=self.url, threshold=THRESHOLD, concurrency=min(4, len(self.accounts)), pace=ALLOWED["amy"]
        )
        for name in self.accounts:
            text += ACCOUNT.format(name=name, zone=ZONES[name], password_file=passwords / name)
        (self.folder / "playwright.config.toml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """What a process of the shop gets."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "TMPDIR": str(self.temp), "PYTHONPATH": str(ROOT)}

    def start(self) -> None:
        """Start the daemon on the week's clock."""
        command = [sys.executable, "-m", "tests.week.daemon", str(self.folder / "clock")]
        self.runner = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self) -> None:
        """kill -9 of the runner; its browsers are left to themselves."""
        assert self.runner is not None
        self.runner.kill()
        self.runner.wait()

    def stop(self, within_s: float = 60) -> None:
        """End the runner as an operator does."""
        if self.runner is None or self.runner.poll() is not None:
            return
        self.runner.send_signal(signal.SIGTERM)
        try:
            self.runner.wait(within_s)
        except subprocess.TimeoutExpired:
            self.runner.kill()
            self.runner.wait()

    def jump(self, moment: datetime) -> None:
        """Make it this moment, for the marketplace and for the shop."""
        ahead = self.clock.jump(moment)
        self.client.post("/_clock", json={"ahead_s": ahead / timedelta(seconds=1)}).raise_for_status()

    def faults(self, *rules: dict[str, Any]) -> None:
        """Let the marketplace misbehave."""
        self.client.put("/_faults", json=list(rules)).raise_for_status()

    def fired(self) -> int:
        """How often any fault rule has fired."""
        return sum(rule["fired"] for rule in self.client.get("/_faults").json()["rules"])

    def write(self, message: Inbound) -> None:
        """A counterpart writes."""
        body: dict[str, Any] = {"account": message.account, "text": message.text}
        known = self.threads.get(message.thread)
        if known is None:
            body["counterpart"] = message.counterpart
            if message.about_listing:
                listings = self.listings[message.account]
                body["listing_id"] = listings[len(self.threads) % len(listings)]
        else:
            body["thread_id"] = known
            if message.after_readings is not None:
                body["after_readings"] = message.after_readings
        answer = self.client.post("/_incoming", json=body).raise_for_status().json()
        self.threads[message.thread] = answer["thread_id"]
        self.counterparts[answer["thread_id"]] = message.counterpart

    def ledger(self, *kinds: str) -> list[dict[str, Any]]:
        """The marketplace's own record, of these kinds."""
        found: list[dict[str, Any]] = []
        for kind in kinds:
            entries = self.client.get("/_ledger", params={"kind": kind}).raise_for_status().json()["entries"]
            found += [each for each in entries if not each["detail"].get("seeded")]
        return found

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Look into the shop's database."""
        return self.db.execute(sql, params).fetchall()

    def look(self) -> None:
        """Open the shop's database for looking."""
        self.db = sqlite3.connect(f"file:{self.folder / 'runner.db'}?mode=ro", uri=True, timeout=15)

    def close(self) -> None:
        """End what still runs."""
        self.stop()
        self.client.close()
        self.market.terminate()
        self.market.wait()
        self._log.close()


@contextmanager
def stage(folder: Path, *, accounts: Sequence[str], start: datetime) -> Iterator[Stage]:
    """A stage that is cleared when the body ends."""
    made = Stage(folder, accounts=accounts, start=start)
    try:
        yield made
    finally:
        made.close()
