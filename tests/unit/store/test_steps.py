from __future__ import annotations

from datetime import timedelta

import pytest

from runner.errors import StaleLease
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.steps import Mark, Steps


async def test_steps_are_timed_in_order_and_each_is_told(db: Database, leases, clock) -> None:
    steps = Steps(db)
    lease = await leases.new()
    attempt = await Attempts(db).start(lease)
    first = Mark(ordinal=1, name="open inbox", started_at=steps.now())
    await steps.write(attempt, [first])
    assert [one.ended_at for one in await steps.of_attempt(attempt.id)] == [None]
    clock.forward(1.5)
    ended = Mark(**{**vars(first), "ended_at": steps.now(), "ok": True})
    second = Mark(ordinal=2, name="read thread", detail="1 of 9", started_at=steps.now())
    failed = Mark(**{**vars(second), "ended_at": steps.now(), "ok": False})
    clock.forward(60)
    await steps.write(attempt, [ended, second, failed])
    found = await steps.of_attempt(attempt.id)
    assert [(one.ordinal, one.name, one.ok, one.detail) for one in found] == [
        (1, "open inbox", True, None),
        (2, "read thread", False, "1 of 9"),
    ]
    assert found[0].ended_at == first.started_at + timedelta(seconds=1.5)
    told = await Events(db).since(0, job_id=lease.job.id, names=["StepStarted", "StepEnded"])
    assert [(event.name, event.data["step"]) for event in told] == [
        ("StepStarted", "open inbox"),
        ("StepEnded", "open inbox"),
        ("StepStarted", "read thread"),
        ("StepEnded", "read thread"),
    ]
    assert told[1].data["seconds"] == 1.5
    assert told[1].at == found[0].ended_at
    assert {event.account for event in told} == {"amy"}


async def test_a_mark_ends_only_the_step_of_its_own_attempt(db: Database, leases) -> None:
    steps = Steps(db)
    attempts = [await Attempts(db).start(await leases.new(account)) for account in ("amy", "bob")]
    marks = [Mark(ordinal=1, name="open inbox", started_at=steps.now())]
    for attempt in attempts:
        await steps.write(attempt, marks)
    await steps.write(attempts[0], [Mark(**{**vars(marks[0]), "ended_at": steps.now(), "ok": True})])
    assert [(await steps.of_attempt(attempt.id))[0].ok for attempt in attempts] == [True, None]


async def test_a_worker_that_has_lost_its_lease_writes_no_step_any_more(db: Database, leases) -> None:
    steps = Steps(db)
    lease = await leases.new()
    attempt = await Attempts(db).start(lease)
    begun = Mark(ordinal=1, name="open inbox", started_at=steps.now())
    await steps.write(attempt, [begun])
    await leases.lose(lease)
    before = await steps.of_attempt(attempt.id), await Events(db).since(0)
    late = [Mark(**{**vars(begun), "ended_at": steps.now(), "ok": True})]
    late.append(Mark(ordinal=2, name="read thread", started_at=steps.now()))
    with pytest.raises(StaleLease):
        await steps.write(attempt, late)
    assert (await steps.of_attempt(attempt.id), await Events(db).since(0)) == before
