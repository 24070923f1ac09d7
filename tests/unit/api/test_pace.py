"""Limits and hours over HTTP."""

from __future__ import annotations

from datetime import timedelta

import httpx

from runner.domain.access import Role
from runner.domain.jobs import NewJob
from runner.domain.states import JobState
from tests.unit.api.conftest import Shop
from tests.unit.api.test_changes import read_thread


async def test_limits_of_an_account_are_set_shown_and_taken_away(shop: Shop, admin: httpx.AsyncClient) -> None:
    agent, viewer = await shop.client(Role.AGENT), await shop.client(Role.VIEWER)
    assert (await viewer.put("/api/v1/accounts/amy/limits", json={})).status_code == 403
    put = await agent.put("/api/v1/accounts/amy/limits", json={"messages": {"per_minute": 2, "per_day": 20}})
    assert put.status_code == 200, put.text
    shown = (await viewer.get("/api/v1/accounts/amy/limits")).json()
    assert shown == put.json()
    assert shown["limits"] == {"messages": {"per_minute": 2, "per_hour": None, "per_day": 20}}
    assert shown["own"] == ["messages"]
    assert [(each["window"], each["used"], each["left"]) for each in shown["usage"]] == [
        ("minute", 0, 2),
        ("day", 0, 20),
    ]
    everyone = (await viewer.get("/api/v1/limits")).json()["items"]
    assert [each for each in everyone if each["account"] == "amy"] == [shown]
    cleared = (await agent.delete("/api/v1/accounts/amy/limits")).json()
    assert (cleared["limits"], cleared["own"]) == ({}, [])
    assert (await agent.put("/api/v1/accounts/amy/limits", json={"messages": {"per_day": 0}})).status_code == 422
    assert (await agent.put("/api/v1/accounts/nobody/limits", json={})).status_code == 404
    said = [each["path"] for each in (await admin.get("/api/v1/audit")).json()["items"]]
    assert "/api/v1/accounts/amy/limits" in said


async def test_hours_put_a_job_off_until_they_are_taken_away(shop: Shop, admin: httpx.AsyncClient) -> None:
    day = f"{shop.services.clock.now():%A}".lower()
    put = await admin.put("/api/v1/accounts/amy/hours", json={day: "closed", "holidays": "DE-BE"})
    assert put.status_code == 200, put.text
    assert (put.json()["own"], put.json()["hours"][day], put.json()["holidays"]) == (True, "closed", "DE-BE")
    assert put.json()["now"].startswith("closed until")
    engine = shop.services.engine
    (job,) = await engine.submit([NewJob(account="amy", flow="read_inbox")])
    assert await engine.claim(owner="w", ttl_s=30, account="amy") is None
    shown = (await admin.get(f"/api/v1/jobs/{job.id}")).json()
    assert shown["postponed"].startswith("hours: closed until")
    assert shown["due_at"] == put.json()["opens_at"]
    cleared = (await admin.delete("/api/v1/accounts/amy/hours")).json()
    assert (cleared["own"], cleared["now"]) == (False, "open")
    assert (await admin.get(f"/api/v1/jobs/{job.id}")).json()["postponed"] is None
    assert await engine.claim(owner="w", ttl_s=30, account="amy") is not None
    assert (await admin.put("/api/v1/accounts/amy/hours", json={day: "9-17"})).status_code == 422
    assert (await admin.put("/api/v1/accounts/amy/hours", json={"holidays": "XX"})).status_code in (404, 422)


async def test_a_reply_may_be_sent_at_a_moment(shop: Shop, admin: httpx.AsyncClient) -> None:
    thread = await read_thread(shop)
    at = shop.services.clock.now() + timedelta(hours=3)
    asked = {"text": "Yes.", "at": at.isoformat()}
    made = await admin.post(f"/api/v1/threads/{thread}/reply", json=asked)
    assert made.status_code == 201, made.text
    job = await shop.services.engine.get(int(made.json()["id"]))
    assert (job.state, job.due_at) == (JobState.QUEUED, at)
    late = asked | {"at": (at - timedelta(hours=4)).isoformat()}
    assert (await admin.post(f"/api/v1/threads/{thread}/reply", json=late)).status_code == 422
    assert (await admin.post(f"/api/v1/threads/{thread}/reply", json=asked | {"at": "09:00"})).status_code == 422
