"""Drafts, and what was decided about each Message: once, whoever decides first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import Decided, Draft, DraftState, Plan, Uses, Verdict
from runner.domain.rules import Reason, Rule, Situation, Then
from runner.domain.states import ThreadStatus
from runner.domain.templates import Template
from runner.errors import Conflict, NotFound
from runner.store import events, situations
from runner.store.account_ids import id_of
from runner.store.columns import clean, storable
from runner.store.database import Database
from runner.store.rule_tables import decision, draft
from runner.store.rules import actions_from_json, actions_to_json, fetch_rules
from runner.store.tables import account, job
from runner.store.templates import fetch_templates
from runner.store.trade_tables import message, participant, thread

Planner = Callable[[Situation, Sequence[Rule], Sequence[Template], Mapping[int, int], datetime], Plan]
"""Decides about one Message, by the Rules, the Templates, how often each of those was used, and the moment."""

OPEN_AGAIN = (Verdict.QUEUED, Verdict.NO_RULE, Verdict.NOTHING, Verdict.NO_TEXT, Verdict.DRAFTED)
"""A person's correction of the type has the Rules asked once more after these: nothing was sent."""


class Drafts:
    """The Drafts of all Accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def undecided(self, *, within: timedelta, limit: int) -> list[int]:
        """Inbound Messages that got their type lately and about which nothing is decided yet, the oldest first."""
        decided = select(decision.c.at, decision.c.verdict).where(decision.c.message_id == message.c.id)
        settled = decided.where(
            or_(decision.c.verdict.not_in(OPEN_AGAIN), decision.c.at >= message.c.classified_at)
        ).exists()
        since = self._db.clock.now() - within
        statement = (
            select(message.c.id)
            .where(situations.INBOUND, message.c.classified_at > since, ~settled)
            .order_by(message.c.id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return list((await connection.execute(statement)).scalars())

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
            return await _fetch(connection, draft_id)

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
        statement = _select().order_by(draft.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(draft.c.state.in_(states))
        if thread_id is not None:
            statement = statement.where(draft.c.thread_id == thread_id)
        if before_id is not None:
            statement = statement.where(draft.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(thread.c.account_id == await id_of(connection, account_name))
            return [_draft(row) for row in await connection.execute(statement)]

    async def begin_sending(self, draft_id: int, *, by: str) -> Draft:
        """Make a waiting Draft a sent one, which has no Job yet. Raises NotFound, and Conflict when it is too late.

        One that is sent comes back as it is.
        """
        async with self._db.write() as connection:
            found = await _fetch(connection, draft_id)
            if found.state is DraftState.SENT:
                return found
            if await self._overtake(connection, [draft_id]):
                found = await _fetch(connection, draft_id)
            if found.state is DraftState.WAITING:
                moved = await self._move(connection, found, DraftState.SENT, by=by)
                kept = (await connection.execute(select(draft.c.actions).where(draft.c.id == draft_id))).scalar_one()
                await self._act(connection, found.thread_id, actions_from_json(kept))
                return moved
        # Outside the transaction: that it is outdated stays written.
        raise _cannot(found, "sent")

    async def submitted(self, draft_id: int, job_id: int) -> Draft:
        """Note the Job that sends it."""
        async with self._db.write() as connection:
            await connection.execute(update(draft).where(draft.c.id == draft_id).values(job_id=job_id))
            return await _fetch(connection, draft_id)

    async def unsubmitted(self, *, limit: int) -> list[Draft]:
        """Those that are sent and have no Job yet: fresh ones, and what a process that died has left."""
        statement = _select().where(draft.c.state == DraftState.SENT, draft.c.job_id.is_(None)).limit(limit)
        async with self._db.read() as connection:
            return [_draft(row) for row in await connection.execute(statement.order_by(draft.c.id))]

    async def dismiss(self, draft_id: int, *, by: str) -> Draft:
        """A person does not want it. Raises NotFound, and Conflict when it does not wait any more."""
        async with self._db.write() as connection:
            found = await _fetch(connection, draft_id)
            if found.state is not DraftState.WAITING:
                raise _cannot(found, "dismissed")
            return await self._move(connection, found, DraftState.DISMISSED, by=by)

    async def outdate(self) -> int:
        """Outdate the waiting Drafts in whose Threads somebody has written since; returns how many."""
        async with self._db.read() as connection:
            stale = [row.id for row in await connection.execute(_stale())]
        if not stale:
            return 0
        async with self._db.write() as connection:
            return await self._overtake(connection, stale)

    async def not_sent(self, account_name: str, thread_remote_id: str, answering: str, why: str) -> None:
        """The Job of a Draft found at the Site that it must not be sent any more."""
        async with self._db.write() as connection:
            mine = _select().where(
                account.c.name == account_name,
                thread.c.remote_id == storable(thread_remote_id),
                message.c.key == storable(answering),
                draft.c.state == DraftState.SENT,
            )
            for row in (await connection.execute(mine)).all():
                await self._move(connection, _draft(row), DraftState.OUTDATED, detail=why)

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
        classified_at = select(message.c.classified_at).where(message.c.id == message_id)
        if row.verdict not in OPEN_AGAIN or row.at >= (await connection.execute(classified_at)).scalar_one():
            return False
        waiting = (draft.c.message_id == message_id, draft.c.state == DraftState.WAITING)
        await connection.execute(delete(draft).where(*waiting))
        await connection.execute(delete(decision).where(decision.c.message_id == message_id))
        return True

    async def _enter(self, connection: AsyncConnection, plan: Plan, now: datetime) -> None:
        of, rule = plan.situation, plan.decision.rule
        kept = (await connection.execute(select(draft.c.id).where(draft.c.message_id == of.message_id))).scalar()
        got_its_type = select(message.c.classified_at).where(message.c.id == of.message_id)
        # Never before the Message got its type, whatever the clock says: it would be decided about again and again.
        at = max(now, (await connection.execute(got_its_type)).scalar_one() or now)
        values = {
            "message_id": of.message_id,
            "at": at,
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
        if plan.verdict in (Verdict.DONE, Verdict.ANSWERED):
            await self._act(connection, of.thread_id, rule.then)

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
            "created_at": now,
            "changed_at": now,
        }
        number = (await connection.execute(insert(draft).returning(draft.c.id), values)).scalar_one()
        await self._say(connection, await _fetch(connection, number), "DraftSent" if automatic else "DraftWritten")

    async def _overtake(self, connection: AsyncConnection, draft_ids: Sequence[int]) -> int:
        rows = (
            await connection.execute(_select().where(draft.c.id.in_(_stale().where(draft.c.id.in_(draft_ids)))))
        ).all()
        for row in rows:
            await self._move(connection, _draft(row), DraftState.OUTDATED, detail="somebody has written since")
        return len(rows)

    async def _move(
        self,
        connection: AsyncConnection,
        found: Draft,
        to: DraftState,
        *,
        by: str | None = None,
        detail: str | None = None,
    ) -> Draft:
        now = self._db.clock.now()
        values: dict[str, Any] = {"state": to, "changed_at": now}
        values |= {name: storable(value) for name, value in (("by", by), ("detail", detail)) if value is not None}
        await connection.execute(update(draft).where(draft.c.id == found.id).values(values))
        moved = await _fetch(connection, found.id)
        await self._say(connection, moved, "Draft" + to.capitalize())
        return moved

    async def _act(self, connection: AsyncConnection, thread_id: int, then: Then) -> None:
        """What a Rule does to our own Thread."""
        told: dict[str, Any] = {}
        if then.assign is not None:
            told["assignee"] = then.assign
        if then.close:
            told |= {"status": ThreadStatus.CLOSED, "snoozed_until": None}
        if then.snooze_s is not None:
            until = self._db.clock.now() + timedelta(seconds=then.snooze_s)
            told |= {"status": ThreadStatus.SNOOZED, "snoozed_until": until}
        if not told:
            return
        await connection.execute(update(thread).where(thread.c.id == thread_id).values(told))
        whose = select(account.c.id, account.c.name).join(thread).where(thread.c.id == thread_id)
        row = (await connection.execute(whose)).one()
        data = {"thread": thread_id} | {name: str(value) for name, value in told.items() if value is not None}
        fact = events.Fact(name="ThreadChanged", account=(row.id, row.name), data=clean(data))
        await events.record(self._db, connection, [fact])

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

    async def _say(self, connection: AsyncConnection, found: Draft, what: str) -> None:
        data = {"draft": found.id, "thread": found.thread_id, "message": found.message_id, "rule": found.rule}
        whose = (await id_of(connection, found.account), found.account)
        told = data if found.detail is None else data | {"detail": found.detail}
        await events.record(self._db, connection, [events.Fact(name=what, account=whose, data=clean(told))])


async def _books(connection: AsyncConnection) -> tuple[list[Rule], list[Template], dict[int, int]]:
    counted = select(draft.c.template_id, func.count().label("drafts")).group_by(draft.c.template_id)
    used = {row.template_id: row.drafts for row in await connection.execute(counted)}
    return await fetch_rules(connection), await fetch_templates(connection), used


async def _planned(connection: AsyncConnection, found: Situation, planner: Planner, now: datetime) -> Plan:
    rules, templates, used = await _books(connection)
    return planner(found, rules, templates, used, now)


def _stale() -> Select[tuple[int]]:
    waiting = (draft.c.state == DraftState.WAITING, situations.later_than(message))
    return select(draft.c.id).join(message, message.c.id == draft.c.message_id).where(*waiting)


def _select() -> Select[Any]:
    joined = (
        draft.join(message, message.c.id == draft.c.message_id)
        .join(thread, thread.c.id == draft.c.thread_id)
        .join(account, account.c.id == thread.c.account_id)
        .join(participant, participant.c.id == thread.c.participant_id)
        .outerjoin(job, job.c.id == draft.c.job_id)
    )
    return select(
        draft,
        account.c.name.label("account"),
        participant.c.name.label("counterpart"),
        thread.c.listing_title,
        message.c.text.label("question"),
        job.c.state.label("job_state"),
    ).select_from(joined)


async def _fetch(connection: AsyncConnection, draft_id: int) -> Draft:
    row = (await connection.execute(_select().where(draft.c.id == draft_id))).first()
    if row is None:
        raise NotFound("draft", str(draft_id), ())
    return _draft(row)


def _decided(row: Row[Any]) -> Decided:
    fields = {name: row._mapping[name] for name in Decided.__dataclass_fields__}
    return Decided(**fields | {"why": tuple(Reason(**each) for each in row.why)})


def _draft(row: Row[Any]) -> Draft:
    return Draft(**{name: row._mapping[name] for name in Draft.__dataclass_fields__})


def _cannot(found: Draft, be: str) -> Conflict:
    because = f": {found.detail}" if found.detail else ""
    return Conflict(
        f"Draft {found.id} cannot be {be}: it is {found.state}{because}.",
        cure=f"Look at the thread: runner inbox show {found.thread_id}.",
    )
