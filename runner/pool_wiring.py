"""The wiring of the browsers: the driver, and the pool of those that are kept warm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from runner.browser.launch import Browsers
from runner.browser.pool import Pool, PoolRules
from runner.config.pool import PoolSettings
from runner.domain.clock import Clock
from runner.domain.states import AccountState
from runner.errors import NotFound
from runner.orchestrator.visits import OpenSession, WarmSessions
from runner.store.accounts import Accounts

MB = 1_000_000


@asynccontextmanager
async def browsers(settings: PoolSettings, accounts: Accounts, clock: Clock) -> AsyncIterator[WarmSessions]:
    """All that opens browsers; whatever is still open at its end is closed."""
    async with Browsers(clock=clock) as opened:
        pool: Pool[OpenSession] = Pool(opened, rules(settings), served=lambda names: _active(accounts, names))
        async with pool:
            yield pool


def rules(settings: PoolSettings) -> PoolRules:
    """What the settings say, in bytes."""
    return PoolRules(
        all_bytes=settings.memory_mb * MB,
        each_bytes=settings.each_mb * MB,
        idle_s=settings.idle_s,
        max_age_s=settings.max_age_s,
    )


async def _active(accounts: Accounts, names: Collection[str]) -> Collection[str]:
    active = set()
    for name in names:
        try:
            found = await accounts.by_name(name)
        except NotFound:
            continue
        if found.state is AccountState.ACTIVE:
            active.add(name)
    return active
