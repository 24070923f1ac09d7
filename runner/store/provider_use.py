"""What the language-model provider was asked for: counted in the store, so that no restart makes a budget new."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from runner.store.database import Database
from runner.store.rule_tables import provider_use


@dataclass(frozen=True, kw_only=True)
class Use:
    """What was used up on one day, in UTC."""

    day: str
    requests: int
    tokens: int


class ProviderUse:
    """The use of each day, over all processes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def today(self) -> Use:
        """What was used up today."""
        day = self._day()
        async with self._db.read() as connection:
            row = (await connection.execute(select(provider_use).where(provider_use.c.day == day))).first()
        return Use(day=day, requests=row.requests if row else 0, tokens=row.tokens if row else 0)

    async def reserve(self, tokens: int, *, requests_per_day: int, tokens_per_day: int) -> str | None:
        """Count one request and the tokens that it may take, before it is made; None where a budget forbids it.

        Returns the day on which it counts.
        """
        day = self._day()
        mine = provider_use.c.day == day
        async with self._db.write() as connection:
            row = (await connection.execute(select(provider_use).where(mine))).first()
            used, taken = (row.requests, row.tokens) if row else (0, 0)
            if used + 1 > requests_per_day or taken + tokens > tokens_per_day:
                return None
            if row is None:
                await connection.execute(insert(provider_use).values(day=day, requests=1, tokens=tokens))
            else:
                more = {"requests": used + 1, "tokens": taken + tokens}
                await connection.execute(update(provider_use).where(mine).values(more))
            return day

    async def correct(self, day: str, tokens: int) -> None:
        """Add what a request took beyond what was reserved for it; less than nothing where it took less."""
        more = {"tokens": provider_use.c.tokens + tokens}
        async with self._db.write(durable=False) as connection:
            await connection.execute(update(provider_use).where(provider_use.c.day == day).values(more))

    def _day(self) -> str:
        return f"{self._db.clock.now():%Y-%m-%d}"
