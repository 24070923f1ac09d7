"""Accounts stay signed in: judged by the marketplace's ledger, which counts every password that was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser]

SESSION_COOKIES = "[sites.mock.options]\nremember = false\n"
"""Without "remember me" the marketplace gives cookies that end with the browser."""
EXPIRE = {"route": "GET /inbox*", "account": "farid", "effect": "expire_session", "count": 1}


@pytest.fixture
def farid(shop: Any) -> Any:
    """A shop of farid's alone, whose login ends with each browser unless it is restored."""
    shop.configure(accounts=["farid"], extra=SESSION_COOKIES)
    return shop


def checkpoints(shop: Any, account: str = "farid") -> list[Path]:
    return sorted((shop.folder / "profiles" / account / "checkpoints").glob("*.checkpoint"))


def passwords_typed(shop: Any, account: str = "farid") -> int:
    return len(shop.market.ledger("sign_in", account)) + len(shop.market.ledger("sign_in_failed", account))


def done(shop: Any, account: str = "farid") -> Any:
    ended = shop.cli("run", account, "check_login")
    assert ended.code == 0, ended.said
    return ended


def test_session_cookies_outlive_the_browser_again_and_again(farid: Any) -> None:
    for _ in range(4):
        done(farid)
    assert passwords_typed(farid) == 1
    found = farid.rows("select after, signed_in from check_result order by id")
    assert found == [("look", 0), ("sign_in", 1), *[("look", 0), ("checkpoint", 1)] * 3]
