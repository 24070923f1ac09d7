"""What Messages want, as classifiers and people have said; corrections are kept whatever becomes of the Message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.classification import Classification, Correction, MessageType, Queued
from runner.domain.states import Direction, ThreadStatus
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.browsing import MESSAGE_ORDERS
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.pages import Page, Wish, fetch_ids
from runner.store.tables import account
from runner.store.trade_tables import classification_correction, message, participant, thread

_NEWER = {"classification": message.c.classification + 1}
"""Counts what was said of a Message: a clock may stand still, or be set back."""


@dataclass(frozen=True, kw_only=True)
class Unclassified:
    """An inbound Message of which nobody knows yet what it wants."""

    id: int
    text: str
    first_contact: bool


@dataclass(frozen=True, kw_only=True)
class Said:
    """A stored word on what a Message wants: a classifier's, with its version, or a person's, by name."""

    type: MessageType
    confidence: float
    by: str
    at: datetime


class Classifications:
    """The types of the stored Messages, and the corrections."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def unclassified(self, *, limit: int) -> list[Unclassified]:
        """Inbound Messages without a type, the newest first: those are what somebody waits for."""
        async with self._db.read() as connection:
            rows = await connection.execute(_unclassified(), {"at_most": limit})
            return [Unclassified(id=row.id, text=row.text, first_contact=bool(row.first_contact)) for row in rows]

    async def text_of(self, message_id: int) -> tuple[str, bool]:
        """A Message's text, and whether it is the first of its Thread. Raises NotFound."""
        statement = select(message.c.text, _first_contact().label("first")).where(message.c.id == message_id)
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            raise NotFound("message", str(message_id), ())
        return row.text, bool(row.first)

    async def said_of(self, message_id: int) -> Said | None:
        """What was said of a Message when it came, and by whom; None when nobody has yet. Raises NotFound."""
        columns = (message.c.type, message.c.confidence, message.c.classified_by, message.c.classified_at)
        async with self._db.read() as connection:
            row = (await connection.execute(select(*columns).where(message.c.id == message_id))).first()
        if row is None:
            raise NotFound("message", str(message_id), ())
        if row.type is None:
            return None
        return Said(type=row.type, confidence=row.confidence, by=row.classified_by, at=row.classified_at)

    async def record(self, found: Sequence[tuple[int, Classification]]) -> int:
        """Store what was said of some Messages, in one transaction; returns how many were still without a type.

        A Message that a person has corrected in the meantime keeps what the person said.
        """
        async with self._db.write() as connection:
            facts = []
            for number, each in found:
                whose = await self._write(connection, number, each)
                if whose is not None:
                    facts.append(_fact(whose, number, each.type, each.confidence, each.by, each.first_contact))
            await events.record(self._db, connection, facts)
            return len(facts)

    async def correct(self, message_id: int, type_: MessageType, *, by: str) -> Correction:
        """A person's word on an inbound Message. Raises NotFound, Conflict for one of our own."""
        async with self._db.write() as connection:
            now = self._db.clock.now()
            row = (await connection.execute(_whose().where(message.c.id == message_id))).first()
            if row is None:
                raise NotFound("message", str(message_id), ())
            if row.direction is not Direction.INBOUND:
                raise Conflict(f"Message {message_id} is one of ours: only what a counterpart wrote has a type.")
            values = {"message_id": message_id, "text": row.text, "type": type_, "by": storable(by), "at": now}
            statement = insert(classification_correction).returning(classification_correction.c.id)
            number = int((await connection.execute(statement, values)).scalar_one())
            said = {"type": type_, "confidence": 1.0, "classified_by": storable(by), "classified_at": now} | _NEWER
            await connection.execute(update(message).where(message.c.id == message_id).values(said))
            fact = _fact((row.account_id, row.account, row.thread_id), message_id, type_, 1.0, storable(by), None)
            await events.record(self._db, connection, [fact])
        return Correction(id=number, message_id=message_id, text=row.text, type=type_, by=by, at=now)

    async def corrections(self) -> list[Correction]:
        """All corrections, the oldest first."""
        statement = select(classification_correction).order_by(classification_correction.c.id)
        async with self._db.read() as connection:
            return [Correction(**row._mapping) for row in await connection.execute(statement)]

    async def queue(self, wish: Wish, *, threshold: float) -> Page[Queued]:
        """One page of the Messages that wait for a person, the newest first unless wished otherwise.

        Those whose type is not sure enough, that nothing of ours came after, in Threads that are not closed.
        Raises SetupError for a wish that cannot be met.
        """
        later = message.alias("later")
        answered = exists().where(
            later.c.thread_id == message.c.thread_id, later.c.direction == Direction.OUTBOUND, _before(message, later)
        )
        unsure = (message.c.confidence < threshold, thread.c.status != ThreadStatus.CLOSED, ~answered)
        statement = select(message.c.id).select_from(message.join(thread)).where(*unsure)
        async with self._db.read() as connection:
            found, cursor = await fetch_ids(
                connection, statement, wish, number=message.c.id, orders=MESSAGE_ORDERS, default="-sent_at"
            )
            rows = {row.id: row for row in await connection.execute(_whose().where(message.c.id.in_(found)))}
        fields = [name for name in Queued.__dataclass_fields__ if name != "message_id"]
        items = [
            Queued(message_id=number, **{name: rows[number]._mapping[name] for name in fields}) for number in found
        ]
        return Page(items=items, next_cursor=cursor)

    async def _write(
        self, connection: AsyncConnection, number: int, each: Classification
    ) -> tuple[int, str, int] | None:
        values = {
            "type": each.type,
            "confidence": each.confidence,
            "classified_by": each.by,
            "classified_at": self._db.clock.now(),
        } | _NEWER
        mine = update(message).where(message.c.id == number, message.c.classified_at.is_(None)).values(values)
        if not (await connection.execute(mine)).rowcount:
            return None
        row = (await connection.execute(_whose().where(message.c.id == number))).one()
        return row.account_id, row.account, row.thread_id


@cache
def _unclassified() -> Select[Any]:
    """Built once, asked often."""
    return (
        select(message.c.id, message.c.text, _first_contact().label("first_contact"))
        .where(message.c.direction == Direction.INBOUND, message.c.classified_at.is_(None))
        .order_by(message.c.id.desc())
        .limit(bindparam("at_most", type_=Integer))
    )


@cache
def _whose() -> Select[Any]:
    joined = (
        message.join(thread, thread.c.id == message.c.thread_id)
        .join(account, account.c.id == thread.c.account_id)
        .join(participant, participant.c.id == thread.c.participant_id)
    )
    return select(
        message,
        thread.c.account_id,
        thread.c.listing_title,
        account.c.name.label("account"),
        participant.c.name.label("counterpart"),
    ).select_from(joined)


def _when(of: Any) -> ColumnElement[Any]:
    return func.coalesce(of.c.sent_at, of.c.first_seen_at)


def _first_contact() -> ColumnElement[bool]:
    """Whether nothing in its Thread, of either side, stands before it."""
    other = message.alias("other")
    return ~exists().where(other.c.thread_id == message.c.thread_id, _before(other, message))


def _before(one: Any, other: Any) -> ColumnElement[bool]:
    return or_(_when(one) < _when(other), and_(_when(one) == _when(other), one.c.id < other.c.id))


def _fact(
    whose: tuple[int, str, int], number: int, type_: MessageType, confidence: float, by: str, first: bool | None
) -> events.Fact:
    account_id, name, thread_id = whose
    data = {"message": number, "thread": thread_id, "type": str(type_), "confidence": round(confidence, 4), "by": by}
    told = data if first is None else data | {"first_contact": first}
    return events.Fact(name="MessageClassified", account=(account_id, name), data=told)
