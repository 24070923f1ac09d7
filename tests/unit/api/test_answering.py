"""Templates, Rules and Drafts over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from runner.domain.access import Role
from runner.domain.classification import MessageType
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from tests.unit.api.conftest import URL, Shop

RULE = {"name": "offers", "when": {"type": "offer", "hours": "00:00-23:59"}, "then": {"reply": "hi", "assign": "ada"}}


async def drafted(shop: Shop, client: httpx.AsyncClient) -> dict[str, Any]:
    """A Draft that waits."""
    at, text = shop.services.clock.now(), "20 and it is mine?"
    summary = ThreadSummary(
        remote_id="t-1", counterpart="Bea", listing_title=None, excerpt=text, unread=1, last_at=at, url=URL
    )
    message = RemoteMessage(remote_id="m-1", direction=Direction.INBOUND, sender="Bea", text=text, sent_at=at)
    await shop.services.records.threads.save_thread("amy", summary, "f", [("id:m-1", message)])
    assert (await client.post("/api/v1/templates", json={"name": "hi", "text": "Hi {buyer_name}."})).status_code == 201
    unknown = await client.post("/api/v1/rules", json=RULE)
    assert (unknown.status_code, "operator" in unknown.json()["detail"]) == (404, True)
    await shop.services.access.operators.new_link("ada", Role.AGENT)
    assert (await client.post("/api/v1/rules", json=RULE)).status_code == 201
    await shop.services.classifications.correct(1, MessageType.OFFER, by="ada")
    await shop.services.answering.sweep()
    (draft,) = (await client.get("/api/v1/drafts", params={"state": "waiting"})).json()["items"]
    found: dict[str, Any] = draft
    return found


async def test_a_draft_is_sent_by_an_agent_as_one_job(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent, await shop.client(Role.VIEWER) as viewer:
        draft = await drafted(shop, agent)
        assert (draft["text"], draft["rule"], draft["question"]) == ("Hi Bea.", "offers", "20 and it is mine?")
        assert (await viewer.post(f"/api/v1/drafts/{draft['id']}/send")).status_code == 403
        for _ in range(2):
            sent = (await agent.post(f"/api/v1/drafts/{draft['id']}/send")).json()
            assert (sent["state"], sent["by"], sent["job_state"]) == ("sent", "agent-0", "queued")
        jobs = (await viewer.get("/api/v1/jobs", params={"flow": "send_message"})).json()["items"]
        assert [job["id"] for job in jobs] == [sent["job_id"]]
        assert (await agent.post(f"/api/v1/drafts/{draft['id']}/dismiss")).status_code == 409
        assert (await viewer.get("/api/v1/threads/1")).json()["assignee"] is None, "nothing was sent yet"
        (rule,) = (await viewer.get("/api/v1/rules")).json()["items"]
        assert (rule["then"], rule["uses"]["sent"]) == ({"reply": "hi", "assign": "ada"}, 1)
        why = (await viewer.get("/api/v1/messages/1/decision")).json()
        assert (why["verdict"], why["rule"], why["why"][0]["words"]) == ("drafted", "offers", "it is offer")


async def test_a_dismissed_draft_is_not_sent(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        draft = await drafted(shop, agent)
        assert (await agent.post(f"/api/v1/drafts/{draft['id']}/dismiss")).json()["state"] == "dismissed"
        assert (await agent.post(f"/api/v1/drafts/{draft['id']}/send")).status_code == 409
        assert (await agent.get("/api/v1/jobs")).json()["items"] == []


async def test_rules_are_tried_without_doing_anything(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        for asked in ({"message_id": 1}, {"last": 5}):
            (tested,) = (await agent.post("/api/v1/rules/test", json=asked)).json()
            assert (tested["verdict"], tested["rule"], tested["reply"]) == ("drafted", "offers", "Hi Bea.")
            assert tested["tried"][0]["reasons"][0] == {"condition": "type", "met": True, "words": "it is offer"}
        assert (await agent.post("/api/v1/rules/test", json={})).status_code == 422
        assert (await agent.post("/api/v1/rules/test", json={"message_id": 9})).status_code == 404
        off = (await agent.put("/api/v1/rules/offers/enabled", json={"enabled": False})).json()
        assert off["enabled"] is False
        (tested,) = (await agent.post("/api/v1/rules/test", json={"last": 5})).json()
        assert (tested["verdict"], tested["tried"][0]["reasons"][0]["words"]) == ("no_rule", "the rule is disabled")


async def test_what_cannot_be_is_refused_with_what_to_do(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        misspelt = await agent.post("/api/v1/templates", json={"name": "x", "text": ["{bayer_name}"]})
        assert (misspelt.status_code, "Did you mean {buyer_name}?" in misspelt.text) == (422, True)
        assert (await agent.post("/api/v1/rules", json=RULE)).status_code == 404, "there is no such template"
        await drafted(shop, agent)
        assert (await agent.delete("/api/v1/templates/hi")).status_code == 409, "a rule needs it"
        assert (await agent.delete("/api/v1/rules/offers")).status_code == 200
        assert (await agent.delete("/api/v1/templates/hi")).status_code == 200
        (shown,) = (await agent.get("/api/v1/drafts")).json()["items"]
        assert shown["template"] == "hi", "what they have written stays"


async def test_a_reply_of_ones_own_takes_the_place_of_a_draft(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        draft = await drafted(shop, agent)
        queued = (await agent.post(f"/api/v1/drafts/{draft['id']}/send")).json()["job_id"]
        mine = (await agent.post("/api/v1/threads/1/reply", json={"text": "I am at it."})).json()["id"]
        jobs = (await agent.get("/api/v1/jobs", params={"flow": "send_message"})).json()["items"]
        assert {job["id"]: job["state"] for job in jobs} == {queued: "cancelled", mine: "queued"}
        (outdated,) = (await agent.get("/api/v1/drafts")).json()["items"]
        assert (outdated["state"], outdated["detail"]) == ("outdated", "a reply of your own takes its place")
