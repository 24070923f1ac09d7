"""Answers that were given to requests with an idempotency key, and the audit log of all changes asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from runner.domain.access import AuditEntry, Principal
from runner.store.access_tables import audit, idempotency_key
from runner.store.columns import clean
from runner.store.database import Database

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)
"""A request that has no answer after so long died with its process: whoever asks again may do it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an earlier request with the same key was, and was told; `status` is None while it is under way."""

    request_hash: str
    status: int | None
    body: str | None


class Answers:
    """The first answers, by who asked and the key they gave."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, who: str, key: str, request_hash: str) -> Answer | None:
        """Claim a key; None when it is ours now, else what stands under it."""
        now = self._db.clock.now()
        mine = (idempotency_key.c.who == who, idempotency_key.c.key == key)
        async with self._db.write() as connection:
            old = idempotency_key.c.created_at < now - KEPT
            await connection.execute(delete(idempotency_key).where(old))
            row = (await connection.execute(select(idempotency_key).where(*mine))).first()
            if row is not None and row.status is None and row.created_at < now - ABANDONED:
                await connection.execute(delete(idempotency_key).where(*mine))
                row = None
            if row is not None:
                return Answer(request_hash=row.request_hash, status=row.status, body=row.answer)
            values = {"who": who, "key": key, "request_hash": request_hash, "created_at": now}
            await connection.execute(insert(idempotency_key), values)
            return None

    async def end(self, who: str, key: str, status: int, body: str) -> None:
        """Keep the answer."""
        mine = update(idempotency_key).where(idempotency_key.c.who == who, idempotency_key.c.key == key)
        async with self._db.write() as connection:
            await connection.execute(mine.values(status=status, answer=body))

    async def forget(self, who: str, key: str) -> None:
        """Give the key free again: nothing was created."""
        mine = delete(idempotency_key).where(idempotency_key.c.who == who, idempotency_key.c.key == key)
        async with self._db.write() as connection:
            await connection.execute(mine)


class AuditLog:
    """Who asked for which change, from where, and what they were told."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(
        self, who: Principal, *, address: str, action: str, path: str, request_id: str, details: object = None
    ) -> int:
        """Note a change before it is made, so that none is without its entry; returns its number."""
        values = {
            "at": self._db.clock.now(),
            "who": who.name,
            "role": who.role,
            "via": who.via,
            "address": address[:100],
            "action": action[:200],
            "path": path[:2000],
            "request_id": request_id[:100],
            "details": clean(details),
        }
        async with self._db.write() as connection:
            number: int = (await connection.execute(insert(audit).returning(audit.c.id), values)).scalar_one()
            return number

    async def end(self, number: int, status: int) -> None:
        """Note what came of it."""
        async with self._db.write(durable=False) as connection:
            await connection.execute(update(audit).where(audit.c.id == number).values(status=status))

    async def list_entries(
        self, *, who: str | None = None, limit: int = 50, before_id: int | None = None
    ) -> list[AuditEntry]:
        """The entries, the newest first."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if who is not None:
            statement = statement.where(audit.c.who == who)
        if before_id is not None:
            statement = statement.where(audit.c.id < before_id)
        async with self._db.read() as connection:
            return [_entry(row) for row in await connection.execute(statement)]


def _entry(row: Row[Any]) -> AuditEntry:
    fields = row._mapping
    return AuditEntry(**{name: fields[name] for name in AuditEntry.__dataclass_fields__})
