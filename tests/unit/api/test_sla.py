"""SLAs by the API: what is promised, which Threads are late, and who may say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from runner.domain.access import Role
from runner.domain.enrolments import FOLLOW_UPS
from runner.domain.jobs import NewJob
from runner.domain.states import Direction
from tests.unit.api.conftest import Shop
from tests.unit.api.test_inbox_figures import read, sent_by_its_job, told

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


async def listed(client: httpx.AsyncClient, **asked: Any) -> list[str]:
    return [each["remote_id"] for each in (await client.get("/api/v1/threads", params=asked)).json()["items"]]


async def test_a_late_thread_is_marked_found_and_given_to_its_operator(shop: Shop, admin: httpx.AsyncClient) -> None:
    asked = shop.services.clock.now() - timedelta(hours=3)
    for thread in ("t-1", "t-2"):
        await read(shop, thread, (f"{thread}-1", "hello?", IN, asked))
    await admin.put("/api/v1/threads/1/tags", json={"tags": ["vip"]})
    wanted = {"first_response_s": 7200, "resolution_s": 259_200, "put_tag": "late"}
    stranger = await admin.put("/api/v1/sla/vip", json=wanted | {"assign": "nobody at all"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
    answer = await admin.put("/api/v1/sla/VIP", json=wanted)
    assert answer.json() == {"tag": "vip", "assign": None, **wanted}
    assert (await admin.get("/api/v1/sla")).json()["items"] == [answer.json()]

    await shop.runner.books.due_times.sweep()
    assert (await listed(admin, overdue=True), await listed(admin, overdue=False)) == (["t-1"], ["t-2"])
    late = (await admin.get("/api/v1/threads/1")).json()
    assert (late["overdue"], late["due_for"], late["due_tag"]) == (True, "first_response", "vip")
    assert datetime.fromisoformat(late["due_at"]) == asked + timedelta(hours=2)
    assert late["tags"] == ["late", "vip"]

    assert (await admin.delete("/api/v1/sla/vip")).status_code == 204
    assert (await admin.delete("/api/v1/sla/vip")).status_code == 404
    await shop.runner.books.due_times.keep_up()
    assert await listed(admin, overdue=True) == []


async def test_only_whoever_may_change_things_may_promise_and_it_stands_in_the_audit_log(shop: Shop) -> None:
    async with await shop.client(Role.VIEWER) as viewer, await shop.client(Role.ADMIN) as admin:
        assert (await viewer.put("/api/v1/sla/vip", json={"first_response_s": 7200})).status_code == 403
        assert (await viewer.get("/api/v1/sla")).json() == {"items": []}
        assert (await admin.put("/api/v1/sla/vip", json={})).status_code == 422
        assert (await admin.put("/api/v1/sla/vip", json={"first_response_s": 7200})).status_code == 200
        log = (await admin.get("/api/v1/audit")).json()["items"]
    assert "PUT /api/v1/sla/{tag}" in [each["action"] for each in log]


async def test_what_a_sequence_has_sent_was_answered_by_a_sequence(shop: Shop, admin: httpx.AsyncClient) -> None:
    asked = ("m-1", "hello?", IN, shop.services.clock.now() - timedelta(hours=1))
    await read(shop, "t-1", asked)
    params = {"thread": "t-1", "text": "Still there?"}
    new = NewJob(account="amy", flow="send_message", params=params, key=f"{FOLLOW_UPS}1:step:1:1")
    await shop.services.engine.submit([new])
    sent = await sent_by_its_job(shop, "Still there?", "id:m-1", "m-2")
    await read(shop, "t-1", asked, ("m-2", "Still there?", OUT, sent))
    funnel = await told(admin, "funnel")
    assert {name: number for name, number in funnel["answered_by"].items() if number} == {"sequence": 1}
    assert (await admin.get("/api/v1/threads/1/handling")).json()["first"]["by"] == "sequence"
