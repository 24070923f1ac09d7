"""Following up: Threads go through Sequences, each message once, and none after somebody has written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from runner.domain.clock import Clock
from runner.domain.enrolments import Enrolment, EnrolmentState, Facts, Move, Send, Source, decide, job_key
from runner.domain.jobs import NewJob
from runner.domain.rules import Situation
from runner.domain.sequences import Calendar, StoredSequence, Wording, word
from runner.engine.interface import JobEngine
from runner.errors import Conflict, NotFound, RunnerError
from runner.inbox.setbacks import Setbacks
from runner.store.enrolling import Asked
from runner.store.enrolment_moves import EnrolmentMoves
from runner.store.enrolments import Enrolments
from runner.store.sequences import Sequences
from runner.store.templates import Templates

log = structlog.get_logger()

AT_ONCE = 200
FLOW = "send_message"


@dataclass(frozen=True, kw_only=True)
class FollowUpTerms:
    """How long a counterpart is away who does not say until when; and how long after its time a step still goes out."""

    away: timedelta
    within: timedelta = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A step as it would go out, were each one sent when it is due; `due_at` is None where the hours never open."""

    position: int
    delay: str
    due_at: datetime | None
    wording: Wording


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What would become of a Thread in a Sequence. `problem` is why it cannot be enrolled now."""

    sequence: str
    thread_id: int
    account: str
    counterpart: str
    problem: str | None
    steps: tuple[PlannedStep, ...]


class Following:
    """Sequences and Enrolments at work. Every method may be called by any number of processes at once."""

    def __init__(
        self,
        *,
        sequences: Sequences,
        enrolments: Enrolments,
        moves: EnrolmentMoves,
        templates: Templates,
        engine: JobEngine,
        hours_of: Callable[[str], Awaitable[Calendar]],
        clock: Clock,
        terms: FollowUpTerms,
        max_attempts: int,
    ) -> None:
        self.sequences = sequences
        self.enrolments = enrolments
        self._moves = moves
        self._templates = templates
        self._engine = engine
        self._hours_of = hours_of
        self._clock = clock
        self._setbacks = Setbacks(clock)
        self._terms = terms
        self._max_attempts = max_attempts

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Move every Enrolment about which there is something to decide, and send what is due; returns how many.

        What there is no time for until `stop` is found again.
        """
        over, count = stop or asyncio.Event(), 0
        await self.enrolments.note_late_replies()
        await self._moves.adopt()
        later = self._setbacks.waiting("enrolment")
        for number in await self.enrolments.stirring(limit=AT_ONCE, but=later):
            if over.is_set():
                break
            count += await self._setbacks.attempt("enrolment", number, partial(self._advance, number))
        await self._submit_all()
        await self._take_back()
        return count

    async def enrol(self, name: str, thread_ids: Sequence[int], asked: Asked) -> list[Enrolment | RunnerError]:
        """Enrol Threads, each that can be, and say when their first steps are due. Raises NotFound."""
        found = await self.enrolments.enrol(name, thread_ids, asked)
        return [await self._advance(each.id) if isinstance(each, Enrolment) else each for each in found]

    async def enrol_all(self, name: str, thread_ids: Sequence[int], asked: Asked) -> list[Enrolment]:
        """Enrol all of the Threads, or none. Raises NotFound, and Conflict for the first that cannot be."""
        if len(set(thread_ids)) < len(thread_ids):
            raise Conflict("A thread is named twice.", cure="Name each once.")
        for number in thread_ids:
            problem = await self.enrolments.problem(name, number, asked)
            if problem is not None:
                raise problem
        done = await self.enrol(name, thread_ids, asked)
        for each in done:
            if isinstance(each, RunnerError):
                raise each
        return [each for each in done if isinstance(each, Enrolment)]

    async def stop(self, enrolment_ids: Sequence[int], *, by: str) -> list[Enrolment]:
        """Stop Enrolments; what waits to be sent for them is taken back. Raises NotFound, Conflict."""
        stopped = await self.enrolments.stop(enrolment_ids, by=by)
        await self._take_back()
        return stopped

    async def resume(self, enrolment_id: int, *, by: str, force: bool = False) -> Enrolment:
        """Have a stopped Enrolment go on. Raises NotFound, Conflict."""
        # What was on its way when it stopped is entered first, or it would end the Enrolment once more.
        await self._take_back()
        await self._advance(enrolment_id)
        return await self._advance((await self.enrolments.resume(enrolment_id, force=force, by=by)).id)

    async def rehearse(self, name: str, thread_id: int) -> Rehearsal:
        """When each step would go out to a Thread that is enrolled now, and with what text; nothing is done.

        Raises NotFound.
        """
        through = await self.sequences.by_name(name)
        situation = await self.enrolments.situation(thread_id)
        problem = await self.enrolments.problem(name, thread_id, Asked(source=Source.HAND, by=None, again=True))
        if situation is None:
            raise problem or NotFound("thread", str(thread_id), ())
        return Rehearsal(
            sequence=name,
            thread_id=thread_id,
            account=situation.account,
            counterpart=situation.counterpart,
            problem=problem.what if problem else None,
            steps=await self._rehearsed(through, situation),
        )

    async def _rehearsed(self, through: StoredSequence, situation: Situation) -> tuple[PlannedStep, ...]:
        used, templates = await self._moves.used(), await self._templates.list_templates()
        hours, moment = await self._hours_of(situation.account), self._clock.now()
        steps = []
        for position, step in enumerate(through.steps, start=1):
            wording = word(step, situation, templates, used)
            if wording.template_id is not None:
                used[wording.template_id] = used.get(wording.template_id, 0) + 1
            due = step.delay.after(moment, hours)
            steps.append(PlannedStep(position=position, delay=step.delay.words, due_at=due, wording=wording))
            moment = due or moment
        return tuple(steps)

    async def _advance(self, number: int) -> Enrolment:
        before = await self.enrolments.get(number)
        hours = await self._hours_of(before.account)

        def decider(facts: Facts, now: datetime) -> Move:
            return decide(facts, now, hours, away=self._terms.away)

        after = await self._moves.advance(number, decider, word)
        if after.state is not before.state:
            _tell(after)
        return after

    async def _submit_all(self) -> None:
        later = self._setbacks.waiting("follow-up")
        for send, enrolment, follows in await self._moves.unsubmitted(limit=AT_ONCE, but=later):
            await self._setbacks.attempt("follow-up", send.id, partial(self._submit, send, enrolment, follows))

    async def _submit(self, send: Send, enrolment: Enrolment, follows: str) -> None:
        if not enrolment.is_live:
            await self._moves.taken_back(send.id)
            return
        new = NewJob(
            account=enrolment.account,
            flow=FLOW,
            params={
                "thread": enrolment.thread_remote_id,
                "text": send.text,
                "follows": follows,
                "not_after": (send.created_at + self._terms.within).isoformat(),
            },
            key=job_key(send),
            max_attempts=self._max_attempts,
        )
        (job,) = await self._engine.submit([new])
        if not await self._moves.submitted(send.id, job.id):
            # Its enrolment was over in between.
            await self._engine.withdraw(job.id)

    async def _take_back(self) -> None:
        """Cancel the Jobs of Enrolments that are over, as long as they have not begun."""
        later = self._setbacks.waiting("surplus follow-up")
        for send in await self._moves.surplus(limit=AT_ONCE, but=later):
            if send.job_id is not None:
                # Where it has begun by now, it says itself how it ends.
                await self._setbacks.attempt("surplus follow-up", send.id, partial(self._engine.withdraw, send.job_id))


def _tell(of: Enrolment) -> None:
    asks = of.state is EnrolmentState.IN_DOUBT
    say = log.warning if asks else log.info
    say(
        "an enrolment goes on otherwise",
        account=of.account,
        enrolment=of.id,
        sequence=of.sequence,
        state=of.state,
        reason=of.reason,
        why=of.detail,
    )
