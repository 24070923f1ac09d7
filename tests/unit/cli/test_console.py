"""A link that signs in is printed with an address that a browser can ask for."""

from __future__ import annotations

from typing import Any

import pytest

from runner.cli.console import reached_at
from runner.config.served import ConsoleSettings


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:9"),
        ({"allowed_hosts": ("tunnel.example",)}, "http://127.0.0.1:9"),
        ({"host": "localhost"}, "http://localhost:9"),
        ({"host": "::1"}, "http://[::1]:9"),
        ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, "https://127.0.0.1:9"),
        ({"host": "0.0.0.0", "tls_cert": "c", "allowed_hosts": ("runner.example",)}, "https://runner.example:9"),
        ({"behind_proxy": True, "allowed_hosts": ("runner.example", "other")}, "https://runner.example"),
        ({"behind_proxy": True}, "http://127.0.0.1:9"),
        ({"host": "shop.lan", "tls_cert": "c"}, "https://shop.lan:9"),
    ],
)
def test_the_link_is_for_the_name_by_which_the_console_is_reached(given: dict[str, Any], address: str) -> None:
    assert reached_at(ConsoleSettings(**given), port=9) == address
