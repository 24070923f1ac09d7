"""Which Threads wait for somebody here: for a click on a Draft, or for a person because nobody is sure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select

from runner.domain.drafts import DraftState, Verdict
from runner.domain.states import Direction, ThreadStatus
from runner.store.rule_tables import decision, draft
from runner.store.situations import later_than
from runner.store.trade_tables import message, thread


class Wait(StrEnum):
    """What a Thread waits for."""

    CLICK = "click"  # a Draft of its waits to be sent or dismissed
    PERSON = "person"  # nobody is sure enough what it wants, or the reply lacks a value


def waits_for(wait: Wait, *, threshold: float) -> ColumnElement[bool]:
    """Whether a Thread waits for this, by the confidence below which a person is asked."""
    return thread.c.id.in_(_drafted() if wait is Wait.CLICK else _unsure(threshold))


def _drafted() -> Select[tuple[int]]:
    return select(draft.c.thread_id).where(draft.c.state == DraftState.WAITING)


def _unsure(threshold: float) -> Select[Any]:
    """As `runner inbox queue` has them, and those whose reply could not be written."""
    no_text = exists().where(decision.c.message_id == message.c.id, decision.c.verdict == Verdict.NO_TEXT)
    return (
        select(message.c.thread_id)
        .join(thread, thread.c.id == message.c.thread_id)
        .where(
            message.c.direction == Direction.INBOUND,
            thread.c.status != ThreadStatus.CLOSED,
            or_(message.c.confidence < threshold, no_text),
            ~later_than(message),
        )
    )
