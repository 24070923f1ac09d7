"""What a Handoff does around its browser: what goes on afterwards, and what it knows before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.domain.jobs import Lease
from runner.domain.states import AccountState, JobState
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict, ErrorKind, SetupError
from runner.orchestrator.handoffs import Handoffs
from runner.orchestrator.visits import Look, Visit
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events


async def nobody() -> None:
    """There is nobody to rescue anything from."""


def handoffs(db: Database, engine: EmbeddedEngine, **given: Any) -> Handoffs:
    usual = {
        "engine": engine,
        "visits": None,
        "records": SimpleNamespace(accounts=Accounts(db), events=Events(db)),
        "orchestrator": None,
        "rescuer": SimpleNamespace(rescue=nobody),
        "worker": None,
        "owner": "w1",
        "live_url_of": lambda session_id: None,
        "password_of": None,
    }
    return Handoffs(**cast("Any", {**usual, **given}))


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.PAUSED])
async def test_jobs_of_an_account_that_an_operator_has_stopped_stay_parked(
    db: Database, engine: EmbeddedEngine, lease: Lease, state: AccountState
) -> None:
    await engine.park(lease, kind=ErrorKind.CAPTCHA, error="a captcha")
    before = await Accounts(db).by_name("amy")
    await Accounts(db).set_state("amy", state)
    assert await handoffs(db, engine)._free(before, None) == (None, None)
    assert (await engine.get(lease.job.id)).state is JobState.PARKED
    assert (await Accounts(db).by_name("amy")).state is state


@pytest.mark.parametrize("state", [AccountState.PARKED, AccountState.LOCKED, AccountState.ACTIVE])
async def test_jobs_of_an_account_that_waits_or_is_active_go_on(
    db: Database, engine: EmbeddedEngine, lease: Lease, state: AccountState
) -> None:
    await engine.park(lease, kind=ErrorKind.CAPTCHA, error="a captcha")
    taken, job = await handoffs(db, engine)._free(await Accounts(db).set_state("amy", state), None)
    assert taken is not None
    assert job is not None
    assert taken.job.id == job.id == lease.job.id
    assert (await Accounts(db).by_name("amy")).state is AccountState.ACTIVE


@pytest.mark.parametrize("problem", [None, SetupError("There is no such file.")])
async def test_the_password_is_known_before_the_browser_opens_so_that_no_picture_shows_it(
    db: Database, engine: EmbeddedEngine, problem: SetupError | None
) -> None:
    happened: list[str] = []

    async def password_of(account: Any) -> str:
        happened.append(f"the password of {account.name}")
        if problem is not None:
            raise problem
        return "hunter2"

    async def open_session(visit: Visit, *, patience_s: float) -> None:
        happened.append("a browser")
        raise Conflict("Somebody has the profile.")

    visits = SimpleNamespace(open=open_session)
    visit = Visit(account=await Accounts(db).by_name("amy"), look=Look())
    with pytest.raises(Conflict):
        await handoffs(db, engine, visits=visits, password_of=password_of)._in_hand(
            visit, asyncio.Event(), cast("Any", None)
        )
    assert happened == ["the password of amy", "a browser"]
