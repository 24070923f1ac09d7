"""Drafts between their rows and the values of the domain, and the steps that every change of one consists of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import Draft, DraftState
from runner.domain.rules import Then
from runner.domain.states import Direction, JobState, ThreadStatus
from runner.errors import NotFound, SetupError
from runner.store import events, resolutions, situations, thread_tags
from runner.store.account_ids import id_of
from runner.store.columns import clean, storable
from runner.store.database import Database
from runner.store.enrolling import enrol_by_rule
from runner.store.rule_tables import draft
from runner.store.tables import account, job
from runner.store.trade_tables import message, participant, thread

log = structlog.get_logger()

NOT_BEGUN = (JobState.QUEUED, JobState.PARKED)
"""A Job of these states can be withdrawn: no browser is at it."""


def select_drafts() -> Select[Any]:
    """Drafts with all that a Draft shows of its Thread, its Message and its Job."""
    joined = (
        draft.join(message, message.c.id == draft.c.message_id)
        .join(thread, thread.c.id == draft.c.thread_id)
        .join(account, account.c.id == thread.c.account_id)
        .join(participant, participant.c.id == thread.c.participant_id)
        .outerjoin(job, job.c.id == draft.c.job_id)
    )
    return select(
        draft,
        account.c.name.label("account"),
        participant.c.name.label("counterpart"),
        thread.c.listing_title,
        message.c.text.label("question"),
        job.c.state.label("job_state"),
    ).select_from(joined)


def to_draft(row: Row[Any]) -> Draft:
    """A row of `select_drafts` as a Draft."""
    return Draft(**{name: row._mapping[name] for name in Draft.__dataclass_fields__})


async def fetch(connection: AsyncConnection, draft_id: int) -> Draft:
    """One Draft. Raises NotFound."""
    row = (await connection.execute(select_drafts().where(draft.c.id == draft_id))).first()
    if row is None:
        raise NotFound("draft", str(draft_id), ())
    return to_draft(row)


async def move(
    db: Database,
    connection: AsyncConnection,
    found: Draft,
    to: DraftState,
    *,
    by: str | None = None,
    detail: str | None = None,
) -> Draft:
    """Put a Draft into another state and tell of it."""
    values: dict[str, Any] = {"state": to, "changed_at": db.clock.now()}
    values |= {name: storable(value) for name, value in (("by", by), ("detail", detail)) if value is not None}
    await connection.execute(update(draft).where(draft.c.id == found.id).values(values))
    moved = await fetch(connection, found.id)
    await say(db, connection, moved, "Draft" + to.capitalize())
    return moved


async def give_back(db: Database, connection: AsyncConnection, found: Draft, why: str) -> Draft:
    """A Draft that was not sent waits for a person again, who is told why."""
    moved = await move(db, connection, found, DraftState.WAITING, detail=why)
    await say(db, connection, moved, "PersonAsked", words=why)
    return moved


async def act(
    db: Database, connection: AsyncConnection, of_message: int, thread_id: int, then: Then, *, rule: str
) -> None:
    """What a Rule does to our own Thread, once its reply is sent; at once where it has none.

    A Thread in which the counterpart has written since is not put away: that would hide what they wrote. Nor is it
    followed up.
    """
    if then.enrol is not None and not await _written_since(connection, of_message):
        await enrol_by_rule(db, connection, then.enrol, thread_id, rule)
    told: dict[str, Any] = {}
    if then.assign is not None:
        told["assignee"] = then.assign
    if (then.close or then.snooze_s is not None) and not await _written_since(connection, of_message):
        told |= {"status": ThreadStatus.CLOSED, "snoozed_until": None} if then.close else _snoozed(db, then.snooze_s)
    if told:
        before = (await connection.execute(select(thread.c.status).where(thread.c.id == thread_id))).scalar_one()
        await connection.execute(update(thread).where(thread.c.id == thread_id).values(told))
        await resolutions.settle(connection, thread_id, before, told.get("status", before), db.clock.now(), by="a rule")
    if then.tags and (tags := await _tagged(db, connection, thread_id, then.tags)) is not None:
        told["tags"] = ", ".join(tags)
    if not told:
        return
    whose = select(account.c.id, account.c.name).join(thread).where(thread.c.id == thread_id)
    row = (await connection.execute(whose)).one()
    data = {"thread": thread_id} | {name: str(value) for name, value in told.items() if value is not None}
    fact = events.Fact(name="ThreadChanged", account=(row.id, row.name), data=clean(data))
    await events.record(db, connection, [fact])


async def say(db: Database, connection: AsyncConnection, found: Draft, what: str, **more: Any) -> None:
    """Tell what has become of a Draft."""
    data = {"draft": found.id, "thread": found.thread_id, "message": found.message_id, "rule": found.rule} | more
    whose = (await id_of(connection, found.account), found.account)
    told = data if found.detail is None else data | {"detail": found.detail}
    await events.record(db, connection, [events.Fact(name=what, account=whose, data=clean(told))])


async def _tagged(
    db: Database, connection: AsyncConnection, thread_id: int, tags: Sequence[str]
) -> Sequence[str] | None:
    """What a Thread has after these were put on it; None when nothing changed."""
    try:
        return await thread_tags.change(connection, thread_id, add=tags, remove=(), at=db.clock.now())
    except SetupError as full:
        # It has as many as it can hold: the rest of the Rule is done all the same.
        log.warning("a thread got no further tag", thread=thread_id, why=full.what)
        return None


def _snoozed(db: Database, for_s: float | None) -> dict[str, Any]:
    return {"status": ThreadStatus.SNOOZED, "snoozed_until": db.clock.now() + timedelta(seconds=for_s or 0)}


async def _written_since(connection: AsyncConnection, message_id: int) -> bool:
    since = situations.later_than(message, side=Direction.INBOUND)
    found = select(message.c.id).where(message.c.id == message_id, since)
    return (await connection.execute(found)).first() is not None
