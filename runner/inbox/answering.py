"""Answering by Rule: what arrives is decided about once, drafts wait for a click, and replies become Jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from runner.domain.clock import Clock
from runner.domain.drafts import Draft, Plan, Terms, Verdict, job_key, not_after, plan, why_off
from runner.domain.jobs import NewJob
from runner.domain.rules import Rule, Situation
from runner.domain.states import Priority
from runner.domain.templates import Filled, Template, fill
from runner.engine.interface import JobEngine
from runner.errors import NotFound
from runner.inbox.setbacks import Setbacks
from runner.store.drafts import Drafts
from runner.store.rules import Rules
from runner.store.templates import Templates
from runner.store.threads import Threads

log = structlog.get_logger()

AT_ONCE = 200
FLOW = "send_message"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A Template's texts as one Message would be answered with them."""

    template: Template
    message_id: int
    texts: tuple[Filled, ...]


class Answering:
    """Templates, Rules and Drafts at work. Every method may be called by any number of processes at once."""

    def __init__(
        self,
        *,
        templates: Templates,
        rules: Rules,
        drafts: Drafts,
        threads: Threads,
        engine: JobEngine,
        terms: Terms,
        max_attempts: int,
        clock: Clock,
    ) -> None:
        self.templates = templates
        self.rules = rules
        self.drafts = drafts
        self._threads = threads
        self._engine = engine
        self._terms = terms
        self._max_attempts = max_attempts
        self._clock = clock
        self._setbacks = Setbacks(clock)

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Decide about all that has arrived and is classified, and send what goes out by itself; returns how many.

        Enters what became of what was sent before. What there is no time for until `stop` is found again.
        """
        over = stop or asyncio.Event()
        await self.give_way()
        await self._settle_all(over)
        count = await self._decide_all(over)
        await self._submit_all()
        return count

    async def give_way(self) -> None:
        """Outdate what nobody waits for any more, and withdraw its Jobs: for one, after a person's own reply."""
        await self.drafts.outdate()
        for job_id in await self.drafts.deliveries.to_withdraw():
            await self._engine.withdraw(job_id)

    async def send(self, draft_id: int, *, by: str) -> Draft:
        """Send a Draft: one Job for each Message that is answered, whatever is clicked. Raises NotFound, Conflict."""
        draft = await self.drafts.begin_sending(draft_id, by=by)
        return draft if draft.job_id is not None else await self._submit(draft)

    async def reword(self, draft_id: int, text: str, *, by: str) -> Draft:
        """Put a waiting Draft in other words; its Rule and Template stay named. Raises NotFound, Conflict."""
        return await self.drafts.reword(draft_id, text, by=by)

    async def dismiss(self, draft_id: int, *, by: str) -> Draft:
        """Throw a Draft away. Raises NotFound, Conflict."""
        dismissed = await self.drafts.dismiss(draft_id, by=by)
        await self.give_way()  # a person may have had its job done once more
        return dismissed

    async def dry_run(self, message_ids: Sequence[int]) -> list[Plan]:
        """What the Rules would do about Messages, had each just arrived when it was written. Changes nothing.

        Raises NotFound for a number that is no inbound Message.
        """
        found = await self.drafts.plans(message_ids, self._as_if_new)
        seen = {each.situation.message_id for each in found}
        for number in message_ids:
            if number not in seen:
                raise NotFound("inbound message", str(number), ())
        return found

    async def dry_run_last(self, count: int, *, account_name: str | None = None) -> list[Plan]:
        """The same of the last inbound Messages, the newest first. Raises NotFound."""
        return await self.dry_run(await self.drafts.newest(count, account_name=account_name))

    async def preview(self, name: str, message_id: int | None = None) -> list[Preview]:
        """All texts of a family of Templates with the data of one Message, the newest unless said. Raises NotFound."""
        family = await self.templates.family(name)
        of = await self._example(message_id)
        return [
            Preview(
                template=each,
                message_id=of.message_id,
                texts=tuple(fill(text, of.values) for text in each.variants),
            )
            for each in family
        ]

    async def preview_texts(self, texts: Sequence[str], message_id: int | None = None) -> tuple[int, list[Filled]]:
        """Texts that are no Template yet, with the data of one Message, which is named. Raises NotFound, SetupError."""
        of = await self._example(message_id)
        return of.message_id, [fill(text, of.values) for text in texts]

    async def dry_run_imagined(self, situation: Situation) -> Plan:
        """What the Rules would do about a Message that nobody has written."""
        return await self.drafts.plan_of(situation, self._plan)

    async def _example(self, message_id: int | None) -> Situation:
        numbers = await self.drafts.newest(1) if message_id is None else [message_id]
        if not numbers:
            raise NotFound("inbound message", "the newest", ())
        return (await self.dry_run(numbers))[0].situation

    async def _decide_all(self, over: asyncio.Event) -> int:
        seen, count = set[int](), 0
        while not over.is_set():
            later = seen | self._setbacks.waiting("message")
            numbers = await self.drafts.undecided(within=self._terms.within, limit=AT_ONCE, but=later)
            if not numbers:
                break
            for number in numbers:
                if not over.is_set():
                    count += await self._setbacks.attempt("message", number, partial(self._decide, number))
            seen.update(numbers)
            await self._submit_all()
        return count

    async def _decide(self, number: int) -> bool:
        made = await self.drafts.decide(number, self._plan)
        if made is not None:
            _tell(made)
        return made is not None

    async def _submit_all(self) -> None:
        later = self._setbacks.waiting("draft")
        for draft in await self.drafts.deliveries.unsubmitted(limit=AT_ONCE, but=later):
            await self._setbacks.attempt("draft", draft.id, partial(self._submit, draft))

    async def _settle_all(self, over: asyncio.Event) -> None:
        deliveries, seen = self.drafts.deliveries, set[int]()
        while not over.is_set():
            later = seen | self._setbacks.waiting("sent draft")
            numbers = await deliveries.unsettled(limit=AT_ONCE, but=later)
            if not numbers:
                break
            for number in numbers:
                await self._setbacks.attempt("sent draft", number, partial(deliveries.settle, number))
            seen.update(numbers)

    def _plan(
        self,
        situation: Situation,
        rules: Sequence[Rule],
        templates: Sequence[Template],
        used: Mapping[int, int],
        now: datetime,
    ) -> Plan:
        return plan(situation, rules, templates, used, now, self._terms)

    def _as_if_new(self, situation: Situation, *books: Any) -> Plan:
        return self._plan(replace(situation, overtaken=False, history=False), *books)

    async def _submit(self, draft: Draft) -> Draft:
        """One Job for a Draft; what goes out by itself only while its Rule wants it, and not when it is too late."""
        thread = await self._threads.get(draft.thread_id)
        messages = await self._threads.messages_of(draft.thread_id)
        answered = next(each for each in messages if each.id == draft.message_id)
        until = not_after(draft, answered.sent_at or answered.first_seen_at, self._terms)
        why_not = await self._why_not(draft, until)
        if why_not is not None:
            left = await self.drafts.deliveries.give_back(draft, f"not sent: {why_not}")
            if left is not None:
                await self._engine.withdraw(left)
            return await self.drafts.get(draft.id)
        new = NewJob(
            account=draft.account,
            flow=FLOW,
            params={
                "thread": thread.remote_id,
                "text": draft.text,
                "answering": answered.key,
                "unless_written_since": True,
                "not_after": until.isoformat(),
            },
            priority=Priority.HIGH,
            key=job_key(draft.message_id, draft.sendings),
            max_attempts=self._max_attempts,
        )
        (job,) = await self._engine.submit([new])
        if not await self.drafts.deliveries.submitted(draft, job.id):
            # Somebody gave it back, or outdated it, in between.
            await self._engine.withdraw(job.id)
        return await self.drafts.get(draft.id)

    async def _why_not(self, draft: Draft, until: datetime) -> str | None:
        if self._clock.now() > until:
            return "it had lain here for too long"
        return None if draft.by is not None else why_off(draft, await self.rules.list_rules())


def _tell(made: Plan) -> None:
    of, rule = made.situation, made.decision.rule
    quiet = made.verdict in (Verdict.OVERTAKEN, Verdict.TOO_OLD, Verdict.NO_RULE)
    say = log.warning if made.asks_person else log.debug if quiet else log.info
    say(
        "a message was decided about",
        account=of.account,
        message=of.message_id,
        verdict=made.verdict,
        why=made.words,
        rule=rule.name if rule else None,
    )
