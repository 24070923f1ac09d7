"""Enrolments and their Sends as rows: read, written, told of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.enrolments import LIVE, Enrolment, EnrolmentState, Send, SendState
from runner.errors import NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.sequence_tables import enrolment, enrolment_send, sequence_step
from runner.store.tables import account, job
from runner.store.trade_tables import participant, thread


def select_enrolments() -> Select[Any]:
    """Enrolments with all that their value has."""
    counted = (
        select(func.count())
        .where(sequence_step.c.sequence_id == enrolment.c.sequence_id)
        .correlate(enrolment)
        .scalar_subquery()
    )
    joined = (
        enrolment.join(thread, thread.c.id == enrolment.c.thread_id)
        .join(account, account.c.id == thread.c.account_id)
        .join(participant, participant.c.id == thread.c.participant_id)
    )
    return select(
        enrolment,
        account.c.name.label("account"),
        thread.c.remote_id.label("thread_remote_id"),
        thread.c.listing_title,
        participant.c.name.label("counterpart"),
        counted.label("steps"),
    ).select_from(joined)


def select_sends() -> Select[Any]:
    """What was to be sent, with its Job's state."""
    joined = enrolment_send.outerjoin(job, job.c.id == enrolment_send.c.job_id)
    return select(enrolment_send, job.c.state.label("job_state")).select_from(joined)


def enrolment_of(row: Row[Any]) -> Enrolment:
    """One row of `select_enrolments`."""
    return Enrolment(**{name: row._mapping[name] for name in Enrolment.__dataclass_fields__})


def send_of(row: Row[Any]) -> Send:
    """One row of `select_sends`."""
    return Send(**{name: row._mapping[name] for name in Send.__dataclass_fields__})


async def open_send(connection: AsyncConnection, enrolment_id: int) -> Send | None:
    """The send whose end nobody has noted yet."""
    mine = (enrolment_send.c.enrolment_id == enrolment_id, enrolment_send.c.state == SendState.SENDING)
    row = (await connection.execute(select_sends().where(*mine))).first()
    return None if row is None else send_of(row)


async def fetch_enrolment(connection: AsyncConnection, enrolment_id: int) -> Enrolment:
    """One Enrolment. Raises NotFound."""
    row = (await connection.execute(select_enrolments().where(enrolment.c.id == enrolment_id))).first()
    if row is None:
        raise NotFound("enrolment", str(enrolment_id), ())
    return enrolment_of(row)


async def change(
    db: Database, connection: AsyncConnection, before: Enrolment, values: dict[str, Any], **told: object
) -> Enrolment:
    """Write what becomes of an Enrolment, with the Event that tells of a new state."""
    now = db.clock.now()
    state = values.get("state", before.state)
    if state not in LIVE and before.is_live:
        values = {"ended_at": now, "next_due_at": None, "postponed_until": None} | values
    mine = enrolment.c.id == before.id
    await connection.execute(update(enrolment).where(mine).values(values | {"changed_at": now}))
    after = await fetch_enrolment(connection, before.id)
    if after.state is not before.state or after.postponed_until != before.postponed_until:
        name = "EnrolmentResumed" if after.state is EnrolmentState.ACTIVE else _event_name(after.state)
        await tell(db, connection, after, name, **told)
    return after


async def tell(db: Database, connection: AsyncConnection, of: Enrolment, what: str, **more: object) -> None:
    """Record what happened to an Enrolment."""
    until = of.postponed_until
    data = {
        "enrolment": of.id,
        "sequence": of.sequence,
        "thread": of.thread_id,
        "counterpart": of.counterpart,
        "sent": of.position,
        "reason": str(of.reason) if of.reason else None,
        "words": of.detail,
        "until": until.isoformat() if until else None,
    } | more
    whose = (await id_of(connection, of.account), of.account)
    await events.record(db, connection, [events.Fact(name=what, account=whose, data=clean(data))])


def _event_name(state: EnrolmentState) -> str:
    return "Enrolment" + "".join(word.capitalize() for word in state.split("_"))
