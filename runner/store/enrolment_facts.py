"""What is known about an Enrolment: what was said since, what was sent, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import DraftState
from runner.domain.effects import AT_SITE, IN_DOUBT, Effect, EffectState
from runner.domain.enrolments import Enrolment, Facts, Heard, Outcome, Send, SendState
from runner.domain.listings import ListingState
from runner.domain.sequences import StoredSequence
from runner.domain.states import Direction, JobState, ThreadStatus
from runner.store import replies
from runner.store.columns import UtcTime
from runner.store.enrolment_rows import open_send
from runner.store.rule_tables import draft
from runner.store.sequence_tables import enrolment, enrolment_send
from runner.store.tables import job
from runner.store.trade_tables import listing, message, thread

UNDER_WAY = (JobState.QUEUED, JobState.RUNNING, JobState.PARKED)
WHEN = func.coalesce(message.c.sent_at, message.c.first_seen_at, type_=UtcTime())


@dataclass(frozen=True, kw_only=True)
class Known:
    """The facts, the last send where it is still open, the message that a next one would follow, and how far one saw.

    `seen_id` stays where it was while it cannot be said who wrote what is there.
    """

    facts: Facts
    open_send: Send | None
    follows: str | None
    seen_id: int


async def known(connection: AsyncConnection, of: Enrolment, through: StoredSequence | None, now: datetime) -> Known:
    """Everything about an Enrolment that is live."""
    whose = await replies.whose(connection, of.thread_id)
    effects = await replies.effects_of(connection, whose)
    stored = await _messages(connection, of.thread_id)
    send = await open_send(connection, of.id)
    ended = await outcome(connection, send, effects, now) if send else None
    ours = await _our_jobs(connection, of)
    alive = await _alive(connection, effects)
    doubt = _doubt(effects, send, alive)
    sending = send is not None and ended is None
    strange = _strange(of, stored, effects, ours)
    unsure = bool(strange) and (sending or doubt is not None)
    answer = await _answer(connection, of)
    facts = Facts(
        enrolment=of,
        steps=through.steps if through else (),
        enabled=through.enabled if through else False,
        heard=await _heard(connection, of),
        written=_written(of, effects, ours) or (bool(strange) and not unsure),
        doubt=doubt,
        sending=sending,
        ended=ended,
        waits_for_answer=answer.waits,
        thread_is_busy=await _is_busy(connection, of, effects, alive),
        answered_at=_sent_at(effects, answer.job_id),
        **await _put_away(connection, of),
    )
    newest = max((row.id for row in stored), default=of.seen_id)
    others = (await connection.execute(select(func.max(message.c.id)))).scalar() or 0
    return Known(
        facts=facts,
        open_send=send,
        follows=_follows(stored, effects),
        seen_id=of.seen_id if unsure else max(newest, others, of.seen_id),
    )


async def outcome(connection: AsyncConnection, send: Send, effects: Sequence[Effect], now: datetime) -> Outcome | None:
    """How a send has ended; None while it has not, or nobody can tell. The journal's word counts before the Job's."""
    row = None
    if send.job_id is not None:
        row = (await connection.execute(select(job).where(job.c.id == send.job_id))).first()
    mine = next((each for each in reversed(effects) if each.job_id == send.job_id), None)
    if send.job_id is None or (row is not None and row.state in UNDER_WAY):
        return None
    if mine is not None and mine.state in AT_SITE:
        return Outcome(sent=True, at=mine.armed_at or (row.ended_at if row is not None else None) or now)
    if (mine is not None and mine.state in IN_DOUBT) or (row is not None and row.state is JobState.UNKNOWN):
        return None
    if row is None:
        return Outcome(sent=False, at=now, words="its job is gone, and nothing says that it was sent")
    if row.state is not JobState.SUCCEEDED:
        return Outcome(sent=False, at=row.ended_at or now, words=f"job {row.id} is {row.state}: {row.error or ''}")
    told: Mapping[str, Any] = row.result or {}
    if "not_sent" not in told:
        return Outcome(sent=True, at=row.ended_at or now)
    heard = tuple(Heard(text=str(text), at=row.ended_at or now) for text in told.get("said", ()))
    return Outcome(
        sent=False,
        at=row.ended_at or now,
        words=str(told["not_sent"]),
        overtaken_by=told.get("overtaken_by"),
        heard=heard,
    )


async def heard_ever(connection: AsyncConnection, thread_id: int) -> list[str]:
    """All that the counterpart of a Thread has written, in this Thread and the others of the same Account."""
    who = select(thread.c.participant_id).where(thread.c.id == thread_id).scalar_subquery()
    theirs = select(message.c.text).join(thread).where(thread.c.participant_id == who)
    return list((await connection.execute(theirs.where(message.c.direction == Direction.INBOUND))).scalars())


async def newest_inbound(connection: AsyncConnection, thread_id: int) -> int | None:
    """The number of the counterpart's last Message that stands there; None when there is none."""
    mine = (message.c.thread_id == thread_id, message.c.direction == Direction.INBOUND, message.c.deleted_at.is_(None))
    statement = select(message.c.id).where(*mine).order_by(WHEN.desc(), message.c.id.desc()).limit(1)
    number: int | None = (await connection.execute(statement)).scalar()
    return number


async def _heard(connection: AsyncConnection, of: Enrolment) -> tuple[Heard, ...]:
    """What the counterpart has written since, and what they have put in other words since it was enrolled."""
    edited = message.c.edited_at > of.enrolled_at
    who = select(thread.c.participant_id).where(thread.c.id == of.thread_id).scalar_subquery()
    new = (
        thread.c.participant_id == who,
        message.c.direction == Direction.INBOUND,
        or_(message.c.id > of.seen_id, edited),
    )
    at = case((edited, message.c.edited_at), else_=WHEN).label("at")
    statement = select(message.c.text, message.c.thread_id, at).join(thread).where(*new)
    rows = await connection.execute(statement.order_by(message.c.id))
    return tuple(Heard(text=row.text, at=row.at, here=row.thread_id == of.thread_id) for row in rows)


async def _messages(connection: AsyncConnection, thread_id: int) -> Sequence[Any]:
    """The stored Messages of a Thread, the oldest first, without their texts."""
    columns = (message.c.id, message.c.key, message.c.direction, message.c.deleted_at)
    statement = select(*columns).where(message.c.thread_id == thread_id).order_by(WHEN, message.c.id)
    return (await connection.execute(statement)).all()


async def _our_jobs(connection: AsyncConnection, of: Enrolment) -> set[int]:
    """The Jobs that send for Enrolments of this Thread, and the one that answers what it was enrolled with."""
    sends = select(enrolment_send.c.job_id).join(enrolment).where(enrolment.c.thread_id == of.thread_id)
    found = set((await connection.execute(sends)).scalars())
    answers = select(draft.c.job_id).where(draft.c.message_id == of.message_id)
    return {each for each in (*found, *(await connection.execute(answers)).scalars()) if each is not None}


def _strange(of: Enrolment, stored: Sequence[Any], effects: Sequence[Effect], ours: set[int]) -> list[str]:
    """Keys of what stands on our side of the Thread since, and was sent by nobody who follows up."""
    new = [row.key for row in stored if row.id > of.seen_id and row.direction is Direction.OUTBOUND]
    behind = {key: replies.effect_behind(key, effects) for key in new}
    return [key for key, effect in behind.items() if effect is None or not (effect.job_id in ours or _past(of, effect))]


def _past(of: Enrolment, effect: Effect) -> bool:
    """Whether it was sent before the Thread was enrolled, and is only read back since."""
    return effect.armed_at is not None and effect.armed_at <= of.enrolled_at


def _written(of: Enrolment, effects: Sequence[Effect], ours: set[int]) -> bool:
    """Whether somebody has sent a Message through the runner since, which may not be read back yet."""
    return any(
        each.state in AT_SITE
        and each.armed_at is not None
        and each.armed_at > of.enrolled_at
        and each.job_id not in ours
        for each in effects
    )


async def _alive(connection: AsyncConnection, effects: Sequence[Effect]) -> set[int]:
    """The Jobs that have fired and will find out themselves how that ended."""
    armed = [each.job_id for each in effects if each.state is EffectState.ARMED]
    found = select(job.c.id).where(job.c.id.in_(armed), job.c.state.in_(UNDER_WAY))
    return set((await connection.execute(found)).scalars())


async def _is_busy(connection: AsyncConnection, of: Enrolment, effects: Sequence[Effect], alive: set[int]) -> bool:
    """Whether another message of the Thread is on its way, for another Enrolment or by anybody's Job."""
    if any(each.state is EffectState.ARMED and each.job_id in alive for each in effects):
        return True
    others = (enrolment.c.thread_id == of.thread_id, enrolment.c.id != of.id)
    sending = select(enrolment_send.c.id).join(enrolment).where(*others, enrolment_send.c.state == SendState.SENDING)
    return (await connection.execute(sending.limit(1))).first() is not None


def _doubt(effects: Sequence[Effect], send: Send | None, alive: set[int]) -> str | None:
    for each in effects:
        stranded = each.state is EffectState.ARMED and each.job_id not in alive
        if each.state is EffectState.UNKNOWN or stranded:
            return f"nobody can tell whether a message was sent: runner effects show {each.id}"
    if send is not None and send.job_state is JobState.UNKNOWN:
        return f"nobody can tell whether a message was sent: runner jobs show {send.job_id}"
    return None


@dataclass(frozen=True, kw_only=True)
class _Answer:
    waits: bool
    job_id: int | None


async def _answer(connection: AsyncConnection, of: Enrolment) -> _Answer:
    """The reply that goes to the Message with which the Thread was enrolled."""
    joined = draft.outerjoin(job, job.c.id == draft.c.job_id)
    mine = (draft.c.message_id == of.message_id, draft.c.state == DraftState.SENT)
    statement = select(draft.c.job_id, job.c.state).select_from(joined).where(*mine)
    row = (await connection.execute(statement)).first()
    if row is None:
        return _Answer(waits=False, job_id=None)
    return _Answer(waits=row.job_id is None or row.state in UNDER_WAY, job_id=row.job_id)


def _sent_at(effects: Sequence[Effect], job_id: int | None) -> datetime | None:
    mine = [each.armed_at for each in effects if job_id is not None and each.job_id == job_id and each.state in AT_SITE]
    return mine[-1] if mine else None


async def _put_away(connection: AsyncConnection, of: Enrolment) -> dict[str, bool]:
    joined = thread.join(enrolment, enrolment.c.thread_id == thread.c.id).outerjoin(
        listing, and_(listing.c.id == enrolment.c.listing_id)
    )
    statement = select(thread.c.status, enrolment.c.listing_id, listing.c.state).select_from(joined)
    row = (await connection.execute(statement.where(enrolment.c.id == of.id))).one()
    gone = row.listing_id is not None and row.state is not ListingState.PUBLISHED
    return {"closed": row.status is ThreadStatus.CLOSED, "sold": gone}


def _follows(stored: Sequence[Any], effects: Sequence[Effect]) -> str | None:
    """The key of the last Message of the Thread: one that we have just sent need not be read back yet."""
    keys = {row.key for row in stored}
    sent = [each for each in effects if each.state in AT_SITE and each.remote_id]
    unread = [
        _key(each.remote_id or "") for each in sorted(sent, key=lambda each: (each.armed_at is not None, each.id))
    ]
    fresh = [key for key in unread if key not in keys]
    if fresh:
        return fresh[-1]
    shown = [row.key for row in stored if row.deleted_at is None]
    return shown[-1] if shown else None


def _key(remote_id: str) -> str:
    """A Message's key by what the journal has: the Site's id of it, or the key itself where the Site gives none."""
    return remote_id if remote_id.startswith("hash:") else f"id:{remote_id}"
