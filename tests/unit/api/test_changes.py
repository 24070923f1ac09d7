"""What the API changes, and what it does when it is asked twice."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from PIL import Image

from runner.domain.access import Role
from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.classification import Classification, Likely, MessageType
from runner.domain.effects import EffectKind, EffectState
from runner.domain.jobs import EvidenceFile
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction, EvidenceKind, Outcome
from runner.errors import ErrorKind
from tests.unit.api.conftest import Shop

JOB = {"account": "amy", "flow": "read_inbox"}


async def read_thread(shop: Shop, text: str = "Is it still there?") -> int:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    summary = ThreadSummary(
        remote_id="t-1",
        counterpart="Bea",
        listing_title="A bike",
        excerpt=text,
        unread=1,
        last_at=at,
        url="http://127.0.0.1/t",
    )
    message = RemoteMessage(remote_id="m-1", direction=Direction.INBOUND, sender="Bea", text=text, sent_at=at)
    await shop.services.records.threads.save_thread("amy", summary, "f", [("id:m-1", message)])
    return 1


async def test_a_job_is_submitted_cancelled_and_retried(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/v1/jobs", json=JOB | {"priority": "high"})
    assert made.status_code == 201
    job = made.json()
    assert (job["state"], job["priority"], job["id"]) == ("queued", "high", "1")
    assert (await admin.post("/api/v1/jobs/1/cancel")).json()["state"] == "cancelled"
    again = await admin.post("/api/v1/jobs/1/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await admin.post("/api/v1/jobs/1/retry")).json()["state"] == "queued"
    assert (await admin.post("/api/v1/jobs/99/retry")).status_code == 404


async def test_jobs_that_wait_for_others_are_submitted_together(admin: httpx.AsyncClient) -> None:
    asked = [JOB | {"key": "first"}, JOB | {"after": ["first"], "if_failed": "skip"}]
    made = (await admin.post("/api/v1/jobs/submit-many", json=asked)).json()
    assert [job["waits_for"] for job in made] == [0, 1]
    assert (await admin.get("/api/v1/jobs/2")).json()["needs"] == ["1"]
    assert (await admin.get("/api/v1/jobs/1")).json()["needed_by"] == ["2"]
    circle = [JOB | {"key": "a", "after": ["b"]}, JOB | {"key": "b", "after": ["a"]}]
    assert (await admin.post("/api/v1/jobs/submit-many", json=circle)).status_code == 422


async def test_many_jobs_are_changed_at_once_and_each_refusal_has_its_reason(admin: httpx.AsyncClient) -> None:
    for _ in range(3):
        await admin.post("/api/v1/jobs", json=JOB)
    await admin.post("/api/v1/jobs/1/cancel")
    done = (await admin.post("/api/v1/jobs/bulk", json={"action": "cancel", "ids": ["1", "2", "77"]})).json()
    assert done["changed"] == ["2"]
    assert sorted(done["refused"]) == ["1", "77"]
    done = (await admin.post("/api/v1/jobs/bulk", json={"action": "retry", "states": ["cancelled"]})).json()
    assert sorted(done["changed"]) == ["1", "2"]
    assert (await admin.post("/api/v1/jobs/bulk", json={"action": "cancel"})).status_code == 422
    keyed = (await admin.post("/api/v1/jobs/bulk", json={"action": "cancel", "key": "no such key"})).json()
    assert keyed["changed"] == [], "not all that are queued"


async def test_wrong_data_is_refused_field_by_field(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/jobs", json={"account": "", "flow": "read_inbox", "prioritty": "high"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid")
    assert {each["field"] for each in problem["errors"]} == {"body.account", "body.prioritty"}
    unknown = await admin.post("/api/v1/jobs", json={"account": "amyy", "flow": "read_inbox"})
    assert (unknown.status_code, "amy" in unknown.json()["detail"]) == (404, True)
    assert (await admin.post("/api/v1/jobs", json=JOB | {"flow": "no"})).status_code == 404
    params = await admin.post("/api/v1/jobs", json={"account": "amy", "flow": "send_message", "params": {"x": 1}})
    assert (params.status_code, len(params.json()["errors"])) == (422, 3)


async def test_the_same_key_and_body_get_the_first_answer(admin: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    first = await admin.post("/api/v1/jobs", json=JOB, headers=key)
    second = await admin.post("/api/v1/jobs", json=JOB, headers=key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    other = await admin.post("/api/v1/jobs", json=JOB | {"priority": "low"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await admin.get("/api/v1/jobs")).json()["items"]) == 1


async def test_a_refused_request_does_not_use_its_key_up(admin: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    assert (await admin.post("/api/v1/jobs", json=JOB | {"account": "bob"}, headers=key)).status_code == 404
    assert (await admin.post("/api/v1/jobs", json=JOB, headers=key)).status_code == 201


async def test_requests_with_one_key_at_once_create_one_job(shop: Shop, admin: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    answers = await asyncio.gather(*(admin.post("/api/v1/jobs", json=JOB, headers=key) for _ in range(8)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert all(answer.json()["code"] == "in_progress" for answer in answers if answer.status_code == 409)
    assert len((await admin.get("/api/v1/jobs")).json()["items"]) == 1
    other = await shop.client(Role.AGENT)
    assert (await other.post("/api/v1/jobs", json=JOB, headers=key)).json()["id"] == "2", "a key is its owner's own"


async def test_a_request_that_died_before_its_answer_makes_no_second_job(shop: Shop, admin: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    first = await admin.post("/api/v1/jobs", json=JOB, headers=key)
    who = f"token:{(await shop.runner.books.tokens.list_tokens())[0].name}"
    await shop.services.access.answers.forget(who, "k-1")  # as if the process had died right after the job was stored
    second = await admin.post("/api/v1/jobs", json=JOB, headers=key)
    assert (second.status_code, second.json()["id"]) == (201, first.json()["id"])


async def test_an_account_is_paused_resumed_and_looked_at(shop: Shop, admin: httpx.AsyncClient) -> None:
    paused = (await admin.post("/api/v1/accounts/amy/pause", json={"reason": "holiday"})).json()
    assert (paused["state"], paused["state_reason"]) == ("paused", "holiday")
    health = (await admin.get("/api/v1/accounts/amy/health")).json()
    assert (health["healthy"], health["state"]) == (False, "paused")
    assert (await admin.post("/api/v1/accounts/amy/resume")).json()["state"] == "active"
    job = (await admin.post("/api/v1/accounts/amy/validate-session")).json()
    assert (job["flow"], job["priority"]) == ("check_login", "urgent")
    assert (await admin.put("/api/v1/accounts/amy/tags", json={"tags": ["x"]})).status_code == 409, "it is in the file"


async def test_a_cycle_is_a_batch_with_progress(admin: httpx.AsyncClient) -> None:
    made = (await admin.post("/api/v1/batches", json={})).json()
    assert (made["name"], made["total"], made["done"]) == ("cycle", 1, 0)
    jobs = (await admin.get("/api/v1/jobs", params={"batch": made["id"]})).json()["items"]
    assert [job["flow"] for job in jobs] == ["read_inbox"]
    coming = (await admin.get("/api/v1/rotation")).json()["next"]
    assert [(turn["account"], turn["reason"]) for turn in coming] == [("amy", "never served, the only one due")]


async def test_a_reply_becomes_one_job_for_the_effect_journal(shop: Shop, admin: httpx.AsyncClient) -> None:
    number = await read_thread(shop)
    threads = (await admin.get("/api/v1/threads", params={"unread": True, "q": "STILL"})).json()["items"]
    assert [thread["counterpart"] for thread in threads] == ["Bea"]
    messages = (await admin.get(f"/api/v1/threads/{number}/messages")).json()["items"]
    told = {"text": "It is.", "answering": messages[0]["key"]}
    job = (await admin.post(f"/api/v1/threads/{number}/reply", json=told)).json()
    assert (job["flow"], job["params"]) == ("send_message", {"thread": "t-1", **told})
    assert (await admin.post("/api/v1/threads/1/reply", json={"text": ""})).status_code == 422


async def test_a_message_that_nobody_is_sure_of_waits_until_a_person_says_what_it_wants(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    await read_thread(shop, "hm and the other thing?")
    unsure = Classification(
        type=MessageType.OFFER,
        confidence=0.4,
        top=(Likely(type=MessageType.OFFER, probability=0.4),),
        first_contact=True,
        by="test-1",
    )
    await shop.services.classifications.record([(1, unsure)])
    [message] = (await admin.get("/api/v1/threads/1/messages")).json()["items"]
    assert (message["type"], message["confidence"], message["classified_by"]) == ("offer", 0.4, "test-1")
    [waiting] = (await admin.get("/api/v1/messages/queue")).json()["items"]
    assert (waiting["message_id"], waiting["counterpart"], waiting["type"]) == (message["id"], "Bea", "offer")

    wrong = await admin.post("/api/v1/messages/1/correct", json={"type": "poetry"})
    assert wrong.status_code == 422
    assert (await admin.post("/api/v1/messages/99/correct", json={"type": "closing"})).status_code == 404
    async with await shop.client(Role.VIEWER) as viewer:
        assert (await viewer.post("/api/v1/messages/1/correct", json={"type": "closing"})).status_code == 403
    said = (await admin.post("/api/v1/messages/1/correct", json={"type": "closing"})).json()
    assert (said["type"], said["message_id"]) == ("closing", "1")
    [message] = (await admin.get("/api/v1/threads/1/messages")).json()["items"]
    assert (message["type"], message["confidence"], message["classified_by"]) == ("closing", 1.0, said["by"])
    assert (await admin.get("/api/v1/messages/queue")).json()["items"] == []


async def test_schedules_are_added_and_removed(admin: httpx.AsyncClient) -> None:
    new = {"name": "mornings", "flow": "read_inbox", "cron": "0 8 * * *", "timezone": "Europe/Berlin"}
    made = (await admin.post("/api/v1/schedules", json=new)).json()
    assert (made["cron"], made["next_due_at"][-1]) == ("0 8 * * *", "Z")
    assert (await admin.post("/api/v1/schedules", json=new)).status_code == 409
    wrong = await admin.post("/api/v1/schedules", json=new | {"name": "b", "cron": "0 8 * *"})
    assert (wrong.status_code, "cron rule" in wrong.json()["detail"]) == (422, True)
    assert (await admin.delete("/api/v1/schedules/mornings")).status_code == 200
    assert (await admin.get("/api/v1/schedules/mornings")).status_code == 404


async def test_an_effect_in_doubt_is_settled_by_a_person(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs", json=JOB)
    engine, effects = shop.services.engine, shop.services.records.effects
    lease = await engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    effect = await effects.plan(lease, EffectKind.SEND_MESSAGE, "key", "hash")
    for state in (EffectState.PREPARED, EffectState.ARMED, EffectState.UNKNOWN):
        effect = await effects.transition(lease, effect, state)
    await engine.doubt(lease, kind=ErrorKind.NETWORK, error="nobody knows")
    waiting = (await admin.get("/api/v1/effects", params={"state": "unknown"})).json()["items"]
    assert [each["id"] for each in waiting] == ["1"]
    settled = (await admin.post("/api/v1/effects/1/settle", json={"verdict": "not_done", "why": "looked"})).json()
    assert (settled["effect"]["state"], settled["job"]["state"]) == ("not_done", "queued")
    assert (await admin.post("/api/v1/effects/1/settle", json={"verdict": "not_done"})).status_code == 409


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(file, "PNG")
    return file.getvalue()


async def test_listings_are_imported_shown_and_published(shop: Shop, admin: httpx.AsyncClient) -> None:
    table = b"reference,title,price,photos\nB-1,A bike,120.00,bike.png\nB-2,A lamp,wrong,\n"
    files = [("file", ("../../goods.csv", table)), ("photos", ("../../../bike.png", picture()))]
    done = (await admin.post("/api/v1/listings/import", files=files, data={"account": "amy"})).json()
    assert (done["rows"], done["counts"], done["listings"]) == (2, {"added": 1}, ["1"])
    assert [problem["line"] for problem in done["problems"]] == [3]
    photo = (await admin.get("/api/v1/listings/1")).json()["photos"][0]
    answer = await admin.get(photo)
    assert (answer.headers["content-type"], answer.content) == ("image/png", picture())
    kept = sorted(path.name for path in shop.folder.rglob("*.png"))
    assert kept == ["bike.png"]
    assert all(path.is_relative_to(shop.folder / "uploads") for path in shop.folder.rglob("bike.png"))
    batch = (await admin.post("/api/v1/listings/publish", json={"listings": ["1"]})).json()
    assert (batch["name"], batch["total"]) == ("publish", 1)
    assert (await admin.post("/api/v1/listings/publish", json={"listings": ["9"]})).status_code == 404


async def test_an_import_that_fails_leaves_nothing_behind(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/v1/listings/import", files={"file": ("x.exe", b"")})).status_code == 422
    assert (await admin.post("/api/v1/listings/import", files={"file": ("x.csv", b"\xff\xfe\x00")})).status_code == 422
    assert list(shop.folder.glob("uploads/*")) == []


async def attempt_with(shop: Shop, *paths: str) -> None:
    await shop.services.engine.submit([])
    (folder := shop.folder / "screenshots").mkdir(exist_ok=True)
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (shop.folder / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(shop.folder / "secret.txt")
    lease = await shop.services.engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    started = await shop.services.records.attempts.start(lease)
    files = [EvidenceFile(kind=EvidenceKind.PAGE, path=path, size_bytes=1) for path in paths]
    await shop.services.records.evidence.add(started, files)
    failed = {"kind": ErrorKind.TIMEOUT, "error": "slow"}
    await shop.services.records.attempts.end(lease, started, outcome=Outcome.FAILED, **failed)  # type: ignore[arg-type]  # two of many


async def test_evidence_is_shown_and_nothing_outside_its_folder(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs", json=JOB)
    outside = ["../secret.txt", "link.txt", str(shop.folder / "secret.txt"), "a/../../secret.txt", "", "."]
    await attempt_with(shop, "page.html", *outside)
    page = await admin.get("/api/v1/evidence/1/file")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("sandbox;")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-disposition"].startswith("inline; filename=")
    for number in range(2, len(outside) + 2):
        answer = await admin.get(f"/api/v1/evidence/{number}/file")
        assert (answer.status_code, "secret" in answer.text) == (404, False), outside[number - 2]
    listed = (await admin.get("/api/v1/evidence")).text
    assert str(shop.folder) not in listed, "no path of this machine"
    whole = (await admin.get("/api/v1/attempts/1")).json()
    assert (whole["kind"], whole["steps"]) == ("timeout", [])
    assert (await admin.get("/api/v1/attempts", params={"failed": True})).json()["items"][0]["id"] == "1"


async def test_pages_hold_every_job_once(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs/submit-many", json=[JOB for _ in range(25)])
    for sort in ("-id", "id", "due_at", "-due_at"):
        seen: list[str] = []
        cursor = None
        while True:
            asked: dict[str, Any] = {"limit": 7, "sort": sort} | ({"cursor": cursor} if cursor else {})
            answer = (await admin.get("/api/v1/jobs", params=asked)).json()
            seen += [job["id"] for job in answer["items"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        assert sorted(map(int, seen)) == list(range(1, 26)), sort
        assert seen == sorted(seen, key=int, reverse=sort.startswith("-")), sort


async def test_it_is_not_ready_when_work_is_due_and_nobody_does_it(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: Any
) -> None:
    ben = NewAccount(name="ben", site="mock", username="ben", secret=SecretRef(kind="env", name="X"))
    await shop.services.records.accounts.add(ben)
    for name in ("amy", "ben"):
        await admin.post("/api/v1/jobs", json=JOB | {"account": name})
    assert (await admin.get("/readyz")).status_code == 200
    later = shop.services.clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(type(shop.services.clock), "now", lambda self: later)
    answer = await admin.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "stuck")
    lease = await shop.services.engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    await shop.services.records.attempts.start(lease)
    assert (await admin.get("/readyz")).status_code == 200, "the other one waits for long too, but work goes on"


async def test_settings_are_shown_with_their_origin_and_without_secrets(admin: httpx.AsyncClient) -> None:
    found = {each["key"]: each for each in (await admin.get("/api/v1/settings")).json()["items"]}
    assert found["console.port"]["value"] == 8700
    assert found["accounts.amy.password"]["value"] == "kept in: env"
    assert "PASSWORD" not in str(found)


async def test_prometheus_gets_its_figures(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs", json=JOB)
    answer = await admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'runner_jobs{state="queued"} 1.0' in answer.text
    assert "runner_ready 1.0" in answer.text


async def test_figures_of_the_shop(shop: Shop, admin: httpx.AsyncClient) -> None:
    await read_thread(shop)
    await admin.post("/api/v1/jobs", json=JOB)
    await attempt_with(shop)
    overview = (await admin.get("/api/v1/overview", params={"timeframe": "30d"})).json()
    assert (overview["threads"], overview["unread_threads"], overview["attempts_failed"]) == (1, 1, 1)
    assert overview["success_rate"] == 0.0
    (amy,) = (await admin.get("/api/v1/counters", params={"timeframe": "1h"})).json()["items"]
    assert (amy["account"], amy["failed"], amy["succeeded"]) == ("amy", 1, 0)
    assert (await admin.get("/api/v1/overview", params={"timeframe": "2h"})).status_code == 422


async def test_no_picture_of_this_machine_is_published_by_naming_it(shop: Shop, admin: httpx.AsyncClient) -> None:
    (shop.folder / "private.png").write_bytes(picture())
    fields = {"title": "x", "price": "1", "currency": "EUR", "category": "x", "condition": "x"}
    fields |= {"description": "x", "location": "x", "reference": "R-1"}
    for name in (str(shop.folder / "private.png"), "../private.png"):
        params = fields | {"photos": [name]}
        asked = {"account": "amy", "flow": "publish_listing", "params": params}
        answer = await admin.post("/api/v1/jobs", json=asked)
        assert (answer.status_code, "names a file" in answer.json()["detail"]) == (422, True)
    uploads = shop.folder / "uploads"
    uploads.mkdir()
    (uploads / "ours.png").write_bytes(picture())
    asked = {"account": "amy", "flow": "publish_listing", "params": fields | {"photos": ["ours.png"]}}
    assert (await admin.post("/api/v1/jobs", json=asked)).status_code == 201


async def test_a_dry_run_imports_nothing_and_says_what_is_wrong(shop: Shop, admin: httpx.AsyncClient) -> None:
    head = "reference,title,price,currency,category,condition,description,location"
    rows = f"{head}\nR-1,Bike,1,EUR,x,used,x,x\nR-2,Bell,a lot,EUR,x,used,x,x\nR-3,Saddle,2,EUR,x,used,x,x\n"
    sent: dict[str, Any] = {"files": {"file": ("l.csv", rows.encode())}, "data": {"account": "amy"}}
    dry = await admin.post("/api/v1/listings/import", files=sent["files"], data={"account": "amy", "dry_run": "true"})
    told = dry.json()
    assert (told["rows"], told["ready"], told["counts"], told["listings"]) == (3, 2, {}, [])
    assert [(each["line"], each["column"]) for each in told["problems"]] == [(3, "price")]
    assert (await admin.get("/api/v1/listings")).json()["items"] == []
    assert list(shop.folder.glob("uploads/*")) == []
    assert (await admin.post("/api/v1/listings/import", **sent)).json()["counts"] == {"added": 2}
    newest = (await admin.get("/api/v1/listings", params={"sort": "-id", "limit": 1})).json()
    assert newest["items"][0]["reference"] == "R-3"
    rest = await admin.get("/api/v1/listings", params={"sort": "-id", "cursor": newest["next_cursor"]})
    assert [each["reference"] for each in rest.json()["items"]] == ["R-1"]
    assert (await admin.get("/api/v1/listings", params={"sort": "title"})).status_code == 422


async def test_publishing_to_several_accounts_is_one_batch_to_follow(shop: Shop, admin: httpx.AsyncClient) -> None:
    for name in ("ben", "bea"):
        new = NewAccount(name=name, site="mock", username=name, secret=SecretRef(kind="env", name="X"))
        await shop.services.records.accounts.add(new)
    row = b"reference,title,price,currency,category,condition,description,location\nR-1,Bike,1,EUR,x,used,x,x\n"
    await admin.post("/api/v1/listings/import", files={"file": ("l.csv", row)}, data={"account": "amy"})
    asked = {"listings": ["1"], "accounts": ["amy", "ben", "bea"]}
    batch = (await admin.post("/api/v1/listings/publish", json=asked)).json()
    assert (batch["name"], batch["total"], batch["queued"]) == ("publish", 3, 3)
    assert (await admin.get(f"/api/v1/batches/{batch['id']}")).json()["total"] == 3
    jobs = (await admin.get("/api/v1/jobs", params={"batch": batch["id"], "sort": "id"})).json()["items"]
    assert [(each["account"], each["params"]) for each in jobs] == [
        ("amy", {"listing": 1}),
        ("ben", {"listing": 2}),
        ("bea", {"listing": 3}),
    ]


async def test_a_job_that_has_ended_is_deleted_and_another_is_not(shop: Shop, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/jobs", json=JOB)
    refused = await admin.delete("/api/v1/jobs/1")
    assert (refused.status_code, "queued" in refused.json()["detail"]) == (409, True)
    await admin.post("/api/v1/jobs/1/cancel")
    assert (await admin.delete("/api/v1/jobs/1")).json()["changed"] == ["1"]
    assert (await admin.get("/api/v1/jobs/1")).status_code == 404
    assert (await admin.delete("/api/v1/jobs/1")).status_code == 404


async def test_rotation_says_why_an_account_is_served_or_not(shop: Shop, admin: httpx.AsyncClient) -> None:
    async def standing() -> Any:
        return (await admin.get("/api/v1/rotation", params={"account": "amy"})).json()["account"]

    assert (await standing())["reason"] == "nothing is queued for it"
    later = (shop.services.clock.now() + timedelta(days=1)).isoformat()
    await admin.post("/api/v1/jobs", json=JOB | {"due_at": later})
    assert "nothing is due: the next of 1 job is due at" in (await standing())["reason"]
    await admin.post("/api/v1/jobs", json=JOB)
    assert ((await standing())["place"], (await standing())["reason"][:11]) == (1, "it is next:")
    await admin.post("/api/v1/accounts/amy/pause", json={"reason": "holiday"})
    assert (await standing())["reason"] == "paused: holiday"
    await admin.post("/api/v1/accounts/amy/resume")
    assert await shop.services.engine.claim(owner="w", ttl_s=30) is not None
    found = await standing()
    assert (found["running"], found["reason"].startswith("job 2 (read_inbox) runs: ")) == (True, True)
    history = (await admin.get("/api/v1/rotation", params={"account": "amy"})).json()["history"]
    assert [each["job_id"] for each in history] == ["2"]
    assert (await admin.get("/api/v1/rotation", params={"account": "bob"})).status_code == 404
    assert (await admin.get("/api/v1/rotation")).json()["account"] is None
