"""The shop's people: they look at what waits for them, click, dismiss, write themselves, and settle what is in doubt.

They use what the console and the terminal use, in a process of their own beside the daemon.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime

from runner import wiring
from runner.domain.classification import Queued
from runner.domain.drafts import DraftState
from runner.domain.effects import EffectState
from runner.domain.jobs import NewJob
from runner.domain.states import AccountState, JobState, Priority, ThreadStatus
from runner.errors import Conflict
from runner.orchestrator import decisions
from runner.store.pages import Wish
from tests.week.given import THRESHOLD
from tests.week.judge import Told
from tests.week.stage import Stage

ASKED = "SELECT json_extract(data, '$.message') FROM event WHERE name = 'PersonAsked'"


@dataclass(kw_only=True)
class People:
    """What they have done is what the judge goes by; messages are named by the marketplace's numbers."""

    books: wiring.Books
    stage: Stage
    dice: random.Random
    clicked: set[str] = field(default_factory=set)
    dismissed: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)
    closed: dict[str, datetime] = field(default_factory=dict)
    settled: int = 0
    resumed: int = 0
    retried: int = 0

    async def come_in(self) -> None:
        """What a person does twice a day: drafts, the queue, whatever waits for them."""
        await self._see_to_drafts()
        await self._see_to_queue()
        await self._close_some()
        await self._see_to_doubts()

    async def _see_to_drafts(self) -> None:
        for draft in await self.books.answering.drafts.list_drafts(states=[DraftState.WAITING], limit=1000):
            number, what = self._number(draft.message_id), self.dice.random()
            try:
                if what < 0.75:
                    self.clicked.add(number)
                    await self.books.answering.send(draft.id, by="ada")
                elif what < 0.9:
                    await self.books.answering.dismiss(draft.id, by="ada")
                    self.dismissed.add(number)
            except Conflict:
                continue  # somebody has written since: it is too late for this one

    async def _see_to_queue(self) -> None:
        ours = {row[0]: row[1] for row in self.stage.rows("SELECT id, remote_id FROM thread")}
        for each in await self._queue():
            if ours[each.thread_id] in self.stage.counterparts and self.dice.random() < 0.5:
                await self.write(each.thread_id)

    async def _close_some(self) -> None:
        """Whoever is followed up and has bought elsewhere, as somebody knows by telephone."""
        rows = self.stage.rows(
            """SELECT thread.id, remote_id FROM thread JOIN enrolment ON enrolment.thread_id = thread.id
               WHERE enrolment.state = 'active' AND thread.status = 'open' ORDER BY thread.id"""
        )
        for thread_id, remote_id in rows:
            if self.dice.random() < 0.15:
                await self.books.records.threads.set_status(thread_id, ThreadStatus.CLOSED)
                self.closed[remote_id] = self.books.clock.now()

    async def write(self, thread_id: int) -> None:
        """Answer by hand, as the console does."""
        thread = await self.books.records.threads.get(thread_id)
        text = f"Ada here: let me look into that. ({len(self.by_hand) + 1})"
        self.by_hand.add(text)
        new = NewJob(
            account=thread.account,
            flow="send_message",
            params={"thread": thread.remote_id, "text": text},
            priority=Priority.HIGH,
            max_attempts=8,
        )
        await self.books.engine.submit([new])

    async def _see_to_doubts(self) -> None:
        """Look at the site, and say what is there; have failed jobs tried again; resume who is parked."""
        records, engine = self.books.records, self.books.engine
        for effect in await records.effects.list_effects(states=[EffectState.UNKNOWN], limit=1000):
            job = await engine.get(effect.job_id)
            found = self._sent(str(job.params["thread"]), str(job.params["text"]))
            to = EffectState.CONFIRMED if found else EffectState.NOT_DONE
            await decisions.settle(records.effects, engine, effect.id, to, remote_id=found, why="seen on the site")
            self.settled += 1
        for account in await records.accounts.list_accounts(states=[AccountState.PARKED]):
            await decisions.resume(records.accounts, records.profiles, engine, account.name)
            self.resumed += 1
        for job in await engine.list_jobs(states=[JobState.FAILED], limit=1000):
            if job.flow == "send_message":
                await engine.retry(job.id)
                self.retried += 1

    def _sent(self, thread: str, text: str) -> str | None:
        entries = self.stage.ledger("message_sent")
        return next(
            (
                each["subject"]
                for each in entries
                if (each["detail"]["thread"], each["detail"]["text"]) == (thread, text)
            ),
            None,
        )

    async def _queue(self) -> list[Queued]:
        found = await self.books.classifications.queue(Wish(limit=1000), threshold=THRESHOLD)
        return list(found.items)

    def _number(self, message_id: int) -> str:
        ((key,),) = self.stage.rows("SELECT key FROM message WHERE id = ?", message_id)
        return str(key).removeprefix("id:")

    async def told(self) -> dict[str, Told]:
        """What the console shows of every inbound message, by the marketplace's number of it."""
        queue = {each.message_id for each in await self._queue()}
        rows = self.stage.rows(
            """SELECT message.id, message.key, message.type, confidence, verdict, draft.state, job.state
               FROM message LEFT JOIN decision ON decision.message_id = message.id
               LEFT JOIN draft ON draft.message_id = message.id LEFT JOIN job ON job.id = draft.job_id
               WHERE direction = 'inbound'"""
        )
        asked = {row[0] for row in self.stage.rows(ASKED)}
        found = {}
        for number, key, type_, confidence, verdict, draft, job in rows:
            waits = (
                number in queue or draft == "waiting" or verdict == "no_text" or job in ("unknown", "parked", "failed")
            )
            state = f"decided: {verdict}, draft: {draft}, job: {job}"
            found[str(key).removeprefix("id:")] = Told(
                type=type_,
                confidence=confidence or 0.0,
                waits=waits,
                asked=number in asked,
                state=state,
            )
        return found
