from __future__ import annotations

import pytest

from runner.errors import NotFound
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.steps import Steps


async def test_steps_are_timed_in_order_and_each_is_told(db: Database, leases, clock) -> None:
    steps = Steps(db)
    lease = await leases.new()
    attempt = await Attempts(db).start(lease)
    first = await steps.start(attempt, ordinal=1, name="open inbox")
    clock.forward(1.5)
    await steps.end(first, ok=True)
    second = await steps.start(attempt, ordinal=2, name="read thread", detail="1 of 9")
    await steps.end(second, ok=False, detail="it hung")
    found = await steps.of_attempt(attempt.id)
    assert [(one.ordinal, one.name, one.ok, one.detail) for one in found] == [
        (1, "open inbox", True, None),
        (2, "read thread", False, "it hung"),
    ]
    assert found[0].ended_at == clock.now()
    told = await Events(db).since(0, job_id=lease.job.id, names=["StepStarted", "StepEnded"])
    assert [(event.name, event.data["step"]) for event in told] == [
        ("StepStarted", "open inbox"),
        ("StepEnded", "open inbox"),
        ("StepStarted", "read thread"),
        ("StepEnded", "read thread"),
    ]
    assert told[1].data["seconds"] == 1.5
    assert {event.account for event in told} == {"amy"}


async def test_a_step_that_does_not_exist_cannot_end(db: Database) -> None:
    with pytest.raises(NotFound):
        await Steps(db).end(4711, ok=True)
