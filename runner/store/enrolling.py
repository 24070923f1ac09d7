"""Enrolling Threads in Sequences: who may be, and who said so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.enrolments import LIVE, Enrolment, EnrolmentState, Source
from runner.domain.listings import ListingState
from runner.domain.phrases import opt_out_in
from runner.domain.sequences import StoredSequence
from runner.domain.states import ThreadStatus
from runner.errors import Conflict, NotFound, RunnerError
from runner.store import enrolment_facts, events
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.enrolment_rows import fetch_enrolment, tell
from runner.store.sequence_tables import enrolment
from runner.store.sequences import fetch_sequence
from runner.store.trade_tables import listing, message, thread


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a Thread is to be enrolled. `again`: although it went through it before. `force`: although it opted out."""

    source: Source
    by: str | None
    again: bool = False
    force: bool = False


class WentThrough(Conflict):
    """A Thread went through the Sequence before; somebody may ask for it once more."""


async def enrol_by_rule(db: Database, connection: AsyncConnection, name: str, thread_id: int, rule: str) -> None:
    """Enrol a Thread because a Rule says so. One that may not be stays out; an Event says why."""
    try:
        through = await fetch_sequence(connection, name)
        await insert_enrolment(db, connection, through, thread_id, Asked(source=Source.RULE, by=rule))
    except RunnerError as error:
        data = {"thread": thread_id, "sequence": name, "rule": rule, "why": error.what}
        await events.record(db, connection, [events.Fact(name="ThreadNotEnrolled", data=clean(data))])


async def insert_enrolment(
    db: Database, connection: AsyncConnection, through: StoredSequence, thread_id: int, asked: Asked
) -> Enrolment:
    """Enrol a Thread, inside the running transaction; a sweep says when its first step is due. Raises RunnerError."""
    listing_id = await expect_enrollable(connection, through, thread_id, asked)
    now = db.clock.now()
    values = {
        "sequence_id": through.id,
        "sequence": through.name,
        "thread_id": thread_id,
        "state": EnrolmentState.ACTIVE,
        "source": asked.source,
        "by": asked.by,
        "message_id": await enrolment_facts.newest_inbound(connection, thread_id),
        "position": 0,
        "seen_id": await newest_message(connection),
        "listing_id": listing_id,
        "base_at": now,
        "enrolled_at": now,
        "changed_at": now,
    }
    number = (await connection.execute(insert(enrolment).returning(enrolment.c.id), values)).scalar_one()
    found = await fetch_enrolment(connection, number)
    await tell(db, connection, found, "ThreadEnrolled")
    return found


async def expect_enrollable(
    connection: AsyncConnection, through: StoredSequence, thread_id: int, asked: Asked
) -> int | None:
    """Whether a Thread may be enrolled now; returns the Listing that is for sale there. Raises NotFound, Conflict."""
    status = (await connection.execute(select(thread.c.status).where(thread.c.id == thread_id))).scalar()
    if status is None:
        raise NotFound("thread", str(thread_id), ())
    if not through.enabled:
        raise Conflict(
            f'Sequence "{through.name}" is disabled.', cure=f"Enable it first: runner sequences enable {through.name}"
        )
    if status is ThreadStatus.CLOSED:
        raise Conflict(f"Thread {thread_id} is closed.", cure="Open it first.")
    inbound = await enrolment_facts.newest_inbound(connection, thread_id)
    if inbound is None:
        raise Conflict(f"In thread {thread_id} nobody has written to you yet.", cure="Enrol those who have.")
    phrases = filter(None, map(opt_out_in, await enrolment_facts.heard_ever(connection, thread_id)))
    refusal = next(phrases, None)
    if refusal is not None and not asked.force:
        raise Conflict(
            f'The counterpart of thread {thread_id} wants no more messages: "{refusal}".',
            cure="Only a person may write to them all the same: add --force.",
        )
    mine = (enrolment.c.sequence_id == through.id, enrolment.c.thread_id == thread_id)
    before = (await connection.execute(select(enrolment.c.state).where(*mine))).scalars().all()
    if any(state in LIVE for state in before):
        raise Conflict(f'Thread {thread_id} is going through sequence "{through.name}" already.', cure="Leave it be.")
    if before and not asked.again:
        raise WentThrough(
            f'Thread {thread_id} went through sequence "{through.name}" before.',
            cure="To have it go through it once more, add --again.",
        )
    return await _for_sale(connection, thread_id)


async def newest_message(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.max(message.c.id)))).scalar() or 0)


async def _for_sale(connection: AsyncConnection, thread_id: int) -> int | None:
    """The Listing with the Thread's title, when there is one such for sale."""
    mine = or_(listing.c.account_id == thread.c.account_id, listing.c.account_id.is_(None))
    joined = thread.join(listing, (listing.c.title == thread.c.listing_title) & mine)
    statement = select(listing.c.id, listing.c.state).select_from(joined).where(thread.c.id == thread_id).limit(2)
    found = (await connection.execute(statement)).all()
    return found[0].id if len(found) == 1 and found[0].state is ListingState.PUBLISHED else None
