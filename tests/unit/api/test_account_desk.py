"""Accounts added and imported over HTTP, and the table that shows them all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx

from runner.domain.access import Role
from runner.domain.jobs import NewJob
from runner.domain.states import Outcome
from tests.unit.api.conftest import Shop

BEN = {"name": "ben", "username": "ben@shop", "password_env": "BEN_PASSWORD", "tags": ["north"]}


async def served(shop: Shop, account: str) -> None:
    """The Account does one Job well."""
    services = shop.services
    await services.engine.submit([NewJob(account=account, flow="read_inbox")])
    lease = await services.engine.claim(owner="w", ttl_s=30, account=account)
    assert lease is not None
    started = await services.records.attempts.start(lease)
    await services.records.attempts.end(lease, started, outcome=Outcome.SUCCEEDED)
    await services.engine.succeed(lease, {})


async def test_an_account_is_added_with_the_place_of_its_password_only(shop: Shop, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/v1/accounts", json=BEN)
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["site"], made.json()["tags"]) == ("ben", "mock", ["north"])
    stored = await shop.services.records.accounts.by_name("ben")
    assert (stored.secret.kind, stored.secret.name) == ("env", "BEN_PASSWORD")
    assert (await admin.post("/api/v1/accounts", json=BEN)).status_code == 409
    agent = await shop.client(Role.AGENT)
    assert (await agent.post("/api/v1/accounts", json=BEN | {"name": "bea"})).status_code == 403


async def test_a_wrong_account_is_refused_field_by_field_and_no_password_is_kept(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post(
        "/api/v1/accounts", json={"name": "No Good", "site": "nowhere", "password_env": "hunter 2!"}
    )
    fields = {each["field"] for each in answer.json()["errors"]}
    assert (answer.status_code, fields) == (422, {"body.name", "body.site", "body.password_env"})
    assert (await admin.post("/api/v1/accounts", json={"name": "ben"})).status_code == 422
    both = BEN | {"password_file": "/run/secrets/ben"}
    assert (await admin.post("/api/v1/accounts", json=both)).status_code == 422
    audit = (await admin.get("/api/v1/audit")).json()["items"]
    assert audit
    assert "hunter" not in answer.text + json.dumps(audit)


async def test_an_import_says_by_row_what_is_wrong(shop: Shop, admin: httpx.AsyncClient) -> None:
    rows: list[dict[str, Any]] = [BEN, {"name": "cat", "username": "cat"}, BEN | {"name": "amy", "username": "x"}]
    rows.append(BEN | {"name": "dan", "username": "dan"})
    dry = (await admin.post("/api/v1/accounts/import", json={"rows": rows, "dry_run": True})).json()
    assert (dry["rows"], dry["counts"], dry["accounts"]) == (4, {"added": 2}, ["ben", "dan"])
    assert [(each["row"], each["column"]) for each in dry["problems"]] == [(2, "password_env"), (3, "name")]
    assert [each.name for each in await shop.services.records.accounts.list_accounts()] == ["amy"]
    strict = (await admin.post("/api/v1/accounts/import", json={"rows": rows, "strict": True})).json()
    assert (strict["counts"], strict["accounts"]) == ({}, [])
    done = (await admin.post("/api/v1/accounts/import", json={"rows": rows})).json()
    assert done["counts"] == {"added": 2}
    again = (await admin.post("/api/v1/accounts/import", json={"rows": [BEN | {"tags": ["south"]}, rows[3]]})).json()
    assert again["counts"] == {"changed": 1, "unchanged": 1}
    tags = (await admin.get("/api/v1/tags")).json()["items"]
    assert tags == [{"name": "north", "accounts": 1}, {"name": "south", "accounts": 1}]


async def test_a_table_with_passwords_in_it_is_not_imported(shop: Shop, admin: httpx.AsyncClient) -> None:
    rows = [{"name": "ben", "username": "ben", "password": "hunter2"}]
    answer = await admin.post("/api/v1/accounts/import", json={"rows": rows})
    assert (answer.status_code, "hunter2" in answer.text) == (422, False)
    assert "hunter2" not in (await admin.get("/api/v1/audit")).text


async def test_the_table_shows_each_account_with_its_day(shop: Shop, admin: httpx.AsyncClient) -> None:
    rows = [
        {"name": name, "username": f"{name}@shop", "password_env": "P", "tags": [name[:1]]} for name in ("ben", "bea")
    ]
    await admin.post("/api/v1/accounts/import", json={"rows": rows})
    await served(shop, "ben")
    await admin.post("/api/v1/accounts/bea/pause", json={"reason": "holiday"})
    table = {each["name"]: each for each in (await admin.get("/api/v1/accounts/table")).json()["items"]}
    assert list(table) == ["amy", "bea", "ben"]
    assert (table["ben"]["succeeded"], table["ben"]["failed"], table["ben"]["success_rate"]) == (1, 0, 1.0)
    assert (table["amy"]["succeeded"], table["amy"]["success_rate"], table["amy"]["health"]) == (0, None, "warning")
    assert (table["bea"]["state"], table["bea"]["state_reason"], table["bea"]["tags"]) == ("paused", "holiday", ["b"])
    assert table["ben"]["health_reason"]

    async def names(**asked: Any) -> list[str]:
        return [each["name"] for each in (await admin.get("/api/v1/accounts/table", params=asked)).json()["items"]]

    assert (await names(q="B"), await names(tag="b", state="active")) == (["bea", "ben"], ["ben"])
    assert (await names(sort="-name", limit=1), await names(sort="-last_served_at")) == (["ben"], ["ben", "bea", "amy"])
    first = (await admin.get("/api/v1/accounts/table", params={"limit": 2})).json()
    assert await names(limit=2, cursor=first["next_cursor"]) == ["ben"]


async def test_counters_begin_anew_when_they_are_reset(shop: Shop, admin: httpx.AsyncClient, monkeypatch: Any) -> None:
    await served(shop, "amy")
    now = shop.services.clock.now()
    monkeypatch.setattr(type(shop.services.clock), "now", lambda self: now + timedelta(seconds=5))
    made = (await admin.post("/api/v1/accounts/amy/reset-counters")).json()
    assert made["counted_from"] is not None
    monkeypatch.setattr(type(shop.services.clock), "now", lambda self: now + timedelta(seconds=9))
    await served(shop, "amy")
    (amy,) = (await admin.get("/api/v1/counters")).json()["items"]
    assert (amy["account"], amy["succeeded"]) == ("amy", 1)
    (row,) = (await admin.get("/api/v1/accounts/table")).json()["items"]
    assert row["succeeded"] <= 1, "0 when midnight has just passed"
    (share,) = (await admin.get("/api/v1/analytics/accounts")).json()["items"]
    assert share["succeeded"] == 2, "history stays"
