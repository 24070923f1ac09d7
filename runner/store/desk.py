"""What people keep about a Thread: notes, how it was settled, and how long that took."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.desk import AnsweredBy, FirstResponse, Handling, Note, expect_note
from runner.errors import NotFound
from runner.store import events, exchanges, resolutions
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.replies import whose
from runner.store.thread_tables import note
from runner.store.trade_tables import message


class Desk:
    """Notes and figures of single Threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_note(self, thread_id: int, text: str, *, by: str) -> Note:
        """Write a note; it is never sent. Raises NotFound, and SetupError for an empty one."""
        text, at = expect_note(text), self._db.clock.now()
        values: dict[str, Any] = {"thread_id": thread_id, "at": at, "by": storable(by), "text": storable(text)}
        async with self._db.write() as connection:
            account = await whose(connection, thread_id)
            number = int((await connection.execute(insert(note).returning(note.c.id), values)).scalar_one())
            data = {"thread": thread_id, "note": number, "by": values["by"]}
            fact = events.Fact(name="NoteWritten", account=(account.account_id, account.account), data=data)
            await events.record(self._db, connection, [fact])
        return Note(id=number, **values)

    async def remove_note(self, thread_id: int, note_id: int) -> None:
        """Take a note away. Raises NotFound."""
        mine = (note.c.thread_id == thread_id, note.c.id == note_id)
        async with self._db.write() as connection:
            account = await whose(connection, thread_id)
            if not (await connection.execute(delete(note).where(*mine))).rowcount:
                raise NotFound("note", str(note_id), ())
            data = {"thread": thread_id, "note": note_id}
            fact = events.Fact(name="NoteRemoved", account=(account.account_id, account.account), data=data)
            await events.record(self._db, connection, [fact])

    async def notes(self, thread_id: int) -> list[Note]:
        """The notes about a Thread, the oldest first. Raises NotFound."""
        async with self._db.read() as connection:
            await whose(connection, thread_id)
            mine = select(note).where(note.c.thread_id == thread_id).order_by(note.c.id)
            return [Note(**row._mapping) for row in await connection.execute(mine)]

    async def handling(self, thread_id: int) -> Handling:
        """How a Thread was handled. Raises NotFound."""
        async with self._db.read() as connection:
            await whose(connection, thread_id)
            first = await _first_response(connection, thread_id)
            return Handling(first=first, resolutions=await resolutions.of(connection, thread_id))


async def _first_response(connection: AsyncConnection, thread_id: int) -> FirstResponse | None:
    asked = exchanges.questions(message.c.thread_id == thread_id)
    who = exchanges.answered_by(asked.c.answer_id)
    first = select(asked.c.asked_at, asked.c.answered_at, who.label("by")).order_by(asked.c.asked_at).limit(1)
    row = (await connection.execute(first)).first()
    if row is None:
        return None
    by = None if row.by is None else AnsweredBy(row.by)
    return FirstResponse(asked_at=row.asked_at, answered_at=row.answered_at, by=by)
