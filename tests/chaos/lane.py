"""A lane: one marketplace, one operator's folder and one runner, all real processes, all to be killed at will."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from runner import wiring
from runner.config.load import load
from runner.domain.jobs import NewJob
from runner.domain.states import Priority

ROOT = Path(__file__).parents[2]
PRODUCT = ("-c", "from runner.cli.main import main; main()")
UNJOURNALED = ("-m", "tests.chaos.unjournaled")
POLL_S = 0.008
OPEN = ("queued", "running")

CONFIG = """\
[sites.mock]
base_url = "{url}"
[sites.mock.options]
commit_latency_s = {bound}
[orchestrator]
concurrency = 1
cycle_every_s = 86400
flows = ["check_login"]
idle_poll_s = 0.2
[timeouts]
action_s = 5
navigation_s = {navigation_s}
[retry]
max_attempts = 20
first_wait_s = 0.2
multiplier = 1
[evidence]
trace = "off"
[log]
format = "json"
[[accounts]]
name = "{account}"
site = "mock"
password = {{ file = "{password_file}" }}
"""

LISTING = {
    "price": "35",
    "currency": "EUR",
    "category": "furniture",
    "condition": "good",
    "description": "A shelf of pine, with five boards, as good as new.",
    "location": "Porto",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A Job that was submitted, and the mark by which its change is found in the ledger."""

    job_id: int
    kind: str  # of the ledger's entry
    mark: str


class Lane:
    """Made by `lane()`; `db` and `ledger` are looked into from outside, read only."""

    def __init__(self, folder: Path, *, account: str, bound: float | None, navigation_s: float) -> None:
        self.folder, self.account = folder, account
        self.temp = folder / "t"
        self.temp.mkdir()
        self.runners: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] = (folder / "runner.log").open("ab")
        self._start_market()
        self.config = folder / "playwright.config.toml"
        text = CONFIG.format(
            url=self.url,
            bound='"unbounded"' if bound is None else bound,
            navigation_s=navigation_s,
            account=account,
            password_file=folder / "market" / "passwords" / account,
        )
        self.config.write_text(text, encoding="utf-8")
        self._count = 0

    def _start_market(self) -> None:
        data = self.folder / "market"
        command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(data), "--seed", "7"]
        self.market = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT)
        assert self.market.stdout is not None
        self.url: str = json.loads(self.market.stdout.readline())["url"]
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.shop = sqlite3.connect(f"file:{data / 'market.db'}?mode=ro", uri=True, timeout=15)

    @property
    def profile(self) -> Path:
        """The account's profile folder."""
        return self.folder / "profiles" / self.account

    def start(self, *args: str, entry: Sequence[str] = PRODUCT) -> subprocess.Popen[bytes]:
        """Start a runner command: the daemon, when none is named."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env = {**kept, "TMPDIR": str(self.temp), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, *entry, *(args or ("daemon",))],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self.runners.append(process)
        return process

    def faults(self, *rules: dict[str, Any]) -> None:
        """Let the marketplace misbehave."""
        self.client.put("/_faults", json=list(rules)).raise_for_status()

    def reset(self) -> None:
        """The marketplace as at its first start, with an empty ledger."""
        self.client.post("/_reset", json={"seed": 7}).raise_for_status()

    def entries(self, kind: str, mark: str) -> int:
        """How often the ledger holds a change with this mark."""
        sql = "SELECT count(*) FROM ledger WHERE kind = ? AND instr(detail, ?) > 0"
        return int(self.shop.execute(sql, (kind, mark)).fetchone()[0])

    def last_entry(self) -> int:
        """The number of the ledger's last entry for this account."""
        return self.shop.execute("SELECT max(seq) FROM ledger WHERE account = ?", (self.account,)).fetchone()[0] or 0

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Look into the runner's database."""
        return self.db.execute(sql, params).fetchall()

    def can_be_written(self) -> bool:
        """Whether nobody holds the write lock of the runner's database."""
        with closing(sqlite3.connect(self.database, timeout=0.5, isolation_level=None)) as own:
            try:
                own.execute("BEGIN IMMEDIATE")
                own.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
        return True

    def state(self, job_id: int) -> str:
        """A Job's state."""
        return str(self.rows("SELECT state FROM job WHERE id = ?", job_id)[0][0])

    async def submit(self, kind: str) -> Wanted:
        """Submit a Job that publishes a new listing ("publish_listing") or answers a new message ("send_message")."""
        self._count += 1
        mark = f"chaos-{self.account}-{self._count}-end"
        params: dict[str, Any]
        if kind == "publish_listing":
            params = {**LISTING, "reference": mark, "title": f"Pine shelf {self._count}"}
        else:
            body = {"account": self.account, "text": f"Is it still there? ({self._count})"}
            thread = self.client.post("/_incoming", json=body).raise_for_status().json()["thread_id"]
            params = {"thread": thread, "text": f"Yes, it is. ({mark})"}
        new = NewJob(account=self.account, flow=kind, params=params, priority=Priority.HIGH, max_attempts=20)
        (job,) = await self.books.engine.submit([new])
        ledgers = {"publish_listing": "listing_published", "send_message": "message_sent"}
        return Wanted(job_id=job.id, kind=ledgers[kind], mark=mark)

    async def until(self, condition: Callable[[], Any], within_s: float, every_s: float = POLL_S) -> Any:
        """Wait for a condition; returns what it answered, or None when it did not come true in time."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            await asyncio.sleep(every_s)
        return None

    async def ended(self, job_id: int, within_s: float = 90) -> bool:
        """Wait until a Job has ended or waits for a person."""
        return bool(await self.until(lambda: self.state(job_id) not in OPEN, within_s, 0.02))

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has happened at the marketplace for so long: what was on its way has arrived by then."""
        last, since = self.last_entry(), time.monotonic()
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.05)
            if (now := self.last_entry()) != last:
                last, since = now, time.monotonic()

    async def stop(self, process: subprocess.Popen[bytes], within_s: float = 40) -> None:
        """End a runner as an operator does; one that does not end is killed, and that is a breach."""
        process.send_signal(signal.SIGTERM)
        if not await self.until(lambda: process.poll() is not None, within_s, 0.02):
            process.kill()
            raise AssertionError(f"a runner did not stop within {within_s:g} s of SIGTERM")

    def close(self) -> None:
        """End what still runs."""
        for process in self.runners:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.client.close()
        self.market.terminate()
        self.market.wait()
        self._log.close()


@asynccontextmanager
async def lane(account: str = "farid", *, bound: float | None = 2.0, navigation_s: float = 8) -> AsyncIterator[Lane]:
    """A lane in a folder of its own; `bound` is the commit latency that the site is configured with."""
    with tempfile.TemporaryDirectory(prefix="rc-", ignore_cleanup_errors=True) as folder:
        made = Lane(Path(folder), account=account, bound=bound, navigation_s=navigation_s)
        try:
            settings = load(made.config, environ={})
            async with wiring.open_books(settings) as made.books:
                made.database = settings.store.path
                made.db = sqlite3.connect(f"file:{made.database}?mode=ro", uri=True, timeout=15)
                yield made
        except BaseException:
            log = made.folder / "runner.log"
            sys.stderr.write("".join(f"  {line}\n" for line in log.read_text(errors="replace").splitlines()[-40:]))
            raise
        finally:
            made.close()
