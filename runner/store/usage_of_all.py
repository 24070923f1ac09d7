"""How much of their limits all Accounts have used: in one statement, however many they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.limits import Level, LimitKind, Use, counted_since, levels
from runner.domain.pace import Pace
from runner.store.limit_tables import rate_usage
from runner.store.rate_usage import USE, use_of

AT_ONCE = 20


async def usage_of_all(connection: AsyncConnection, paces: Mapping[int, Pace], now: datetime) -> dict[int, list[Level]]:
    """How much of each limit is used, by the Accounts' numbers; `paces` is what binds them."""
    bound = {
        (number, kind): limit
        for number, pace in paces.items()
        for kind in LimitKind
        if (limit := pace.limit(kind)) is not None
    }
    if not bound:
        return {}
    # What is older than counts for any of them is not read; what is older for one of them is left out below.
    since = {whose: counted_since(limit, now) for whose, limit in bound.items()}
    counts = or_(rate_usage.c.over_at.is_(None), rate_usage.c.over_at > min(since.values()))
    uses: dict[tuple[int, LimitKind], list[Use]] = {}
    for row in await connection.execute(select(rate_usage.c.account_id, rate_usage.c.kind, *USE).where(counts)):
        whose = (row.account_id, row.kind)
        if whose in since and (row.over_at is None or row.over_at > since[whose]):
            uses.setdefault(whose, []).append(use_of(row))
    found: dict[int, list[Level]] = {}
    for place, ((number, kind), limit) in enumerate(bound.items()):
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)  # ten thousand Accounts take seconds, and others their turns in between
        pace = paces[number]
        told = levels(kind, limit, uses.get((number, kind), []), now, zone=pace.hours.zone, share=pace.share(now))
        found.setdefault(number, []).extend(told)
    return found
