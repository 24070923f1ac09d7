"""Operators as an admin looks after them."""

from __future__ import annotations

import httpx

from runner.domain.access import Role
from tests.unit.api.conftest import URL, Shop

OPERATORS = "/api/v1/operators"


async def test_only_the_last_admin_is_kept(admin: httpx.AsyncClient) -> None:
    for name, role in (("vera", "viewer"), ("olga", "admin")):
        assert (await admin.post(OPERATORS, json={"name": name, "role": role})).status_code == 201
    kept = await admin.delete(f"{OPERATORS}/olga")
    assert (kept.status_code, kept.json()["detail"]) == (
        409,
        "olga is the only admin. Make somebody else an admin first.",
    )
    assert (await admin.put(f"{OPERATORS}/vera/role", json={"role": "agent"})).status_code == 200
    assert (await admin.delete(f"{OPERATORS}/vera")).status_code == 200


async def test_a_viewer_is_removed_where_no_operator_is_an_admin(admin: httpx.AsyncClient) -> None:
    await admin.post(OPERATORS, json={"name": "vera", "role": "viewer"})
    assert (await admin.delete(f"{OPERATORS}/vera")).status_code == 200


async def test_a_link_is_given_once_and_the_one_before_it_ends(shop: Shop, admin: httpx.AsyncClient) -> None:
    links = [(await admin.post(f"{OPERATORS}/vera/link", json={"role": "viewer"})).json()["link"] for _ in range(2)]
    assert all(link.startswith(f"{URL}/sign-in#") for link in links)
    first, second = (link.partition("#")[2] for link in links)
    browser = shop.anybody(headers={"origin": URL})
    assert (await browser.post("/api/v1/session/link", json={"key": first})).status_code == 401
    signed_in = await browser.post("/api/v1/session/link", json={"key": second})
    assert (signed_in.json()["name"], signed_in.json()["role"]) == ("vera", "viewer")
    log = (await admin.get("/api/v1/audit")).text
    assert second not in log


async def test_a_link_ends_with_the_operator_whose_it_is_and_with_the_role_that_it_was_for(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    await admin.post(OPERATORS, json={"name": "bob", "role": "agent"})
    browser = shop.anybody(headers={"origin": URL})
    for change in ("put", "delete"):
        link = (await admin.post(f"{OPERATORS}/bob/link", json={"role": "agent"})).json()["link"]
        if change == "put":
            assert (await admin.put(f"{OPERATORS}/bob/role", json={"role": "viewer"})).status_code == 200
        else:
            assert (await admin.delete(f"{OPERATORS}/bob")).status_code == 200
        used = await browser.post("/api/v1/session/link", json={"key": link.partition("#")[2]})
        assert used.status_code == 401, change


async def test_whoever_looks_sees_the_names_of_colleagues_and_no_more(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post(OPERATORS, json={"name": "vera", "role": "viewer"})
    await admin.post(f"{OPERATORS}/carl/link", json={"role": "agent"})
    async with await shop.client(Role.VIEWER) as viewer:
        assert (await viewer.get(f"{OPERATORS}/names")).json() == {"names": ["carl", "vera"]}
        assert (await viewer.get(OPERATORS)).status_code == 403
