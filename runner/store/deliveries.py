"""What becomes of Drafts that were given to Jobs: each is entered once, whoever looks first, and after a crash too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, Select, and_, bindparam, exists, or_, select, update

from runner.domain.drafts import KEYS, Draft, DraftState, Withdrawn, why_off
from runner.domain.effects import AT_SITE, IN_DOUBT
from runner.domain.states import JobState
from runner.store import draft_rows, situations
from runner.store.adopting import adopt, draft_key, fired
from runner.store.database import Database
from runner.store.draft_rows import NOT_BEGUN, select_drafts, to_draft
from runner.store.rule_tables import draft
from runner.store.rules import actions_from_json, fetch_rules
from runner.store.tables import effect, job, pruned_job
from runner.store.trade_tables import message, thread

OVER = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
OWN_REPLY = "a reply of your own takes its place"
WRITTEN_SINCE = "somebody has written since"
DELETED = "the counterpart has deleted what it answers"


class Deliveries:
    """Drafts on their way, over all Accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def unsubmitted(self, *, limit: int, but: Collection[int] = ()) -> list[Draft]:
        """Those that are sent and have no Job yet: fresh ones, and what a process that died has left."""
        statement = select_drafts().where(draft.c.state == DraftState.SENT, draft.c.job_id.is_(None))
        async with self._db.read() as connection:
            found = await connection.execute(statement.where(draft.c.id.not_in(but)).order_by(draft.c.id).limit(limit))
            return [to_draft(row) for row in found]

    async def submitted(self, found: Draft, job_id: int) -> bool:
        """Note the Job that sends it; False when the Draft is not to be sent any more: then the Job is one too many."""
        same = (draft.c.id == found.id, draft.c.state == DraftState.SENT, draft.c.sendings == found.sendings)
        async with self._db.write() as connection:
            return bool((await connection.execute(update(draft).where(*same).values(job_id=job_id))).rowcount)

    async def give_back(self, found: Draft, why: str) -> int | None:
        """A Draft that has no Job yet is not sent, and waits for a person.

        Returns the Job that has its key all the same, whose process died: that is to be withdrawn.
        """
        same = (draft.c.id == found.id, draft.c.state == DraftState.SENT, draft.c.job_id.is_(None))
        keyed = select(job.c.id, job.c.state, fired(job.c.id).label("fired")).join(draft, draft_key() == job.c.key)
        async with self._db.write() as connection:
            if (await connection.execute(select(draft.c.id).where(*same))).first() is None:
                return None
            left = (await connection.execute(keyed.where(*same))).first()
            if left is not None:
                await connection.execute(update(draft).where(*same).values(job_id=left.id))
                if left.fired or left.state not in NOT_BEGUN:
                    return None  # what becomes of it is entered as it ends
            await draft_rows.give_back(self._db, connection, found, why)
            return int(left.id) if left is not None else None

    async def unsettled(self, *, limit: int, but: Collection[int] = ()) -> list[int]:
        """The numbers of the Drafts whose Job has ended, or is gone, which is not entered yet.

        One that waits again, and whose Job a person had done after all, is among them.
        """
        async with self._db.read() as connection:
            found = await connection.execute(_unsettled(), {"but": list(but), "at_most": limit})
            return list(found.scalars())

    async def settle(self, draft_id: int) -> None:
        """Enter what came of its Job: what is sent has the rest of its Rule done, what is not waits for a person.

        While nobody can tell, because the Job was ended after its click, it stays as it is until that is settled.
        """
        async with self._db.write() as connection:
            row = (await connection.execute(_with_job(draft_id))).first()
            if row is None or _ended(row) not in OVER:
                return
            found, not_sent = to_draft(row), _not_sent(row)
            if not_sent is not None and row.in_doubt:
                return
            if not_sent is not None and found.state is DraftState.SENT:
                # Not settled yet: a person may have the same Job done once more.
                await draft_rows.give_back(self._db, connection, found, not_sent)
                return
            now = {"settled_at": self._db.clock.now()}
            await connection.execute(update(draft).where(draft.c.id == draft_id).values(now))
            if not_sent is None:
                if found.state is DraftState.WAITING:
                    await draft_rows.move(self._db, connection, found, DraftState.SENT)
                then = actions_from_json(row.actions)
                await draft_rows.act(self._db, connection, found.message_id, found.thread_id, then, rule=found.rule)

    async def withdrawn(self, job_id: int) -> Withdrawn | None:
        """Why the reply that a Job is to send is not wanted any more; None when it is, or it is no Draft's."""
        own = situations.own_reply(message, thread).label("own")
        statement = select_drafts().add_columns(own).where(draft.c.job_id == job_id)
        keyed = select(job.c.id).where(job.c.id == job_id, job.c.key.startswith(KEYS, autoescape=True))
        await adopt(self._db)
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
            if row is None:
                stray = (await connection.execute(keyed)).first() is not None
                return Withdrawn(why="no draft is sent by this job any more", asks_person=False) if stray else None
            found, rules = to_draft(row), await fetch_rules(connection)
        if found.state in (DraftState.OUTDATED, DraftState.DISMISSED):
            return Withdrawn(why=found.detail or f"its draft is {found.state}", asks_person=False)
        if row.own:
            return Withdrawn(why=OWN_REPLY, asks_person=False)
        off = None if found.by is not None else why_off(found, rules)
        return None if off is None else Withdrawn(why=off, asks_person=True)

    async def not_sent(self, job_id: int, why: str, *, asks_person: bool) -> None:
        """A Job found that it must not send its Draft: somebody else has answered, or a person must look."""
        mine = select_drafts().where(draft.c.job_id == job_id, draft.c.state == DraftState.SENT)
        async with self._db.write() as connection:
            for row in (await connection.execute(mine)).all():
                if asks_person:
                    await draft_rows.give_back(self._db, connection, to_draft(row), why)
                else:
                    await draft_rows.move(self._db, connection, to_draft(row), DraftState.OUTDATED, detail=why)

    async def to_withdraw(self) -> Sequence[int]:
        """The Jobs of outdated Drafts that nobody has begun; one that has fired is read back by its Job first."""
        await adopt(self._db)
        async with self._db.read() as connection:
            return list((await connection.execute(_to_withdraw())).scalars())


@cache
def _unsettled() -> Select[Any]:
    """Built once, asked often."""
    ended = or_(job.c.state.in_(OVER), job.c.id.is_(None))
    sent = and_(draft.c.state == DraftState.SENT, draft.c.job_id.is_not(None), ended)
    after_all = and_(draft.c.state == DraftState.WAITING, job.c.state == JobState.SUCCEEDED)
    others = draft.c.id.not_in(bindparam("but", expanding=True))
    return (
        select(draft.c.id)
        .select_from(draft.outerjoin(job, job.c.id == draft.c.job_id))
        .where(draft.c.settled_at.is_(None), or_(sent, after_all), others)
        .order_by(draft.c.id)
        .limit(bindparam("at_most", type_=Integer))
    )


@cache
def _to_withdraw() -> Select[Any]:
    """Built once, asked often."""
    outdated = draft.c.state.in_((DraftState.OUTDATED, DraftState.DISMISSED))
    return (
        select(job.c.id)
        .select_from(job.join(draft, draft.c.job_id == job.c.id))
        .where(job.c.state.in_(NOT_BEGUN), outdated, ~fired(job.c.id))
    )


def _with_job(draft_id: int) -> Select[Any]:
    """The Draft while it is unsettled, with how its Job ended; what was pruned ended, too."""
    gone = select(pruned_job.c.state).where(pruned_job.c.job_id == draft.c.job_id).scalar_subquery()
    written = exists().where(effect.c.job_id == draft.c.job_id, effect.c.state.in_(AT_SITE))
    in_doubt = exists().where(effect.c.job_id == draft.c.job_id, effect.c.state.in_(IN_DOUBT))
    unsettled = (draft.c.id == draft_id, draft.c.settled_at.is_(None), draft.c.job_id.is_not(None))
    return (
        select_drafts()
        .add_columns(
            job.c.result, job.c.error, gone.label("pruned"), written.label("written"), in_doubt.label("in_doubt")
        )
        .where(*unsettled, draft.c.state.in_((DraftState.SENT, DraftState.WAITING)))
    )


def _ended(row: Row[Any]) -> JobState:
    """How the Job of a row of `_with_job` ended; one of which nothing is left at all has done what it was for."""
    return JobState(row.job_state or row.pruned or JobState.SUCCEEDED)


def _not_sent(row: Row[Any]) -> str | None:
    """Why the Job of a row of `_with_job`, which has ended, has sent nothing; None where it has.

    The journal's word counts before the Job's: one that was cancelled, or failed, after its click has sent it.
    """
    if row.written:
        return None
    if _ended(row) is JobState.CANCELLED:
        return "not sent: its job was cancelled"
    if _ended(row) is JobState.FAILED:
        return f"not sent: {row.error or 'its job failed'}"
    said = (row.result or {}).get("not_sent")
    return None if said is None else str(said)
