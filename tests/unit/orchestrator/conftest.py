"""A real database with two accounts, a clock that only a test moves, and a lease on a job of amy's."""

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
async def db(tmp_path: Path, clock: HandClock) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "runner.db", clock=clock) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        accounts = [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ("amy", "bob")]
        await Accounts(database).add_many(accounts)
        yield database


@pytest.fixture
def engine(db: Database) -> EmbeddedEngine:
    return EmbeddedEngine(db)


@pytest.fixture
async def lease(engine: EmbeddedEngine) -> Lease:
    await engine.submit([NewJob(account="amy", flow="publish_listing")])
    claimed = await engine.claim(owner="w1", ttl_s=10)
    assert claimed is not None
    return claimed
