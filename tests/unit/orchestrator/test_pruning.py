"""What stays when a Job is deleted: on the store's own database, for the port cannot see Effects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.effects import EffectKind, EffectState
from runner.domain.jobs import EvidenceFile, Lease, NewJob
from runner.domain.states import EvidenceKind
from runner.engine.embedded import EmbeddedEngine
from runner.orchestrator.pruning import Pruner
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.effects import Effects
from runner.store.evidence import EvidenceFiles


class StillClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "runner.db", clock=StillClock()) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(database).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        yield database


async def leased(engine: EmbeddedEngine) -> Lease:
    await engine.submit([NewJob(account="amy", flow="publish_listing")])
    lease = await engine.claim(owner="w1", ttl_s=10)
    assert lease is not None
    return lease


async def publish(db: Database, lease: Lease, *states: EffectState) -> None:
    effects = Effects(db)
    effect = await effects.plan(lease, EffectKind.PUBLISH_LISTING, "bike", "hash")
    for state in states:
        effect = await effects.transition(lease, effect, state)


async def test_what_was_published_stays_known_after_its_job_is_gone(db: Database) -> None:
    engine = EmbeddedEngine(db)
    lease = await leased(engine)
    await publish(db, lease, EffectState.PREPARED, EffectState.ARMED, EffectState.CONFIRMED)
    await engine.succeed(lease, {})
    assert list((await engine.delete([lease.job.id])).changed) == [lease.job.id]
    again = await Effects(db).plan(await leased(engine), EffectKind.PUBLISH_LISTING, "bike", "hash")
    assert (again.state, again.job_id) == (EffectState.CONFIRMED, lease.job.id)


async def test_a_job_about_whose_effect_a_person_must_decide_is_kept(db: Database) -> None:
    engine = EmbeddedEngine(db)
    lease = await leased(engine)
    await publish(db, lease, EffectState.PREPARED, EffectState.ARMED)
    await engine.acknowledge_cancel(lease)
    refused = (await engine.delete([lease.job.id])).refused
    assert "about which a person must decide first" in refused[lease.job.id]
    assert (await engine.get(lease.job.id)).id == lease.job.id


async def test_evidence_goes_with_its_job_and_its_neighbours_stay(db: Database, tmp_path: Path) -> None:
    engine, attempts = EmbeddedEngine(db), Attempts(db)
    places = []
    for _ in range(2):
        lease = await leased(engine)
        attempt = await attempts.start(lease)
        place = tmp_path / "screenshots" / "2026-11-22" / "amy" / str(attempt.id)
        place.mkdir(parents=True)
        (place / "page.png").write_bytes(b"a picture")
        file = EvidenceFile(kind=EvidenceKind.SCREENSHOT, path=f"2026-11-22/amy/{attempt.id}/page.png", size_bytes=9)
        await EvidenceFiles(db).add(attempt, [file])
        await engine.succeed(lease, {})
        places.append(place)
    pruner = Pruner(engine=engine, attempts=attempts, folder=tmp_path / "screenshots", clock=StillClock())
    await pruner.delete([1, 4711])
    assert [place.exists() for place in places] == [False, True]
    assert [each.job_id for each in await EvidenceFiles(db).list_evidence()] == [2]
