"""What may pass by itself is tried again, with a wait and a reason, and said in words when it does not pass."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """The address of an https server whose certificate nobody but itself has signed."""
    pem = tmp_path / "server.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run([*command, "-keyout", pem, "-out", f"{pem}.crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_site_that_is_down_is_tried_again_and_then_named(
    farid: Any, attempts: Any, picture: Any, closed_port: int
) -> None:
    farid.configure(accounts=("farid",), url=f"http://127.0.0.1:{closed_port}", max_attempts=2)

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 1
    assert f"farid check_login: failed. 127.0.0.1:{closed_port} refused the connection: nothing listens" in done.said
    assert "It was tried 2 times. Is the site running" in done.said
    first, last = attempts()
    assert (first["outcome"], first["kind"], last["outcome"]) == ("retried", "network", "failed")
    assert 0.1 <= first["wait_s"] <= 0.2
    assert first["reason"].startswith("network: attempt 1 of 2, again in")
    assert last["reason"] == "network: attempt 2 of 2 was the last"
    assert farid.rows("select state from account") == [("active",)], "the account has done nothing wrong"
    picture(first["id"])
    picture(last["id"])


def test_a_name_that_dns_does_not_know_is_said_so(farid: Any, attempts: Any, picture: Any) -> None:
    farid.configure(accounts=("farid",), url="http://market.invalid", max_attempts=1)
    farid.config.write_text(farid.config.read_text().replace("\n[timeouts]", "allow_remote = true\n\n[timeouts]", 1))

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 1
    assert "market.invalid is a name that DNS does not know" in done.said
    assert "It was tried once. Check the spelling of base_url" in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"]) == ("failed", "network")
    picture(tried["id"])


def test_a_certificate_that_nobody_trusts_is_refused(farid: Any, attempts: Any, picture: Any, self_signed: str) -> None:
    farid.configure(accounts=("farid",), url=self_signed, max_attempts=1)

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 1
    assert "shows a TLS certificate that nobody trusted has signed (ERR_CERT_AUTHORITY_INVALID)" in done.said
    assert "mend the site's certificate" in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["sign_ins"]) == ("failed", "network", 0)
    picture(tried["id"])


def test_a_rate_limit_is_obeyed_for_as_long_as_the_site_asks(farid: Any, attempts: Any, picture: Any) -> None:
    farid.market.faults({"route": "POST /sign-in", "effect": "rate_limit", "retry_after_s": 4, "count": 1})

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 0, done.said
    assert "The site says that we are going too fast and asks for 4 s." in done.said
    limited, again = attempts()
    assert (limited["outcome"], limited["kind"], limited["wait_s"]) == ("retried", "rate_limited", 4.0)
    assert limited["reason"] == "rate_limited: the site asks for 4 s"
    (signed_in,) = farid.market.ledger("sign_in", "farid")
    ended_us = farid.rows("select ended_at from attempt where id = ?", limited["id"])[0][0]
    assert datetime.fromisoformat(signed_in["at"]).timestamp() - ended_us / 1e6 >= 4, "no request before its time"
    assert again["started_at"] >= farid.rows("select due_at from job")[0][0]
    picture(limited["id"])


def test_a_request_that_hangs_ends_by_our_deadline(farid: Any, attempts: Any, picture: Any) -> None:
    farid.configure(accounts=("farid",), navigation_s=2, max_attempts=1)
    farid.market.faults({"route": "POST /sign-in", "effect": "hang"})

    done = farid.cli("run", "farid", "check_login", timeout_s=60)

    assert done.code == 1
    assert 'The site did not answer in time in step "sign in"' in done.said
    assert "It was tried once. Try again: runner jobs retry 1" in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"]) == ("failed", "timeout")
    picture(tried["id"])


def test_an_error_of_the_server_passes_with_the_next_attempt(farid: Any, attempts: Any, picture: Any) -> None:
    farid.market.faults({"route": "GET /inbox", "effect": "status", "status": 503, "count": 1})

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 0, done.said
    assert "The site says that something went wrong (503)." in done.said
    first, second = attempts()
    assert (first["outcome"], first["kind"], second["outcome"]) == ("retried", "network", "succeeded")
    assert 0.1 <= first["wait_s"] <= 0.2
    picture(first["id"])


def test_an_account_that_fails_never_disturbs_the_others(shop: Any, attempts: Any, picture: Any) -> None:
    shop.configure(accounts=("dev", "elena", "farid"), max_attempts=2)
    shop.market.faults({"route": "GET /inbox", "effect": "status", "account": "elena"})

    done = shop.cli("cycle", "--flow", "check_login")

    assert done.code == 1, done.said
    assert "2 of 3 succeeded, 1 failed, 0 wait for a person" in done.said
    assert [each["outcome"] for each in attempts("elena")] == ["retried", "failed"]
    for other in ("dev", "farid"):
        assert [(each["outcome"], each["sign_ins"]) for each in attempts(other)] == [("succeeded", 1)]
    assert {each["kind"] for each in attempts("elena")} == {"network"}
    picture(attempts("elena")[-1]["id"])
