"""Errors over HTTP: the log with its pictures, the groups, and a whole group retried."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from runner.domain.jobs import EvidenceFile
from runner.domain.states import EvidenceKind, Outcome
from runner.errors import ErrorKind
from tests.unit.api.conftest import Shop

JOB = {"account": "amy", "flow": "read_inbox"}


async def failed(shop: Shop, kind: ErrorKind, signature: str, *, picture: bool = False) -> int:
    """The next Job fails; returns its Attempt's number."""
    services = shop.services
    lease = await services.engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    started = await services.records.attempts.start(lease)
    if picture:
        kinds = (EvidenceKind.PAGE, EvidenceKind.SCREENSHOT, EvidenceKind.SCREENSHOT)
        files = [EvidenceFile(kind=kind, path=f"{n}", size_bytes=1) for n, kind in enumerate(kinds)]
        await services.records.evidence.add(started, files)
    end: dict[str, Any] = {"kind": kind, "error": "slow", "signature": signature, "step": "list threads"}
    await services.records.attempts.end(lease, started, outcome=Outcome.FAILED, **end)
    if picture:
        await services.records.attempts.found_evidence(started, "amy")
    await services.engine.fail(lease, kind=kind, error="slow")
    return started.id


async def seen(admin: httpx.AsyncClient, **asked: Any) -> list[str]:
    answer = await admin.get("/api/v1/errors", params=asked)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


async def test_the_log_is_filtered_and_paged_and_shows_the_first_picture(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs/submit-many", json=[JOB, JOB, JOB])
    await failed(shop, ErrorKind.TIMEOUT, "aaa1", picture=True)
    await failed(shop, ErrorKind.NETWORK, "bbb2")
    await failed(shop, ErrorKind.TIMEOUT, "aaa1")
    newest, _, oldest = (await admin.get("/api/v1/errors")).json()["items"]
    assert (newest["id"], newest["evidence_id"]) == ("3", None)
    picture = (await admin.get(f"/api/v1/evidence/{oldest['evidence_id']}")).json()
    assert (picture["kind"], picture["attempt_id"], oldest["evidence_id"]) == ("screenshot", "1", "2")
    assert await seen(admin, kind="timeout") == ["3", "1"]
    assert await seen(admin, signature="bbb2") == ["2"]
    assert await seen(admin, account="amy", flow="read_inbox", limit=1) == ["3"]
    assert await seen(admin, flow="send_message") == []
    assert await seen(admin, since=(shop.services.clock.now() + timedelta(hours=1)).isoformat()) == []
    first = (await admin.get("/api/v1/errors", params={"limit": 2})).json()
    assert await seen(admin, limit=2, cursor=first["next_cursor"]) == ["1"]
    assert (await admin.get("/api/v1/errors", params={"account": "bob"})).status_code == 404


async def test_failures_of_one_listing_are_found(shop: Shop, admin: httpx.AsyncClient) -> None:
    rows = b"reference,title,price,currency,category,condition,description,location\nR-1,Bike,1,EUR,x,used,x,x\n"
    made = await admin.post("/api/v1/listings/import", files={"file": ("l.csv", rows)}, data={"account": "amy"})
    assert made.json()["listings"] == ["1"], made.text
    await admin.post("/api/v1/listings/publish", json={"listings": ["1"]})
    await failed(shop, ErrorKind.VALIDATION, "ccc3")
    await admin.post("/api/v1/jobs", json=JOB)
    await failed(shop, ErrorKind.TIMEOUT, "aaa1")
    assert (await seen(admin, listing=1), await seen(admin, listing=2)) == (["1"], [])
    groups = (await admin.get("/api/v1/errors/groups", params={"listing": 1})).json()["items"]
    assert [each["signature"] for each in groups] == ["ccc3"]


async def test_a_group_is_counted_shown_and_retried_at_once(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs/submit-many", json=[JOB, JOB, JOB])
    await failed(shop, ErrorKind.TIMEOUT, "aaa1", picture=True)
    await failed(shop, ErrorKind.NETWORK, "bbb2")
    await failed(shop, ErrorKind.TIMEOUT, "aaa1")
    newest, other = (await admin.get("/api/v1/errors/groups")).json()["items"]
    assert (newest["signature"], newest["count"], newest["accounts"]) == ("aaa1", 2, ["amy"])
    assert (newest["attempt_id"], newest["evidence_id"], bool(newest["cure"])) == ("1", "2", True)
    assert (other["signature"], other["evidence_id"]) == ("bbb2", None)
    done = (await admin.post("/api/v1/errors/groups/aaa1/retry")).json()
    assert (sorted(done["changed"]), done["refused"]) == (["1", "3"], {})
    states = [each["state"] for each in (await admin.get("/api/v1/jobs", params={"sort": "id"})).json()["items"]]
    assert states == ["queued", "failed", "queued"]
    assert (await admin.post("/api/v1/errors/groups/zzz/retry")).status_code == 404
