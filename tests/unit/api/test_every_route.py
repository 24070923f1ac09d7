"""Held to over the routes themselves, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
from typing import Any

from fastapi.routing import APIRoute

from runner.api.app import NOUNS
from runner.domain.access import Role
from tests.unit.api.test_changes import read_thread

PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "POST /api/v1/session",
    "POST /api/v1/session/link",
}
"""Whoever is not signed in may ask these, of the routes that have a door."""

PAGES = {
    "/api/v1/openapi.json",
    "/docs",
    "/sign-in",
    "/assets/api-docs.js",
    "/assets/sign-in.js",
    "/assets/api.css",
    "/assets/icon.svg",
}
"""Pages with nothing of the shop in them; everybody may see them."""

ALL = [
    (options["methods"][0], noun._prefix + path, vars(endpoint)["__door__"])
    for noun in NOUNS
    for path, endpoint, options in noun._routes
]
GUARDED = [(verb, path, door) for verb, path, door in ALL if door.role is not None]
BELOW = {Role.ADMIN: Role.AGENT, Role.AGENT: Role.VIEWER}


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "amy" if found.group(1) == "name" else "1", path)


def test_nothing_is_served_that_is_not_listed_here(shop: Any) -> None:
    served = list(shop.app.router.routes)
    with_door = {f"{next(iter(route.methods))} {route.path}" for route in served if isinstance(route, APIRoute)}
    assert with_door == {f"{verb} {path}" for verb, path, _ in ALL}
    assert {route.path for route in served if not isinstance(route, APIRoute)} == PAGES
    assert {f"{verb} {path}" for verb, path, door in ALL if door.role is None} == PUBLIC


async def test_every_route_is_shut_to_strangers_and_to_the_wrong_role(shop: Any) -> None:
    lower = {role: await shop.client(BELOW[role]) for role in BELOW}
    narrow, stranger = await shop.client(Role.ADMIN, "nothing"), shop.anybody()
    guessing = shop.anybody(headers={"authorization": "Bearer rnr_guessed"})
    # The body is no JSON at all: whoever may not come in is told so before anything else is looked at.
    more: dict[str, Any] = {"content": b"{", "headers": {"content-type": "application/json"}}
    for verb, path, door in GUARDED:
        wanted = [
            (stranger, 401, "unauthenticated"),
            (guessing, 401, "unauthenticated"),
            (narrow, 403, "scope_missing"),
        ]
        if door.role in lower:
            wanted.append((lower[door.role], 403, "role_missing"))
        for client, status, code in wanted:
            answer = await client.request(verb, filled(path), **more)
            assert (answer.status_code, answer.json()["code"]) == (status, code), f"{verb} {path}"
            assert answer.headers["content-type"] == "application/problem+json"


async def test_no_change_is_taken_from_a_page_of_another_site(shop: Any) -> None:
    admin = await shop.client()
    for verb, path in [(verb, path) for verb, path, _ in ALL if verb != "GET"]:
        for header in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
            sent = {"name": "x", "password": "x"} if path.endswith("/session") else {"key": "x"}
            answer = await admin.request(verb, filled(path), json=sent, headers=header)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin"), f"{verb} {path}"


async def test_every_list_keeps_to_the_conventions(shop: Any, admin: Any) -> None:
    await shop.services.cycles.start()
    await read_thread(shop)
    paths = shop.app.openapi()["paths"]
    lists = [path for path, verbs in paths.items() if "get" in verbs and "PageOut" in str(verbs["get"]["responses"])]
    assert len(lists) >= 15
    for path in map(filled, lists):
        answer = await admin.get(path)
        assert answer.status_code == 200, path
        assert set(answer.json()) == {"items", "next_cursor"}, path
        assert (await admin.get(path, params={"limit": 0})).status_code == 422, path
        assert (await admin.get(path, params={"limit": 501})).status_code == 422, path
        wrong = await admin.get(path, params={"cursor": "bm9wZQ"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid"), path
        again = await admin.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        for item in answer.json()["items"]:
            assert all(isinstance(item[key], str | None) for key in item if key == "id" or key.endswith("_id")), path
            assert all(item[key] is None or item[key].endswith("Z") for key in item if key.endswith("_at")), path


async def test_the_document_describes_every_route_and_its_refusals(shop: Any) -> None:
    async with shop.anybody() as stranger:
        openapi = (await stranger.get("/api/v1/openapi.json")).json()
    assert openapi["openapi"].startswith("3.1")
    described = {f"{verb.upper()} {path}" for path, verbs in openapi["paths"].items() for verb in verbs}
    assert described == {f"{verb} {path}" for verb, path, _ in ALL}
    for path, verbs in openapi["paths"].items():
        for verb, what in verbs.items():
            assert what["summary"], (verb, path)
            assert what["operationId"]
            if what.get("security") != []:
                assert {"401", "403"} <= set(what["responses"]), (verb, path)
    ids = [what["operationId"] for verbs in openapi["paths"].values() for what in verbs.values()]
    assert len(ids) == len(set(ids))
    assert "Problem" in openapi["components"]["schemas"]
    assert "HTTPValidationError" not in str(openapi)
