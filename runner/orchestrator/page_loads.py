"""Page loads under a limit: counted while the runner is at work on a page, never while a person has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runner.browser import page_loads
from runner.browser.page_loads import Over, PageLoads
from runner.domain.jobs import Lease
from runner.domain.limits import LimitKind
from runner.errors import AttemptError, InDoubt, NeedsPerson, RetryLater
from runner.orchestrator.visits import OpenSession
from runner.store.rate_usage import RateUsage


@asynccontextmanager
async def counted(
    usage: RateUsage, session: OpenSession, account: str, lease: Lease | None
) -> AsyncIterator[PageLoads | None]:
    """Count what the page loads while the body runs; None, at no cost, where there is no limit for it."""
    if await usage.limit(account, LimitKind.PAGE_LOADS) is None:
        yield None
        return

    control = session.control

    async def reserve() -> Over:
        number = await (
            usage.reserve_alone(account, LimitKind.PAGE_LOADS)
            if lease is None
            else usage.reserve(lease, LimitKind.PAGE_LOADS, must=control.is_armed)
        )
        return lambda answered: usage.over(number, answered=answered)

    # What is fired already must go out and be read back: that there is room for it was seen before.
    async with page_loads.counted(
        session.live.page,
        reserve,
        exempt=lambda: control.person is not None,
        compelled=lambda: control.is_armed,
    ) as loads:
        yield loads


def refusal(loads: PageLoads | None, error: Exception) -> AttemptError | None:
    """The refused page load behind an error; None where there was none, or a person must decide all the same."""
    refused = loads.refused if loads is not None else None
    if refused is None or isinstance(error, InDoubt | NeedsPerson):
        return None
    if isinstance(refused, AttemptError):
        return refused
    return RetryLater(f"A page was not loaded, for it could not be counted: {refused.what}", cure=refused.cure)
