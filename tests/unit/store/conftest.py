"""A real database with two accounts, and a clock that only a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.jobs import Lease, NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.store.accounts import Accounts
from runner.store.database import Database


class HandClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runner.db"


@pytest.fixture
async def db(path: Path, clock: HandClock) -> AsyncIterator[Database]:
    async with Database.open(path, clock=clock) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        accounts = [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ("amy", "bob")]
        await Accounts(database).add_many(accounts)
        yield database


class Leases:
    """Makes and loses leases on jobs of amy's."""

    def __init__(self, db: Database) -> None:
        self.engine = EmbeddedEngine(db)

    async def new(self, account: str = "amy") -> Lease:
        job = (await self.engine.submit([NewJob(account=account, flow="read_inbox")]))[0]
        return await self.again(job.id)

    async def again(self, job_id: int) -> Lease:
        lease = await self.engine.claim_job(job_id, owner="w1", ttl_s=10)
        assert lease is not None
        return lease

    async def lose(self, lease: Lease) -> None:
        await self.engine.release_dead(dead=[lease.owner])


@pytest.fixture
def leases(db: Database) -> Leases:
    return Leases(db)
