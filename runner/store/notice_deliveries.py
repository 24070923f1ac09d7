"""Deliveries: Notices claimed, sent, tried again, folded into one, or given up until a person retries them."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.channels import Channel, ChannelWay, Delivery
from runner.domain.notices import DIGESTS, NoticeKind, NoticeState
from runner.errors import NotFound
from runner.store import events
from runner.store.channels import channel_of
from runner.store.database import Database
from runner.store.notice_tables import channel, notification

MOST_LINES = 50
MOST_AT_ONCE = 5
"""More that wait for one person at one moment are one summary: nobody reads a hundred mails."""
_ENDS = {NoticeState.SENT: "NoticeSent", NoticeState.DEAD: "NoticeGivenUp"}


class NoticeDeliveries:
    """Any number of processes may send: each Notice is claimed by one at a time."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def release(self) -> int:
        """Hold back what falls into quiet hours, and let go what was held when they are over; returns how many moved.

        Several that were held are one summary, as are many that come at once to a person; digests go by themselves.
        """
        now = self._db.clock.now()
        open_ = select(notification, channel.c.name.label("channel"))
        open_ = open_.join(channel).where(
            notification.c.state.in_((NoticeState.WAITING, NoticeState.HELD)), notification.c.due_at <= now
        )
        moved = 0
        async with self._db.read() as connection:
            channels = {row.id: channel_of(row) for row in await connection.execute(select(channel))}
            rows = (await connection.execute(open_)).all()
            many = Counter(row.channel_id for row in rows if _is_one_of_many(row, channels, now))
            if max(many.values(), default=0) <= MOST_AT_ONCE and not any(_moves(row, channels, now) for row in rows):
                return 0
        async with self._db.write() as connection:
            over: defaultdict[int, list[Row[Any]]] = defaultdict(list)
            crowd: defaultdict[int, list[Row[Any]]] = defaultdict(list)
            for row in (await connection.execute(open_.order_by(notification.c.id))).all():
                until = channels[row.channel_id].preferences.quiet_until(now)
                if until is not None and not _is_claimed(row, now):
                    await _set(connection, [row.id], state=NoticeState.HELD, due_at=until)
                    moved += 1
                elif row.state == NoticeState.HELD:
                    over[row.channel_id].append(row)
                elif _is_one_of_many(row, channels, now):
                    crowd[row.channel_id].append(row)
            for rows in over.values():
                moved += await self._let_go(connection, rows, now, "notices from your quiet hours")
            for rows in crowd.values():
                if len(rows) > MOST_AT_ONCE:
                    moved += await self._let_go(connection, rows, now, "notices at once")
        return moved

    async def claim(self, *, lease: timedelta, most: int) -> tuple[Delivery, Channel] | None:
        """Take the next Notice that is due, for so long; None when there is none.

        One that was taken `most` times without an end is given up: whoever sent it died each time.
        """
        now, earlier = self._db.clock.now(), notification.alias("earlier")
        due = (
            notification.c.state == NoticeState.WAITING,
            notification.c.due_at <= now,
            or_(notification.c.claimed_until.is_(None), notification.c.claimed_until <= now),
            # What came first of a subject is told first, or trouble would be told after its own end.
            ~exists().where(
                earlier.c.channel_id == notification.c.channel_id,
                earlier.c.subject == notification.c.subject,
                earlier.c.state == NoticeState.WAITING,
                earlier.c.id < notification.c.id,
            ),
        )
        free = _select().where(*due, channel.c.enabled).order_by(notification.c.id).limit(1)
        async with self._db.read() as connection:
            if (await connection.execute(free)).first() is None:
                return None
        async with self._db.write() as connection:
            while (row := (await connection.execute(free)).first()) is not None:
                if row.attempts >= most:
                    detail = row.detail or "Whoever sent it ended before it was known what became of it."
                    await _set(connection, [row.id], state=NoticeState.DEAD, detail=detail)
                    await self._say(connection, _delivery(row), NoticeState.DEAD)
                    continue
                taken = {"attempts": row.attempts + 1, "claimed_until": now + lease, "told": row.repeats}
                await connection.execute(update(notification).where(notification.c.id == row.id).values(taken))
                found = await _fetch(connection, row.id)
                whose = (await connection.execute(select(channel).where(channel.c.id == row.channel_id))).one()
                return _delivery(found), channel_of(whose)
        return None

    async def sent(self, delivery: Delivery) -> None:
        """The receiver has taken it."""
        now = self._db.clock.now()
        await self._end(delivery, state=NoticeState.SENT, sent_at=now, claimed_until=None, detail=None)

    async def failed(self, delivery: Delivery, why: str, *, again_at: datetime | None) -> None:
        """It did not come through: it is sent again then, or given up."""
        if again_at is None:
            await self._end(delivery, state=NoticeState.DEAD, detail=why, claimed_until=None)
        else:
            await self._end(delivery, due_at=again_at, detail=why, claimed_until=None)

    async def get(self, number: int) -> Delivery:
        """One Notice. Raises NotFound."""
        async with self._db.read() as connection:
            return _delivery(await _fetch(connection, number))

    async def list_deliveries(
        self,
        *,
        states: Sequence[NoticeState] = (),
        channels: Sequence[str] | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Delivery]:
        """Those that match, the newest first."""
        statement = _select().order_by(notification.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(notification.c.state.in_(states))
        if channels is not None:
            statement = statement.where(channel.c.name.in_(channels))
        if before_id is not None:
            statement = statement.where(notification.c.id < before_id)
        async with self._db.read() as connection:
            return [_delivery(row) for row in await connection.execute(statement)]

    async def retry(self, numbers: Sequence[int] | None, *, channels: Sequence[str] | None = None) -> int:
        """Have dead ones sent again, these or all of these Channels; returns how many were. Others stay as they are."""
        dead = select(notification.c.id).join(channel).where(notification.c.state == NoticeState.DEAD)
        if numbers is not None:
            dead = dead.where(notification.c.id.in_(numbers))
        if channels is not None:
            dead = dead.where(channel.c.name.in_(channels))
        values: dict[str, Any] = {"state": NoticeState.WAITING, "attempts": 0, "claimed_until": None}
        values |= {"due_at": self._db.clock.now()}
        async with self._db.write() as connection:
            again = update(notification).where(notification.c.id.in_(dead)).values(values)
            return (await connection.execute(again)).rowcount

    async def _end(self, delivery: Delivery, **values: Any) -> None:
        """Write how a try ended, unless somebody else has taken it over since; an end is an Event."""
        mine = (
            notification.c.id == delivery.id,
            notification.c.attempts == delivery.attempts,
            notification.c.state == NoticeState.WAITING,
        )
        async with self._db.write() as connection:
            done = await connection.execute(update(notification).where(*mine).values(values))
            state = values.get("state")
            if done.rowcount and state is not None:
                await self._say(connection, delivery, state)

    async def _say(self, connection: AsyncConnection, of: Delivery, state: NoticeState) -> None:
        data = {"notice": of.id, "channel": of.channel, "kind": str(of.kind)}
        await events.record(self._db, connection, [events.Fact(name=_ENDS[state], data=data)])

    async def _let_go(self, connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime, what: str) -> int:
        several = [row for row in rows if row.kind not in DIGESTS and row.attempts == 0]
        if len(several) < 2:
            several = []
        alone = [row.id for row in rows if row not in several]
        if alone:
            await _set(connection, alone, state=NoticeState.WAITING, due_at=now)
        if several:
            numbers = [row.id for row in several]
            await connection.execute(insert(notification), _summary(several, now, what))
            await _set(connection, numbers, state=NoticeState.FOLDED, told=notification.c.repeats)
        return len(rows)


def _summary(rows: Sequence[Row[Any]], now: datetime, what: str) -> dict[str, Any]:
    lines = [f"{row.title}{f' (and {row.repeats} more)' if row.repeats else ''}" for row in rows]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"And {len(lines) - MOST_LINES} more."]
    return {
        "channel_id": rows[0].channel_id,
        "slot": f"summary:{rows[0].id}-{rows[-1].id}",
        "uid": secrets.token_hex(16),
        "kind": NoticeKind.SUMMARY,
        "subject": f"summary:{rows[-1].id}",
        "title": f"{len(rows)} {what}",
        "lines": lines,
        "link": "/",
        "recovers": False,
        "data": {"notices": [{"id": row.uid, "kind": str(row.kind), "title": row.title} for row in rows]},
        "state": NoticeState.WAITING,
        "happened_at": now,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "repeats": 0,
        "told": 0,
        "earlier": 0,
    }


def _is_one_of_many(row: Row[Any], channels: dict[int, Channel], now: datetime) -> bool:
    """Whether it may go into a summary: it goes to a person, and nobody has tried to send it by itself."""
    fresh = row.state == NoticeState.WAITING and row.attempts == 0 and not _is_claimed(row, now)
    summable = row.kind not in (*DIGESTS, NoticeKind.SUMMARY)
    return fresh and summable and channels[row.channel_id].way is ChannelWay.APPRISE


def _moves(row: Row[Any], channels: dict[int, Channel], now: datetime) -> bool:
    quiet = channels[row.channel_id].preferences.quiet_until(now) is not None
    return row.state == NoticeState.HELD or (quiet and not _is_claimed(row, now))


def _is_claimed(row: Row[Any], now: datetime) -> bool:
    return row.claimed_until is not None and row.claimed_until > now


async def _set(connection: AsyncConnection, numbers: Sequence[int], **values: Any) -> None:
    await connection.execute(update(notification).where(notification.c.id.in_(numbers)).values(values))


def _select() -> Select[Any]:
    return select(notification, channel.c.name.label("channel")).join(channel)


async def _fetch(connection: AsyncConnection, number: int) -> Row[Any]:
    row: Row[Any] | None = (await connection.execute(_select().where(notification.c.id == number))).first()
    if row is None:
        raise NotFound("notice", str(number), ())
    return row


def _delivery(row: Row[Any]) -> Delivery:
    fields = {name: row._mapping[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**fields | {"lines": tuple(row.lines)})
