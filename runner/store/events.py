"""Events: recorded facts in the past tense, appended, numbered, and watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Event
from runner.store.account_ids import id_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.hub import Subscription
from runner.store.tables import account, event

_INSERT = insert(event)
_INSERT_MANY = _INSERT.returning(event.c.id, sort_by_parameter_order=True)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """An Event before it has its number; `account` is the Account's id and name, `at` the moment unless it is now."""

    name: str
    account: tuple[int, str] | None = None
    job_id: int | None = None
    attempt_id: int | None = None
    batch_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


async def record(db: Database, connection: AsyncConnection, facts: Sequence[Fact]) -> list[Event]:
    """Append Events inside the running write transaction; they are published once it is committed."""
    if not facts:
        return []
    at = db.clock.now()
    rows = [_row(fact, fact.at or at) for fact in facts]
    if len(rows) == 1:
        inserted = (await connection.execute(_INSERT, rows[0])).inserted_primary_key
        ids = [inserted[0]] if inserted else []
    else:
        ids = list((await connection.execute(_INSERT_MANY, rows)).scalars())
    events = [_event(number, fact.at or at, fact) for number, fact in zip(ids, facts, strict=True)]
    db.record(events)
    return events


class Events:
    """The Events of the whole store, oldest first."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def append(
        self,
        name: str,
        *,
        account: str | None = None,
        job_id: int | None = None,
        attempt_id: int | None = None,
        batch_id: int | None = None,
        **data: Any,
    ) -> Event:
        """Append one Event in a transaction of its own; `data` is what JSON can hold. Raises NotFound."""
        async with self._db.write() as connection:
            whose = None if account is None else (await id_of(connection, account), account)
            fact = Fact(
                name=name, account=whose, job_id=job_id, attempt_id=attempt_id, batch_id=batch_id, data=clean(data)
            )
            return (await record(self._db, connection, [fact]))[0]

    async def since(
        self,
        event_id: int,
        *,
        limit: int = 1000,
        account: str | None = None,
        job_id: int | None = None,
        batch_id: int | None = None,
        names: Sequence[str] = (),
    ) -> list[Event]:
        """Events with ids above `event_id`, at most `limit`, written by whichever process."""
        statement = _select().where(event.c.id > event_id).order_by(event.c.id).limit(limit)
        if job_id is not None:
            statement = statement.where(event.c.job_id == job_id)
        if batch_id is not None:
            statement = statement.where(event.c.batch_id == batch_id)
        if names:
            statement = statement.where(event.c.name.in_(names))
        async with self._db.read() as connection:
            if account is not None:
                statement = statement.where(event.c.account_id == await id_of(connection, account))
            return [_stored(row) for row in await connection.execute(statement)]

    async def newest(self, name: str, *, account: str) -> Event | None:
        """The last Event of this name for this Account; None when there is none. Raises NotFound."""
        statement = _select().where(event.c.name == name).order_by(event.c.id.desc()).limit(1)
        async with self._db.read() as connection:
            row = (
                await connection.execute(statement.where(event.c.account_id == await id_of(connection, account)))
            ).first()
            return _stored(row) if row else None

    async def latest(self, name: str, *, account: str | None = None, limit: int = 20) -> list[Event]:
        """The last Events of this name, for one Account where given, the newest first. Raises NotFound."""
        statement = _select().where(event.c.name == name).order_by(event.c.id.desc()).limit(limit)
        async with self._db.read() as connection:
            if account is not None:
                statement = statement.where(event.c.account_id == await id_of(connection, account))
            return [_stored(row) for row in await connection.execute(statement)]

    async def last_id(self) -> int:
        """The number of the newest Event; 0 when there is none."""
        async with self._db.read() as connection:
            newest = await connection.execute(select(event.c.id).order_by(event.c.id.desc()).limit(1))
            return newest.scalar() or 0

    def subscribe(self) -> AbstractContextManager[Subscription]:
        """Watch the Events that this process commits, from now on: `with events.subscribe() as seen: async for …`."""
        return self._db.hub.subscribe()


def _row(fact: Fact, at: datetime) -> dict[str, Any]:
    return {
        "at": at,
        "name": fact.name,
        "account_id": fact.account[0] if fact.account else None,
        "job_id": fact.job_id,
        "attempt_id": fact.attempt_id,
        "batch_id": fact.batch_id,
        "data": fact.data,
    }


def _event(number: int, at: datetime, fact: Fact) -> Event:
    return Event(
        id=number,
        at=at,
        name=fact.name,
        account=fact.account[1] if fact.account else None,
        job_id=fact.job_id,
        attempt_id=fact.attempt_id,
        batch_id=fact.batch_id,
        data=fact.data,
    )


def _select() -> Select[Any]:
    return select(event, account.c.name.label("account")).select_from(
        event.outerjoin(account, account.c.id == event.c.account_id)
    )


def _stored(row: Row[Any]) -> Event:
    fields = row._mapping
    return Event(**{name: fields[name] for name in Event.__dataclass_fields__})
