import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.marketplace import server

START = (sys.executable, "-m", "runner.marketplace", "--json", "--port", "0")
Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a marketplace over a folder and returns its process and what it printed when it was ready."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        command = [*START, "--data-dir", str(tmp_path / "bazaar"), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
        started.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield run
    for process in started:
        process.kill()
        process.communicate()


def refused(*arguments: str) -> str:
    """Runs a marketplace that is to refuse, and returns what it says."""
    done = subprocess.run([*START, *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_ready_line_names_url_folder_and_process(start: Start, tmp_path: Path) -> None:
    process, ready = start()
    assert ready["pid"] == process.pid
    assert ready["data_dir"] == str(tmp_path / "bazaar")
    assert httpx.get(ready["url"]).status_code == 200


def test_sigterm_stops_it_though_a_request_hangs(start: Start) -> None:
    process, ready = start()
    httpx.put(f"{ready['url']}/_faults", json=[{"route": "/inbox", "effect": "hang"}]).raise_for_status()
    with socket.create_connection(("127.0.0.1", httpx.URL(ready["url"]).port or 0)) as hanging:
        hanging.sendall(b"GET /inbox HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while httpx.get(f"{ready['url']}/_faults").json()["rules"][0]["fired"] == 0:
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_stopping_waits_less_than_two_seconds_for_requests() -> None:
    # The clock of a busy machine proves nothing; all that stopping ever waits for are these two.
    assert server.CLOSING_S + server.FAREWELL_S < 2


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_host_that_is_not_loopback_is_refused(host: str, tmp_path: Path) -> None:
    assert "Use 127.0.0.1." in refused("--host", host, "--data-dir", str(tmp_path))


def test_port_in_use_is_refused_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} on 127.0.0.1 cannot be used" in refused("--port", port, "--data-dir", str(tmp_path))


def test_second_marketplace_on_a_folder_is_refused(start: Start) -> None:
    _, ready = start()
    assert "Another marketplace is using" in refused("--data-dir", ready["data_dir"])


def test_folder_of_another_seed_is_refused(start: Start) -> None:
    process, ready = start("--seed", "7")
    process.kill()
    process.wait()
    assert "was made from seed 7, not 8" in refused("--seed", "8", "--data-dir", ready["data_dir"])


def test_ledger_and_sessions_outlive_a_kill(start: Start) -> None:
    process, ready = start()
    control = f"{ready['url']}/_incoming"
    httpx.post(control, json={"account": "amy", "text": "Before the kill"}).raise_for_status()
    process.kill()
    process.wait()
    _, again = start()
    entries = httpx.get(f"{again['url']}/_ledger").json()["entries"]
    assert entries[-1]["detail"]["text"] == "Before the kill"


def test_passwords_are_made_up_per_account_and_kept_from_others(start: Start, tmp_path: Path) -> None:
    process, _ = start()
    files = sorted((tmp_path / "bazaar" / "passwords").iterdir())
    assert [file.name for file in files] == ["amy", "ben", "carla", "dev", "elena", "farid"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    first = [file.read_text() for file in files]
    assert len(set(first)) == 6
    process.kill()
    process.wait()
    start()
    assert [file.read_text() for file in files] == first


def test_environment_sets_one_password_or_all(start: Start, tmp_path: Path) -> None:
    start(MARKETPLACE_PASSWORD="canary-all", MARKETPLACE_PASSWORD_BEN="canary-ben")
    kept = {name: (tmp_path / "bazaar" / "passwords" / name).read_text().strip() for name in ("amy", "ben")}
    assert kept == {"amy": "canary-all", "ben": "canary-ben"}
