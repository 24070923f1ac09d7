"""The API as a program and as a person meet it: a real process, its one-time link, a stream that outlives a kill."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PASSWORD = "correct horse battery"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def start(shop: Any, wait_for: Any, port: int, *more: str) -> tuple[subprocess.Popen[str], Path]:
    """Start `runner console` (or another command that serves the API); what it says stands in the file."""
    said = shop.folder / f"said-{len(list(shop.folder.glob('said-*')))}.txt"
    with said.open("w") as stderr:
        process = shop.start(*(more or ("console",)), "--port", port, stderr=stderr)
    wait_for(lambda: answers(port), what="the API answers", within_s=90)
    return process, said


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def listen(port: int, token: str, last: str | None, **params: str) -> Iterator[tuple[int, str]]:
    """The numbers and names of events, until the stream ends."""
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last} if last else {})
    url = f"http://127.0.0.1:{port}/api/v1/events"
    with httpx.stream("GET", url, params=params, headers=headers, timeout=60) as answer:
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if not line and "data" in fields:
                yield int(fields["id"]), fields["event"]
            if not line:
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value


def test_a_new_shop_owner_signs_in_with_the_link_that_is_printed(shop: Any, wait_for: Any, port: int) -> None:
    process, said = start(shop, wait_for, port)
    link = wait_for(lambda: re.search(r"http://127.0.0.1:\d+/sign-in#(\S+)", said.read_text()), what="the link")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as person:
        person.headers["origin"] = f"http://127.0.0.1:{port}"
        assert "Sign in" in person.get(link.group().split("#")[0]).text
        key = {"key": link.group(1), "password": PASSWORD}
        assert person.post("/api/v1/session/link", json=key).status_code == 201
        assert [each["name"] for each in person.get("/api/v1/accounts").json()["items"]] == ["amy", "ben"]
        assert person.post("/api/v1/accounts/amy/pause").status_code == 200
    assert shop.cli("accounts", "list", "--json").json["accounts"][0]["state"] == "paused"
    assert shop.cli("operators", "remove", "admin").code == 1, "the only admin stays"
    process.terminate()
    assert process.wait(timeout=30) == 0
    again, said = start(shop, wait_for, port)
    assert "sign-in#" not in said.read_text(), "there is an operator: no second link"
    fresh = shop.cli("operators", "link", "admin").out
    key = {"key": fresh.strip().split("#")[1]}
    assert httpx.post(f"http://127.0.0.1:{port}/api/v1/session/link", json=key, timeout=30).status_code == 201
    again.terminate()
    assert again.wait(timeout=30) == 0


def test_a_stream_goes_on_where_it_was_when_the_process_is_killed(shop: Any, wait_for: Any, port: int) -> None:
    shop.configure(accounts=["amy", "ben"])
    token = shop.cli("tokens", "add", "till", "--role", "agent").out.strip()
    asked = {"account": "amy", "flow": "check_login"}
    headers = {"authorization": f"Bearer {token}"}
    first, _ = start(shop, wait_for, port)
    url = f"http://127.0.0.1:{port}/api/v1/jobs"
    for _ in range(5):
        assert httpx.post(url, json=asked, headers=headers, timeout=30).status_code == 201
    seen: list[tuple[int, str]] = []
    try:
        for told in listen(port, token, "0", types="JobSubmitted"):
            seen.append(told)
            if len(seen) == 3:
                first.kill()
                first.wait(timeout=30)
    except httpx.HTTPError:
        pass  # that is how a killed server looks
    # Meanwhile somebody else writes, and the client saw only a part.
    assert shop.cli("jobs", "submit", "amy", "check_login").code == 0
    second, _ = start(shop, wait_for, port)
    for told in listen(port, token, str(seen[-1][0]), types="JobSubmitted"):
        seen.append(told)
        if len(seen) == 6:
            break
    stored = shop.rows("SELECT id FROM event WHERE name = 'JobSubmitted' ORDER BY id")
    assert [number for number, _ in seen] == [number for (number,) in stored]
    second.terminate()
    assert second.wait(timeout=30) == 0, "an open stream does not keep it from ending"


def test_a_daemon_with_the_console_performs_what_the_api_submits(shop: Any, wait_for: Any, port: int) -> None:
    token = shop.cli("tokens", "add", "till", "--role", "agent").out.strip()
    daemon, _ = start(shop, wait_for, port, "daemon", "--console", "--every", "3600")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as till:
        till.headers["authorization"] = f"Bearer {token}"
        job = till.post("/api/v1/accounts/amy/validate-session").json()
        wait_for(
            lambda: till.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "succeeded",
            what="the job is done",
            within_s=150,
        )
    daemon.terminate()
    assert daemon.wait(timeout=60) == 0


def test_it_refuses_what_would_show_passwords_to_the_network(shop: Any, port: int) -> None:
    refused = shop.cli("console", "--host", "0.0.0.0", "--port", port)
    assert (refused.code, "behind_proxy" in refused.err) == (2, True)
    refused = shop.cli("console", "--host", "0.0.0.0", "--no-auth", "--port", port)
    assert (refused.code, "--no-auth" in refused.err) == (2, True)


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(shop: Any) -> None:
    made = shop.cli("tokens", "add", "till", "--scope", "jobs", "--json").json
    assert made["secret"].startswith(made["token"]["hint"])
    assert made["secret"] not in json.dumps(shop.cli("tokens", "list", "--json").json)
    assert shop.cli("tokens", "add", "x", "--scope", "every thing").code == 2
    assert shop.cli("tokens", "revoke", "till").out.strip() == "till is revoked."
    assert shop.cli("tokens", "revoke", "tills").code == 2


def test_the_whole_document_holds_against_whatever_is_generated_from_it(shop: Any, wait_for: Any, port: int) -> None:
    """schemathesis: no 5xx, no status and no answer that the OpenAPI document does not know."""
    shop.configure(accounts=["amy"], extra="[console]\nrequests_per_minute = 1000000\n")
    start(shop, wait_for, port, "console", "--no-auth")
    url = f"http://127.0.0.1:{port}/api/v1"
    httpx.post(f"{url}/jobs", json={"account": "amy", "flow": "check_login"}, timeout=30).raise_for_status()
    httpx.post(f"{url}/batches", json={}, timeout=30).raise_for_status()
    found = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{url}/openapi.json", "--max-examples", "3", "--generation-deterministic"),
            *("--phases", "examples,coverage,fuzzing", "--exclude-path-regex", "/events$", "--continue-on-failure"),
            *("--request-timeout", "120"),  # training the classifier takes its time
            *("--checks", "not_a_server_error,status_code_conformance,response_schema_conformance"),
        ],
        cwd=shop.folder,
        env=shop.environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-6000:]
    assert "cases" in found.stdout
