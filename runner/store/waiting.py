"""Which Threads wait for somebody here: for a click on a Draft, or for a person because nobody is sure."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, literal_column, or_, select

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
    if wait is Wait.CLICK:
        return thread.c.id.in_(select(draft.c.thread_id).where(draft.c.state == DraftState.WAITING))
    # Two questions, so that each is answered by an index and not by reading all Messages.
    unsure = message.c.confidence < threshold
    no_text = message.c.id.in_(select(decision.c.message_id).where(_is(Verdict.NO_TEXT)))
    return and_(
        thread.c.status != ThreadStatus.CLOSED,
        or_(
            thread.c.id.in_(_unanswered(unsure)),
            thread.c.id.in_(_unanswered(no_text)),
            thread.c.id.in_(_crossed()),
        ),
    )


def _unanswered(which: ColumnElement[bool]) -> Select[tuple[int]]:
    inbound = message.c.direction == Direction.INBOUND
    return select(message.c.thread_id).where(which, inbound, ~later_than(message))


def _crossed() -> Select[tuple[int]]:
    """Those in which nobody has written since it was seen that a Message had crossed a reply of ours."""
    since = message.alias("since")
    written = select(since.c.id).where(since.c.thread_id == message.c.thread_id, since.c.first_seen_at > decision.c.at)
    crossed = select(message.c.thread_id).join(decision, decision.c.message_id == message.c.id)
    return crossed.where(_is(Verdict.CROSSED), ~written.exists())


def _is(verdict: Verdict) -> ColumnElement[bool]:
    """A literal, not a parameter: SQLite uses a partial index only when it can see the index's own condition."""
    return decision.c.verdict == literal_column(f"'{verdict}'")
