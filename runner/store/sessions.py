"""Sessions: the times that a Profile was open in a live browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, Select, insert, select, update

from runner.domain.jobs import Session
from runner.domain.states import Mode, SessionEnd
from runner.errors import NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, session


class Sessions:
    """The Sessions of all Accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start(
        self,
        account_name: str,
        *,
        mode: Mode,
        owner: str,
        browser_version: str,
        live_url_of: Callable[[int], str | None] = lambda session_id: None,
    ) -> Session:
        """Record that a browser is open; `live_url_of` says where it can be watched. Raises NotFound."""
        now = self._db.clock.now()
        async with self._db.write() as connection:
            number = await id_of(connection, account_name)
            values = {
                "account_id": number,
                "mode": mode,
                "owner": owner,
                "browser_version": browser_version,
                "started_at": now,
            }
            inserted = await connection.execute(insert(session).returning(session.c.id), values)
            session_id: int = inserted.scalar_one()
            if (live_url := live_url_of(session_id)) is not None:
                await connection.execute(update(session).where(session.c.id == session_id).values(live_url=live_url))
            data = {"session": session_id, "mode": str(mode), "browser_version": browser_version}
            fact = events.Fact(name="SessionStarted", account=(number, account_name), data=data)
            await events.record(self._db, connection, [fact])
            found = await connection.execute(_select().where(session.c.id == session_id))
            return _session(found.one())

    async def end(self, session_id: int, *, end: SessionEnd) -> None:
        """Record that the browser is closed, and why; a Session that has ended stays as it is. Raises NotFound."""
        async with self._db.write() as connection:
            found = (await connection.execute(_select().where(session.c.id == session_id))).first()
            if found is None:
                raise NotFound("session", str(session_id), ())
            open_one = update(session).where(session.c.id == session_id, session.c.ended_at.is_(None))
            ended = await connection.execute(open_one.values(ended_at=self._db.clock.now(), end=end))
            if ended.rowcount:
                data = {"session": session_id, "end": str(end)}
                fact = events.Fact(name="SessionEnded", account=(found.account_id, found.account), data=data)
                await events.record(self._db, connection, [fact])

    async def list_sessions(
        self, *, account_name: str | None = None, only_open: bool = False, limit: int = 50, before_id: int | None = None
    ) -> list[Session]:
        """Sessions that match, newest first. Raises NotFound for an unknown Account."""
        statement = _select().order_by(session.c.id.desc()).limit(limit)
        if only_open:
            statement = statement.where(session.c.ended_at.is_(None))
        if before_id is not None:
            statement = statement.where(session.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(session.c.account_id == await id_of(connection, account_name))
            return [_session(row) for row in await connection.execute(statement)]

    async def close_orphans(self, *, dead: Sequence[str]) -> list[Session]:
        """End, as crashed, the open Sessions of owners that are proved dead; returns them as they were."""
        orphans = _select().where(session.c.ended_at.is_(None), session.c.owner.in_(dead))
        async with self._db.write() as connection:
            found = [_session(row) for row in await connection.execute(orphans)]
            ended = update(session).where(session.c.ended_at.is_(None), session.c.owner.in_(dead))
            await connection.execute(ended.values(ended_at=self._db.clock.now(), end=SessionEnd.CRASHED))
            return found


def _select() -> Select[Any]:
    return select(session, account.c.name.label("account")).select_from(session.join(account))


def _session(row: Row[Any]) -> Session:
    fields = row._mapping
    return Session(**{name: fields[name] for name in Session.__dataclass_fields__})
