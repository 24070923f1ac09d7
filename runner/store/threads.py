"""Threads, their counterparts and their Messages: reading an inbox twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.counterparts import name_key
from runner.domain.desk import Satisfaction
from runner.domain.effects import Effect
from runner.domain.messages import RemoteMessage, StoredMessage, StoredThread, ThreadSummary
from runner.domain.states import Direction, ThreadStatus
from runner.domain.tags import tag_names
from runner.errors import NotFound
from runner.store import events, message_changes, resolutions, thread_tags
from runner.store.account_ids import id_of
from runner.store.columns import UtcTime, storable
from runner.store.database import Database
from runner.store.tables import account
from runner.store.trade_tables import message, participant, thread

WHEN = func.coalesce(message.c.sent_at, message.c.first_seen_at, type_=UtcTime())
"""When a Message was written; one that the Site gives no time for stands where it was first seen."""


class Threads:
    """The stored inboxes of all Accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def known_fingerprints(self, account_name: str) -> dict[str, str]:
        """The fingerprint of each Thread when it was read last, by the Site's id. Raises NotFound."""
        async with self._db.read() as connection:
            number = await id_of(connection, account_name)
            statement = select(thread.c.remote_id, thread.c.fingerprint).where(thread.c.account_id == number)
            return {row.remote_id: row.fingerprint for row in await connection.execute(statement)}

    async def save_thread(
        self,
        account_name: str,
        summary: ThreadSummary,
        fingerprint: str,
        messages: Sequence[tuple[str, RemoteMessage]],
    ) -> int:
        """Store what was read of one Thread, in one transaction; returns how many Messages are new.

        `messages` are keyed (`domain.messages.keyed`). The fingerprint is stored together with them only, so that a
        Thread whose Messages could not be read is opened again next time. A closed or snoozed Thread is open again when
        the counterpart has written since. Raises NotFound for an unknown Account.
        """
        async with self._db.write() as connection:
            account_id = await id_of(connection, account_name)
            thread_id = await self._save_summary(connection, account_id, summary, fingerprint)
            now = self._db.clock.now()
            newest = (await connection.execute(select(func.max(WHEN)).where(message.c.thread_id == thread_id))).scalar()
            made = await message_changes.found(connection, thread_id, messages)
            await message_changes.keep(connection, thread_id, made, now)
            new = [one for _, one in made.new]
            facts = []
            changed = {"edited": [each.id for each, _ in made.edited], "deleted": [each.id for each in made.deleted]}
            if any(changed.values()):
                data = {"thread": thread_id, **changed}
                facts.append(events.Fact(name="MessagesChanged", account=(account_id, account_name), data=data))
            if new:
                data = {"thread": thread_id, "counterpart": storable(summary.counterpart), "count": len(new)}
                facts.append(events.Fact(name="MessagesReceived", account=(account_id, account_name), data=data))
            asked = [one for one in new if _wants_attention(one, newest)]
            if asked and await _reopen(connection, thread_id, min(one.sent_at or now for one in asked)):
                data = {"thread": thread_id, "status": str(ThreadStatus.OPEN)}
                facts.append(events.Fact(name="ThreadReopened", account=(account_id, account_name), data=data))
            await events.record(self._db, connection, facts)
            return len(new)

    async def read_to_the_end(self, account_name: str) -> None:
        """Note when an inbox had been read to its end for the first time; later times change nothing."""
        first = (account.c.name == account_name, account.c.inbox_read_at.is_(None))
        async with self._db.write() as connection:
            await connection.execute(update(account).where(*first).values(inbox_read_at=self._db.clock.now()))

    async def get(self, thread_id: int) -> StoredThread:
        """One Thread. Raises NotFound."""
        async with self._db.read() as connection:
            return await self._stored(connection, thread_id)

    async def mark(self, thread_id: int, *, unread: bool) -> StoredThread:
        """Set our own mark whether its Messages have been read; the Site is not told. Raises NotFound.

        The next reading of the inbox leaves the mark as it is, unless the Thread has changed at the Site: then the
        Site's own count stands again.
        """
        count = case((thread.c.unread > 0, thread.c.unread), else_=1) if unread else 0
        return await self._change(thread_id, {"unread": count}, {"unread": unread})

    async def assign(self, thread_id: int, assignee: str | None) -> StoredThread:
        """Make the Thread an Operator's, or nobody's. Raises NotFound for the Thread; the Operator is not looked up."""
        return await self._change(thread_id, {"assignee": assignee}, {"assignee": assignee})

    async def set_status(
        self,
        thread_id: int,
        status: ThreadStatus,
        *,
        snoozed_until: datetime | None = None,
        by: str | None = None,
        satisfaction: Satisfaction | None = None,
    ) -> StoredThread:
        """Say whether the Thread wants attention; a snoozed one does again at a moment. Raises NotFound.

        `satisfaction` is how the counterpart left, as who closes it sees it.
        """
        until = snoozed_until if status is ThreadStatus.SNOOZED else None
        told: dict[str, Any] = {"status": str(status), "snoozed_until": until.isoformat() if until else None}
        if satisfaction is not None:
            told["satisfaction"] = str(satisfaction)
        async with self._db.write() as connection:
            before = await self._stored(connection, thread_id)
            values = {"status": status, "snoozed_until": until}
            await connection.execute(update(thread).where(thread.c.id == thread_id).values(values))
            await resolutions.settle(connection, thread_id, before.status, status, self._db.clock.now(), by=by)
            if satisfaction is not None:
                await resolutions.mark(connection, thread_id, satisfaction, by=by)
            await self._tell(connection, thread_id, told)
            return await self._stored(connection, thread_id)

    async def mark_satisfaction(self, thread_id: int, how: Satisfaction | None, *, by: str | None) -> StoredThread:
        """Say how the counterpart left when the Thread was closed last. Raises NotFound, Conflict when it never was."""
        async with self._db.write() as connection:
            await self._stored(connection, thread_id)
            await resolutions.mark(connection, thread_id, how, by=by)
            await self._tell(connection, thread_id, {"satisfaction": None if how is None else str(how)})
            return await self._stored(connection, thread_id)

    async def tag(self, thread_id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> StoredThread:
        """Put tags on a Thread and take others away. Raises NotFound, SetupError for what is no tag."""
        async with self._db.write() as connection:
            await self._stored(connection, thread_id)
            tags = await thread_tags.change(connection, thread_id, self._db.clock.now(), add=add, remove=remove)
            if tags is not None:
                await self._tell(connection, thread_id, {"tags": list(tags)})
            return await self._stored(connection, thread_id)

    async def set_tags(self, thread_id: int, tags: Iterable[str]) -> StoredThread:
        """Give a Thread these tags and no others. Raises NotFound, SetupError for what is no tag."""
        wanted = tag_names(tags)
        there = (await self.get(thread_id)).tags
        return await self.tag(thread_id, add=wanted, remove=set(there) - set(wanted))

    async def tags(self) -> list[tuple[str, int]]:
        """The tags that Threads have, by name, and how many have each."""
        async with self._db.read() as connection:
            return await thread_tags.counted(connection)

    async def _change(self, thread_id: int, values: dict[str, Any], told: dict[str, Any]) -> StoredThread:
        async with self._db.write() as connection:
            await self._stored(connection, thread_id)
            await connection.execute(update(thread).where(thread.c.id == thread_id).values(values))
            await self._tell(connection, thread_id, told)
            return await self._stored(connection, thread_id)

    async def _tell(self, connection: AsyncConnection, thread_id: int, told: dict[str, Any]) -> None:
        whose = select(account.c.id, account.c.name).join(thread).where(thread.c.id == thread_id)
        number, name = (await connection.execute(whose)).one()
        fact = events.Fact(name="ThreadChanged", account=(number, name), data={"thread": thread_id} | told)
        await events.record(self._db, connection, [fact])

    async def _stored(self, connection: AsyncConnection, thread_id: int) -> StoredThread:
        row = (await connection.execute(_select().where(thread.c.id == thread_id))).first()
        if row is None:
            raise NotFound("thread", str(thread_id), ())
        return (await self._all([row], connection))[0]

    async def _all(self, rows: Sequence[Row[Any]], connection: AsyncConnection) -> list[StoredThread]:
        now, tags = self._db.clock.now(), await thread_tags.tags_of(connection, [row.id for row in rows])
        return [stored(row, now, tags.get(row.id, ())) for row in rows]

    async def by_remote_id(self, account_name: str, remote_id: str) -> StoredThread:
        """An Account's Thread by the Site's id. Raises NotFound."""
        async with self._db.read() as connection:
            number = await id_of(connection, account_name)
            same = _select().where(thread.c.account_id == number, thread.c.remote_id == storable(remote_id))
            row = (await connection.execute(same)).first()
            if row is None:
                known = select(thread.c.remote_id).where(thread.c.account_id == number)
                raise NotFound("thread", remote_id, (await connection.execute(known)).scalars())
            return (await self._all([row], connection))[0]

    async def list_threads(
        self,
        *,
        account_name: str | None = None,
        only_unread: bool = False,
        counterpart: str | None = None,
        tag: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[StoredThread]:
        """Threads that match, the one with the newest Message first. Raises NotFound for an unknown Account."""
        newest_first = (thread.c.last_at.desc().nulls_last(), thread.c.id.desc())
        statement = _select().order_by(*newest_first).limit(limit).offset(offset)
        if only_unread:
            statement = statement.where(thread.c.unread > 0)
        if counterpart is not None:
            statement = statement.where(participant.c.name == counterpart)
        if tag is not None:
            statement = statement.where(thread.c.id.in_(thread_tags.tagged(tag)))
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(thread.c.account_id == await id_of(connection, account_name))
            return await self._all((await connection.execute(statement)).all(), connection)

    async def messages_of(self, thread_id: int) -> list[StoredMessage]:
        """The Messages of one Thread, oldest first. Raises NotFound."""
        statement = select(message).where(message.c.thread_id == thread_id).order_by(WHEN, message.c.id)
        async with self._db.read() as connection:
            if (await connection.execute(select(thread.c.id).where(thread.c.id == thread_id))).scalar() is None:
                raise NotFound("thread", str(thread_id), ())
            rows = (await connection.execute(statement)).all()
            former = await message_changes.former_texts(connection, [row.id for row in rows if row.edited_at])
            return [replace(stored_message(row), former_texts=former.get(row.id, ())) for row in rows]

    async def count(self, account_name: str) -> tuple[int, int]:
        """How many Threads and Messages of an Account are stored. Raises NotFound."""
        async with self._db.read() as connection:
            number = await id_of(connection, account_name)
            threads = select(func.count()).select_from(thread).where(thread.c.account_id == number)
            messages = select(func.count()).select_from(message.join(thread)).where(thread.c.account_id == number)
            return (
                (await connection.execute(threads)).scalar_one(),
                (await connection.execute(messages)).scalar_one(),
            )

    async def _save_summary(
        self, connection: AsyncConnection, account_id: int, summary: ThreadSummary, fingerprint: str
    ) -> int:
        now = self._db.clock.now()
        values = {
            "participant_id": await self._participant(connection, account_id, summary.counterpart),
            "listing_title": summary.listing_title,
            "excerpt": summary.excerpt,
            "unread": summary.unread,
            "last_at": summary.last_at,
            "url": summary.url,
            "fingerprint": fingerprint,
            "read_at": now,
        }
        same = (thread.c.account_id == account_id, thread.c.remote_id == storable(summary.remote_id))
        number = (await connection.execute(select(thread.c.id).where(*same))).scalar()
        if number is not None:
            await connection.execute(update(thread).where(thread.c.id == number).values(values))
            return int(number)
        first = values | {"account_id": account_id, "remote_id": summary.remote_id, "first_seen_at": now}
        return int((await connection.execute(insert(thread).returning(thread.c.id), first)).scalar_one())

    async def _participant(self, connection: AsyncConnection, account_id: int, name: str) -> int:
        same = (participant.c.account_id == account_id, participant.c.name == storable(name))
        number = (await connection.execute(select(participant.c.id).where(*same))).scalar()
        if number is not None:
            return int(number)
        values = {"account_id": account_id, "name": name, "first_seen_at": self._db.clock.now()}
        values["name_key"] = name_key(storable(name))
        return int((await connection.execute(insert(participant).returning(participant.c.id), values)).scalar_one())


def _select() -> Select[Any]:
    counted = select(func.count()).where(message.c.thread_id == thread.c.id).correlate(thread).scalar_subquery()
    joined = thread.join(account, account.c.id == thread.c.account_id).join(
        participant, participant.c.id == thread.c.participant_id
    )
    return select(
        thread,
        account.c.name.label("account"),
        participant.c.name.label("counterpart"),
        counted.label("message_count"),
    ).select_from(joined)


def stored(row: Row[Any], now: datetime, tags: tuple[str, ...] = ()) -> StoredThread:
    """A Thread as it is at this moment: one whose snooze is over is open."""
    fields = {name: row._mapping[name] for name in StoredThread.__dataclass_fields__ if name in row._mapping}
    fields["tags"] = tags
    until = row.snoozed_until
    if row.status is ThreadStatus.SNOOZED and until is not None and until <= now:
        fields |= {"status": ThreadStatus.OPEN, "snoozed_until": None}
    return StoredThread(**fields)


def _wants_attention(new: RemoteMessage, newest: datetime | None) -> bool:
    """Whether the counterpart wrote it after all that was there: an old Message that is read late reopens nothing.

    Equal times count: many Sites show no seconds.
    """
    later = newest is None or new.sent_at is None or new.sent_at >= newest
    return new.direction is Direction.INBOUND and later


async def _reopen(connection: AsyncConnection, thread_id: int, at: datetime) -> bool:
    before = (await connection.execute(select(thread.c.status).where(thread.c.id == thread_id))).scalar_one()
    if before is ThreadStatus.OPEN:
        return False
    opened = update(thread).where(thread.c.id == thread_id).values(status=ThreadStatus.OPEN, snoozed_until=None)
    await connection.execute(opened)
    await resolutions.settle(connection, thread_id, before, ThreadStatus.OPEN, at)
    return True


def stored_message(row: Row[Any], sent_by: Effect | None = None) -> StoredMessage:
    """A Message, with the Effect of ours that sent it."""
    fields = row._mapping
    kept = {name: fields[name] for name in StoredMessage.__dataclass_fields__ if name in fields}
    return StoredMessage(
        **kept, effect_id=sent_by.id if sent_by else None, effect_state=sent_by.state if sent_by else None
    )
