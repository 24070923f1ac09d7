"""Listings by reference, as the page of listings asks for them."""

from __future__ import annotations

from typing import Any

import httpx

from runner.domain.accounts import NewAccount, SecretRef
from tests.unit.api.conftest import Shop

GROUPS = "/api/v1/listings/groups"


async def bring(admin: httpx.AsyncClient, rows: str, **fields: str) -> dict[str, Any]:
    table = f"reference,title,price\n{rows}\n"
    answer = await admin.post("/api/v1/listings/import", files={"file": ("l.csv", table)}, data=fields)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def ben(shop: Shop) -> None:
    await shop.runner.books.records.accounts.add(
        NewAccount(name="ben", site="mock", username="ben", secret=SecretRef(kind="env", name="PASSWORD"))
    )


async def groups(admin: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await admin.get(GROUPS, params=asked)).json()["items"]
    return items


async def test_what_several_accounts_have_is_one_group_with_the_job_of_each(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    await ben(shop)
    await bring(admin, "A-1,Bike,10\nA-2,Lamp 100%,20", account="amy")
    batch = (await admin.post("/api/v1/listings/publish", json={"listings": ["1"], "accounts": ["amy", "ben"]})).json()
    assert batch["total"] == 2
    bike, lamp = await groups(admin)
    assert [(each["account"], each["state"], each["job"]["state"]) for each in bike["copies"]] == [
        ("amy", "draft", "queued"),
        ("ben", "draft", "queued"),
    ]
    assert (lamp["reference"], lamp["copies"][0]["job"]) == ("A-2", None)
    assert [each["reference"] for each in await groups(admin, account="ben")] == ["A-1"]
    assert [each["reference"] for each in await groups(admin, q="100%")] == ["A-2"]
    assert [each["reference"] for each in await groups(admin, reference="A-2")] == ["A-2"]
    assert await groups(admin, state="published") == []
    copies = [each["id"] for each in bike["copies"]]
    jobs = (await admin.get("/api/v1/jobs", params={"listing": copies})).json()["items"]
    assert {each["params"]["listing"] for each in jobs} == {int(each) for each in copies}
    assert (await admin.get("/api/v1/jobs", params={"listing": lamp["newest_id"]})).json()["items"] == []


async def test_groups_come_page_by_page_each_once(admin: httpx.AsyncClient) -> None:
    await bring(admin, "\n".join(f"R-{n},Thing {n},1" for n in range(5)), account="amy")
    seen, cursor = [], None
    for _ in range(3):
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        part = (await admin.get(GROUPS, params=asked)).json()
        seen += [each["reference"] for each in part["items"]]
        cursor = part["next_cursor"]
    assert (seen, cursor) == ([f"R-{n}" for n in (4, 3, 2, 1, 0)], None)


async def test_an_account_publishes_its_own_version_of_a_listing(shop: Shop, admin: httpx.AsyncClient) -> None:
    await ben(shop)
    await bring(admin, "A-1,Bike,10", account="amy")
    await bring(admin, "A-1,Bike,99", account="ben")
    await admin.post("/api/v1/listings/publish", json={"listings": ["1"], "accounts": ["amy", "ben"]})
    (bike,) = await groups(admin)
    assert {each["account"]: each["price_minor"] for each in bike["copies"]} == {"amy": 1000, "ben": 9900}


async def test_looking_first_stores_nothing(shop: Shop, admin: httpx.AsyncClient) -> None:
    told = await bring(admin, "A-1,Bike,10\nA-2,Lamp,dear", dry_run="true")
    assert (told["rows"], told["ready"], told["listings"], told["counts"]) == (2, 1, [], {})
    assert [each["line"] for each in told["problems"]] == [3]
    table = {"file": ("l.csv", "reference,title,price,photos\nA-1,Bike,10,bike.png\n")}
    (missing,) = (await admin.post("/api/v1/listings/import", files=table, data={"dry_run": "true"})).json()["problems"]
    assert missing["reason"] == "no such photo in what was sent. (found: bike.png)"
    assert await groups(admin) == []
    assert list(shop.folder.glob("uploads/*")) == []
