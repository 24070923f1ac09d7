"""Enrolments: which Thread goes through which Sequence, and how far; one live one for each pair."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, Select, and_, bindparam, case, exists, func, or_, select, update

from runner.domain.drafts import Withdrawn
from runner.domain.enrolments import FOLLOW_UPS, LIVE, Enrolment, EnrolmentState, Send, SendState, StopReason
from runner.domain.listings import ListingState
from runner.domain.rules import Situation
from runner.domain.sequences import StoredSequence
from runner.domain.states import Direction, JobState, ThreadStatus
from runner.errors import Conflict, RunnerError
from runner.store import enrolment_facts, situations
from runner.store.adopting import adopt
from runner.store.database import Database
from runner.store.enrolling import Asked, expect_enrollable, insert_enrolment, newest_message
from runner.store.enrolment_rows import change, enrolment_of, fetch_enrolment, select_enrolments, select_sends, send_of
from runner.store.sequence_tables import enrolment, enrolment_send, sequence
from runner.store.sequences import fetch_sequence
from runner.store.tables import job
from runner.store.trade_tables import listing, message, thread

LATE_REPLIES = timedelta(days=30)
"""A reply so long after the last message still counts as one to it."""


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """How many Enrolments got a step, and how many counterparts wrote after it and before the next one.

    Position 0 stands for what came before the first.
    """

    position: int
    sent: int
    replied: int
    opted_out: int


class Enrolments:
    """All Enrolments. What becomes of those that are live is `EnrolmentMoves`'."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def enrol(self, name: str, thread_ids: Sequence[int], asked: Asked) -> list[Enrolment | RunnerError]:
        """Enrol Threads in a Sequence, in the order asked; for one that cannot be, why. Raises NotFound.

        Each in a transaction of its own: a file of thousands holds up nobody else who writes.
        """
        async with self._db.read() as connection:
            await fetch_sequence(connection, name)
        return [await self._try(name, number, asked) for number in thread_ids]

    async def problem(self, name: str, thread_id: int, asked: Asked) -> RunnerError | None:
        """Why a Thread cannot be enrolled now; None when it can. Raises NotFound for the Sequence."""
        async with self._db.read() as connection:
            through = await fetch_sequence(connection, name)
            try:
                await expect_enrollable(connection, through, thread_id, asked)
            except RunnerError as error:
                return error
        return None

    async def situation(self, thread_id: int) -> Situation | None:
        """What is known of a Thread by the counterpart's last Message; None when they have not written."""
        async with self._db.read() as connection:
            number = await enrolment_facts.newest_inbound(connection, thread_id)
            found = await situations.situations(connection, [number]) if number is not None else []
            return found[0] if found else None

    async def get(self, enrolment_id: int) -> Enrolment:
        """One Enrolment. Raises NotFound."""
        async with self._db.read() as connection:
            return await fetch_enrolment(connection, enrolment_id)

    async def list_enrolments(
        self,
        *,
        sequence_name: str | None = None,
        states: Sequence[EnrolmentState] = (),
        thread_id: int | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Enrolment]:
        """Enrolments that match, the newest first. Raises NotFound for an unknown Sequence."""
        statement = select_enrolments().order_by(enrolment.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(enrolment.c.state.in_(states))
        if thread_id is not None:
            statement = statement.where(enrolment.c.thread_id == thread_id)
        if before_id is not None:
            statement = statement.where(enrolment.c.id < before_id)
        async with self._db.read() as connection:
            if sequence_name is not None:
                through = await fetch_sequence(connection, sequence_name)
                statement = statement.where(enrolment.c.sequence_id == through.id)
            return [enrolment_of(row) for row in await connection.execute(statement)]

    async def sends(self, enrolment_id: int) -> list[Send]:
        """What was sent, or was to be, for an Enrolment, in its order."""
        mine = select_sends().where(enrolment_send.c.enrolment_id == enrolment_id).order_by(enrolment_send.c.id)
        async with self._db.read() as connection:
            return [send_of(row) for row in await connection.execute(mine)]

    async def counts(self) -> dict[int, dict[EnrolmentState, int]]:
        """How many Enrolments are in each state, by the Sequence's number."""
        grouped = select(enrolment.c.sequence_id, enrolment.c.state, func.count().label("count"))
        found: dict[int, dict[EnrolmentState, int]] = {}
        async with self._db.read() as connection:
            rows = await connection.execute(grouped.group_by(enrolment.c.sequence_id, enrolment.c.state))
            for row in rows:
                found.setdefault(row.sequence_id, {})[row.state] = int(row._mapping["count"])
        return found

    async def figures(self, through: StoredSequence) -> list[StepFigures]:
        """The distribution of replies over the steps, from before the first to after the last."""
        mine = enrolment.c.sequence_id == through.id
        sent = (
            select(enrolment_send.c.position, func.count(enrolment_send.c.enrolment_id.distinct()).label("count"))
            .join(enrolment)
            .where(mine, enrolment_send.c.state == SendState.SENT)
            .group_by(enrolment_send.c.position)
        )
        refused = func.sum(case((enrolment.c.reason == StopReason.OPTED_OUT, 1), else_=0))
        replied = select(enrolment.c.replied_after.label("position"), func.count().label("count"), refused.label("out"))
        replied = replied.where(mine, enrolment.c.replied_after.is_not(None)).group_by(enrolment.c.replied_after)
        enrolled = select(func.count()).select_from(enrolment).where(mine)
        async with self._db.read() as connection:
            reached = {row.position: int(row._mapping["count"]) for row in await connection.execute(sent)}
            wrote = {row.position: row for row in await connection.execute(replied)}
            reached[0] = (await connection.execute(enrolled)).scalar_one()
        last = max([len(through.steps), *reached, *wrote])
        return [
            StepFigures(
                position=position,
                sent=reached.get(position, 0),
                replied=int(wrote[position]._mapping["count"]) if position in wrote else 0,
                opted_out=int(wrote[position].out) if position in wrote else 0,
            )
            for position in range(last + 1)
        ]

    async def stop(self, enrolment_ids: Sequence[int], *, by: str) -> list[Enrolment]:
        """An operator stops Enrolments, all of those named. Raises NotFound, and Conflict for one that is over."""
        async with self._db.write() as connection:
            stopped = []
            for number in enrolment_ids:
                found = await fetch_enrolment(connection, number)
                if not found.is_live:
                    raise _over(found, "stopped")
                told = f"stopped by {by}"
                values = {"state": EnrolmentState.STOPPED, "reason": StopReason.OPERATOR, "detail": told}
                stopped.append(await change(self._db, connection, found, values))
            return stopped

    async def resume(self, enrolment_id: int, *, force: bool, by: str) -> Enrolment:
        """Have a stopped Enrolment go on with its next step; its delay begins now, and what was said is past.

        Raises NotFound, and Conflict when it cannot, or is stopped because the counterpart wrote and nobody forces it.
        """
        async with self._db.write() as connection:
            found = await fetch_enrolment(connection, enrolment_id)
            if found.state is not EnrolmentState.STOPPED:
                raise _over(found, "resumed")
            answered = found.reason in (StopReason.REPLIED, StopReason.OPTED_OUT)
            if answered and not force:
                raise Conflict(
                    f"Enrolment {found.id} is stopped: {found.detail}.",
                    cure="To write to them all the same, add --force.",
                )
            through = await fetch_sequence(connection, found.sequence)
            asked = Asked(source=found.source, by=by, again=True, force=force)
            listing_id = await expect_enrollable(connection, through, found.thread_id, asked)
            values: dict[str, Any] = {
                "state": EnrolmentState.ACTIVE,
                "reason": None,
                "detail": f"resumed by {by}",
                "base_at": self._db.clock.now(),
                "seen_id": await newest_message(connection),
                "listing_id": listing_id,
                "next_due_at": None,
                "postponed_until": None,
                "ended_at": None,
                "enrolled_at": self._db.clock.now(),
            }
            return await change(self._db, connection, found, values)

    async def withdrawn(self, job_id: int) -> Withdrawn | None:
        """Why the message that a Job is to send for an Enrolment is not wanted any more; None: it is."""
        joined = enrolment.join(enrolment_send).outerjoin(sequence, sequence.c.id == enrolment.c.sequence_id)
        enabled = func.coalesce(sequence.c.enabled, False).label("enabled")
        said = _said_since(by_them=True).label("said")
        statement = select(enrolment.c.state, enrolment_send.c.state.label("send"), enabled, said)
        statement = statement.add_columns(_put_away().label("away"))
        keyed = select(job.c.id).where(job.c.id == job_id, job.c.key.startswith(FOLLOW_UPS, autoescape=True))
        await adopt(self._db)
        async with self._db.read() as connection:
            mine = statement.select_from(joined).where(enrolment_send.c.job_id == job_id)
            row = (await connection.execute(mine)).first()
            stray = row is None and (await connection.execute(keyed)).first() is not None
        why = "no enrolment is followed up by this job" if stray else _unwanted(row) if row is not None else None
        return None if why is None else Withdrawn(why=why, asks_person=False)

    async def stirring(self, *, limit: int, but: Collection[int] = ()) -> list[int]:
        """Enrolments about which there may be something to decide, the oldest due first."""
        asked = {"now": self._db.clock.now(), "but": list(but), "at_most": limit}
        async with self._db.read() as connection:
            return list((await connection.execute(_stirring(), asked)).scalars())

    async def note_late_replies(self) -> int:
        """Note who has written after the last step, or after somebody stopped it; returns how many."""
        since = self._db.clock.now() - LATE_REPLIES
        async with self._db.read() as connection:
            numbers = list((await connection.execute(_replied_late(), {"since": since})).scalars())
        if not numbers:
            return 0
        values = {"replied_at": self._db.clock.now(), "replied_after": enrolment.c.position}
        async with self._db.write() as connection:
            mine = (enrolment.c.id.in_(numbers), enrolment.c.replied_at.is_(None))
            return (await connection.execute(update(enrolment).where(*mine).values(values))).rowcount

    async def _try(self, name: str, thread_id: int, asked: Asked) -> Enrolment | RunnerError:
        async with self._db.write() as connection:
            try:
                through = await fetch_sequence(connection, name)
                return await insert_enrolment(self._db, connection, through, thread_id, asked)
            except RunnerError as error:
                return error


def _unwanted(row: Row[Any]) -> str | None:
    """Why a follow-up is not to be sent any more; None where it is, or was."""
    if row.send is SendState.SENT:
        return None
    if row.send is SendState.NOT_SENT:
        return "this step was given up: have its enrolment go on instead"
    if row.state not in LIVE:
        return f"its enrolment is {row.state}"
    if row.away:
        return "the thread is closed, or what it is about is no longer for sale"
    if row.said:
        return "the counterpart has written since: what they say is looked at first"
    return None if row.enabled else "its sequence is disabled"


@cache
def _stirring() -> Select[Any]:
    """Built once, asked often."""
    sending = exists().where(enrolment_send.c.enrolment_id == enrolment.c.id, enrolment_send.c.state == "sending")
    enabled = exists().where(sequence.c.id == enrolment.c.sequence_id, sequence.c.enabled.is_(True))
    idle = or_(~sending, enrolment.c.state == EnrolmentState.IN_DOUBT)
    due = or_(enrolment.c.next_due_at.is_(None), enrolment.c.next_due_at <= bindparam("now")) & idle & enabled
    live = enrolment.c.state.in_(LIVE) & or_(due, _said_since(), _put_away())
    return (
        select(enrolment.c.id)
        .where(or_(live, enrolment.c.id.in_(_ended_sends())), enrolment.c.id.not_in(bindparam("but", expanding=True)))
        .order_by(enrolment.c.next_due_at.nulls_first(), enrolment.c.id)
        .limit(bindparam("at_most", type_=Integer))
    )


@cache
def _replied_late() -> Select[Any]:
    """Built once, asked often."""
    new = exists().where(
        message.c.thread_id == enrolment.c.thread_id,
        message.c.direction == Direction.INBOUND,
        message.c.id > enrolment.c.seen_id,
    )
    recently = enrolment.c.ended_at > bindparam("since")
    over = enrolment.c.state.not_in(LIVE) & enrolment.c.replied_at.is_(None) & recently
    return select(enrolment.c.id).where(over, enrolment.c.position > 0, new)


def _said_since(*, by_them: bool = False) -> Any:
    """Whether the counterpart has written or edited anything anywhere since, or anybody in this very Thread."""
    theirs, mine = thread.alias("theirs"), thread.alias("mine")
    inbound = message.c.direction == Direction.INBOUND
    new = message.c.id > enrolment.c.seen_id
    here = message.c.thread_id == enrolment.c.thread_id
    same = exists().where(
        mine.c.id == enrolment.c.thread_id,
        theirs.c.participant_id == mine.c.participant_id,
        message.c.thread_id == theirs.c.id,
        or_(
            and_(new, inbound if by_them else or_(inbound, here)),
            and_(inbound, message.c.edited_at > enrolment.c.changed_at),
        ),
    )
    return same


def _put_away() -> Any:
    """Whether the Thread is closed, or what it is about is not for sale any more."""
    closed = exists().where(thread.c.id == enrolment.c.thread_id, thread.c.status == ThreadStatus.CLOSED)
    for_sale = exists().where(listing.c.id == enrolment.c.listing_id, listing.c.state == ListingState.PUBLISHED)
    return or_(closed, enrolment.c.listing_id.is_not(None) & ~for_sale)


def _ended_sends() -> Any:
    """Enrolments whose last send has ended, or is to be taken back."""
    mine = enrolment.alias("whose")
    under_way = exists().where(
        job.c.id == enrolment_send.c.job_id, job.c.state.in_((JobState.QUEUED, JobState.RUNNING, JobState.PARKED))
    )
    doubtful = exists().where(job.c.id == enrolment_send.c.job_id, job.c.state == JobState.UNKNOWN)
    known = doubtful & (mine.c.state != EnrolmentState.ACTIVE) & (mine.c.state != EnrolmentState.POSTPONED)
    return (
        select(enrolment_send.c.enrolment_id)
        .join(mine, mine.c.id == enrolment_send.c.enrolment_id)
        .where(enrolment_send.c.state == SendState.SENDING, enrolment_send.c.job_id.is_not(None))
        .where(~under_way, ~known)
    )


def _over(found: Enrolment, be: str) -> Conflict:
    because = f": {found.detail}" if found.detail else ""
    return Conflict(
        f"Enrolment {found.id} cannot be {be}: it is {found.state}{because}.",
        cure=f"Look at it: runner sequences enrolments --thread {found.thread_id}",
    )
