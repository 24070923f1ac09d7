"""Notices on their way: made from the Events, once on each Channel, and sent by whoever claims them first."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, Select, exists, func, insert, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.channels import Channel
from runner.domain.jobs import Event
from runner.domain.notices import (
    DIGESTS,
    EVENTS,
    Notice,
    NoticeKind,
    NoticeState,
    excerpt,
    flood_over,
    flood_subject,
    notice_of,
)
from runner.store.channels import channel_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.notice_tables import channel, notice_cursor, notification
from runner.store.tables import account, account_tag, attempt, event, tag
from runner.store.threads import WHEN
from runner.store.trade_tables import message, participant, thread

log = structlog.get_logger()

AT_ONCE = 500
STALE = timedelta(hours=24)
"""A Message that is so old when it is read for the first time is no news."""
FLOOD_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of a Message that a Notice is about."""

    counterpart: str
    listing_title: str | None
    text: str
    at: datetime


class Notices:
    """Makes Notices of Events. Any number of processes may, at once: each Event is looked at once."""

    def __init__(self, db: Database, *, window: timedelta) -> None:
        self._db = db
        self._window = window

    async def look(self) -> int:
        """Look at what has happened since the last look; returns how many Notices came of it.

        The cursor moves in the same transaction: nothing is lost and nothing made twice, whoever dies when.
        """
        made = 0
        while await self._is_news():
            made += await self._look_at_some()
        return made

    async def _look_at_some(self) -> int:
        async with self._db.write() as connection:
            channels = await _enabled(connection)
            since = await _since(connection, channels)
            found = await _events(connection, since)
            if not channels or not found:
                return 0
            made = [(each, told) for each in found if (told := _worth_telling(each)) is not None]
            about = await _about(connection, [told.message for _, told in made if told.message is not None])
            tags = await _tags(connection)
            count = 0
            for happened, told in made:
                for where in channels:
                    if happened.id > where.since_event:
                        count += await self._tell(connection, where, happened, told, about, tags)
            await _move(connection, found[-1].id)
            return count

    async def see_floods_end(self) -> int:
        """Tell those who were told of a flood that nothing of its group has failed for a while."""
        now = self._db.clock.now()
        later = notification.alias("later")
        last = ~exists().where(
            later.c.channel_id == notification.c.channel_id,
            later.c.subject == notification.c.subject,
            later.c.id > notification.c.id,
        )
        still = exists().where(
            attempt.c.signature == func.substr(notification.c.subject, len(flood_subject("")) + 1),
            attempt.c.ended_at > now - FLOOD_WINDOW,
        )
        over = (
            select(notification)
            .join(channel)
            .where(
                channel.c.enabled,
                # Literals, not parameters: SQLite uses a partial index only when it can see the index's own condition.
                notification.c.kind == literal_column(f"'{NoticeKind.ERROR_FLOOD}'"),
                notification.c.recovers == literal_column("0"),
                notification.c.happened_at <= now - FLOOD_WINDOW,
                last,
                ~still,
            )
        )
        async with self._db.read() as connection:
            if not (await connection.execute(over)).first():
                return 0
        async with self._db.write() as connection:
            channels = {each.id: each for each in await _enabled(connection)}
            ended = [row for row in (await connection.execute(over)).all() if row.channel_id in channels]
            for row in ended:
                told = replace(flood_over(row.subject), at=now)
                await self._insert(connection, channels[row.channel_id], f"over:{row.id}", told)
            return len(ended)

    async def add_digest(self, kind: NoticeKind, day: str, title: str, data: Mapping[str, Any], due: datetime) -> int:
        """One digest for each Channel that wants it and was there when it fell due, however often this is asked for."""
        async with self._db.read() as connection:
            there = select(notification.c.channel_id).where(notification.c.slot == f"{kind}:{day}")
            have = set((await connection.execute(there)).scalars())
            lacking = [each for each in await _enabled(connection) if _wants_digest(each, kind, due, have)]
        if not lacking:
            return 0
        told = Notice(kind=kind, subject=f"{kind}:{day}", title=title, data=data, link="/analytics", at=due)
        async with self._db.write() as connection:
            return sum([await self._insert(connection, each, f"{kind}:{day}", told) for each in lacking])

    async def _is_news(self) -> bool:
        async with self._db.read() as connection:
            channels = await _enabled(connection)
            since = await _since(connection, channels)
            newer = select(event.c.id).where(event.c.id > since, event.c.name.in_(EVENTS)).limit(1)
            return bool(channels) and (await connection.execute(newer)).first() is not None

    async def _tell(
        self,
        connection: AsyncConnection,
        where: Channel,
        happened: Event,
        told: Notice,
        about: Mapping[int, About],
        tags: Mapping[str, set[str]],
    ) -> int:
        known = about.get(told.message or 0)
        if told.kind is NoticeKind.NEW_MESSAGE and (known is None or happened.at - known.at > STALE):
            return 0
        wanted = where.preferences.want(told, tags.get(told.account or "", ()))
        if not (wanted or told.recovers):
            return 0
        last = await _last(connection, where, told.subject)
        if told.recovers:
            if last is None or last.recovers:
                return 0  # nobody was told that anything was wrong
        elif last is not None and happened.at - last.happened_at < self._window and _has_told(last, told.kind):
            if last.kind == told.kind:
                more = update(notification).where(notification.c.id == last.id)
                await connection.execute(more.values(repeats=notification.c.repeats + 1))
            return 0  # of another kind: the same trouble, which has been told already
        if known is not None and where.preferences.excerpts:
            told = replace(told, lines=(*_words(known), *told.lines))
        earlier = 0 if last is None else last.repeats - last.told
        return await self._insert(connection, where, f"event:{happened.id}", told, earlier=earlier)

    async def _insert(
        self, connection: AsyncConnection, where: Channel, slot: str, told: Notice, *, earlier: int = 0
    ) -> int:
        now = self._db.clock.now()
        until = where.preferences.quiet_until(now)
        values = {
            "channel_id": where.id,
            "slot": slot,
            "uid": secrets.token_hex(16),
            "lines": clean(list(told.lines)),
            "data": clean(dict(told.data)),
            "state": NoticeState.WAITING if until is None else NoticeState.HELD,
            "happened_at": told.at or now,
            "created_at": now,
            "due_at": until or now,
            "attempts": 0,
            "repeats": 0,
            "told": 0,
            "earlier": earlier,
        }
        values |= {name: getattr(told, name) for name in ("kind", "subject", "title", "account", "link", "recovers")}
        statement = insert_or(notification).values(values).on_conflict_do_nothing(index_elements=["channel_id", "slot"])
        return (await connection.execute(statement)).rowcount


def _worth_telling(happened: Event) -> Notice | None:
    try:
        return notice_of(happened)
    except Exception:
        # One Event that cannot be understood must not keep all behind it from being told.
        log.exception("an event cannot be told", event_id=happened.id, event_name=happened.name)
        return None


def _wants_digest(each: Channel, kind: NoticeKind, due: datetime, have: set[int]) -> bool:
    return kind in each.preferences.kinds and kind in DIGESTS and each.created_at <= due and each.id not in have


async def _enabled(connection: AsyncConnection) -> list[Channel]:
    statement = select(channel).where(channel.c.enabled).order_by(channel.c.id)
    return [channel_of(row) for row in await connection.execute(statement)]


async def _since(connection: AsyncConnection, channels: Sequence[Channel]) -> int:
    """The last Event that needs no look: seen already, or older than all Channels."""
    seen = (await connection.execute(select(notice_cursor.c.event_id))).scalar() or 0
    return max(seen, min((each.since_event for each in channels), default=0))


async def _move(connection: AsyncConnection, event_id: int) -> None:
    moved = await connection.execute(update(notice_cursor).values(event_id=event_id))
    if not moved.rowcount:
        await connection.execute(insert(notice_cursor).values(id=1, event_id=event_id))


async def _events(connection: AsyncConnection, since: int) -> list[Event]:
    statement = (
        select(event, account.c.name.label("account"))
        .select_from(event.outerjoin(account, account.c.id == event.c.account_id))
        .where(event.c.id > since, event.c.name.in_(EVENTS))
        .order_by(event.c.id)
        .limit(AT_ONCE)
    )
    rows = await connection.execute(statement)
    return [Event(**{name: row._mapping[name] for name in Event.__dataclass_fields__}) for row in rows]


async def _about(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, About]:
    if not numbers:
        return {}
    joined = message.join(thread, thread.c.id == message.c.thread_id)
    joined = joined.join(participant, participant.c.id == thread.c.participant_id)
    columns = (message.c.id, message.c.text, thread.c.listing_title, participant.c.name, WHEN.label("at"))
    statement = select(*columns).select_from(joined).where(message.c.id.in_(set(numbers)))
    return {
        row.id: About(counterpart=row.name, listing_title=row.listing_title, text=row.text, at=row.at)
        for row in await connection.execute(statement)
    }


async def _tags(connection: AsyncConnection) -> dict[str, set[str]]:
    joined = account_tag.join(tag, tag.c.id == account_tag.c.tag_id)
    joined = joined.join(account, account.c.id == account_tag.c.account_id)
    found: dict[str, set[str]] = {}
    statement = select(account.c.name, tag.c.name.label("tag")).select_from(joined)
    for row in await connection.execute(statement):
        found.setdefault(row.name, set()).add(row.tag)
    return found


async def _last(connection: AsyncConnection, where: Channel, subject: str) -> Row[Any] | None:
    mine: Select[Any] = select(notification).where(
        notification.c.channel_id == where.id, notification.c.subject == subject
    )
    row: Row[Any] | None = (await connection.execute(mine.order_by(notification.c.id.desc()).limit(1))).first()
    return row


def _has_told(last: Row[Any], kind: NoticeKind) -> bool:
    """Whether a Notice of the same subject has told the trouble; that a Message has come, or a Rule, is no trouble."""
    return not last.recovers and (last.kind == kind or last.kind not in (NoticeKind.NEW_MESSAGE, NoticeKind.RULE))


def _words(known: About) -> tuple[str, ...]:
    about = f" about {known.listing_title}" if known.listing_title else ""
    return (f"From {known.counterpart}{about}:", excerpt(known.text))
