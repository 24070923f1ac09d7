"""How fast is the API with a full database? Run: python -m bench.api

Fills a database by SQL, serves the real `runner console` over it in a process of its own, asks each list many times,
and tells what 200 listeners cost whoever submits jobs meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
CONFIG = """\
[sites.mock]
base_url = "http://127.0.0.1:9"

[console]
requests_per_minute = 1000000
"""
FILLING = Path(__file__).with_name("api_shop.sql")
DAYS = 90
DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much stands in the database."""

    accounts: int = 60
    jobs: int = 100_000
    threads: int = 10_000
    messages: int = 200_000
    listings: int = 2_000
    looks: int = 400
    """So often each account's login was looked at."""
    queued: int = 1_500


LISTS = (
    "/jobs",
    "/jobs?sort=-due_at",
    "/jobs?sort=due_at&state=queued",
    "/jobs?state=failed",
    "/jobs?account=account-07",
    "/jobs?error_kind=timeout",
    "/jobs?cursor=DEEP",
    "/batches",
    "/attempts",
    "/attempts?failed=true&account=account-07",
    "/attempts?account=account-07",
    "/evidence",
    "/evidence?kind=screenshot&account=account-07",
    "/sessions",
    "/sessions?open=true",
    "/accounts",
    "/accounts/table",
    "/accounts/table?sort=-last_served_at&q=account-1",
    "/tags",
    "/profiles",
    "/listings?sort=-id",
    "/listings?state=published",
    "/threads",
    "/threads?status=open",
    "/threads?unread=true",
    "/threads?assignee=ann",
    "/threads?account=account-07",
    "/threads?q=bicycle",
    "/threads?q=rare4711",
    "/threads?q=zz",
    "/threads?q=nothinglikeit",
    "/threads/5000/messages",
    "/threads/5000/replies",
    "/errors",
    "/errors?account=account-07&kind=timeout",
    "/errors?listing=5",
    "/errors/groups",
    "/effects?state=unknown",
    "/schedules",
    "/work",
    "/rotation",
    "/rotation?account=account-07",
    "/counters?timeframe=24h",
    "/counters?timeframe=30d",
    "/overview?timeframe=24h",
    "/overview?timeframe=30d",
    "/analytics/messages?timeframe=24h",
    "/analytics/messages?timeframe=30d",
    "/analytics/attempts?timeframe=7d",
    "/analytics/attempts?timeframe=30d",
    "/analytics/responses?timeframe=7d",
    "/analytics/responses?timeframe=30d",
    "/analytics/funnel?timeframe=7d",
    "/analytics/funnel?timeframe=30d",
    "/analytics/first-reply?timeframe=30d",
    "/analytics/templates?timeframe=30d",
    "/analytics/rules?timeframe=30d",
    "/analytics/forecast",
    "/threads/5000/timeline",
    "/threads/5000/handling",
    "/analytics/accounts?timeframe=24h",
    "/analytics/accounts?timeframe=30d",
    "/events/history",
    "/audit",
)


def main() -> None:
    """Fill, serve, ask, and print."""
    args = _arguments()
    sizes = Sizes(jobs=args.jobs, threads=args.threads, messages=args.messages)
    with tempfile.TemporaryDirectory(prefix="bench-api-") as name:
        folder = Path(name)
        (folder / "playwright.config.toml").write_text(CONFIG)
        token = _runner(folder, "tokens", "add", "bench", "--role", "admin").strip()
        began = time.monotonic()
        fill(folder / "runner.db", sizes)
        size = (folder / "runner.db").stat().st_size / 2**20
        say(f"{sizes}: {size:.0f} MiB, filled in {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f}")
        with served(folder, token) as (client, process):
            if not args.only_events:
                ask(client, process, args.rounds, args.match)
            listen(client, process, token, args.listeners)


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast is the API with a full database?")
    parser.add_argument("--jobs", type=int, default=Sizes.jobs)
    parser.add_argument("--threads", type=int, default=Sizes.threads)
    parser.add_argument("--messages", type=int, default=Sizes.messages)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--match", default="", help="Only lists with this in their address.")
    parser.add_argument("--only-events", action="store_true", help="Measure the events only.")
    return parser.parse_args()


def _runner(folder: Path, *words: str) -> str:
    done = subprocess.run([*RUNNER, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def fill(path: Path, sizes: Sizes, ends: datetime | None = None) -> None:
    """Write a shop's ninety days in one transaction; they end now unless told otherwise."""
    now = int((ends or datetime.now(UTC)).timestamp()) * 1_000_000
    values = {
        "now": now,
        "start": now - DAYS * DAY_US,
        "span": DAYS * DAY_US,
        **{name: getattr(sizes, name) for name in Sizes.__dataclass_fields__},
    }
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for statement in FILLING.read_text().split(";\n"):
            connection.execute(statement, values)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def served(folder: Path, token: str, *more: str) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """The real console, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [*RUNNER, "console", "--port", str(port), *more], cwd=folder, stdout=said, stderr=said
        )
        try:
            headers = {"authorization": f"Bearer {token}"}
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
                deadline = time.monotonic() + 90
                while not _answers(client):
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise SystemExit((folder / "said.txt").read_text())
                    time.sleep(0.1)
                yield client, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def ask(client: httpx.Client, process: psutil.Process, rounds: int, match: str) -> None:
    """Print what each list takes, the slowest first: to the first byte, to the last, and of the processor."""
    deep = client.get("/api/v1/jobs?limit=500").json()["next_cursor"]
    rows = []
    for path in LISTS:
        if match not in path:
            continue
        url = "/api/v1" + path.replace("DEEP", deep)
        firsts, wholes = [], []
        before = _cpu_s(process)
        for _ in range(rounds + 1):
            first, whole = _one(client, url)
            firsts.append(first)
            wholes.append(whole)
        cpu = (_cpu_s(process) - before) / (rounds + 1)
        rows.append((_p(wholes[1:], 95), _p(wholes[1:], 50), _p(firsts[1:], 95), cpu * 1000, path))
    say(f"{'p95 ms':>8} {'p50 ms':>8} {'first p95':>10} {'cpu ms':>8}  list")
    for p95, p50, first, cpu, path in sorted(rows, reverse=True):
        say(f"{p95:8.1f} {p50:8.1f} {first:10.1f} {cpu:8.1f}  {path}")
    slow = [path for p95, *_, path in rows if p95 >= 100]
    say(f"{len(rows) - len(slow)} of {len(rows)} lists have a p95 under 100 ms")


def _one(client: httpx.Client, url: str) -> tuple[float, float]:
    began = time.perf_counter()
    with client.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise SystemExit(f"{url}: {answer.status_code} {answer.read()!r}")
        chunks = answer.iter_raw()
        next(chunks)
        first = time.perf_counter()
        for _ in chunks:
            pass
    return (first - began) * 1000, (time.perf_counter() - began) * 1000


def _p(values: Sequence[float], percent: int) -> float:
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def listen(client: httpx.Client, process: psutil.Process, token: str, listeners: int) -> None:
    """Print what a stream of job events costs with so many listeners, against none."""
    _submit(client, 20)
    alone = [_measured(client, process) for _ in range(3)]
    heard = [0] * listeners
    ready = threading.Barrier(listeners + 1)
    over = threading.Event()
    base = str(client.base_url)
    for number in range(listeners):
        threading.Thread(target=_hear, args=(base, token, number, heard, ready, over), daemon=True).start()
    ready.wait(timeout=120)
    crowded = [_measured(client, process) for _ in range(3)]
    deadline = time.monotonic() + 30
    while min(heard) < 3 * EVENTS and time.monotonic() < deadline:
        time.sleep(0.1)
    over.set()
    one, many = (statistics.median(each[0] for each in runs) for runs in (alone, crowded))
    cpu_one, cpu_many = (statistics.median(each[1] for each in runs) for runs in (alone, crowded))
    say(f"submitting a job (one event): {one:.2f} ms with no listener, {many:.2f} ms with {listeners} flat out")
    say(f"  ratio {many / one:.2f}; of the server's processor {cpu_one:.2f} and {cpu_many:.2f} ms")
    say(f"  every listener heard {min(heard)} of {3 * EVENTS} events")


EVENTS = 100


def _measured(client: httpx.Client, process: psutil.Process) -> tuple[float, float]:
    before, began = _cpu_s(process), time.perf_counter()
    _submit(client, EVENTS)
    took = (time.perf_counter() - began) * 1000 / EVENTS
    time.sleep(1.0)  # what the listeners are still owed counts, too
    return took, (_cpu_s(process) - before) * 1000 / EVENTS


def _submit(client: httpx.Client, number: int) -> None:
    for _ in range(number):
        asked = {"account": "account-01", "flow": "check_login"}
        client.post("/api/v1/jobs", json=asked).raise_for_status()


def _hear(
    base: str, token: str, number: int, heard: list[int], ready: threading.Barrier, over: threading.Event
) -> None:
    headers = {"authorization": f"Bearer {token}"}
    url = f"{base.rstrip('/')}/api/v1/events?types=JobSubmitted"
    with contextlib.suppress(httpx.HTTPError), httpx.stream("GET", url, headers=headers, timeout=60) as answer:
        ready.wait(timeout=120)
        for line in answer.iter_lines():
            heard[number] += line.startswith("event: JobSubmitted")
            if over.is_set():
                return


if __name__ == "__main__":
    main()
