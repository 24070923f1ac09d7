"""Drafts, and what was decided about each Message: once, whoever decides first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import ANSWERED_EARLIER, Decided, Draft, DraftState, Plan, Uses, Verdict
from runner.domain.rules import Reason, Rule, Situation
from runner.domain.states import JobState
from runner.domain.templates import Template
from runner.errors import Conflict
from runner.store import draft_rows, events, situations
from runner.store.account_ids import id_of
from runner.store.adopting import fired
from runner.store.columns import clean, storable
from runner.store.database import Database
from runner.store.deliveries import DELETED, OWN_REPLY, WRITTEN_SINCE, Deliveries
from runner.store.draft_rows import NOT_BEGUN, fetch, select_drafts, to_draft
from runner.store.rule_tables import decision, draft
from runner.store.rules import actions_to_json, fetch_rules
from runner.store.tables import job
from runner.store.templates import fetch_templates
from runner.store.trade_tables import message, thread

Planner = Callable[[Situation, Sequence[Rule], Sequence[Template], Mapping[int, int], datetime], Plan]
"""Decides about one Message, by the Rules, the Templates, how often each of those was used, and the moment."""

ALIVE = (*NOT_BEGUN, JobState.RUNNING, JobState.UNKNOWN)
"""A Job of these states may still send its Draft's words."""

LONGEST_STANDSTILL = timedelta(days=90)
"""What got its type before a standstill as long as this is history: nobody is asked about it."""

OPEN_AGAIN = (Verdict.QUEUED, Verdict.NO_RULE, Verdict.NOTHING, Verdict.NO_TEXT, Verdict.DRAFTED)
"""A person's correction of the type has the Rules asked once more after these: nothing was sent."""


class Drafts:
    """The Drafts of all Accounts; `deliveries` are those of them that were given to Jobs."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.deliveries = Deliveries(db)

    async def undecided(self, *, within: timedelta, limit: int, but: Collection[int] = ()) -> list[int]:
        """Inbound Messages that got their type and about which nothing is decided yet, the oldest first.

        Those that nobody looked at in time are among them: they are too old for the Rules, and a person is asked.
        One whose type was corrected since is among them, unless something has been done about it; one that its
        counterpart has deleted is not.
        """
        since = self._db.clock.now() - within - LONGEST_STANDSTILL
        asked = {"since": since, "but": list(but), "at_most": limit}
        async with self._db.read() as connection:
            return list((await connection.execute(_undecided(), asked)).scalars())

    async def decide(self, message_id: int, planner: Planner) -> Plan | None:
        """Decide about a Message, and do at once what changes our own books only; None when it was done meanwhile.

        A reply that goes out by itself is a Draft that is `sent` and has no Job yet: see `unsubmitted`.
        """
        async with self._db.write() as connection:
            found = await situations.situations(connection, [message_id])
            if not found or not await self._is_open(connection, message_id):
                return None
            now = self._db.clock.now()
            plan = await _planned(connection, found[0], planner, now)
            await self._enter(connection, plan, now)
            return plan

    async def plans(self, message_ids: Sequence[int], planner: Planner) -> list[Plan]:
        """What would be done about Messages if each arrived now as it did then; nothing is stored."""
        async with self._db.read() as connection:
            found = await situations.situations(connection, message_ids)
            rules, templates, used = await _books(connection)
        return [planner(each, rules, templates, used, each.written_at) for each in found]

    async def plan_of(self, imagined: Situation, planner: Planner) -> Plan:
        """What would be done about a Message that is not stored, if it arrived when it was written."""
        async with self._db.read() as connection:
            return await _planned(connection, imagined, planner, imagined.written_at)

    async def newest(self, limit: int, *, account_name: str | None = None) -> list[int]:
        """The last inbound Messages, the newest first. Raises NotFound for an unknown Account."""
        statement = select(message.c.id).where(situations.INBOUND).order_by(message.c.id.desc()).limit(limit)
        async with self._db.read() as connection:
            if account_name is not None:
                number = await id_of(connection, account_name)
                mine = select(thread.c.id).where(thread.c.account_id == number)
                statement = statement.where(message.c.thread_id.in_(mine))
            return list((await connection.execute(statement)).scalars())

    async def decided(self, message_id: int) -> Decided | None:
        """What was decided about a Message; None when nothing was."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(decision).where(decision.c.message_id == message_id))).first()
        return None if row is None else _decided(row)

    async def decided_in(self, thread_id: int) -> dict[int, Decided]:
        """What was decided about the Messages of a Thread, by their numbers."""
        mine = select(decision).join(message).where(message.c.thread_id == thread_id)
        async with self._db.read() as connection:
            return {row.message_id: _decided(row) for row in await connection.execute(mine)}

    async def get(self, draft_id: int) -> Draft:
        """One Draft. Raises NotFound."""
        async with self._db.read() as connection:
            return await fetch(connection, draft_id)

    async def list_drafts(
        self,
        *,
        states: Sequence[DraftState] = (),
        account_name: str | None = None,
        thread_id: int | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Draft]:
        """Drafts that match, the newest first. Raises NotFound for an unknown Account."""
        statement = select_drafts().order_by(draft.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(draft.c.state.in_(states))
        if thread_id is not None:
            statement = statement.where(draft.c.thread_id == thread_id)
        if before_id is not None:
            statement = statement.where(draft.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(thread.c.account_id == await id_of(connection, account_name))
            return [to_draft(row) for row in await connection.execute(statement)]

    async def begin_sending(self, draft_id: int, *, by: str) -> Draft:
        """Make a waiting Draft a sent one, which has no Job yet. Raises NotFound, and Conflict when it is too late.

        One that is sent comes back as it is. One that waits again although a person has its Job done once more keeps
        to that Job.
        """
        async with self._db.write() as connection:
            found = await fetch(connection, draft_id)
            if found.state is DraftState.SENT:
                return found
            if await self._overtake(connection, [draft_id]):
                found = await fetch(connection, draft_id)
            if found.state is DraftState.WAITING:
                alive = found.job_state in ALIVE
                anew = {} if alive else {"job_id": None, "sendings": found.sendings + 1}
                values = {"settled_at": None, "detail": None, **anew}
                await connection.execute(update(draft).where(draft.c.id == draft_id).values(values))
                return await draft_rows.move(self._db, connection, found, DraftState.SENT, by=by)
        # Outside the transaction: that it is outdated stays written.
        raise _cannot(found, "sent")

    async def reword(self, draft_id: int, text: str, *, by: str) -> Draft:
        """A person puts a waiting Draft in other words.

        Raises NotFound, and Conflict when it waits no more, or its Job may still send the words that it has.
        """
        async with self._db.write() as connection:
            before = await fetch(connection, draft_id)
            if before.state is DraftState.WAITING and before.job_state in ALIVE:
                raise Conflict(
                    f"Draft {draft_id} cannot be changed: job {before.job_id} may still send its words.",
                    cure=f"Cancel the job first: runner jobs cancel {before.job_id}",
                )
            await connection.execute(
                update(draft)
                .where(draft.c.id == draft_id, draft.c.state == DraftState.WAITING)
                .values(text=storable(text), changed_at=self._db.clock.now(), by=storable(by))
            )
            found = await fetch(connection, draft_id)
            if found.state is not DraftState.WAITING:
                raise _cannot(found, "changed")
            await draft_rows.say(self._db, connection, found, "DraftReworded")
            return found

    async def dismiss(self, draft_id: int, *, by: str) -> Draft:
        """A person does not want it. Raises NotFound, and Conflict when it does not wait any more."""
        async with self._db.write() as connection:
            found = await fetch(connection, draft_id)
            if found.state is not DraftState.WAITING:
                raise _cannot(found, "dismissed")
            return await draft_rows.move(self._db, connection, found, DraftState.DISMISSED, by=by)

    async def outdate(self) -> int:
        """Outdate the Drafts in whose Threads somebody has written since, or is about to; returns how many.

        Of those that were given to Jobs only what makes way for a person's own reply: the rest is seen at the click.
        """
        async with self._db.read() as connection:
            stale = [row.id for row in await connection.execute(_stale())]
        if not stale:
            return 0
        async with self._db.write() as connection:
            return await self._overtake(connection, stale)

    async def uses(self, *, of: str) -> dict[int, Uses]:
        """How often each Rule, or each Template, has written a Draft, by its number; `of` is "rule" or "template"."""
        number = {"rule": draft.c.rule_id, "template": draft.c.template_id}[of]
        statement = select(number.label("number"), draft.c.state, func.count().label("drafts"))
        found: dict[int, dict[str, int]] = {}
        async with self._db.read() as connection:
            for row in await connection.execute(statement.group_by(number, draft.c.state)):
                found.setdefault(row.number, {})[str(row.state)] = row.drafts
        return {number: Uses(drafts=sum(counts.values()), **counts) for number, counts in found.items()}

    async def _is_open(self, connection: AsyncConnection, message_id: int) -> bool:
        """Whether anything may still be decided; what was, and was corrected since, makes room."""
        row = (await connection.execute(select(decision).where(decision.c.message_id == message_id))).first()
        if row is None:
            return True
        newest = select(message.c.classification, _dealt_with(message.c.id).label("done"))
        said = (await connection.execute(newest.where(message.c.id == message_id))).one()
        if row.verdict not in OPEN_AGAIN or said.done or row.classification >= said.classification:
            return False
        waiting = (draft.c.message_id == message_id, draft.c.state == DraftState.WAITING)
        await connection.execute(delete(draft).where(*waiting))
        await connection.execute(delete(decision).where(decision.c.message_id == message_id))
        return True

    async def _enter(self, connection: AsyncConnection, plan: Plan, now: datetime) -> None:
        of, rule = plan.situation, plan.decision.rule
        kept = (await connection.execute(select(draft.c.id).where(draft.c.message_id == of.message_id))).scalar()
        upon = select(message.c.classification).where(message.c.id == of.message_id)
        values = {
            "message_id": of.message_id,
            "at": now,
            "classification": (await connection.execute(upon)).scalar_one(),
            "verdict": plan.verdict,
            "rule_id": rule.id if rule else None,
            "rule": rule.name if rule else None,
            "words": plan.words,
            "why": [asdict(reason) for reason in plan.decision.why],
        }
        await connection.execute(insert(decision).values(values))
        await self._tell(connection, plan)
        if kept is not None or rule is None:
            return
        if plan.verdict in (Verdict.DRAFTED, Verdict.ANSWERED):
            await self._write(connection, plan, rule, now)
        if plan.verdict is Verdict.DONE:
            await draft_rows.act(self._db, connection, of.message_id, of.thread_id, rule.then, rule=rule.name)

    async def _write(self, connection: AsyncConnection, plan: Plan, rule: Rule, now: datetime) -> None:
        assert plan.text is not None
        assert plan.template is not None
        of, automatic = plan.situation, plan.verdict is Verdict.ANSWERED
        values = {
            "thread_id": of.thread_id,
            "message_id": of.message_id,
            "text": plan.text,
            "rule_id": rule.id,
            "rule": rule.name,
            "template_id": plan.template.id,
            "template": plan.template.name,
            "level": rule.level,
            "actions": actions_to_json(rule.then),
            "state": DraftState.SENT if automatic else DraftState.WAITING,
            "sendings": 1 if automatic else 0,
            "created_at": now,
            "changed_at": now,
        }
        number = (await connection.execute(insert(draft).returning(draft.c.id), values)).scalar_one()
        written = await fetch(connection, number)
        await draft_rows.say(self._db, connection, written, "DraftSent" if automatic else "DraftWritten")

    async def _overtake(self, connection: AsyncConnection, draft_ids: Sequence[int]) -> int:
        stale = {row.id: row for row in await connection.execute(_stale().where(draft.c.id.in_(draft_ids)))}
        rows = (await connection.execute(select_drafts().where(draft.c.id.in_(stale)))).all()
        for row in rows:
            why = DELETED if stale[row.id].gone else WRITTEN_SINCE if stale[row.id].since else OWN_REPLY
            unanswered = bool(stale[row.id].earlier)
            why = f"{why}; {ANSWERED_EARLIER}" if unanswered else why
            moved = await draft_rows.move(self._db, connection, to_draft(row), DraftState.OUTDATED, detail=why)
            if unanswered:
                crossed = {"verdict": Verdict.CROSSED, "at": self._db.clock.now(), "words": why}
                of = decision.c.message_id == moved.message_id
                await connection.execute(update(decision).where(of).values(crossed))
                await draft_rows.say(self._db, connection, moved, "PersonAsked", words=why)
        return len(rows)

    async def _tell(self, connection: AsyncConnection, plan: Plan) -> None:
        of, rule = plan.situation, plan.decision.rule
        whose = (await id_of(connection, of.account), of.account)
        data = {
            "message": of.message_id,
            "thread": of.thread_id,
            "verdict": str(plan.verdict),
            "rule": rule.name if rule else None,
            "words": plan.words,
            "notify": plan.notifies,
        }
        facts = [events.Fact(name="MessageDecided", account=whose, data=clean(data))]
        if plan.asks_person:
            facts.append(events.Fact(name="PersonAsked", account=whose, data=clean(data)))
        await events.record(self._db, connection, facts)


async def _books(connection: AsyncConnection) -> tuple[list[Rule], list[Template], dict[int, int]]:
    counted = select(draft.c.template_id, func.count().label("drafts")).group_by(draft.c.template_id)
    used = {row.template_id: row.drafts for row in await connection.execute(counted)}
    return await fetch_rules(connection), await fetch_templates(connection), used


async def _planned(connection: AsyncConnection, found: Situation, planner: Planner, now: datetime) -> Plan:
    rules, templates, used = await _books(connection)
    return planner(found, rules, templates, used, now)


def _dealt_with(message_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a Draft of a Message was sent, dismissed or outdated, or has come back from its Job: that is history."""
    done = or_(draft.c.state != DraftState.WAITING, draft.c.sendings > 0)
    return exists().where(draft.c.message_id == message_id, done).correlate_except(draft)


@cache
def _undecided() -> Select[Any]:
    """Built once, asked often."""
    decided = select(decision.c.message_id).where(decision.c.message_id == message.c.id)
    reopened = and_(decision.c.verdict.in_(OPEN_AGAIN), decision.c.classification < message.c.classification)
    settled = decided.where(or_(~reopened, _dealt_with(message.c.id))).exists()
    in_time = and_(message.c.classified_at > bindparam("since"), message.c.deleted_at.is_(None))
    return (
        select(message.c.id)
        .where(situations.INBOUND, in_time, ~settled, message.c.id.not_in(bindparam("but", expanding=True)))
        .order_by(message.c.id)
        .limit(bindparam("at_most", type_=Integer))
    )


@cache
def _stale() -> Select[Any]:
    """The Drafts that nobody waits for any more.

    Whether somebody wrote `since`, whether the Message is `gone`, and whether an `earlier` one was answered meanwhile.
    """
    waiting = draft.c.state == DraftState.WAITING
    not_begun = or_(draft.c.job_id.is_(None), job.c.state.in_(NOT_BEGUN))
    on_its_way = and_(draft.c.state == DraftState.SENT, draft.c.settled_at.is_(None), not_begun, ~fired(draft.c.job_id))
    gone = message.c.deleted_at.is_not(None)
    since = or_(situations.later_than(message), gone)
    own = situations.own_reply(message, thread)
    joined = (
        draft.join(message, message.c.id == draft.c.message_id)
        .join(thread, thread.c.id == draft.c.thread_id)
        .outerjoin(job, job.c.id == draft.c.job_id)
    )
    stale = or_(and_(waiting, or_(since, own)), and_(on_its_way, own))
    earlier = situations.answered_earlier(message, thread).label("earlier")
    return select(draft.c.id, since.label("since"), gone.label("gone"), earlier).select_from(joined).where(stale)


def _decided(row: Row[Any]) -> Decided:
    fields = {name: row._mapping[name] for name in Decided.__dataclass_fields__}
    return Decided(**fields | {"why": tuple(Reason(**each) for each in row.why)})


def _cannot(found: Draft, be: str) -> Conflict:
    because = f": {found.detail}" if found.detail else ""
    return Conflict(
        f"Draft {found.id} cannot be {be}: it is {found.state}{because}.",
        cure=f"Look at the thread: runner inbox show {found.thread_id}.",
    )
