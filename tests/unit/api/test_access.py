"""Who comes in, and who does not."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner import api_wiring, wiring
from runner.api.app import create_app
from runner.api.serving import Place
from runner.domain.access import Role, covers
from runner.errors import SetupError
from runner.logs import Redactor
from tests.unit.api.conftest import URL, Shop, settings_of

PASSWORD = "correct horse battery"


async def signed_in(shop: Shop) -> httpx.AsyncClient:
    secret = await shop.runner.books.operators.first_link()
    client = shop.anybody(headers={"origin": URL})
    answer = await client.post("/api/v1/session/link", json={"key": secret, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return client


async def test_the_first_link_signs_in_once_as_admin(shop: Shop) -> None:
    secret = await shop.runner.books.operators.first_link()
    client = shop.anybody(headers={"origin": URL})
    answer = await client.post("/api/v1/session/link", json={"key": secret, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert (await client.get("/api/v1/session")).json() == {
        "name": "admin",
        "role": "admin",
        "via": "session",
        "scopes": ["*"],
    }
    again = await shop.anybody().post("/api/v1/session/link", json={"key": secret})
    assert (again.status_code, again.json()["code"]) == (401, "link_used")
    assert await shop.runner.books.operators.first_link() is None, "there is an operator now"


async def test_two_who_use_a_link_at_once_are_not_both_let_in(shop: Shop) -> None:
    secret = await shop.runner.books.operators.first_link()
    asks = [shop.anybody().post("/api/v1/session/link", json={"key": secret}) for _ in range(4)]
    statuses = [answer.status_code for answer in await asyncio.gather(*asks)]
    assert sorted(statuses) == [201, 401, 401, 401]


async def test_one_signs_in_with_the_password_and_out_again(shop: Shop) -> None:
    await signed_in(shop)
    client = shop.anybody(headers={"origin": URL})
    wrong = await client.post("/api/v1/session", json={"name": "admin", "password": "wrong"})
    nobody = await client.post("/api/v1/session", json={"name": "nobody", "password": "wrong"})
    assert (wrong.status_code, wrong.json()["detail"]) == (nobody.status_code, nobody.json()["detail"])
    assert (await client.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})).status_code == 201
    assert (await client.get("/api/v1/accounts")).status_code == 200
    stolen = dict(client.cookies)
    assert (await client.delete("/api/v1/session")).status_code == 204
    assert (await shop.anybody(cookies=stolen).get("/api/v1/accounts")).status_code == 401


async def test_a_new_password_ends_the_sessions_elsewhere(shop: Shop) -> None:
    here, elsewhere = await signed_in(shop), shop.anybody(headers={"origin": URL})
    await elsewhere.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    new = {"password": "another long password", "old_password": "not it"}
    assert (await here.put("/api/v1/session/password", json=new)).status_code == 403
    assert (await here.put("/api/v1/session/password", json=new | {"old_password": PASSWORD})).status_code == 200
    assert (await here.get("/api/v1/session")).status_code == 200
    assert (await elsewhere.get("/api/v1/session")).status_code == 401


async def test_whoever_guesses_passwords_must_wait(shop: Shop) -> None:
    await signed_in(shop)
    client = shop.anybody()
    told = [(await client.post("/api/v1/session", json={"name": "admin", "password": f"guess {n}"})) for n in range(7)]
    assert [answer.status_code for answer in told] == [401] * 5 + [429] * 2
    assert int(told[-1].headers["retry-after"]) >= 1
    right = await client.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    assert right.status_code == 429, "the right one must wait as well, or it could be guessed"


async def test_many_guesses_at_once_are_counted_as_many(shop: Shop) -> None:
    await signed_in(shop)
    client = shop.anybody()
    asks = [client.post("/api/v1/session", json={"name": "admin", "password": f"guess {n}"}) for n in range(12)]
    statuses = [answer.status_code for answer in await asyncio.gather(*asks)]
    assert statuses.count(401) <= 5


async def test_a_revoked_token_is_worth_nothing(shop: Shop, admin: httpx.AsyncClient) -> None:
    made = (await admin.post("/api/v1/tokens", json={"name": "till", "role": "viewer", "scopes": ["jobs"]})).json()
    till = shop.anybody(headers={"authorization": f"Bearer {made['secret']}"})
    assert (await till.get("/api/v1/jobs")).status_code == 200
    assert (await till.get("/api/v1/threads")).json()["code"] == "scope_missing"
    assert (await admin.delete("/api/v1/tokens/till")).status_code == 200
    assert (await till.get("/api/v1/jobs")).status_code == 401
    listed = (await admin.get("/api/v1/tokens")).text
    assert made["secret"] not in listed
    assert made["secret"].encode() not in (shop.folder / "runner.db").read_bytes()
    assert made["secret"].encode() not in (shop.folder / "runner.db-wal").read_bytes()


async def test_neither_a_role_nor_the_last_admin_can_be_given_away(shop: Shop) -> None:
    boss = await signed_in(shop)
    assert (await boss.put("/api/v1/operators/admin/role", json={"role": "viewer"})).status_code == 409
    assert (await boss.delete("/api/v1/operators/admin")).status_code == 409
    added = await boss.post("/api/v1/operators", json={"name": "ada", "role": "agent", "password": PASSWORD})
    assert added.status_code == 201
    assert "password" not in added.text
    ada = shop.anybody(headers={"origin": URL})
    await ada.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
    assert (await ada.put("/api/v1/operators/ada/role", json={"role": "admin"})).json()["code"] == "role_missing"
    assert (await boss.delete("/api/v1/operators/ada")).status_code == 200
    assert (await ada.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8700", "[::2]:8700"]
)
async def test_a_name_that_was_bent_to_this_machine_is_refused(shop: Shop, host: str) -> None:
    admin = await shop.client()
    answer = await admin.get("/api/v1/accounts", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "host_refused")


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost", "LOCALHOST:1", "[::1]:8700"])
async def test_this_machine_is_reached_by_its_own_names(shop: Shop, host: str) -> None:
    admin = await shop.client()
    assert (await admin.get("/api/v1/accounts", headers={"host": host})).status_code == 200


async def test_a_change_by_cookie_must_say_which_page_it_comes_from(shop: Shop) -> None:
    boss = await signed_in(shop)
    bare = shop.anybody(cookies=dict(boss.cookies))
    assert (await bare.post("/api/v1/accounts/amy/pause")).json()["code"] == "cross_origin"
    assert (await boss.post("/api/v1/accounts/amy/pause")).status_code == 200


async def test_every_change_is_in_the_audit_log_with_who_and_from_where(shop: Shop, admin: httpx.AsyncClient) -> None:
    boss = await signed_in(shop)
    await boss.post("/api/v1/accounts/amy/pause", json={"reason": "holiday"})
    await boss.post("/api/v1/accounts/amy/pause")
    await boss.post("/api/v1/operators", json={"name": "ada", "role": "viewer", "password": PASSWORD})
    entries = (await admin.get("/api/v1/audit")).json()["items"]
    told = [(each["who"], each["action"].removeprefix("POST /api/v1"), each["status"]) for each in entries]
    assert told == [
        ("admin", "/operators", 201),
        ("admin", "/accounts/{name}/pause", 409),
        ("admin", "/accounts/{name}/pause", 200),
        ("admin", "one-time link", 201),
    ]
    assert {each["address"] for each in entries} == {"127.0.0.1"}
    assert entries[2]["details"] == {"reason": "holiday"}
    assert PASSWORD not in str(entries)


async def test_every_answer_carries_security_headers_and_its_request_id(shop: Shop, admin: httpx.AsyncClient) -> None:
    for path in ("/api/v1/accounts", "/api/v1/nothing", "/docs", "/sign-in", "/healthz"):
        answer = await admin.get(path, headers={"x-request-id": "chosen-by-me"})
        assert answer.headers["x-request-id"] == "chosen-by-me"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert (await admin.get("/docs", headers={"x-request-id": "<script>"})).headers["x-request-id"] != "<script>"


async def test_the_pages_take_nothing_from_elsewhere(shop: Shop) -> None:
    client = shop.anybody()
    for path in ("/docs", "/sign-in", "/assets/api-docs.js", "/assets/sign-in.js", "/assets/api.css"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "//" not in answer.text.replace("// ", ""), f"{path} names another address"
        assert "innerHTML" not in answer.text


async def test_the_pages_have_an_icon_that_their_own_policy_allows(shop: Shop) -> None:
    client = shop.anybody()
    for path in ("/docs", "/sign-in"):
        page = await client.get(path)
        (icon,) = re.findall(r'<link rel="icon" href="([^"]+)"', page.text)
        assert "default-src 'self'" in page.headers["content-security-policy"]
        drawn = await client.get(icon)
        assert (drawn.status_code, drawn.headers["content-type"].split(";")[0]) == (200, "image/svg+xml")


async def test_whoever_asks_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with wiring.open_runner(settings_of(tmp_path, requests_per_minute=10), Redactor()) as runner:
        services = api_wiring.api_services(runner)
        shop = Shop(folder=tmp_path, runner=runner, services=services, app=create_app(services))
        client = shop.anybody()
        answers = [await client.get("/api/v1/accounts") for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        assert [answer.headers["ratelimit-remaining"] for answer in answers[:3]] == ["9", "8", "7"]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await client.get("/healthz")).status_code == 200, "whoever watches over it is never refused"


async def test_without_sign_in_everybody_here_is_an_admin(tmp_path: Path) -> None:
    async with wiring.open_runner(settings_of(tmp_path), Redactor()) as runner:
        services = api_wiring.api_services(runner, open_to_all=True)
        shop = Shop(folder=tmp_path, runner=runner, services=services, app=create_app(services))
        client = shop.anybody()
        assert (await client.post("/api/v1/accounts/amy/pause")).status_code == 200
        evil = await client.post("/api/v1/accounts/amy/resume", headers={"origin": "http://evil.example"})
        assert evil.status_code == 403
        bent = await client.get("/api/v1/accounts", headers={"host": "evil.example"})
        assert bent.status_code == 421


@pytest.mark.parametrize(
    "place",
    [
        Place(host="0.0.0.0", port=0),
        Place(host="192.0.2.1", port=0),
        Place(host="127.0.0.1", port=0, tls_cert=Path("only-one")),
        Place(host="0.0.0.0", port=0, behind_proxy=True, open_to_all=True),
        Place(host="127.0.0.1", port=0, behind_proxy=True, open_to_all=True),
    ],
    ids=str,
)
def test_it_is_not_shown_to_others_without_protection(place: Place) -> None:
    with pytest.raises(SetupError):
        place.check()


def test_it_may_be_shown_behind_a_proxy() -> None:
    Place(host="0.0.0.0", port=0, behind_proxy=True).check()
    Place(host="::1", port=0, open_to_all=True).check()


def test_roles_and_scopes() -> None:
    assert Role.ADMIN.may(Role.VIEWER)
    assert not Role.AGENT.may(Role.ADMIN)
    assert covers(["*"], "jobs:write")
    assert covers(["jobs"], "jobs:read")
    assert covers(["*:read"], "threads:read")
    assert not covers(["*:read", "jobs"], "threads:write")
    assert not covers([], "jobs:read")


async def test_a_link_grows_old(shop: Shop, monkeypatch: Any) -> None:
    secret = await shop.runner.books.operators.first_link()
    later = shop.services.clock.now() + timedelta(hours=25)
    monkeypatch.setattr(type(shop.runner.books.database.clock), "now", lambda self: later)
    assert (await shop.anybody().post("/api/v1/session/link", json={"key": secret})).status_code == 401
