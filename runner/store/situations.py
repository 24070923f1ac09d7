"""What is known of an inbound Message when Rules are asked about it: its Thread, its Account, its Listing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, func, literal_column, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import KEYS
from runner.domain.effects import EffectKind
from runner.domain.enrolments import FOLLOW_UPS
from runner.domain.rules import Goods, Situation
from runner.domain.states import Direction, JobState
from runner.store.columns import UtcTime
from runner.store.replies import about
from runner.store.tables import account, account_tag, effect, job, tag
from runner.store.trade_tables import listing, message, participant, thread

INBOUND = message.c.direction == Direction.INBOUND

NOT_OWN = (KEYS, FOLLOW_UPS)
"""Jobs with keys that begin so are no person's reply: by rule, or a follow-up, which gives way by itself."""


def later_than(of: Any, *, side: Direction | None = None) -> ColumnElement[bool]:
    """Whether anybody, or somebody of one side, has written in the same Thread after a Message.

    What the counterpart has deleted since is not there; what we have deleted may have been read all the same.
    """
    later = message.alias("later")
    theirs = () if side is None else (later.c.direction == side,)
    stands = or_(later.c.direction == Direction.OUTBOUND, later.c.deleted_at.is_(None))
    return exists().where(later.c.thread_id == of.c.thread_id, _before(of, later), stands, *theirs)


def own_reply(of: Any, in_thread: Any) -> ColumnElement[bool]:
    """Whether somebody has given a reply of their own to a Job since a Message was read: it is sent, or about to be."""
    own = job.alias("own_reply")
    return exists().where(
        own.c.account_id == in_thread.c.account_id,
        own.c.flow == literal_column("'send_message'"),
        own.c.created_at >= of.c.first_seen_at,
        own.c.state.not_in((JobState.FAILED, JobState.CANCELLED)),
        or_(own.c.key.is_(None), not_(or_(*(own.c.key.startswith(keys, autoescape=True) for keys in NOT_OWN)))),
        about(own) == in_thread.c.remote_id,
    )


def answered_earlier(of: Any, in_thread: Any) -> ColumnElement[bool]:
    """Whether our newest Message of the Thread stands after a Message and was sent in answer to one before it."""
    ours, last = message.alias("ours"), message.alias("last")
    answers_it = in_thread.c.remote_id + "|" + of.c.key + "|"
    return and_(
        ~later_than(of, side=Direction.INBOUND),
        exists().where(
            ours.c.thread_id == of.c.thread_id,
            ours.c.direction == Direction.OUTBOUND,
            _before(of, ours),
            ~exists().where(last.c.thread_id == ours.c.thread_id, _before(ours, last)),
            effect.c.account_id == in_thread.c.account_id,
            effect.c.kind == EffectKind.SEND_MESSAGE,
            or_(effect.c.remote_id == ours.c.key, "id:" + effect.c.remote_id == ours.c.key),
            effect.c.natural_key.startswith(in_thread.c.remote_id + "|"),
            func.substr(effect.c.natural_key, 1, func.length(answers_it)) != answers_it,
        ),
    )


async def situations(connection: AsyncConnection, numbers: Sequence[int]) -> list[Situation]:
    """Those of some inbound Messages, in the order asked; a number that is none of one is left out."""
    rows = {row.id: row for row in await connection.execute(_select(), {"numbers": list(numbers)})}
    found = [rows[number] for number in numbers if number in rows]
    tags = await _tags(connection, {row.account_id for row in found})
    return [_situation(row, tags.get(row.account_id, ()), await _goods(connection, row)) for row in found]


@cache
def _select() -> Select[Any]:
    """Built once: to build it takes ten times as long as SQLite takes to answer it, and a sweep asks often."""
    joined = (
        message.join(thread, thread.c.id == message.c.thread_id)
        .join(account, account.c.id == thread.c.account_id)
        .join(participant, participant.c.id == thread.c.participant_id)
    )
    earlier = message.alias("earlier")
    begun = exists().where(earlier.c.thread_id == message.c.thread_id, _before(earlier, message))
    return (
        select(
            message,
            func.coalesce(message.c.sent_at, message.c.first_seen_at, type_=UtcTime()).label("written_at"),
            thread.c.account_id,
            thread.c.remote_id.label("thread_remote_id"),
            thread.c.listing_title,
            account.c.name.label("account"),
            account.c.site,
            participant.c.name.label("counterpart"),
            begun.label("begun"),
            or_(later_than(message), own_reply(message, thread)).label("overtaken"),
            _history().label("history"),
            _there_first().label("there_first"),
            answered_earlier(message, thread).label("answered_earlier"),
        )
        .select_from(joined)
        .where(INBOUND, message.c.id.in_(bindparam("numbers", expanding=True)))
    )


async def _tags(connection: AsyncConnection, account_ids: set[int]) -> dict[int, tuple[str, ...]]:
    statement = select(account_tag.c.account_id, tag.c.name).join(tag).where(account_tag.c.account_id.in_(account_ids))
    found: dict[int, tuple[str, ...]] = {}
    for row in await connection.execute(statement.order_by(tag.c.name)):
        found[row.account_id] = (*found.get(row.account_id, ()), row.name)
    return found


async def _goods(connection: AsyncConnection, row: Row[Any]) -> Goods | None:
    """The Listing with the Thread's title; None where two have it: half a guess is no price."""
    if row.listing_title is None:
        return None
    mine = or_(listing.c.account_id == row.account_id, listing.c.account_id.is_(None))
    statement = select(listing).where(mine, listing.c.title == row.listing_title).limit(10)
    found = (await connection.execute(statement)).all()
    own = [each for each in found if each.account_id is not None] or found
    if len(own) != 1:
        return None
    return Goods(**{name: own[0]._mapping[name] for name in Goods.__dataclass_fields__})


def _situation(row: Row[Any], tags: tuple[str, ...], goods: Goods | None) -> Situation:
    fields = row._mapping
    made = {"message_id", "tags", "first_contact", "goods", "overtaken", "history", "answered_earlier", "there_first"}
    return Situation(
        message_id=row.id,
        tags=tags,
        first_contact=not row.begun,
        goods=goods,
        overtaken=bool(row.overtaken),
        history=bool(row.history),
        there_first=bool(row.there_first),
        answered_earlier=bool(row.answered_earlier),
        **{name: fields[name] for name in Situation.__dataclass_fields__ if name not in made},
    )


def _history() -> ColumnElement[bool]:
    """Whether it has no time, and stood in the inbox before that had been read to its end for the first time."""
    return and_(message.c.sent_at.is_(None), _there_first())


def _there_first() -> ColumnElement[bool]:
    return or_(account.c.inbox_read_at.is_(None), message.c.first_seen_at <= account.c.inbox_read_at)


def _when(of: Any) -> ColumnElement[Any]:
    return func.coalesce(of.c.sent_at, of.c.first_seen_at)


def _before(one: Any, other: Any) -> ColumnElement[bool]:
    return or_(_when(one) < _when(other), and_(_when(one) == _when(other), one.c.id < other.c.id))
