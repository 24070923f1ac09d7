from __future__ import annotations

import pytest

from runner.domain.jobs import EvidenceFile
from runner.domain.states import EvidenceKind
from runner.errors import NotFound
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles

PICTURE = EvidenceFile(kind=EvidenceKind.LAST_PICTURE, path="2026-11-22/amy/1/last.png", size_bytes=2048, age_s=3.5)
SUMMARY = EvidenceFile(kind=EvidenceKind.SUMMARY, path="2026-11-22/amy/1/summary.md", size_bytes=300)


async def test_evidence_stands_with_its_attempt_job_and_account(db: Database, leases, clock) -> None:
    lease = await leases.new()
    attempt = await Attempts(db).start(lease)
    picture, summary = await EvidenceFiles(db).add(attempt, [PICTURE, SUMMARY])
    assert (picture.kind, picture.path, picture.size_bytes, picture.age_s) == (
        EvidenceKind.LAST_PICTURE,
        PICTURE.path,
        2048,
        3.5,
    )
    assert (picture.attempt_id, picture.job_id, picture.account, picture.flow) == (
        attempt.id,
        lease.job.id,
        "amy",
        "read_inbox",
    )
    assert await EvidenceFiles(db).get(summary.id) == summary
    [told] = await Events(db).since(0, names=["EvidenceRecorded"])
    assert told.data["paths"] == [PICTURE.path, SUMMARY.path]


async def test_evidence_is_kept_even_from_a_worker_that_lost_its_lease(db: Database, leases) -> None:
    lease = await leases.new()
    attempt = await Attempts(db).start(lease)
    await leases.lose(lease)
    assert len(await EvidenceFiles(db).add(attempt, [PICTURE])) == 1


async def test_evidence_is_listed_newest_first_and_filtered(db: Database, leases) -> None:
    files = EvidenceFiles(db)
    amys, bobs = await leases.new("amy"), await leases.new("bob")
    one, two = await Attempts(db).start(amys), await Attempts(db).start(bobs)
    await files.add(one, [PICTURE, SUMMARY])
    [late] = await files.add(two, [SUMMARY])
    assert await files.add(two, []) == []
    assert [each.kind for each in await files.list_evidence()] == [
        EvidenceKind.SUMMARY,
        EvidenceKind.SUMMARY,
        EvidenceKind.LAST_PICTURE,
    ]
    assert await files.list_evidence(account_name="bob") == [late]
    assert await files.list_evidence(attempt_id=two.id) == [late] == await files.list_evidence(job_id=bobs.job.id)
    assert [each.account for each in await files.list_evidence(kinds=[EvidenceKind.LAST_PICTURE])] == ["amy"]
    assert len(await files.list_evidence(before_id=late.id)) == 2
    with pytest.raises(NotFound):
        await files.get(4711)
