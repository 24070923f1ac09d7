"""Hard conditions of the machine: full and locked disks, busy accounts, wrong files, narrow terminals."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.browser.discovery import find_browser

SLOW = {"route": "GET /*", "account": "farid", "effect": "latency_ms", "ms": 3500}
"""Keeps farid's flow busy, page after page, for long enough to do something meanwhile."""
IS_ROOT = os.geteuid() == 0


# ── Full disk ─────────────────────────────────────────────────────────────────────────────────────────────────


class SmallDisk:
    """A small disk of its own where we may mount one; elsewhere a folder that takes nothing while it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.is_real = sys.platform == "linux" and IS_ROOT
        if self.is_real:
            mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
            subprocess.run(mount, check=True, capture_output=True)

    def fill(self) -> None:
        if not self.is_real:
            for each in [self.folder, *self.folder.rglob("*")]:
                each.chmod(0o500 if each.is_dir() else 0o400)
            return
        with (self.folder / "fill").open("wb", buffering=0) as fill, contextlib.suppress(OSError):
            while True:
                fill.write(bytes(4096))

    def empty(self) -> None:
        if not self.is_real:
            for each in [self.folder, *self.folder.rglob("*")]:
                each.chmod(0o700)
            return
        (self.folder / "fill").unlink()

    def close(self) -> None:
        if self.is_real:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_full_disk_under_the_database_is_said_and_loses_nothing(shop: Any, small_disk: SmallDisk) -> None:
    shop.configure(accounts=["farid"], extra=f'[store]\npath = "{small_disk.folder / "runner.db"}"\n')
    assert shop.cli("accounts", "add", "gina", "--password-env", "GINA").code == 0
    small_disk.fill()

    full = shop.cli("accounts", "add", "hugo", "--password-env", "HUGO")

    assert (full.code, full.out) == (2, "")
    assert str(small_disk.folder / "runner.db") in full.said
    assert ("the disk is full" if small_disk.is_real else "cannot be written") in full.said
    assert "Traceback" not in full.err
    small_disk.empty()
    names = [each["name"] for each in shop.cli("accounts", "list", "--json").json["accounts"]]
    assert names == ["farid", "gina"]
    assert shop.cli("accounts", "add", "hugo", "--password-env", "HUGO").code == 0


def test_a_disk_that_fills_up_in_mid_flow_is_waited_for_and_nothing_is_lost(
    shop: Any, small_disk: SmallDisk, wait_for: Any
) -> None:
    path = small_disk.folder / "runner.db"
    shop.configure(accounts=["farid"], extra=f'[store]\npath = "{path}"\n')
    shop.market.faults({**SLOW, "count": 2})
    log = shop.folder / "log"
    with log.open("w") as err:
        run = shop.start("run", "farid", "check_login", stderr=err)
        wait_for(lambda: shop.market.fired()[0], what="the flow to be at work", within_s=90)
        small_disk.fill()
        if small_disk.is_real:  # elsewhere the file is open already, and stays writable
            wait_for(lambda: "the disk is full" in log.read_text(), what="the full disk to be said", within_s=90)
        small_disk.empty()
        code = run.wait(timeout=90)

    assert code in (0, 2), log.read_text()
    assert "Traceback" not in log.read_text()
    assert browsers_on(shop, "farid") == []
    assert shop.cli("cycle", "--flow", "check_login").code == 0
    with sqlite3.connect(path) as connection:
        jobs = connection.execute("select state, attempts from job order by id").fetchall()
    assert jobs[0] == ("succeeded", 1), "it was done, now or by the next start, and the full disk cost no attempt"


def test_a_full_disk_under_the_evidence_does_not_hide_the_error(shop: Any, small_disk: SmallDisk) -> None:
    shop.configure(accounts=["farid"], extra=f'[evidence]\ndir = "{small_disk.folder}"\n', max_attempts=1)
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 404})
    small_disk.fill()

    done = shop.cli("run", "farid", "check_login", "--json")

    assert (done.code, done.json["state"]) == (1, "failed")
    assert "404" in done.json["error"]
    shown = shop.cli("jobs", "show", done.json["id"])
    assert "404" in shown.said
    assert "No evidence could be kept. Is there room in" in shown.said


# ── The database ──────────────────────────────────────────────────────────────────────────────────────────────

LOCKER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextlib.contextmanager
def locked(database: Path, seconds: float) -> Iterator[int]:
    """Another process that keeps the database's write lock; yields its pid."""
    command = [sys.executable, "-c", LOCKER, str(database), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_database_that_is_locked_for_ten_seconds_is_waited_for(shop: Any) -> None:
    shop.cli("accounts", "list")
    with locked(shop.database, 10):
        paused = shop.cli("accounts", "pause", "amy", "--json")

    assert paused.code == 0, paused.said
    assert paused.json["state"] == "paused"


def test_a_database_that_stays_locked_is_named_with_who_holds_it(shop: Any) -> None:
    shop.configure(extra="[store]\nbusy_timeout_s = 0.5\n")
    shop.cli("accounts", "list")
    with locked(shop.database, 60) as pid:
        done = shop.cli("accounts", "pause", "amy")

    assert done.code == 1
    assert str(shop.database) in done.said
    assert (f"process {pid}" if sys.platform == "linux" else "another process") in done.said
    assert "more than 0.5 s" in done.said


def test_a_database_that_is_none_is_left_as_it_is(shop: Any) -> None:
    shop.database.write_bytes(b"This is a shopping list, and no database.\n" * 200)
    before = shop.database.read_bytes()

    done = shop.cli("accounts", "list")

    assert (done.code, done.out) == (2, "")
    assert f"{shop.database} is damaged, or is not a database at all" in done.said
    assert "move the file away" in done.said
    assert shop.database.read_bytes() == before


def test_a_database_of_a_newer_runner_is_refused_with_both_revisions(shop: Any) -> None:
    shop.cli("accounts", "list")
    with sqlite3.connect(shop.database) as connection:
        connection.execute("update alembic_version set version_num = '9999'")

    done = shop.cli("run", "amy", "check_login")

    assert done.code == 2
    assert "was written by a newer runner: it is at revision 9999" in done.said
    assert shop.rows("select version_num from alembic_version") == [("9999",)]


# ── Profiles ──────────────────────────────────────────────────────────────────────────────────────────────────


def browsers_on(shop: Any, account: str) -> list[str]:
    """Command lines of all processes that mention the account's profile, as the system lists them."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"{shop.folder}/profiles/{account}/" in line]


@pytest.fixture
def read_only_profile(shop: Any) -> Iterator[Path]:
    """farid's profile on a read-only mount where we are root, who may write anywhere else; else without permission."""
    folder: Path = shop.folder / "profiles" / "farid"
    folder.mkdir(parents=True, mode=0o700)
    mounts = sys.platform == "linux" and IS_ROOT
    if mounts:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k,mode=0700", "tmpfs", str(folder)], check=True)
    else:
        folder.chmod(0o500)
    yield folder
    if mounts:
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o700)


def test_a_read_only_profile_is_named_with_what_to_do(shop: Any, read_only_profile: Path) -> None:
    shop.configure(accounts=["farid"])

    done = shop.cli("run", "farid", "check_login")

    assert done.code == 1
    assert f"The profile folder of account farid cannot be used: {read_only_profile}" in done.said
    assert "Make it writable" in done.said
    assert shop.rows("select count(*) from attempt") == [(1,)], "trying again would not help"
    assert shop.market.ledger("sign_in", "farid") == []


def test_a_profile_of_a_newer_chromium_is_refused_and_left_alone(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    written_by = shop.folder / "profiles" / "farid" / "chromium" / "Last Version"
    written_by.parent.mkdir(parents=True)
    written_by.write_text("999.0.1.2")

    done = shop.cli("run", "farid", "check_login")

    assert done.code == 1
    assert "was last used by Chromium 999.0.1.2, and the browser found here is older" in done.said
    assert "move" in done.said
    assert [each.name for each in written_by.parent.iterdir()] == ["Last Version"]


@pytest.fixture
def foreign_browser(shop: Any, wait_for: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A person's own Chromium, opened on farid's profile by a relative path."""
    folder = shop.folder / "profiles" / "farid"
    folder.mkdir(parents=True)
    chromium = find_browser(configured=None, headless=False).path
    flags = ["--headless=new", "--remote-debugging-port=0", "--user-data-dir=chromium", "about:blank"]
    if IS_ROOT:
        flags.insert(0, "--no-sandbox")
    output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([chromium, *flags], cwd=folder, **output) as process:
        try:
            wait_for((folder / "chromium" / "SingletonLock").is_symlink, what="Chromium to lock its profile")
            yield process
        finally:
            process.kill()


def test_a_profile_that_a_person_has_open_is_left_to_them_and_costs_no_attempt(
    shop: Any, foreign_browser: subprocess.Popen[bytes], wait_for: Any
) -> None:
    shop.configure(accounts=["farid"], max_attempts=1)
    log = shop.folder / "log"
    with log.open("w") as err:
        run = shop.start("run", "farid", "check_login", stderr=err)
        whose = f"farid's profile is open in a browser that the runner did not start (pid {foreign_browser.pid})"
        for words in (whose, "Close that browser first."):
            wait_for(lambda words=words: words in " ".join(log.read_text().split()), what=words, within_s=90)
        assert foreign_browser.poll() is None
        assert shop.market.ledger("sign_in", "farid") == []

        foreign_browser.kill()

        assert run.wait(timeout=90) == 0, log.read_text()
    assert shop.rows("select attempts from job") == [(1,)], "only the one that succeeded counts"
    assert [row[0] for row in shop.rows("select outcome from attempt")][-1] == "succeeded"


def test_a_second_runner_on_the_same_account_says_who_has_it_and_then_goes_on(shop: Any, wait_for: Any) -> None:
    shop.configure(accounts=["farid"])
    shop.market.faults(SLOW)
    first = shop.start("run", "farid", "read_inbox", stderr=subprocess.DEVNULL)
    wait_for(lambda: shop.market.fired()[0], what="the first one to be at work", within_s=90)
    log = shop.folder / "log"
    with log.open("w") as err:
        second = shop.start("run", "farid", "check_login", stderr=err)
        words = f"farid is busy: job 1 (read_inbox) has it, process {first.pid} on this machine. Waiting"
        wait_for(lambda: words in " ".join(log.read_text().split()), what=words, within_s=90)
        shop.market.faults()

        assert (first.wait(timeout=90), second.wait(timeout=90)) == (0, 0), log.read_text()

    assert at_the_same_time(shop) == 1


def at_the_same_time(shop: Any) -> int:
    """The most sessions that were ever open at once."""
    rows = shop.rows("select started_at, ended_at from session")
    moments = sorted([(start, 1) for start, _ in rows] + [(end, -1) for _, end in rows])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


# ── What people type ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_typo_in_the_configuration_is_named_with_line_key_and_nearest_name(shop: Any) -> None:
    shop.configure(extra="[orchestrator]\nconcurency = 3\n")
    line = shop.config.read_text().splitlines().index("concurency = 3") + 1

    done = shop.cli("accounts", "list")

    assert (done.code, done.out) == (2, "")
    assert f"playwright.config.toml:{line}" in done.said
    assert "concurency" in done.said
    assert '"concurrency"' in done.said


# ── A terminal of 60 columns ──────────────────────────────────────────────────────────────────────────────────

COLOURS, MOVES = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r|\n")


def on_a_terminal(shop: Any, *args: str, columns: int = 60) -> tuple[int, list[str]]:
    """Run a command on a real pseudo-terminal; returns the exit code and the lines that it drew."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in shop.environment().items() if name != "COLUMNS"}
    command = [sys.executable, "-c", "from runner.cli.main import main; main()", *args]
    process = subprocess.Popen(
        command, cwd=shop.folder, env=environment | {"TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the last one has closed the terminal
        while part := os.read(master, 65536):
            seen += part
    os.close(master)
    return process.wait(timeout=60), MOVES.split(COLOURS.sub("", seen.decode()))


@pytest.fixture
def used_shop(shop: Any) -> Any:
    """A shop with a read inbox and one failure, whose site and people have long names."""
    shop.configure(accounts=["farid"], max_attempts=1)
    shop.market.incoming("Is the very long thing with the very long name still to be had?", account="farid")
    assert shop.cli("run", "farid", "read_inbox").code == 0
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 404})
    assert shop.cli("run", "farid", "check_login").code == 1
    return shop


def test_sixty_columns_cut_no_word_of_any_table(used_shop: Any) -> None:
    threads = used_shop.cli("inbox", "list", "--limit", 100, "--json").json["threads"]
    people = [thread["counterpart"] for thread in threads]
    commands = {
        "accounts list": ["farid", "active"],
        "accounts show farid": ["No open job."],
        "inbox list --limit 100": people,
        "jobs list": ["check_login", "failed", "read_inbox", "succeeded"],
        "jobs show 2": ["check login", "The site says that something went wrong (404)."],
        "sessions list": ["headless"],
        "evidence list": ["screenshot"],
        "doctor": ["configuration", "Chromium", "Ready to run."],
    }
    for command, words in commands.items():
        code, lines = on_a_terminal(used_shop, *command.split())
        assert code == 0, lines
        too_wide = [line for line in lines if len(line) > 60]
        assert too_wide == [], f"{command} is wider than the terminal"
        text = " ".join(" ".join(lines).split())
        assert [word for word in words if not shown(word, lines, text)] == [], "\n".join(lines)


def shown(word: str, lines: list[str], text: str) -> bool:
    """Whether every part of a text stands there whole: a cell may be folded between words, never within one."""
    return word in text or all(any(part in line.split() or part in line for line in lines) for part in word.split())


def test_progress_on_a_narrow_terminal_ends_with_the_result(shop: Any) -> None:
    shop.configure(accounts=["farid"])

    code, lines = on_a_terminal(shop, "cycle", "--flow", "check_login")

    assert code == 0, lines
    assert "Batch 1: 1 of 1 succeeded" in " ".join(" ".join(lines).split())
    assert [line for line in lines if len(line) > 60 and not line.startswith("{")] == [], "but for logs"
