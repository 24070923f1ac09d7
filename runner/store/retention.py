"""Which records may go, oldest first, and how they go: a few at a time, each few in one short transaction.

Whatever somebody may still need is named in no answer: what is at work, what a person must decide about, and what an
open error group shows. Reading takes no lock; what is deleted is judged once more in the transaction that deletes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import DraftState
from runner.domain.effects import UNDECIDED
from runner.domain.enrolments import SendState
from runner.domain.notices import NoticeKind, NoticeState
from runner.domain.states import ENDED, AccountState
from runner.domain.storage import OPEN_FOR, Kept
from runner.store.database import Database
from runner.store.notice_tables import channel, notice_cursor, notification
from runner.store.rule_tables import draft
from runner.store.sequence_tables import enrolment_send
from runner.store.sla_tables import sla_watch
from runner.store.tables import account, attempt, effect, event, evidence, job, session, step

READ_AT_ONCE = 1_000
OVER = (NoticeState.SENT, NoticeState.FOLDED, NoticeState.DEAD)
TROUBLED = (AccountState.PARKED, AccountState.LOCKED)
ENDING = (NoticeKind.ACCOUNT_PARKED, NoticeKind.PERSON_NEEDED, NoticeKind.ERROR_FLOOD)
"""What of these is over is told, too, to whoever was told of it."""

TABLES: dict[Kept, Table] = {
    Kept.EVENTS: event,
    Kept.STEPS: step,
    Kept.SESSIONS: session,
    Kept.NOTICES: notification,
}
"""What is freed from one table alone; Jobs go through the engine, Evidence goes with its files."""
TIMES = {
    Kept.JOBS: job.c.ended_at,
    Kept.EVENTS: event.c.at,
    Kept.STEPS: step.c.started_at,
    Kept.SESSIONS: session.c.ended_at,
    Kept.NOTICES: notification.c.created_at,
}


@dataclass(frozen=True, kw_only=True)
class Cited:
    """Attempts that somebody is shown, and their Jobs: of open error groups, and of Accounts that wait for a person."""

    attempts: frozenset[int]
    jobs: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Some rows that may go, by number and time, the oldest first; none when there are no more.

    `after` is where to look on.
    """

    rows: Sequence[tuple[int, datetime]]
    after: int


class Retention:
    """Finds and deletes what may go."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def cited(self) -> Cited:
        """What is cited now; it is asked for anew before each look."""
        async with self._db.read() as connection:
            shown = await _of_open_groups(connection, self._db.clock.now() - OPEN_FOR)
            shown |= await _of_troubled(connection)
            jobs: set[int] = set()
            for part in _parts(sorted(shown)):
                jobs |= set(
                    (await connection.execute(select(attempt.c.job_id).where(attempt.c.id.in_(part)))).scalars()
                )
        return Cited(attempts=frozenset(shown), jobs=frozenset(jobs))

    async def find(self, what: Kept, before: datetime, *, after: int, cited: Cited) -> Found:
        """The next rows of a kind that are older than `before` and may go. `after` is 0, or what was given last."""
        async with self._db.read() as connection:
            if what is Kept.JOBS:
                return await _jobs(connection, before, after, cited)
            return await _numbered(connection, what, before, after)

    async def count(self, what: Kept, before: datetime) -> int:
        """How many rows of a kind are older and may go; a look through all of them."""
        numbers = TABLES[what].c.id if what in TABLES else job.c.id
        statement = select(func.count(numbers)).where(TIMES[what] < before, *_may_go(what))
        async with self._db.read() as connection:
            statement = statement.where(*await _behind_cursors(connection, what))
            return int((await connection.execute(statement)).scalar_one())

    async def delete(self, what: Kept, numbers: Sequence[int]) -> int:
        """Delete these rows, but for those that may not go any more; returns how many went."""
        table = TABLES[what]
        # After a power cut some may be there again: nothing is lost by that.
        async with self._db.write(durable=False) as connection:
            gone = delete(table).where(table.c.id.in_(numbers), *_may_go(what))
            return (await connection.execute(gone)).rowcount

    async def needed(self, attempt_ids: Sequence[int], cited: Cited) -> set[int]:
        """Of some Attempts those whose Evidence must stay; one that is unknown needs none."""
        wanted = set(attempt_ids) & cited.attempts
        async with self._db.read() as connection:
            for part in _parts(attempt_ids):
                statement = select(attempt.c.id).join(job).where(attempt.c.id.in_(part), _evidence_is_needed())
                wanted |= set((await connection.execute(statement)).scalars())
        return wanted

    async def forget_evidence(self, attempt_ids: Sequence[int]) -> Sequence[int]:
        """Delete the rows of these Attempts' Evidence; returns the numbers of those whose files may go now."""
        async with self._db.write() as connection:
            kept = select(attempt.c.id).join(job).where(attempt.c.id.in_(attempt_ids), _evidence_is_needed())
            needed = set((await connection.execute(kept)).scalars())
            gone = [number for number in attempt_ids if number not in needed]
            await connection.execute(delete(evidence).where(evidence.c.attempt_id.in_(gone)))
            had = update(attempt).where(attempt.c.id.in_(gone), attempt.c.evidence_dir.is_not(None))
            await connection.execute(had.values(evidence_dir=None, evidence_freed_at=self._db.clock.now()))
        return gone


def _parts(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + READ_AT_ONCE] for start in range(0, len(numbers), READ_AT_ONCE)]


async def _of_open_groups(connection: AsyncConnection, since: datetime) -> set[int]:
    """The newest Attempt with Evidence of each error group that has failed since."""
    newest = (
        select(func.max(attempt.c.id).label("last_id"))
        .where(attempt.c.signature.is_not(None))
        .group_by(attempt.c.signature)
        .subquery()
    )
    last = attempt.alias("last")
    open_ = select(last.c.signature).join(newest, newest.c.last_id == last.c.id).where(last.c.started_at >= since)
    shown = set()
    for signature in (await connection.execute(open_)).scalars().all():
        mine = (attempt.c.signature == signature, attempt.c.evidence_dir.is_not(None))
        found = await connection.execute(select(attempt.c.id).where(*mine).order_by(attempt.c.id.desc()).limit(1))
        shown |= set(found.scalars())
    return shown


async def _of_troubled(connection: AsyncConnection) -> set[int]:
    """The newest failed Attempt of each Account that waits for a person: whoever takes it over is shown that."""
    troubled = (await connection.execute(select(account.c.id).where(account.c.state.in_(TROUBLED)))).scalars().all()
    shown = set()
    for number in troubled:
        mine = select(attempt.c.id).select_from(job.join(attempt, attempt.c.job_id == job.c.id))
        failed = mine.where(job.c.account_id == number, attempt.c.kind.is_not(None)).order_by(job.c.id.desc()).limit(1)
        shown |= set((await connection.execute(failed)).scalars())
    return shown


async def _jobs(connection: AsyncConnection, before: datetime, after: int, cited: Cited) -> Found:
    """By when they ended, over the index of that. `after` is how many of those that are old enough stay, so far."""
    while True:
        statement = select(job.c.id, job.c.ended_at).where(job.c.ended_at < before, *_may_go(Kept.JOBS))
        ordered = statement.order_by(job.c.ended_at, job.c.id).offset(after).limit(READ_AT_ONCE)
        rows = (await connection.execute(ordered)).all()
        free = [row for row in rows if row.id not in cited.jobs]
        if free or not rows:
            return Found(rows=[(row.id, row.ended_at) for row in free], after=after + len(rows) - len(free))
        after += len(rows)


async def _numbered(connection: AsyncConnection, what: Kept, before: datetime, after: int) -> Found:
    """In the order of their numbers, which is that of time but for steps of the clock: no index on times is needed.

    It ends at the first rows none of which is old enough.
    """
    table, when = TABLES[what], TIMES[what]
    behind = await _behind_cursors(connection, what)
    while True:
        numbers = select(table.c.id).where(table.c.id > after, *behind).order_by(table.c.id).limit(READ_AT_ONCE)
        some = (await connection.execute(numbers)).scalars().all()
        old = select(table.c.id, when.label("at")).where(table.c.id.in_(some), when < before)
        rows = (await connection.execute(old.where(*_may_go(what)).order_by(table.c.id))).all()
        if rows:
            return Found(rows=[(row.id, row.at) for row in rows], after=some[-1])
        if (await connection.execute(old.limit(1))).first() is None:
            return Found(rows=(), after=after)
        after = some[-1]


async def _behind_cursors(connection: AsyncConnection, what: Kept) -> Sequence[ColumnElement[bool]]:
    """Only Events that everybody who reads them one after the other has seen."""
    if what is not Kept.EVENTS:
        return ()
    watched = (await connection.execute(select(func.min(sla_watch.c.event_id)))).scalar()
    told = None
    if (await connection.execute(select(channel.c.id).where(channel.c.enabled).limit(1))).first() is not None:
        told = (await connection.execute(select(notice_cursor.c.event_id))).scalar()
    return tuple(event.c.id <= seen for seen in (watched, told) if seen is not None)


def _may_go(what: Kept) -> tuple[ColumnElement[bool], ...]:
    if what is Kept.JOBS:
        return (job.c.state.in_(tuple(ENDED)), ~_is_undecided(), ~_is_waited_for())
    if what is Kept.EVENTS:
        at_work = exists().where(job.c.id == event.c.job_id, or_(job.c.state.not_in(tuple(ENDED)), _is_undecided()))
        return (or_(event.c.job_id.is_(None), ~at_work),)
    if what is Kept.STEPS:
        needed = or_(job.c.state.not_in(tuple(ENDED)), attempt.c.ended_at.is_(None), _is_undecided())
        joined = attempt.join(job, job.c.id == attempt.c.job_id)
        return (
            ~exists(select(literal_column("1")).select_from(joined).where(attempt.c.id == step.c.attempt_id, needed)),
        )
    if what is Kept.SESSIONS:
        return (session.c.ended_at.is_not(None), ~exists().where(attempt.c.session_id == session.c.id))
    return _told_and_over()


def _told_and_over() -> tuple[ColumnElement[bool], ...]:
    """Those on their way to nobody; the newest word on a trouble stays: its end is told to whoever heard of it."""
    later = notification.alias("later")
    newer = exists().where(
        later.c.channel_id == notification.c.channel_id,
        later.c.subject == notification.c.subject,
        later.c.id > notification.c.id,
    )
    trouble = and_(notification.c.recovers.is_(False), notification.c.kind.in_(ENDING))
    return (notification.c.state.in_(OVER), or_(~trouble, newer))


def _is_undecided() -> ColumnElement[bool]:
    return exists().where(effect.c.job_id == job.c.id, effect.c.state.in_(UNDECIDED))


def _is_waited_for() -> ColumnElement[bool]:
    """Whether a Draft or a follow-up was given to it, and what came of that is not entered there yet."""
    drafted = exists().where(
        draft.c.job_id == job.c.id,
        draft.c.state == literal_column(f"'{DraftState.SENT}'"),
        draft.c.settled_at.is_(None),
    )
    following = exists().where(
        enrolment_send.c.job_id == job.c.id, enrolment_send.c.state == literal_column(f"'{SendState.SENDING}'")
    )
    return or_(drafted, following)


def _evidence_is_needed() -> ColumnElement[bool]:
    return or_(attempt.c.ended_at.is_(None), job.c.state.not_in(tuple(ENDED)), _is_undecided())
