"""Keeps up with what is done to Messages at the Site: new, edited, deleted, there again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.message_changes import Changes, Known, changes
from runner.domain.messages import RemoteMessage
from runner.domain.states import Direction
from runner.store.account_ids import CHUNK
from runner.store.columns import storable
from runner.store.reopening import reopen_last
from runner.store.thread_tables import message_edit
from runner.store.trade_tables import message


async def found(connection: AsyncConnection, thread_id: int, messages: Sequence[tuple[str, RemoteMessage]]) -> Changes:
    """What a reading of a whole Thread brought, against what is stored of it."""
    names = ("id", "key", "direction", "sender", "text", "sent_at")
    statement = select(*(message.c[name] for name in names), message.c.deleted_at)
    rows = await connection.execute(statement.where(message.c.thread_id == thread_id).order_by(message.c.id))
    known = [Known(deleted=row.deleted_at is not None, **{name: row._mapping[name] for name in names}) for row in rows]
    return changes(known, [(storable(key), _as_stored(one)) for key, one in messages])


async def keep(connection: AsyncConnection, thread_id: int, made: Changes, now: datetime) -> None:
    """Store it, in the running transaction. What was known of a Message stays known: its type, and what answered it."""
    if made.new:
        await connection.execute(insert(message), [_row(thread_id, key, one, now) for key, one in made.new])
    for each, text in made.edited:
        await connection.execute(insert(message_edit), {"message_id": each.id, "at": now, "text": each.text})
        values = {"text": text, "edited_at": now}
        await connection.execute(update(message).where(message.c.id == each.id).values(values))
    for gone, deleted_at in ((made.deleted, now), (made.restored, None)):
        for each in gone:
            await connection.execute(update(message).where(message.c.id == each.id).values(deleted_at=deleted_at))
    if any(each.direction is Direction.INBOUND for each in made.deleted):
        await reopen_last(connection, thread_id)


async def former_texts(connection: AsyncConnection, message_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """What Messages said before they were edited, the oldest first."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for start in range(0, len(message_ids), CHUNK):
        mine = message_edit.c.message_id.in_(message_ids[start : start + CHUNK])
        for row in await connection.execute(select(message_edit).where(mine).order_by(message_edit.c.id)):
            texts[row.message_id].append(row.text)
    return {number: tuple(former) for number, former in texts.items()}


def _as_stored(one: RemoteMessage) -> RemoteMessage:
    return RemoteMessage(
        remote_id=one.remote_id,
        direction=one.direction,
        sender=storable(one.sender),
        text=storable(one.text),
        sent_at=one.sent_at,
    )


def _row(thread_id: int, key: str, one: RemoteMessage, now: datetime) -> dict[str, Any]:
    return {
        "thread_id": thread_id,
        "key": key,
        "direction": one.direction,
        "sender": one.sender,
        "text": one.text,
        "sent_at": one.sent_at,
        "first_seen_at": now,
    }
