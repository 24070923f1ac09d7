"""What is known of an inbound Message when Rules are asked about it: its Thread, its Account, its Listing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.rules import Goods, Situation
from runner.domain.states import Direction
from runner.store.columns import UtcTime
from runner.store.tables import account, account_tag, tag
from runner.store.trade_tables import listing, message, participant, thread

INBOUND = message.c.direction == Direction.INBOUND


def later_than(of: Any) -> ColumnElement[bool]:
    """Whether anybody has written in the same Thread after a Message."""
    later = message.alias("later")
    return exists().where(later.c.thread_id == of.c.thread_id, _before(of, later))


async def situations(connection: AsyncConnection, numbers: Sequence[int]) -> list[Situation]:
    """Those of some inbound Messages, in the order asked; a number that is none of one is left out."""
    rows = {row.id: row for row in await connection.execute(_select().where(message.c.id.in_(numbers)))}
    found = [rows[number] for number in numbers if number in rows]
    tags = await _tags(connection, {row.account_id for row in found})
    return [_situation(row, tags.get(row.account_id, ()), await _goods(connection, row)) for row in found]


def _select() -> Select[Any]:
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
            later_than(message).label("overtaken"),
        )
        .select_from(joined)
        .where(INBOUND)
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
    made = {"message_id", "tags", "first_contact", "goods", "overtaken"}
    return Situation(
        message_id=row.id,
        tags=tags,
        first_contact=not row.begun,
        goods=goods,
        overtaken=bool(row.overtaken),
        **{name: fields[name] for name in Situation.__dataclass_fields__ if name not in made},
    )


def _when(of: Any) -> ColumnElement[Any]:
    return func.coalesce(of.c.sent_at, of.c.first_seen_at)


def _before(one: Any, other: Any) -> ColumnElement[bool]:
    return or_(_when(one) < _when(other), and_(_when(one) == _when(other), one.c.id < other.c.id))
