"""What people ask about the inboxes and the shop as a whole: pages of Threads and Messages, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal_column, or_, select

from runner.domain.effects import Effect
from runner.domain.figures import Tally
from runner.domain.listings import ListingState
from runner.domain.messages import Reply, StoredMessage, StoredThread
from runner.domain.states import AccountState, Direction, ThreadStatus
from runner.store import counting, due_rows, message_changes, replies, search, tallies, thread_tags
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.evidence import ThreadPicture, pictures_of
from runner.store.pages import Page, Wish, after_number, fetch_ids, page_of, stamp
from runner.store.tables import account, event, session
from runner.store.threads import stored, stored_message
from runner.store.trade_tables import listing, message, participant, thread
from runner.store.waiting import Wait, waits_for

THREAD_ORDERS = {"last_at": stamp(thread.c.last_at), "id": thread.c.id}
MESSAGE_ORDERS = {"sent_at": stamp(func.coalesce(message.c.sent_at, message.c.first_seen_at)), "id": message.c.id}


@dataclass(frozen=True, kw_only=True)
class ThreadQuestion:
    """Which Threads; None means any."""

    account: str | None = None
    unread: bool | None = None
    status: ThreadStatus | None = None
    assignee: str | None = None
    """An Operator's name; "" for those that are nobody's."""
    counterpart: str | None = None
    tag: str | None = None
    overdue: bool | None = None
    text: str | None = None
    """Part of a Message, of the Listing's title or of the counterpart's name, whatever its case."""
    waits: Wait | None = None
    threshold: float = 0.0
    """How sure is enough, where `waits` asks for what a person must see."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Figures of the whole shop; those with `since` in their meaning are counted from a given moment on."""

    accounts: dict[str, int]
    jobs: dict[str, int]
    listings: dict[str, int]
    threads: int
    unread_threads: int
    open_threads: int
    messages_inbound: int
    messages_outbound: int
    attempts_succeeded: int
    attempts_failed: int
    before: Tally
    """What had happened in the same time before that moment."""
    open_sessions: int


class InboxView:
    """Reads the inboxes of all Accounts and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def threads(self, question: ThreadQuestion, wish: Wish) -> Page[StoredThread]:
        """One page of Threads, the newest Message first unless wished otherwise. Raises NotFound, SetupError."""
        async with self._db.read() as connection:
            account_id = None if question.account is None else await id_of(connection, question.account)
            now = self._db.clock.now()
            said = await search.said(connection, question.text) if question.text else None
            statement = _which(question, account_id, now, said)
            found, cursor = await fetch_ids(
                connection, statement, wish, number=thread.c.id, orders=THREAD_ORDERS, default="-last_at"
            )
            rows = {row.id: row for row in await connection.execute(_threads().where(thread.c.id.in_(found)))}
            tags = await thread_tags.tags_of(connection, found)
            owed = await due_rows.owed_first(connection, found)
        items = [stored(rows[number], now, tags.get(number, ()), owed.get(number)) for number in found]
        return Page(items=items, next_cursor=cursor)

    async def waiting(self, *, threshold: float) -> dict[Wait, int]:
        """How many open Threads wait for what."""
        now = self._db.clock.now()
        async with self._db.read() as connection:
            counted = {}
            for wait in Wait:
                question = ThreadQuestion(status=ThreadStatus.OPEN, waits=wait, threshold=threshold)
                found = _which(question, None, now, None).subquery()
                counted[wait] = (await connection.execute(select(func.count()).select_from(found))).scalar_one()
        return counted

    async def messages(self, thread_id: int, wish: Wish) -> Page[StoredMessage]:
        """One page of a Thread's Messages, the oldest first unless wished otherwise. Raises NotFound, SetupError."""
        async with self._db.read() as connection:
            whose = await replies.whose(connection, thread_id)
            statement = select(message.c.id).where(message.c.thread_id == thread_id)
            found, cursor = await fetch_ids(
                connection, statement, wish, number=message.c.id, orders=MESSAGE_ORDERS, default="sent_at"
            )
            rows = {row.id: row for row in await connection.execute(select(message).where(message.c.id.in_(found)))}
            sent = await replies.effects_of(connection, whose)
            former = await message_changes.former_texts(connection, [each for each in found if rows[each].edited_at])
            pictures = await pictures_of(connection, whose.account_id, whose.remote_id)
        items = [stored_message(rows[number], _sender(rows[number], sent)) for number in found]
        items = [
            replace(each, picture_id=_picture(each, pictures), former_texts=former.get(each.id, ())) for each in items
        ]
        return Page(items=items, next_cursor=cursor)

    async def replies(self, thread_id: int, wish: Wish) -> Page[Reply]:
        """One page of what was answered in a Thread, sent or not, the newest first. Raises NotFound, SetupError."""
        async with self._db.read() as connection:
            whose = await replies.whose(connection, thread_id)
            found = await replies.jobs_of(connection, whose, limit=wish.limit + 1, before_id=after_number(wish))
            sent = await replies.effects_of(connection, whose)
        return page_of([replies.reply(row, whose, sent) for row in found], wish, lambda each: each.job_id)


def _picture(read: StoredMessage, pictures: Sequence[ThreadPicture]) -> int | None:
    """The picture that was taken in the very Attempt that stored the Message."""
    return next((each.id for each in pictures if each.began_at <= read.first_seen_at <= each.at), None)


class ShopView:
    """Counts what is stored."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def overview(self, since: datetime) -> Overview:
        """The shop as it stands, and what has happened since a moment."""
        async with self._db.read() as connection:

            async def by(column: Any, members: Sequence[str]) -> dict[str, int]:
                counted = await connection.execute(select(column, func.count()).group_by(column))
                found = {str(row[0]): row[1] for row in counted}
                return {str(member): found.get(str(member), 0) for member in members}

            async def one(statement: Select[Any]) -> int:
                return int((await connection.execute(statement)).scalar_one() or 0)

            happened = await counting.whole(connection, since)
            before = await counting.whole(connection, since - (self._db.clock.now() - since), since)
            return Overview(
                accounts=await by(account.c.state, list(AccountState)),
                jobs=await tallies.jobs_by_state(connection),
                listings=await by(listing.c.state, list(ListingState)),
                threads=await one(select(func.count()).select_from(thread)),
                unread_threads=await one(select(func.count()).select_from(thread).where(thread.c.unread > 0)),
                open_threads=await one(
                    select(func.count()).select_from(thread).where(_is(ThreadStatus.OPEN, self._db.clock.now()))
                ),
                messages_inbound=happened.inbound,
                messages_outbound=happened.outbound,
                attempts_succeeded=happened.succeeded,
                attempts_failed=happened.failed,
                before=before,
                open_sessions=await one(select(func.count()).select_from(session).where(session.c.ended_at.is_(None))),
            )

    async def counters(self, since: datetime) -> list[tuple[str, Tally]]:
        """By name of the Account what has happened since a moment, or since a later reset of its counters."""
        names = select(account.c.id, account.c.name).order_by(account.c.name)
        async with self._db.read() as connection:
            tallies = await counting.per_account(connection, since)
            return [(row.name, tallies.get(row.id, Tally())) for row in await connection.execute(names)]

    async def event_bounds(self) -> tuple[int, int]:
        """The numbers of the oldest and the newest Event that are stored; (0, 0) when there is none."""
        # Two questions: SQLite answers each from the end of the index, and both together by reading all of it.
        oldest, newest = (select(end(event.c.id)) for end in (func.min, func.max))
        async with self._db.read() as connection:
            first, last = [(await connection.execute(each)).scalar() for each in (oldest, newest)]
            return first or 0, last or 0


def _threads() -> Select[Any]:
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


def _sender(row: Row[Any], sent: Sequence[Effect]) -> Effect | None:
    return replies.effect_behind(row.key, sent) if row.direction is Direction.OUTBOUND else None


def _which(
    question: ThreadQuestion, account_id: int | None, now: datetime, said: Select[tuple[int]] | None
) -> Select[Any]:
    statement = select(thread.c.id)
    if question.status is not None:
        statement = statement.where(_is(question.status, now))
    if question.assignee is not None:
        whose = thread.c.assignee == question.assignee if question.assignee else thread.c.assignee.is_(None)
        statement = statement.where(whose)
    if account_id is not None:
        statement = statement.where(thread.c.account_id == account_id)
    if question.unread is not None:
        statement = statement.where(thread.c.unread > 0 if question.unread else thread.c.unread == 0)
    if question.waits is not None:
        statement = statement.where(waits_for(question.waits, threshold=question.threshold))
    counterparts = select(participant.c.id)
    if question.counterpart is not None:
        same = counterparts.where(participant.c.name == question.counterpart)
        statement = statement.where(thread.c.participant_id.in_(same))
    if question.tag is not None:
        statement = statement.where(thread.c.id.in_(thread_tags.tagged(question.tag)))
    if question.overdue is not None:
        late = thread.c.id.in_(due_rows.overdue(now))
        statement = statement.where(late if question.overdue else ~late)
    if question.text and said is not None:
        part = question.text
        named = counterparts.where(participant.c.name.icontains(part, autoescape=True))
        about = and_(thread.c.listing_title.is_not(None), thread.c.listing_title.icontains(part, autoescape=True))
        statement = statement.where(or_(thread.c.id.in_(said), thread.c.participant_id.in_(named), about))
    return statement


def _is(status: ThreadStatus, now: datetime) -> ColumnElement[bool]:
    """The Threads of a status at this moment: one whose snooze is over is open."""
    over = and_(thread.c.status == ThreadStatus.SNOOZED, thread.c.snoozed_until <= now)
    if status is ThreadStatus.OPEN:
        # Most are open: SQLite is to read them in the order of the list, and not by an index on what most have. The
        # literal is the condition of the index that it reads; it uses that only when it can see it.
        state = func.coalesce(thread.c.status, "", type_=thread.c.status.type)
        snoozed = and_(state == ThreadStatus.SNOOZED, thread.c.snoozed_until <= now)
        return and_(thread.c.status != literal_column("'closed'"), or_(state == ThreadStatus.OPEN, snoozed))
    return and_(thread.c.status == status, ~func.coalesce(over, False))
