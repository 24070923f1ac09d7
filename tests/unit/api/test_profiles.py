"""A Profile over HTTP: what is kept of its logins, and never a login itself."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from runner import wiring
from runner.browser.checkpoints import Whose
from runner.browser.login_state import LoginState
from runner.logs import Redactor
from tests.unit.api.conftest import Shop

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_an_account_that_was_never_served_has_a_profile_of_nothing(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/v1/profiles/amy")).json() == {"account": "amy", "profile": None, "checkpoints": []}
    assert (await admin.get("/api/v1/profiles/nobody")).status_code == 404


async def test_checkpoints_are_told_the_newest_first_with_what_they_are_worth(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    kept = wiring.checkpoints(shop.runner.books.settings, Redactor())
    cookie = {"name": "sid", "value": "s3cret-cookie", "domain": "127.0.0.1", "path": "/"}
    state = LoginState(cookies=(cookie,), origins=())
    for _ in range(2):
        kept.save(Whose(account="amy", site="mock"), state, who="amy@shop", browser_version="156.0", at=AT)
    newest = max(kept.folder("amy").glob("*[0-9].*"))
    newest.write_bytes(b"torn")
    answer = await admin.get("/api/v1/profiles/amy")
    torn, good = answer.json()["checkpoints"]
    assert (torn["condition"], torn["saved_at"]) == ("damaged", None)
    assert torn["why"]
    assert (good["condition"], good["signed_in_as"], good["saved_at"]) == ("good", "amy@shop", "2026-11-22T12:00:00Z")
    assert "s3cret-cookie" not in answer.text
