"""What an Account has armed and nobody has settled, and the Jobs that are to read it back."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import EffectState
from runner.store import replay_chains
from runner.store.limit_tables import rate_usage
from runner.store.tables import effect

FIRED = select(effect.c.job_id).where(
    effect.c.id.in_(
        select(rate_usage.c.effect_id).where(
            rate_usage.c.account_id == bindparam("account_id"),
            rate_usage.c.over_at.is_(None),
            # No index of what has an Effect: of those the open uses of one Account are few.
            func.coalesce(rate_usage.c.effect_id, 0) != 0,
        )
    ),
    effect.c.state == EffectState.ARMED,
)
"""Who has last entered what an Account has armed and nobody has settled."""


async def have_fired(connection: AsyncConnection, account_id: int) -> set[int]:
    """The Jobs of an Account that are to read back what is armed: those that armed it, with all that repeat them."""
    found: set[int] = set()
    for job_id in (await connection.execute(FIRED, {"account_id": account_id})).scalars().all():
        if job_id not in found:
            found.update(await replay_chains.chain_of(connection, job_id))
    return found
