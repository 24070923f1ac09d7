"""Stopping: by signal, by kill, by an operator's cancel. Nothing stays behind, nothing is lost, no attempt is spent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ENDLESS = {"route": "GET /*", "account": "farid", "effect": "latency_ms", "ms": 4000}
"""Every page of farid's takes four seconds: a flow lasts until it is stopped."""
STOP = "[orchestrator]\nconcurrency = 1\ncycle_every_s = 1\nidle_poll_s = 0.2\n"


@pytest.fixture
def farids(shop: Any) -> Any:
    """A shop with farid alone, whose runner waits one second for a flow that is stopped."""
    shop.configure(accounts=["farid"], extra=STOP, action_s=20, navigation_s=20)
    text = shop.config.read_text().replace("[timeouts]\n", "[timeouts]\nstop_s = 1\n")
    shop.config.write_text(text)
    return shop


def processes_of(shop: Any) -> list[str]:
    """All processes that mention the shop's folder on their command line: browsers, but not our own commands."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"{shop.folder}/profiles/" in line]


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def at_work(shop: Any) -> bool:
    return bool(shop.market.fired()[0])


def job(shop: Any, number: int = 1) -> tuple[Any, ...]:
    (found,) = shop.rows("select state, attempts, owner from job where id = ?", number)
    return tuple(found)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["told to stop", "terminal closed"])
def test_a_stopped_run_is_interrupted_in_time_and_the_next_start_does_it(
    farids: Any, wait_for: Any, number: signal.Signals
) -> None:
    farids.market.faults(ENDLESS)
    run = farids.start("run", "farid", "check_login")
    wait_for(lambda: at_work(farids), what="the flow to be at work", within_s=90)
    helpers = children_of(run.pid)

    run.send_signal(number)
    out, err = run.communicate(timeout=60)

    assert run.returncode == 1, err
    assert "farid check_login: queued." in out
    assert "runner jobs cancel 1" in " ".join(out.split())
    assert processes_of(farids) == []
    assert [pid for pid in helpers if Path(f"/proc/{pid}").exists()] == [], "the driver has ended"
    assert job(farids) == ("queued", 0, None)
    assert farids.rows("select outcome, kind from attempt") == [("interrupted", "interrupted")]
    farids.market.faults()
    assert farids.cli("cycle", "--flow", "check_login").code == 0
    assert job(farids) == ("succeeded", 1, None)


def pending(pid: int, number: int) -> bool:
    """Whether a signal was sent to a process and not taken yet."""
    status = Path(f"/proc/{pid}/status")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines()) if status.exists() else {}
    return bool(int(lines.get("ShdPnd", "0").strip(), 16) >> (number - 1) & 1)


def test_a_second_signal_does_not_wait_for_the_flow(farids: Any, wait_for: Any) -> None:
    text = farids.config.read_text().replace("stop_s = 1", "stop_s = 600")
    farids.config.write_text(text)
    farids.market.faults(ENDLESS)
    run = farids.start("run", "farid", "read_inbox")
    wait_for(lambda: at_work(farids), what="the flow to be at work", within_s=90)

    run.send_signal(signal.SIGINT)
    # A signal that is still pending when it is sent again is one signal: the kernel does not count them.
    wait_for(lambda: not pending(run.pid, signal.SIGINT), what="the first signal to be taken")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert run.returncode == 1, err
    assert "Traceback" not in err
    assert processes_of(farids) == []
    assert job(farids)[:2] == ("queued", 0)


def test_a_killed_runner_leaves_nothing_behind_after_the_next_start(
    farids: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("TMPDIR", str(temporary))
    farids.market.faults(ENDLESS)
    run = farids.start("run", "farid", "check_login")
    wait_for(lambda: at_work(farids), what="the flow to be at work", within_s=90)

    run.kill()
    run.communicate()
    assert job(farids)[:2] == ("running", 0)
    farids.market.faults()
    done = farids.cli("cycle", "--flow", "check_login")

    assert done.code == 0, done.said
    assert job(farids) == ("succeeded", 1, None)
    assert processes_of(farids) == []
    assert list(temporary.iterdir()) == [], "neither the driver's files nor the browser's"
    ends = [end for (end,) in farids.rows("select end from session order by id")]
    assert ends == ["crashed", "done"]


def test_a_cancelled_job_that_runs_is_ended_and_its_browser_closed(farids: Any, wait_for: Any) -> None:
    farids.market.faults(ENDLESS)
    run = farids.start("run", "farid", "read_inbox")
    wait_for(lambda: at_work(farids), what="the flow to be at work", within_s=90)

    cancelled = farids.cli("jobs", "cancel", 1)

    assert (cancelled.code, cancelled.out) == (0, "Job 1 (farid read_inbox) is being ended.\n")
    wait_for(lambda: not processes_of(farids), what="its browser to be gone", within_s=10)
    assert run.wait(timeout=60) == 1
    assert job(farids)[0] == "cancelled"
    retried = farids.cli("jobs", "retry", 1, "--json")
    assert (retried.code, retried.json["state"]) == (0, "queued")


# ── The daemon ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_daemon_serves_cycle_after_cycle_until_it_is_stopped(farids: Any, wait_for: Any) -> None:
    farids.configure(accounts=["farid"], extra=STOP + 'flows = ["check_login"]\n')
    daemon = farids.start("daemon", "--every", "1", stderr=subprocess.DEVNULL)
    served = "select count(*) from batch where id in (select batch_id from job where state = 'succeeded')"
    wait_for(lambda: farids.database.exists() and tables(farids), what="the daemon to start", within_s=90)
    wait_for(lambda: farids.rows(served)[0][0] >= 2, what="two cycles", within_s=90)

    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(timeout=60) == 0
    assert processes_of(farids) == []
    assert farids.rows("select count(*) from job where state = 'running'") == [(0,)]
    assert {end for (end,) in farids.rows("select end from session")} <= {"done", "interrupted"}


def tables(shop: Any) -> bool:
    return bool(shop.rows("select 1 from sqlite_master where name = 'batch'"))


def test_a_run_beside_a_daemon_waits_for_its_account_and_not_for_another_one(shop: Any, wait_for: Any) -> None:
    shop.configure(accounts=["farid", "elena"], extra=STOP, action_s=20, navigation_s=20)
    shop.cli("accounts", "pause", "elena")
    shop.market.faults(ENDLESS)
    daemon = shop.start("daemon", "--every", "600", stderr=subprocess.DEVNULL)
    wait_for(lambda: at_work(shop), what="the daemon to have farid open", within_s=90)
    shop.cli("accounts", "resume", "elena")
    log = shop.folder / "log"
    with log.open("w") as err:
        busy = shop.start("run", "farid", "check_login", stderr=err)
        words = f"farid is busy: job 1 (read_inbox) has it, process {daemon.pid} on this machine. Waiting"
        wait_for(lambda: words in " ".join(log.read_text().split()), what=words, within_s=90)

        free = shop.cli("run", "elena", "check_login")
        assert (free.code, "is busy" in free.said) == (0, False), free.said
        assert busy.poll() is None
        shop.market.faults()
        assert busy.wait(timeout=90) == 0, log.read_text()

    assert overlaps(shop) == []


def overlaps(shop: Any) -> list[tuple[Any, ...]]:
    """Pairs of sessions of one account that were open at the same time."""
    found: list[tuple[Any, ...]] = shop.rows(
        "select a.id, b.id from session a join session b on a.account_id = b.account_id and a.id < b.id "
        "where b.started_at < coalesce(a.ended_at, '9999') and a.started_at < coalesce(b.ended_at, '9999')"
    )
    return found


# ── A person before the browser ───────────────────────────────────────────────────────────────────────────────

NO_DISPLAY = "This machine has no display, and a headed browser needs one."


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Path | None]:
    """A virtual screen's picture, as a file that Xvfb keeps; None where Xvfb is not installed."""
    if sys.platform != "linux" or shutil.which("Xvfb") is None:
        yield None
        return
    folder = tmp_path / "screen"
    folder.mkdir()
    reading, writing = os.pipe()
    size = ["-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-fbdir", str(folder)]
    with subprocess.Popen(["Xvfb", "-displayfd", str(writing), *size], pass_fds=[writing]) as xvfb:
        os.close(writing)
        with os.fdopen(reading) as number:
            os.environ["DISPLAY"] = f":{number.readline().strip()}"
        try:
            yield folder / "Xvfb_screen0"
        finally:
            del os.environ["DISPLAY"]
            xvfb.terminate()


def shows_something(picture: Path) -> bool:
    """Whether a window is on the screen: without one, all pixels are the same."""
    pixels = picture.read_bytes()[-1400 * 900 * 4 :]
    return len(set(pixels[::4001])) > 3


@pytest.mark.parametrize("option", ["--headed", "--pause-on-error", "--keep-open"])
def test_without_a_display_a_headed_run_offers_a_virtual_one(farids: Any, option: str) -> None:
    done = farids.cli("run", "farid", "check_login", option)

    assert (done.code, done.out) == (2, "")
    assert NO_DISPLAY in done.said
    assert "xvfb-run -a runner" in done.said
    assert not farids.database.exists(), "nothing was begun"


def test_a_browser_that_is_kept_open_is_a_window_until_the_run_is_stopped(
    farids: Any, screen: Path | None, wait_for: Any
) -> None:
    if screen is None:
        assert NO_DISPLAY in farids.cli("run", "farid", "check_login", "--keep-open").said
        return
    run = farids.start("run", "farid", "check_login", "--keep-open", env={"DISPLAY": os.environ["DISPLAY"]})
    wait_for(lambda: shows_something(screen), what="a window", within_s=90)
    wait_for(lambda: job(farids)[0] == "succeeded", what="the job to be done", within_s=90)
    assert processes_of(farids), "the browser is still there"

    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=60)

    assert (run.returncode, "farid check_login: done" in out) == (0, True), err
    assert processes_of(farids) == []
    assert farids.rows("select mode, end from session") == [("headed", "done")]


def test_a_run_that_pauses_on_an_error_keeps_its_account_until_it_is_stopped(
    farids: Any, screen: Path | None, wait_for: Any
) -> None:
    if screen is None:
        assert NO_DISPLAY in farids.cli("run", "farid", "check_login", "--pause-on-error").said
        return
    farids.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 503})
    log = farids.folder / "log"
    display = {"DISPLAY": os.environ["DISPLAY"]}
    with log.open("w") as err:
        run = farids.start("run", "farid", "check_login", "--pause-on-error", env=display, stderr=err)
        wait_for(lambda: "paused: look around" in log.read_text(), what="the pause", within_s=90)
        until = farids.rows("select lease_until from job")
        wait_for(lambda: farids.rows("select lease_until from job") > until, what="the lease to be renewed")

        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)

    assert run.returncode == 1
    assert processes_of(farids) == []
    assert job(farids) == ("queued", 0, None)
    ((outcome, error, evidence),) = farids.rows("select outcome, error, evidence_dir from attempt")
    assert outcome == "interrupted"
    assert "It had failed before: " in error
    assert list((farids.folder / "screenshots" / evidence).glob("screenshot.png"))
