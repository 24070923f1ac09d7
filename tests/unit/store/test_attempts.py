from __future__ import annotations

import pytest

from runner.domain.states import Mode, Outcome
from runner.errors import ErrorKind, NotFound, StaleLease
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.sessions import Sessions


async def test_attempts_are_numbered_over_all_executions_of_their_job(db: Database, leases, clock) -> None:
    rows = Attempts(db)
    lease = await leases.new()
    first = await rows.start(lease)
    await rows.end(lease, first, outcome=Outcome.INTERRUPTED)
    await leases.engine.requeue(lease)
    lease = await leases.again(lease.job.id)
    second = await rows.start(lease)
    assert [(one.number, one.account, one.flow) for one in (first, second)] == [
        (1, "amy", "read_inbox"),
        (2, "amy", "read_inbox"),
    ]
    assert [one.number for one in await rows.of_job(lease.job.id)] == [1, 2]
    other = await leases.new("bob")
    assert (await rows.start(other)).number == 1


async def test_an_attempt_ends_with_all_that_is_known_of_it(db: Database, leases, clock) -> None:
    rows = Attempts(db)
    lease = await leases.new()
    started = await rows.start(lease)
    session = await Sessions(db).start("amy", mode=Mode.HEADLESS, owner="w1", browser_version="148.0")
    await rows.joined(started, session)
    clock.forward(7)
    await rows.end(
        lease,
        started,
        outcome=Outcome.RETRIED,
        kind=ErrorKind.TIMEOUT,
        error="slow",
        step="open inbox",
        wait_s=2.5,
        reason="timeout: attempt 1 of 3",
        sign_ins=1,
        popups=2,
        evidence_dir="2026-11-22/amy/1",
    )
    ended = await rows.get(started.id)
    assert (ended.session_id, ended.ended_at, ended.outcome) == (session.id, clock.now(), Outcome.RETRIED)
    assert (ended.kind, ended.error, ended.step, ended.wait_s) == (ErrorKind.TIMEOUT, "slow", "open inbox", 2.5)
    assert (ended.sign_ins, ended.popups, ended.evidence_dir) == (1, 2, "2026-11-22/amy/1")
    told = await Events(db).since(0, names=["AttemptStarted", "AttemptEnded"])
    assert [event.attempt_id for event in told] == [started.id, started.id]
    assert told[1].data["outcome"] == "retried"
    assert told[1].data["wait_s"] == 2.5


async def test_a_worker_that_lost_its_lease_writes_no_attempt(db: Database, leases) -> None:
    rows = Attempts(db)
    lease = await leases.new()
    started = await rows.start(lease)
    await leases.lose(lease)
    with pytest.raises(StaleLease):
        await rows.end(lease, started, outcome=Outcome.SUCCEEDED)
    with pytest.raises(StaleLease):
        await rows.start(lease)
    [only] = await rows.of_job(lease.job.id)
    assert (only.outcome, only.reason) == (Outcome.INTERRUPTED, "its worker died")


async def test_attempts_are_listed_newest_first_and_filtered(db: Database, leases) -> None:
    rows = Attempts(db)
    amys, bobs = await leases.new("amy"), await leases.new("bob")
    one, two = await rows.start(amys), await rows.start(bobs)
    await rows.end(bobs, two, outcome=Outcome.FAILED, kind=ErrorKind.VALIDATION)
    assert [found.id for found in await rows.list_attempts()] == [two.id, one.id]
    assert [found.id for found in await rows.list_attempts(account_name="amy")] == [one.id]
    assert [found.id for found in await rows.list_attempts(only_failed=True)] == [two.id]
    assert [found.id for found in await rows.list_attempts(before_id=two.id)] == [one.id]
    with pytest.raises(NotFound):
        await rows.get(4711)
