"""`runner demo`, judged by the ledger of the marketplace that it leaves running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

DEMO = [sys.executable, "-c", "from runner.cli.main import main; main()", "demo"]
KEYS = {"accounts", "ledger", "matches_ledger", "evidence", "marketplace_url", "data_dir"}
ROW_KEYS = {"account", "threads", "messages", "listings_published", "attempts", "failed_attempts", "seconds"}
ACCOUNTS = ["amy", "ben", "carla", "dev", "elena", "farid"]


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "COLUMNS": "100"}


def demo(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, "--dir", str(folder), *args], env=environment(), capture_output=True, text=True, timeout=300
    )


def at_work_in(folder: Path) -> list[str]:
    """The processes that have this folder in their command line, each by its own."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


def in_the_ledger(url: str) -> tuple[dict[str, tuple[int, int, int]], int]:
    """(threads, messages, listings) that each account has seen and published, and all sign-ins."""
    entries = httpx.get(f"{url}/_ledger").raise_for_status().json()["entries"]
    entries = [entry for entry in entries if not entry["detail"].get("seeded")]
    read = {
        (entry["account"], entry["subject"]): entry["detail"]["messages"]
        for entry in entries
        if entry["kind"] == "thread_read"
    }
    published = Counter(entry["account"] for entry in entries if entry["kind"] == "listing_published")
    numbers = {
        name: (
            sum(account == name for account, _ in read),
            sum(count for (account, _), count in read.items() if account == name),
            published[name],
        )
        for name in ACCOUNTS
    }
    return numbers, sum(entry["kind"] == "sign_in" for entry in entries)


def numbers_of(report: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {row["account"]: (row["threads"], row["messages"], row["listings_published"]) for row in report["accounts"]}


@pytest.mark.timeout(600)
def test_the_demo_reports_what_the_ledger_says_and_publishes_nothing_twice(tmp_path: Path) -> None:
    first = demo(tmp_path, "--json", "--keep")
    assert first.returncode == 0, first.stderr
    served = json.loads((tmp_path / "market" / "marketplace.json").read_text())
    try:
        check_report(json.loads(first.stdout), tmp_path)
        assert f"kill {served['pid']}" in first.stderr

        beside = demo(tmp_path, "--json")
        assert (beside.returncode, beside.stdout) == (2, "")
        assert f"kill {served['pid']}" in beside.stderr
    finally:
        os.kill(served["pid"], signal.SIGTERM)
    psutil.wait_procs([psutil.Process(served["pid"])] if psutil.pid_exists(served["pid"]) else [], timeout=10)

    again = demo(tmp_path, "--json")
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["ledger"] == json.loads(first.stdout)["ledger"]
    assert numbers_of(report) == numbers_of(json.loads(first.stdout))
    assert (report["matches_ledger"], report["marketplace_url"]) == (True, served["url"])
    assert at_work_in(tmp_path) == []


def check_report(report: dict[str, Any], folder: Path) -> None:
    assert set(report) == KEYS
    assert [row["account"] for row in report["accounts"]] == ACCOUNTS
    assert all(set(row) == ROW_KEYS and row["seconds"] > 0 for row in report["accounts"])
    numbers, sign_ins = in_the_ledger(report["marketplace_url"])
    assert numbers_of(report) == numbers
    assert report["ledger"] == {
        "listings": 12,
        "messages_seen": sum(messages for _, messages, _ in numbers.values()),
        "sign_ins": sign_ins,
    }
    assert (report["matches_ledger"], report["data_dir"]) == (True, str(folder))
    assert {row["account"]: row["failed_attempts"] for row in report["accounts"]} == dict.fromkeys(ACCOUNTS, 0) | {
        "carla": 1
    }
    (picture,) = (Path(path) for path in report["evidence"] if path.endswith(".png"))
    with Image.open(picture) as image:
        assert image.width >= 640
    with_photos = httpx.get(f"{report['marketplace_url']}/_ledger", params={"kind": "listing_published"}).json()
    published = [entry for entry in with_photos["entries"] if not entry["detail"].get("seeded")]
    assert [entry["detail"]["photos"] for entry in published] == [2] * 12


def test_ctrl_c_in_the_middle_leaves_nothing_running(tmp_path: Path, wait_for: Callable[..., Any]) -> None:
    with subprocess.Popen(
        [*DEMO, "--dir", str(tmp_path), "--keep"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        wait_for(lambda: any("--user-data-dir" in line for line in at_work_in(tmp_path)), what="a browser at work")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 1, said
    assert "of 18 jobs did not succeed" in said
    assert "Traceback" not in said
    wait_for(lambda: at_work_in(tmp_path) == [], what="no process of the demo is left")


def test_headed_without_a_display_says_what_to_type(tmp_path: Path) -> None:
    done = demo(tmp_path, "--headed")

    assert done.returncode == 2
    assert "no display" in done.stderr
    assert not (tmp_path / "market").exists()
