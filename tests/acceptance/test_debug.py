"""`runner debug` as a person uses it: it stops where it fails, the browser stays open, and it goes on as told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")

LISTING = ["reference=D-1", "title=A debugged lamp", "price=12.00", "currency=EUR", "category=computers"]
LISTING += ["condition=good", "description=It shines on every desk that it stands on.", "location=Porto"]

pytestmark = pytest.mark.browser


def cannot_debug(shop: Any) -> bool:
    """Whether this machine can show no window at all; then the command says what is missing."""
    if sys.platform != "linux" or shutil.which("xvfb-run"):
        return False
    assert "apt-get install xvfb" in shop.cli("debug", "amy", "check_login").said
    return True


class Debugged:
    """A `runner debug` that a person sits at: what it says, and what is typed."""

    def __init__(self, shop: Any, *args: str) -> None:
        self.log = shop.folder / "debug.log"
        self._err = self.log.open("w")
        self.process = subprocess.Popen(
            [*RUNNER, "debug", *args],
            cwd=shop.folder,
            env=shop.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._err,
            text=True,
        )

    @property
    def said(self) -> str:
        return " ".join(self.log.read_text().split())

    @property
    def questions(self) -> int:
        return self.said.count("l leave")

    def type(self, key: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{key}\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=90)
        self._err.close()
        return self.process.returncode, out


@pytest.fixture
def debug(shop: Any) -> Iterator[Any]:
    started: list[Debugged] = []

    def start(*args: str) -> Debugged:
        started.append(Debugged(shop, *args))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            for process in [*psutil.Process(each.process.pid).children(recursive=True), each.process]:
                process.kill()
            each.end()


def browsers(shop: Any) -> list[psutil.Process]:
    flag = f"--user-data-dir={shop.folder / 'profiles'}"
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(word.startswith(flag) for word in process.info["cmdline"] or ())
    ]


def attempts(shop: Any) -> list[tuple[Any, ...]]:
    return shop.rows("select number, outcome, session_id from attempt order by id")


def test_it_stops_where_it_fails_and_goes_on_in_the_same_browser(shop: Any, debug: Any, wait_for: Any) -> None:
    if cannot_debug(shop):
        return
    shop.market.faults({"route": "GET /inbox/thread/*", "account": "amy", "effect": "status", "status": 503})

    run = debug("amy", "read_inbox", "--slow-mo", "0")

    wait_for(lambda: run.questions == 1, what="the question", within_s=90)
    assert "running in a virtual one (xvfb-run)" in run.said
    link = re.search(r"From your own: (http://127\.0\.0\.1:\d+/live/\d+\?token=\S+)", run.said)
    assert link, "nobody sees a virtual display: the live view serves the same page"
    with httpx.Client(follow_redirects=True) as client:
        assert "Take control" in client.get(link[1]).text
    assert 'stopped in step "read thread"' in run.said
    assert "a again from this step s again from the start" in run.said
    assert browsers(shop), "the browser stays open"
    first = {process.pid for process in browsers(shop)}
    ((folder,),) = {tuple(row) for row in shop.rows("select distinct substr(path, 1, 16) from evidence")}
    kept = shop.folder / "screenshots" / folder
    assert (kept / "trace.zip").exists(), "traced from the first attempt on"
    assert list((kept / "steps").glob("*.jpg")), "with a picture of every step"

    shop.market.faults()
    run.type("x")
    wait_for(lambda: run.questions == 2, what="to be asked again after a slip")
    run.type("a")
    code, out = run.end()

    assert code == 0, run.said
    assert "amy read_inbox: done." in out
    (one, two) = attempts(shop)
    assert (one[1], two[1]) == ("failed", "succeeded")
    assert one[2] == two[2], "the same session"
    assert first
    assert browsers(shop) == []


def test_from_the_start_is_a_fresh_browser_and_leaving_fails_the_job(shop: Any, debug: Any, wait_for: Any) -> None:
    if cannot_debug(shop):
        return
    shop.market.faults({"route": "GET /inbox*", "account": "amy", "effect": "status", "status": 503})
    run = debug("amy", "check_login", "--slow-mo", "0")
    wait_for(lambda: run.questions == 1, what="the question", within_s=90)

    run.type("s")
    wait_for(lambda: run.questions == 2, what="the question again", within_s=90)
    run.type("l")
    code, out = run.end()

    assert (code, "amy check_login: failed" in out) == (1, True), run.said
    (one, two) = attempts(shop)
    assert one[2] != two[2], "another session"
    assert browsers(shop) == []


def test_what_is_published_in_debugging_is_published_once(shop: Any, debug: Any, wait_for: Any) -> None:
    """The submit is refused once before anything is done; the second time its answer is lost after all was done."""
    if cannot_debug(shop):
        return
    before = {"route": "POST /sell/*/publish", "account": "amy", "effect": "status", "count": 1}
    shop.market.faults(before)
    params = [word for each in LISTING for word in ("--set", each)]
    run = debug("amy", "publish_listing", *params, "--slow-mo", "0")
    wait_for(lambda: run.questions == 1, what="the question", within_s=60)
    shop.market.faults({"route": "POST /sell/*/publish", "account": "amy", "effect": "status_after_commit", "count": 1})

    run.type("a")
    code, _ = run.end()

    assert code == 0, run.said
    assert len(shop.market.ledger("listing_published")) == 1


def test_nobody_at_the_terminal_means_leave(shop: Any) -> None:
    if cannot_debug(shop):
        return
    shop.market.faults({"route": "GET /inbox*", "account": "amy", "effect": "status", "status": 503})

    done = shop.cli("debug", "amy", "check_login", "--slow-mo", "0", "--json")

    assert done.code == 1
    assert done.json["state"] == "failed"


def test_without_a_virtual_display_it_says_what_to_install(shop: Any, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()

    done = shop.cli("debug", "amy", "check_login", env={"PATH": str(empty)})

    assert done.code == 2
    assert "apt-get install xvfb" in done.said
