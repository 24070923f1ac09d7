"""Whatever is asked, nothing breaks: no answer of 500 and above, and every refusal is a problem document."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import Shop
from tests.unit.api.test_every_route import ALL

TEXT = st.text(max_size=30)
ODD = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "9" * 19, "9" * 40, "1e309", "NaN", "null", "true", "\x00", "%00", "..", "'"]),
    st.sampled_from(["-id", "id", "name", "-last_at", "bm9wZQ", "WyJpZCIsbnVsbCwxXQ", "WyJpZCIsMSwxXQ", "é\u202e"]),
    TEXT,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
QUIET = {"/api/v1/events", "/api/v1/batches/{batch_id}/events"}
"""Streams: what they refuse is tested where they are."""


def calls(openapi: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]], list[str]]]:
    found = []
    for verb, path, _ in ALL:
        if path in QUIET:
            continue
        what = openapi["paths"][path][verb.lower()]
        content = what.get("requestBody", {}).get("content", {})
        schema = next(iter(content.values()), {}).get("schema", {})
        name = schema.get("$ref", "").split("/")[-1]
        fields = list(openapi["components"]["schemas"].get(name, {}).get("properties", {}))
        found.append((verb, path, what.get("parameters", []), fields))
    return found


@st.composite
def requests(draw: st.DrawFn, known: list[tuple[str, str, list[dict[str, Any]], list[str]]]) -> dict[str, Any]:
    verb, path, parameters, fields = draw(st.sampled_from(known))
    query, headers = {}, {}
    for each in parameters:
        value = draw(ODD)
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", draw(st.sampled_from(["1", "amy", "2", value or "x"])))
        elif each["in"] == "query" and draw(st.booleans()):
            query[each["name"]] = value
        elif each["in"] == "header" and draw(st.booleans()):
            headers[each["name"]] = value.encode("utf-8", "replace").replace(b"\n", b"").replace(b"\r", b"")
    body = draw(st.fixed_dictionaries({}, optional={field: JSON | st.just("amy") for field in fields}) | JSON)
    return {"verb": verb, "path": path, "params": query, "headers": headers, "json": body}


async def test_no_input_whatever_breaks_it(shop: Shop) -> None:
    client = await shop.client()
    await client.post("/api/v1/jobs", json={"account": "amy", "flow": "read_inbox"})
    known = calls(shop.app.openapi())
    loop, broken = asyncio.get_running_loop(), []

    async def ask(one: dict[str, Any]) -> None:
        path = one["path"].replace("#", "%23").replace("?", "%3F")
        try:
            request = client.build_request(one["verb"], path, params=one["params"], headers=one["headers"])
            request = client.build_request(
                one["verb"], path, params=one["params"], headers=one["headers"], json=one["json"]
            )
        except Exception:  # noqa: BLE001 — what httpx itself cannot send never reaches us
            return
        answer = await client.send(request)
        if answer.status_code >= 500:
            broken.append((answer.status_code, one))
        elif answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", one

    @settings(max_examples=600, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(one=requests(known))
    def fuzz(one: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(ask(one), loop).result(30)

    random.seed(1)
    await asyncio.to_thread(fuzz)
    assert broken == []
