"""Who wrote after whom: questions (the counterpart's first Message after silence) and the answers to them.

A Thread is a row of turns: one or more Messages of one side, then of the other. The first Message of the
counterpart's turn is the question; the first of our next turn answers it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, case, func, literal, or_, select

from runner.domain.desk import AnsweredBy
from runner.domain.states import Direction
from runner.store.columns import UtcTime
from runner.store.rule_tables import draft
from runner.store.tables import effect
from runner.store.trade_tables import message, thread

WHEN = func.coalesce(message.c.sent_at, message.c.first_seen_at, type_=UtcTime())
MOMENT = UtcTime()


def questions(*which: ColumnElement[bool], name: str = "question") -> CTE:
    """Rows of (thread_id, question_id, asked_at, answer_id, answered_at); the last two are NULL without an answer.

    `which` narrows the Messages that are looked at: whole Threads, or from a moment on.
    """
    order = (WHEN, message.c.id)
    before = func.lag(message.c.direction).over(partition_by=message.c.thread_id, order_by=order)
    said = (
        select(message.c.thread_id, message.c.id, message.c.direction, WHEN.label("at"), before.label("before"))
        .where(*which)
        .subquery(f"{name}_said")
    )
    by_time: dict[str, Any] = {"partition_by": said.c.thread_id, "order_by": (said.c.at, said.c.id)}
    turns = (
        select(
            said.c.thread_id,
            said.c.id,
            said.c.direction,
            said.c.at,
            func.lead(said.c.id).over(**by_time).label("answer_id"),
            func.lead(said.c.at, type_=MOMENT).over(**by_time).label("answered_at"),
        )
        .where(or_(said.c.before.is_(None), said.c.before != said.c.direction))
        .subquery(f"{name}_turns")
    )
    return (
        select(
            turns.c.thread_id,
            turns.c.id.label("question_id"),
            turns.c.at.label("asked_at"),
            turns.c.answer_id,
            turns.c.answered_at,
        )
        .where(turns.c.direction == Direction.INBOUND)
        .cte(name)
    )


def answered_by(answer_id: ColumnElement[int]) -> ColumnElement[str]:
    """Who wrote one of our Messages, as a word of AnsweredBy; NULL where there is no Message."""
    sent = message.alias("sent")
    whose = thread.alias("sent_in")
    # A Site's own id stands behind "id:"; a Site without ids has the whole key in the journal.
    remote = case((sent.c.key.startswith("id:"), func.substr(sent.c.key, 4)), else_=sent.c.key)
    from_us = and_(effect.c.account_id == whose.c.account_id, effect.c.remote_id == remote)
    joined = (
        sent.join(whose, whose.c.id == sent.c.thread_id)
        .outerjoin(effect, from_us)
        .outerjoin(draft, and_(draft.c.job_id == effect.c.job_id, draft.c.job_id.is_not(None)))
    )
    who = case(
        (effect.c.id.is_(None), literal(str(AnsweredBy.ELSEWHERE))),
        (and_(draft.c.id.is_not(None), draft.c.by.is_(None)), literal(str(AnsweredBy.RULE))),
        (draft.c.id.is_not(None), literal(str(AnsweredBy.DRAFT))),
        else_=literal(str(AnsweredBy.PERSON)),
    )
    found = select(who).select_from(joined).where(sent.c.id == answer_id, sent.c.direction == Direction.OUTBOUND)
    return found.limit(1).scalar_subquery()
