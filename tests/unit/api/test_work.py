"""What is being done this second, as the page of that name asks for it."""

from __future__ import annotations

import httpx

from runner.domain.jobs import EvidenceFile, NewJob
from runner.domain.states import EvidenceKind, Mode, Outcome
from runner.store.steps import Mark
from tests.unit.api.conftest import Shop


async def test_a_running_job_is_shown_with_the_step_that_it_is_at(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/v1/work")).json() == {"items": []}
    services, records = shop.services, shop.services.records
    await services.engine.submit([NewJob(account="amy", flow="read_inbox")] * 2)
    lease = await services.engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    (work,) = (await admin.get("/api/v1/work")).json()["items"]
    assert (work["job_id"], work["attempt_id"], work["step"], work["steps_done"]) == ("1", None, None, 0)
    started = await records.attempts.start(lease)
    session = await records.sessions.start(
        "amy",
        mode=Mode.HEADED,
        owner="w",
        browser_version="148",
        live_url_of=lambda number: f"http://127.0.0.1/{number}",
    )
    await records.attempts.joined(started, session)
    now = services.clock.now()
    begun = [Mark(ordinal=n, name=f"step {n}", started_at=now, detail="2 of 3") for n in (1, 2)]
    await records.steps.write(started, [*begun, Mark(ordinal=1, name="step 1", started_at=now, ended_at=now, ok=True)])
    pictures = [EvidenceFile(kind=EvidenceKind.SCREENSHOT, path=f"{n}", size_bytes=1) for n in range(2)]
    await records.evidence.add(started, pictures)
    (work,) = (await admin.get("/api/v1/work")).json()["items"]
    assert (work["account"], work["flow"], work["worker"], work["attempt_id"]) == ("amy", "read_inbox", "w", "1")
    assert (work["step"], work["step_detail"], work["steps_done"]) == ("step 2", "2 of 3", 1)
    assert (work["mode"], work["live_url"], work["evidence_id"]) == ("headed", "http://127.0.0.1/1", "2")
    await records.attempts.end(lease, started, outcome=Outcome.SUCCEEDED)
    await services.engine.succeed(lease, {})
    assert (await admin.get("/api/v1/work")).json() == {"items": []}
