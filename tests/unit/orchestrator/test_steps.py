"""The Recorder on a real database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.clock import SystemClock
from runner.domain.jobs import Attempt, NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict
from runner.orchestrator.steps import Recorder
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.steps import Steps


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "runner.db", clock=SystemClock(), busy_timeout_s=0.05) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(database).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        yield database


@pytest.fixture
async def attempt(db: Database) -> Attempt:
    engine = EmbeddedEngine(db)
    (job,) = await engine.submit([NewJob(account="amy", flow="read_inbox")])
    lease = await engine.claim_job(job.id, owner="w1", ttl_s=10)
    assert lease is not None
    return await Attempts(db).start(lease)


async def test_every_step_is_stored_in_order_by_the_time_that_an_attempt_ends(db: Database, attempt: Attempt) -> None:
    recorder = Recorder(Steps(db), attempt)
    async with recorder.step("publish", "a bike"):
        for number in range(3):
            async with recorder.step("add photo", f"{number + 1} of 3"):
                pass
    await recorder.written()
    found = await Steps(db).of_attempt(attempt.id)
    assert [(one.ordinal, one.name, one.detail, one.ok) for one in found] == [
        (1, "publish", "a bike", True),
        (2, "add photo", "1 of 3", True),
        (3, "add photo", "2 of 3", True),
        (4, "add photo", "3 of 3", True),
    ]
    told = await Events(db).since(0, names=["StepStarted", "StepEnded"])
    # A step's end is told after whatever went on inside it.
    assert [(event.name == "StepEnded", event.data["ordinal"]) for event in told] == [
        (False, 1), (False, 2), (True, 2), (False, 3), (True, 3), (False, 4), (True, 4), (True, 1),
    ]  # fmt: skip


async def test_a_flow_does_not_wait_for_its_steps_and_they_are_seen_while_it_runs(
    db: Database, attempt: Attempt
) -> None:
    recorder = Recorder(Steps(db), attempt)
    with db.hub.subscribe() as seen:
        async with db.write(), recorder.step("open browser"):
            pass  # somebody else has the one writer: waiting for the step would be a deadlock
        async with asyncio.timeout(10), recorder.step("list threads"):
            while (await anext(seen)).data.get("step") != "list threads":
                pass
    await recorder.close()


async def test_an_error_leaves_its_innermost_step_and_is_recorded(db: Database, attempt: Attempt) -> None:
    recorder = Recorder(Steps(db), attempt)
    with pytest.raises(ValueError, match="no such button"):
        async with recorder.step("publish"), recorder.step("review"):
            raise ValueError("no such button")
    await recorder.written()
    assert recorder.failed_in == "review"
    assert [(one.name, one.ok) for one in await Steps(db).of_attempt(attempt.id)] == [
        ("publish", False),
        ("review", False),
    ]


async def test_steps_that_could_not_be_written_are_kept_and_written_when_they_can_be(
    db: Database, attempt: Attempt
) -> None:
    recorder = Recorder(Steps(db), attempt)
    with closing(sqlite3.connect(db.path, isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        async with recorder.step("open browser"):
            pass
        with pytest.raises(Conflict):
            await recorder.written()
        somebody_else.execute("ROLLBACK")
    async with recorder.step("check login"):
        pass
    await recorder.written()
    assert [(one.name, one.ok) for one in await Steps(db).of_attempt(attempt.id)] == [
        ("open browser", True),
        ("check login", True),
    ]


async def test_an_attempt_that_nobody_asks_about_leaves_nothing_running(db: Database, attempt: Attempt) -> None:
    recorder = Recorder(Steps(db), attempt)
    before = asyncio.all_tasks()
    async with recorder.step("open browser"):
        pass
    await recorder.close()
    assert asyncio.all_tasks() == before
    assert [one.ok for one in await Steps(db).of_attempt(attempt.id)] == [True]
