"""The allowlist as values: which URLs it lets through, and what Chromium is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.browser import guard as guarding
from runner.browser.guard import Guard

AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765/inbox?page=2",
        "ws://127.0.0.1:8765/live",
        "https://shop.example/",
        "https://SHOP.example:443/x",
        "wss://shop.example/live",
        "http://[::1]:9000/",
        "data:text/html,hello",
        "blob:http://127.0.0.1:8765/1",
        "about:blank",
    ],
)
def test_allowed_origins_and_what_stays_inside_pass(url):
    assert Guard(["http://127.0.0.1:8765", "https://shop.example", "http://[::1]:9000"]).allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8766/",
        "http://127.0.0.1/",
        "http://localhost:8765/",
        "https://127.0.0.1:8765/",
        "http://127.0.0.1.evil.example:8765/",
        "http://127.0.0.1:8765@evil.example/",
        "wss://127.0.0.1:8765/live",
        "http://127.0.0.1:99999999/",
        "file:///etc/passwd",
        "ftp://127.0.0.1:8765/",
        "",
    ],
)
def test_everything_else_is_refused(url):
    assert not Guard(["http://127.0.0.1:8765"]).allows(url)


def test_the_resolver_knows_only_the_allowed_hosts_and_ports():
    switches = Guard(["http://127.0.0.1:8765", "https://shop.example", "http://[::1]:9000"]).switches()
    (rules,) = [switch for switch in switches if switch.startswith("--host-resolver-rules=")]
    assert rules.partition("=")[2].split(",") == [
        "MAP 127.0.0.1:8765 127.0.0.1:8765",
        "MAP [::1]:9000 [::1]:9000",
        "MAP shop.example:443 shop.example:443",
        "MAP * ~NOTFOUND",
    ]


def test_an_empty_allowlist_reaches_nothing():
    assert Guard([]).switches()[-1] == "--host-resolver-rules=MAP * ~NOTFOUND"


def test_all_refusals_are_counted_and_a_bounded_number_kept():
    shown = []
    guard = Guard([], shown.append)
    for number in range(guarding.MOST_KEPT + 5):
        guard.record(f"http://evil.example/{number}", "image", AT)
    assert guard.count == len(shown) == guarding.MOST_KEPT + 5
    assert len(guard.blocked) == guarding.MOST_KEPT
