"""The canary: a password that only this file may hold. After all that can go wrong it is on no disk but there."""

from __future__ import annotations

import base64
import html
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

CANARY = 'canary-7Q&x/quail "é" +42'


def forms() -> set[bytes]:
    """The canary in the encodings in which pages, requests and files could carry it."""
    encoded = CANARY.encode()
    found = {CANARY, quote(CANARY, safe=""), quote(CANARY), quote_plus(CANARY), html.escape(CANARY)}
    found |= {json.dumps(CANARY)[1:-1], json.dumps(CANARY, ensure_ascii=False)[1:-1]}
    found |= {base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()}
    # Inside a longer text the encoding begins elsewhere: what stays the same wherever it begins.
    for lead in (b"", b"x", b"xx"):
        found.add(base64.b64encode(lead + encoded).decode()[4:-4])
    return {each.encode() for each in found}


def holding(folder: Path) -> list[str]:
    """Every file below that holds the canary, traces looked into."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        texts = {path.name: path.read_bytes()}
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                texts = {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}
        found += [f"{path.parent}/{name}" for name, data in texts.items() if any(form in data for form in forms())]
    return found


@pytest.fixture
def canary_market(tmp_path: Path) -> Iterator[Any]:
    """A marketplace of its own, whose every account has the canary for a password."""
    data_dir = tmp_path / "market"
    command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(data_dir), "--json"]
    env = {**os.environ, "MARKETPLACE_PASSWORD": CANARY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        yield SimpleNamespace(url=url, data_dir=data_dir)
        process.terminate()


def test_the_canary_is_nowhere(canary_market: Any, shop: Any, wait_for: Any) -> None:
    shop.market = canary_market
    # A password that came to nothing rests only for a moment here: it is to be typed again and again.
    extra = '[evidence]\ntrace = "always"\n[profiles]\nsign_in_wait_s = 0.1\n'
    shop.configure(accounts=("amy", "ben", "carla"), extra=extra, max_attempts=2, navigation_s=4)

    def faults(*rules: dict[str, Any]) -> None:
        httpx.put(f"{canary_market.url}/_faults", json=list(rules)).raise_for_status()

    log = (shop.folder / "log").open("w")
    # The form itself fails after the password was typed, twice; then the thread does, in a fresh session, twice.
    faults({"route": "POST /sign-in", "account": "", "effect": "status", "status": 503})
    outs = [shop.cli("run", "amy", "read_inbox"), shop.cli("replay", 1)]
    faults({"route": "GET /inbox/thread/*", "effect": "status", "status": 503})
    outs.append(shop.cli("run", "amy", "read_inbox"))
    # Killed with the password typed and sent, and the answer never given.
    faults({"route": "POST /sign-in", "effect": "hang"})
    run = shop.start("run", "ben", "read_inbox", stderr=log)
    wait_for(lambda: httpx.get(f"{canary_market.url}/_faults").json()["rules"][0]["fired"], what="the sign-in to hang")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    faults({"route": "GET /inbox/thread/*", "effect": "hang", "account": "carla"})
    run = shop.start("run", "carla", "read_inbox", stderr=log)
    wait_for(lambda: httpx.get(f"{canary_market.url}/_faults").json()["rules"][0]["fired"], what="carla's thread")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    faults()
    outs.append(shop.cli("run", "amy", "check_login"))
    outs += [shop.cli("evidence", "open", number, env={"PATH": ""}) for number in (1, 2)]
    outs += [shop.cli("errors", "list"), shop.cli("jobs", "list", "--json"), shop.cli("evidence", "show", 1)]
    log.close()

    assert len(list((shop.folder / "screenshots").rglob("trace.zip"))) >= 4
    assert list((shop.folder / "screenshots").rglob("steps/*.jpg"))
    assert len(list((shop.folder / "screenshots").rglob("attempt.html"))) >= 4
    where = [path for path in shop.folder.iterdir() if path.name not in ("market", "profiles")]
    assert {"runner.db", "screenshots", "log"} <= {path.name for path in where}
    assert [hit for path in where if path.is_dir() for hit in holding(path)] == []
    files = [path for path in where if path.is_file()]
    assert [path.name for path in files if any(form in path.read_bytes() for form in forms())] == []
    assert [out for out in outs if any(form.decode() in out.out + out.err for form in forms())] == []


def test_the_canary_would_be_found(tmp_path: Path) -> None:
    """The search itself, held against what it must find."""
    (tmp_path / "plain").write_text(f"a {CANARY} b")
    (tmp_path / "url").write_text(f"password={quote_plus(CANARY)}&x=1")
    (tmp_path / "basic").write_text(base64.b64encode(f"amy:{CANARY}".encode()).decode())
    with zipfile.ZipFile(tmp_path / "trace.zip", "w") as archive:
        archive.writestr("0-trace.trace", json.dumps({"value": CANARY}))

    assert len(holding(tmp_path)) == 4
