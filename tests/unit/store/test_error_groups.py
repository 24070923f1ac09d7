"""Error groups in a real database: counted, named by a beginning, and chosen for a retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runner.domain.error_groups import ErrorGroup, GroupFilter
from runner.domain.jobs import JobFilter, NewJob
from runner.domain.states import Outcome
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict, ErrorKind, NotFound
from runner.store.attempts import Attempts
from runner.store.error_groups import ErrorGroups


@pytest.fixture
def fail(db: Any) -> Any:
    """Fails one Job of an Account for each group given, one Attempt after another; returns the Job's number."""
    engine, attempts = EmbeddedEngine(db), Attempts(db)

    async def fail(account: str, *groups: str, kind: ErrorKind = ErrorKind.NETWORK, evidence: str | None = None) -> int:
        (job,) = await engine.submit([NewJob(account=account, flow="read_inbox")])
        for number, group in enumerate(groups, start=1):
            lease = await engine.claim_job(job.id, owner="w1", ttl_s=10)
            assert lease is not None
            started = await attempts.start(lease)
            await attempts.end(
                lease,
                started,
                outcome=Outcome.FAILED,
                kind=kind,
                error=f"The site broke, {number}.",
                step="read thread",
                signature=group,
                evidence_dir=evidence,
            )
            if number < len(groups):
                await engine.retry_later(lease, due_at=db.clock.now(), kind=kind, error="again")
            else:
                await engine.fail(lease, kind=kind, error="no more")
        return job.id

    return fail


async def groups(db: Any, **which: Any) -> list[ErrorGroup]:
    return await ErrorGroups(db).list_groups(GroupFilter(**which))


async def test_failures_are_counted_by_group_the_newest_first(db: Any, fail: Any) -> None:
    await fail("amy", "aa11", "aa11", evidence="2026/amy/1")
    await fail("bob", "aa11")
    await fail("bob", "bb22", kind=ErrorKind.CAPTCHA)

    newest, other = await groups(db)

    assert (newest.signature, newest.count, newest.accounts, newest.kind) == ("bb22", 1, ["bob"], ErrorKind.CAPTCHA)
    assert (other.signature, other.count, other.accounts, other.flows) == ("aa11", 3, ["amy", "bob"], ["read_inbox"])
    assert (other.example, other.evidence_dir) == (2, "2026/amy/1"), "the newest that kept something to look at"
    assert other.first_at <= other.last_at
    assert other.cure


async def test_only_what_matches_is_counted(db: Any, fail: Any) -> None:
    await fail("amy", "aa11")
    await fail("bob", "aa11", kind=ErrorKind.TIMEOUT)

    assert [group.count for group in await groups(db, account="bob")] == [1]
    assert [group.count for group in await groups(db, kind=ErrorKind.TIMEOUT)] == [1]
    assert await groups(db, flow="publish_listing") == []
    assert await groups(db, since=db.clock.now() + timedelta(hours=1)) == []
    with pytest.raises(NotFound):
        await groups(db, account="nobody")


async def test_a_group_is_named_by_its_beginning(db: Any, fail: Any) -> None:
    for name in ("aa11", "aa12", "bb22"):
        await fail("amy", name)
    found = ErrorGroups(db)

    assert (await found.get("b")).signature == "bb22"
    assert (await found.get("aa12")).signature == "aa12"
    with pytest.raises(Conflict, match="Several"):
        await found.get("aa")
    for wrong in ("cc", "", "%"):
        with pytest.raises(NotFound):
            await found.get(wrong)


async def test_a_group_is_retried_by_the_jobs_that_last_failed_so(db: Any, fail: Any) -> None:
    first = await fail("amy", "aa11")
    moved_on = await fail("bob", "aa11", "bb22")

    engine = EmbeddedEngine(db)

    assert await engine.find(JobFilter(signature="aa11")) == [first]
    assert await engine.find(JobFilter(signature="bb22")) == [moved_on]
