"""Jobs that were submitted by a process that died before it could note so: found again by their keys."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, case, cast, exists, literal, select, update

from runner.domain.drafts import KEYS
from runner.domain.effects import EffectState
from runner.domain.enrolments import FOLLOW_UPS
from runner.store.database import Database
from runner.store.rule_tables import draft
from runner.store.sequence_tables import enrolment_send
from runner.store.tables import effect, job


def draft_key() -> ColumnElement[str]:
    """What `domain.drafts.job_key` says of a row."""
    plain = literal(KEYS) + cast(draft.c.message_id, Text)
    return case((draft.c.sendings <= 1, plain), else_=plain + ":" + cast(draft.c.sendings, Text))


def send_key() -> ColumnElement[str]:
    """What `domain.enrolments.job_key` says of a row."""
    of, sent = enrolment_send.c.enrolment_id, enrolment_send.c
    step = cast(sent.position, Text) + ":" + cast(sent.time, Text)
    return literal(FOLLOW_UPS) + cast(of, Text) + ":step:" + step


def fired(job_id: Any) -> ColumnElement[bool]:
    """Whether a Job has fired and nobody knows yet how that ended: it reads that back itself, and is left to."""
    return exists().where(effect.c.job_id == job_id, effect.c.state == EffectState.ARMED)


async def adopt(db: Database) -> None:
    """Note which Jobs send the Drafts and the follow-ups that have none yet by their rows."""
    async with db.read() as connection:
        if not any([(await connection.execute(one)).first() for _, one, _ in _lost()]):
            return
    async with db.write() as connection:
        for table, _, statement in _lost():
            for row in (await connection.execute(statement)).all():
                mine = (table.c.id == row.id, table.c.job_id.is_(None))
                await connection.execute(update(table).where(*mine).values(job_id=row.job_id))


@cache
def _lost() -> tuple[tuple[Table, Select[Any], Select[Any]], ...]:
    """Where rows without their Job may be: the table, whether there is one, and all of them."""
    drafts = select(draft.c.id, job.c.id.label("job_id")).join(job, job.c.key == draft_key())
    sends = select(enrolment_send.c.id, job.c.id.label("job_id")).join(job, job.c.key == send_key())
    lost_drafts = drafts.where(draft.c.job_id.is_(None), draft.c.sendings > 0)
    lost_sends = sends.where(enrolment_send.c.job_id.is_(None))
    return (draft, lost_drafts.limit(1), lost_drafts), (enrolment_send, lost_sends.limit(1), lost_sends)
