"""Enrolments as they go on: each move is one transaction that looks at everything first, whoever else is looking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.enrolments import Enrolment, EnrolmentState, Facts, Move, Outcome, Send, SendState, StopReason
from runner.domain.rules import Situation
from runner.domain.sequences import SequenceStep, StoredSequence, Wording
from runner.domain.templates import Template
from runner.store import enrolment_facts, events, replies, situations
from runner.store.adopting import adopt, fired, send_key
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.enrolment_facts import Known
from runner.store.enrolment_rows import change, fetch_enrolment, open_send, select_sends, send_of, tell
from runner.store.sequence_tables import enrolment, enrolment_send
from runner.store.sequences import fetch_sequences
from runner.store.tables import job
from runner.store.templates import fetch_templates

Decider = Callable[[Facts, datetime], Move]
"""Says what becomes of an Enrolment."""

Writer = Callable[[SequenceStep, Situation, Sequence[Template], Mapping[int, int]], Wording]
"""Writes a step's message for a Thread."""

ASKING = (StopReason.NO_TEXT, StopReason.NOT_SENT, StopReason.NEVER_OPEN)
"""A person is asked about these: nobody wanted them."""


class EnrolmentMoves:
    """Moves Enrolments. Every method may be called by any number of processes at once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def advance(self, enrolment_id: int, decider: Decider, writer: Writer) -> Enrolment:
        """Note how the last send ended, and do what is to be done now.

        A message that goes out is a Send without a Job: see `unsubmitted`. Raises NotFound.
        """
        async with self._db.write() as connection:
            before = await fetch_enrolment(connection, enrolment_id)
            if not before.is_live:
                await self._settle_late(connection, before)
                return before
            through = {each.id: each for each in await fetch_sequences(connection)}.get(before.sequence_id)
            now = self._db.clock.now()
            known = await enrolment_facts.known(connection, before, through, now)
            move = decider(known.facts, now)
            if known.open_send is not None and move.settled is not None:
                await self._settle(connection, before, known.open_send, move.settled)
            if move.send and through is not None:
                return await self._send(connection, before, known, through, move, writer)
            return await self._apply(connection, before, known, move)

    async def unsubmitted(self, *, limit: int, but: Collection[int] = ()) -> list[tuple[Send, Enrolment, str]]:
        """Sends that have no Job yet, each with what it follows: fresh ones, and what the dead have left."""
        mine = (enrolment_send.c.state == SendState.SENDING, enrolment_send.c.job_id.is_(None))
        statement = select_sends().where(*mine, enrolment_send.c.id.not_in(but)).order_by(enrolment_send.c.id)
        async with self._db.read() as connection:
            rows = (await connection.execute(statement.limit(limit))).all()
            return [(send_of(row), await fetch_enrolment(connection, row.enrolment_id), row.follows) for row in rows]

    async def adopt(self) -> None:
        """Note the Jobs of processes that died before they could say so: what these sent is no stranger's."""
        await adopt(self._db)

    async def submitted(self, send_id: int, job_id: int) -> bool:
        """Note the Job that sends it; False when it is not to be sent any more: then the Job is one too many."""
        mine = (enrolment_send.c.id == send_id, enrolment_send.c.state == SendState.SENDING)
        async with self._db.write() as connection:
            done = await connection.execute(update(enrolment_send).where(*mine).values(job_id=job_id))
            return bool(done.rowcount)

    async def taken_back(self, send_id: int) -> None:
        """Note that a Send got no Job and never will: its Enrolment was over first.

        One that has a Job all the same, whose process died, is `surplus`.
        """
        values = {"state": SendState.NOT_SENT, "detail": "the enrolment was over first"}
        await adopt(self._db)
        keyed = exists().where(job.c.key == send_key())
        mine = (enrolment_send.c.id == send_id, enrolment_send.c.job_id.is_(None), ~keyed)
        async with self._db.write() as connection:
            await connection.execute(update(enrolment_send).where(*mine).values(values))

    async def surplus(self, *, limit: int, but: Collection[int] = ()) -> list[Send]:
        """Sends of Enrolments that are over, whose Jobs wait; one that has fired is read back by its Job first."""
        waiting = ("queued", "parked")
        await adopt(self._db)
        over = select(enrolment.c.id).where(enrolment.c.state.in_((EnrolmentState.STOPPED, EnrolmentState.FINISHED)))
        begun = fired(enrolment_send.c.job_id)
        mine = (enrolment_send.c.state == SendState.SENDING, enrolment_send.c.enrolment_id.in_(over), ~begun)
        async with self._db.read() as connection:
            rows = await connection.execute(select_sends().where(*mine, enrolment_send.c.id.not_in(but)).limit(limit))
            return [each for each in map(send_of, rows) if each.job_state in waiting]

    async def used(self) -> dict[int, int]:
        """How often each Template was used, by its number."""
        async with self._db.read() as connection:
            return await _used(connection)

    async def _apply(self, connection: AsyncConnection, before: Enrolment, known: Known, move: Move) -> Enrolment:
        values = _values(move, known)
        if move.replied:
            values |= {"replied_at": self._db.clock.now(), "replied_after": move.position}
        if all(getattr(before, name, None) == value for name, value in values.items()):
            return before
        after = await change(self._db, connection, before, values)
        news = after.state is not before.state
        if news and (after.reason in ASKING or after.state is EnrolmentState.IN_DOUBT):
            await tell(self._db, connection, after, "PersonAsked")
        return after

    async def _send(
        self,
        connection: AsyncConnection,
        before: Enrolment,
        known: Known,
        through: StoredSequence,
        move: Move,
        writer: Writer,
    ) -> Enrolment:
        number = await enrolment_facts.newest_inbound(connection, before.thread_id)
        found = await situations.situations(connection, [number]) if number is not None else []
        templates, used = await fetch_templates(connection), await _used(connection)
        words = "nobody has written in this thread"
        wording = writer(through.steps[move.position], found[0], templates, used) if found else None
        if wording is None or wording.text is None or known.follows is None:
            why = wording.words if wording is not None and wording.text is None else words
            stopped = Move(
                state=EnrolmentState.STOPPED,
                reason=StopReason.NO_TEXT,
                detail=why,
                position=move.position,
                base_at=move.base_at,
            )
            return await self._apply(connection, before, known, stopped)
        same = (enrolment_send.c.enrolment_id == before.id, enrolment_send.c.position == move.position + 1)
        times = (await connection.execute(select(func.count()).select_from(enrolment_send).where(*same))).scalar_one()
        values = {
            "enrolment_id": before.id,
            "position": move.position + 1,
            "time": times + 1,
            "text": wording.text,
            "template_id": wording.template_id,
            "template": wording.template,
            "follows": known.follows,
            "state": SendState.SENDING,
            "created_at": self._db.clock.now(),
        }
        await connection.execute(insert(enrolment_send), values)
        return await self._apply(connection, before, known, move)

    async def _settle(self, connection: AsyncConnection, of: Enrolment, send: Send, ended: Outcome) -> None:
        values: dict[str, Any] = {"state": SendState.NOT_SENT, "detail": ended.words}
        if ended.sent:
            values = {"state": SendState.SENT, "sent_at": ended.at}
        await connection.execute(update(enrolment_send).where(enrolment_send.c.id == send.id).values(values))
        data = {"enrolment": of.id, "sequence": of.sequence, "thread": of.thread_id, "step": send.position}
        if ended.sent:
            await self._record(connection, of, "FollowUpSent", send, data)
        else:
            await self._record(connection, of, "FollowUpNotSent", send, data | {"why": ended.words})

    async def _settle_late(self, connection: AsyncConnection, of: Enrolment) -> None:
        """What was on its way when the Enrolment ended may have been sent."""
        send = await open_send(connection, of.id)
        if send is None:
            return
        effects = await replies.effects_of(connection, await replies.whose(connection, of.thread_id))
        ended = await enrolment_facts.outcome(connection, send, effects, self._db.clock.now())
        if ended is None:
            return
        await self._settle(connection, of, send, ended)
        if ended.sent:
            mine = enrolment.c.id == of.id
            await connection.execute(update(enrolment).where(mine).values(position=send.position))

    async def _record(
        self, connection: AsyncConnection, of: Enrolment, what: str, send: Send, data: Mapping[str, Any]
    ) -> None:
        whose = (await replies.whose(connection, of.thread_id)).account_id
        fact = events.Fact(name=what, account=(whose, of.account), job_id=send.job_id, data=clean(data))
        await events.record(self._db, connection, [fact])


def _values(move: Move, known: Known) -> dict[str, Any]:
    over = move.state in (EnrolmentState.STOPPED, EnrolmentState.FINISHED)
    return {
        "state": move.state,
        "reason": move.reason,
        "detail": move.detail,
        "position": move.position,
        "base_at": move.base_at,
        "next_due_at": None if over else move.next_due_at,
        "postponed_until": None if over else move.postponed_until,
        "seen_id": known.seen_id,
    }


async def _used(connection: AsyncConnection) -> dict[int, int]:
    counted = select(enrolment_send.c.template_id, func.count().label("times")).group_by(enrolment_send.c.template_id)
    return {row.template_id: row.times for row in await connection.execute(counted)}
