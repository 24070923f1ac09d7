"""The marketplace that is measured against: the same work is there before each session, and nothing piles up."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

THREADS = 5
"""So many threads of an account have something new in each session."""
TEXT = "Hello, is this still available? I could come by on Saturday and pay in cash."


class BenchMarket:
    """A running mock marketplace without surprises: no survey, no faults."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._database = folder / "market.db"
        self._threads: dict[str, list[str]] = {}
        self._seen = 0

    def password_file(self, account: str) -> Path:
        """Where an account's password stands."""
        return self._folder / "passwords" / account

    def write_to(self, accounts: Sequence[str]) -> None:
        """Let counterparts write into five threads of each account; always the same five, so inboxes do not grow."""
        for account in accounts:
            for thread in self._threads_of(account):
                self._call("/_incoming", {"account": account, "thread_id": thread, "text": TEXT})
        self._seen = self._call("/_ledger?kind=message_received")["last_seq"]

    def done(self) -> dict[str, Counter[str]]:
        """What the ledger says since the last `write_to`: entries by account, by kind."""
        counts: dict[str, Counter[str]] = {}
        for entry in self._call(f"/_ledger?since={self._seen}")["entries"]:
            counts.setdefault(entry["account"], Counter())[entry["kind"]] += 1
        return counts

    def tidy(self) -> None:
        """Take down the listings of the bench: the list of own listings stays as long as it was."""
        with closing(sqlite3.connect(self._database, timeout=15)) as connection, connection:
            connection.execute(
                "UPDATE listing SET deleted_at = published_at WHERE reference LIKE 'BENCH-%' AND deleted_at IS NULL"
            )

    def _threads_of(self, account: str) -> list[str]:
        if account not in self._threads:
            newest = "SELECT id FROM thread WHERE account = ? ORDER BY last_at DESC, id DESC LIMIT ?"
            with closing(sqlite3.connect(self._database, timeout=15)) as connection:
                self._threads[account] = [str(row[0]) for row in connection.execute(newest, (account, THREADS))]
        return self._threads[account]

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own process on loopback
            self.url + path, data=data, headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return json.load(answer)


@contextmanager
def open_market(folder: Path) -> Iterator[BenchMarket]:
    """Start a marketplace on a free port, seeded as always; it ends with the block."""
    command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(folder), "--survey", "0"]
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield BenchMarket(json.loads(process.stdout.readline())["url"], folder)
    finally:
        process.terminate()
        process.communicate()
