"""Sequences and Enrolments over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from runner.domain.access import Role
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from tests.unit.api.conftest import URL, Shop

NUDGE: dict[str, Any] = {
    "name": "nudge",
    "steps": [{"delay": "2h", "template": "hi"}, {"delay": "1d", "template": "hi"}],
}


async def arrived(shop: Shop, text: str = "Is it there?", *, number: int = 1) -> None:
    """A message of Bea's stands in a thread of amy's."""
    at = shop.services.clock.now()
    summary = ThreadSummary(
        remote_id=f"t-{number}",
        counterpart=f"Bea {number}",
        listing_title=None,
        excerpt=text,
        unread=1,
        last_at=at,
        url=URL,
    )
    side = Direction.INBOUND
    message = RemoteMessage(remote_id=f"m-{number}", direction=side, sender="Bea", text=text, sent_at=at)
    await shop.services.records.threads.save_thread("amy", summary, "f", [(f"id:m-{number}", message)])


async def set_up(client: httpx.AsyncClient) -> None:
    """A template and a sequence."""
    template = {"name": "hi", "text": "Hi {buyer_name}."}
    assert (await client.post("/api/v1/templates", json=template)).status_code == 201
    assert (await client.post("/api/v1/sequences", json=NUDGE)).status_code == 201


async def test_threads_are_enrolled_stopped_and_resumed_by_an_agent(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent, await shop.client(Role.VIEWER) as viewer:
        await arrived(shop)
        await arrived(shop, "Stop messaging me", number=2)
        await set_up(agent)
        asked = {"thread_ids": [1, 2, 99]}
        assert (await viewer.post("/api/v1/sequences/nudge/enrol", json=asked)).status_code == 403
        done = (await agent.post("/api/v1/sequences/nudge/enrol", json=asked)).json()
        assert [each["thread"] for each in done["refused"]] == ["2", "99"]
        assert "wants no more messages" in done["refused"][0]["why"]
        (made,) = done["enrolled"]
        assert (made["state"], made["by"], made["steps"], made["source"]) == ("active", "agent-0", 2, "hand")
        assert made["next_due_at"] is not None
        one = f"/api/v1/enrolments/{made['id']}"
        stopped = (await agent.post(f"{one}/stop")).json()
        assert (stopped["state"], stopped["reason"]) == ("stopped", "operator")
        assert (await agent.post(f"{one}/stop")).status_code == 409
        assert (await agent.post(f"{one}/resume", json={})).json()["state"] == "active"
        listed = (await viewer.get("/api/v1/enrolments", params={"sequence": "nudge", "state": "active"})).json()
        assert [each["id"] for each in listed["items"]] == [made["id"]]
        assert (await viewer.get(f"{one}/sends")).json() == []
        (shown,) = (await viewer.get("/api/v1/sequences")).json()["items"]
        assert shown["enrolments"]["active"] == 1
        assert (await agent.delete("/api/v1/sequences/nudge")).status_code == 409, "somebody goes through it"


async def test_a_dry_run_says_when_and_what_and_does_nothing(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent, await shop.client(Role.VIEWER) as viewer:
        await arrived(shop)
        await set_up(agent)
        found = (await viewer.get("/api/v1/sequences/nudge/preview", params={"thread_id": 1})).json()
        assert [each["text"] for each in found["steps"]] == ["Hi Bea 1.", "Hi Bea 1."]
        assert (found["problem"], (await viewer.get("/api/v1/enrolments")).json()["items"]) == (None, [])
        missing = await viewer.get("/api/v1/sequences/nudge/preview", params={"thread_id": 9})
        assert missing.status_code == 404


async def test_a_sequence_is_changed_switched_and_removed(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await set_up(agent)
        wrong = {"steps": [{"delay": "2x", "template": "hi"}]}
        assert (await agent.put("/api/v1/sequences/nudge", json=wrong)).status_code == 422
        assert (await agent.put("/api/v1/sequences/nudge", json={"steps": NUDGE["steps"][:1]})).json()["steps"] == [
            {"delay": "2h", "words": "2 hours", "template": "hi"}
        ]
        off = (await agent.put("/api/v1/sequences/nudge/enabled", json={"enabled": False})).json()
        assert (off["enabled"], [each["position"] for each in off["by_step"]]) == (False, [0, 1])
        assert (await agent.delete("/api/v1/sequences/nudge")).status_code == 200
        assert (await agent.get("/api/v1/sequences/nudge")).status_code == 404
