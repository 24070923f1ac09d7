"""Sequences and Enrolments: what is followed up, how far it is, what it would do, and why it stopped."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from runner.api.routing import Given, Routes, Who
from runner.api.shapes import Asked, Cursor, Id, Limit, Moment, Number, PageOut, Shape, Sort, Word, page, wish
from runner.domain.access import Role
from runner.domain.enrolments import EnrolmentState, Send, SendState, Source, StopReason
from runner.domain.sequences import MOST_STEPS, Delay, NewSequence, SequenceStep, StoredSequence
from runner.domain.states import JobState
from runner.errors import RunnerError
from runner.inbox.following import Rehearsal
from runner.store import enrolling
from runner.store.enrolments import StepFigures
from runner.store.pages import after_number, page_of, slice_of

sequences = Routes("sequences")
enrolments = Routes("enrolments")

Name = Annotated[str, Path(min_length=1, max_length=200, description="Its name.")]
EnrolmentId = Annotated[Number, Path(description="The Enrolment's id.")]
ThreadNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
MOST_AT_ONCE = 500


class StepOut(Shape):
    """One message of a Sequence."""

    delay: str = Field(description="After the message before it.", examples=["2wd"])
    words: str = Field(description="The delay for a person.", examples=["2 working days"])
    template: str


class StepFiguresOut(Shape):
    """How many got a step and how many wrote after it; position 0 is the enrolment itself."""

    position: int
    sent: int
    replied: int
    opted_out: int


class SequenceOut(Shape):
    """Timed follow-ups. `enrolments` counts them by state."""

    id: Id
    name: str
    enabled: bool
    steps: list[StepOut]
    created_at: Moment
    enrolments: dict[str, int]


class SequenceShown(SequenceOut):
    """A Sequence with the distribution of replies over its steps."""

    by_step: list[StepFiguresOut]


class EnrolmentOut(Shape):
    """A Thread that goes, or went, through a Sequence; `position` counts the steps that were sent."""

    id: Id
    sequence: str
    account: str
    thread_id: Id
    counterpart: str
    listing_title: str | None
    state: EnrolmentState
    reason: StopReason | None
    detail: str | None
    source: Source
    by: str | None
    position: int
    steps: int
    next_due_at: Moment | None
    postponed_until: Moment | None
    replied_at: Moment | None
    enrolled_at: Moment
    ended_at: Moment | None


class SendOut(Shape):
    """One message of an Enrolment, as it was asked for."""

    id: Id
    position: int
    text: str
    template: str
    state: SendState
    detail: str | None
    job_id: Id | None
    job_state: JobState | None
    created_at: Moment
    sent_at: Moment | None


class RehearsedOut(Shape):
    """A step as it would go out; without a text `why_not` says why it would stop there."""

    position: int
    delay: str
    due_at: Moment | None
    template: str
    text: str | None
    why_not: str | None


class RehearsalOut(Shape):
    """What would become of a Thread that is enrolled now; `problem` is why it cannot be."""

    sequence: str
    thread_id: Id
    account: str
    counterpart: str
    problem: str | None
    steps: list[RehearsedOut]


class NotEnrolled(Shape):
    """A Thread that was not enrolled, and why."""

    thread: str
    why: str
    cure: str
    again: bool = Field(description="Whether it can be enrolled when `again` is asked for.")


class EnrolledOut(Shape):
    """Which Threads were enrolled, and which were not."""

    enrolled: list[EnrolmentOut]
    refused: list[NotEnrolled]


class StepAsked(Asked):
    """One message: when after the one before it, and the family of Templates that words it."""

    delay: str = Field(max_length=20, description="30m, 2h, 3d, or 2wd for working days.", examples=["2wd"])
    template: Word

    def asked(self) -> SequenceStep:
        """As the domain has it. Raises SetupError."""
        return SequenceStep(delay=Delay.parse(self.delay), template=self.template)


class StepsAsked(Asked):
    """The steps of a Sequence, in their order."""

    steps: list[StepAsked] = Field(min_length=1, max_length=MOST_STEPS)


class SequenceAsked(StepsAsked):
    """A Sequence to add."""

    name: Word


class Enrol(Asked):
    """Which Threads to enrol: by number, each that can be. `force` also those who want no more messages."""

    thread_ids: list[ThreadNumber] = Field(min_length=1, max_length=MOST_AT_ONCE)
    again: bool = Field(default=False, description="Also those that went through it before.")
    force: bool = False


class Resume(Asked):
    """Whether to go on although the counterpart has written."""

    force: bool = False


class Switched(Asked):
    """Whether a Sequence takes Threads in and sends."""

    enabled: bool


@sequences.get("/sequences", role=Role.VIEWER)
async def list_sequences(
    given: Given, limit: Limit = 100, cursor: Cursor = None, sort: Sort = None
) -> PageOut[SequenceOut]:
    """The Sequences. Sorts by name or id."""
    counts = await given.following.enrolments.counts()
    orders = {"name": lambda each: each.name, "id": lambda each: each.id}
    found = await given.following.sequences.list_sequences()
    part = slice_of(found, wish(limit, cursor, sort), orders=orders, default="name", number_of=lambda each: each.id)
    return page(part, lambda each: _sequence(each, counts.get(each.id, {})))


@sequences.post("/sequences", role=Role.AGENT, creates=True, status_code=201)
async def add_sequence(given: Given, asked: SequenceAsked) -> SequenceOut:
    """Add a Sequence."""
    new = NewSequence(name=asked.name, steps=tuple(each.asked() for each in asked.steps))
    return _sequence(await given.following.sequences.add(new), {})


@sequences.get("/sequences/{name}", role=Role.VIEWER)
async def get_sequence(given: Given, name: Name) -> SequenceShown:
    """One Sequence, with how many got each step and wrote after it."""
    return await _shown(given, await given.following.sequences.by_name(name))


@sequences.put("/sequences/{name}", role=Role.AGENT)
async def replace_sequence(given: Given, name: Name, asked: StepsAsked) -> SequenceShown:
    """Give a Sequence other steps; what goes through it goes on with these, from its place."""
    new = NewSequence(name=name, steps=tuple(each.asked() for each in asked.steps))
    return await _shown(given, await given.following.sequences.replace(new))


@sequences.put("/sequences/{name}/enabled", role=Role.AGENT)
async def switch_sequence(given: Given, name: Name, asked: Switched) -> SequenceShown:
    """Have a Sequence take Threads in and send, or wait."""
    return await _shown(given, await given.following.sequences.set_enabled(name, enabled=asked.enabled))


@sequences.delete("/sequences/{name}", role=Role.AGENT)
async def remove_sequence(given: Given, name: Name) -> SequenceOut:
    """Remove a Sequence that nobody goes through and no Rule needs; what was sent stays."""
    return _sequence(await given.following.sequences.remove(name), {})


@sequences.get("/sequences/{name}/preview", role=Role.VIEWER)
async def preview_sequence(
    given: Given, name: Name, thread_id: Annotated[Number, Query(description="The Thread's id.")]
) -> RehearsalOut:
    """When each step would go out to a Thread that is enrolled now, and with what text; nothing is done."""
    return _rehearsal(await given.following.rehearse(name, thread_id))


@sequences.post("/sequences/{name}/enrol", role=Role.AGENT)
async def enrol(given: Given, who: Who, name: Name, asked: Enrol) -> EnrolledOut:
    """Enrol Threads, each that can be; for the others the answer says why not."""
    how = enrolling.Asked(source=Source.HAND, by=who.name, again=asked.again, force=asked.force)
    done = await given.following.enrol(name, asked.thread_ids, how)
    pairs = list(zip(asked.thread_ids, done, strict=True))
    return EnrolledOut(
        enrolled=[EnrolmentOut.model_validate(each) for _, each in pairs if not isinstance(each, RunnerError)],
        refused=[
            NotEnrolled(
                thread=str(number), why=each.what, cure=each.cure, again=isinstance(each, enrolling.WentThrough)
            )
            for number, each in pairs
            if isinstance(each, RunnerError)
        ],
    )


@enrolments.get("/enrolments", role=Role.VIEWER)
async def list_enrolments(
    given: Given,
    sequence: Annotated[str | None, Query(max_length=200, description="Only in this Sequence.")] = None,
    state: Annotated[list[EnrolmentState] | None, Query(description="All of them when it is not given.")] = None,
    thread_id: Annotated[Number | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[EnrolmentOut]:
    """Enrolments, the newest first."""
    asked = wish(limit, cursor)
    found = await given.following.enrolments.list_enrolments(
        sequence_name=sequence, states=state or (), thread_id=thread_id, limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), EnrolmentOut.model_validate)


@enrolments.get("/enrolments/{enrolment_id}", role=Role.VIEWER)
async def get_enrolment(given: Given, enrolment_id: EnrolmentId) -> EnrolmentOut:
    """One Enrolment."""
    return EnrolmentOut.model_validate(await given.following.enrolments.get(enrolment_id))


@enrolments.get("/enrolments/{enrolment_id}/sends", role=Role.VIEWER)
async def list_sends(given: Given, enrolment_id: EnrolmentId) -> list[SendOut]:
    """What was sent for an Enrolment, or was to be."""
    await given.following.enrolments.get(enrolment_id)
    found: list[Send] = await given.following.enrolments.sends(enrolment_id)
    return [SendOut.model_validate(each) for each in found]


@enrolments.post("/enrolments/{enrolment_id}/stop", role=Role.AGENT)
async def stop_enrolment(given: Given, who: Who, enrolment_id: EnrolmentId) -> EnrolmentOut:
    """Stop an Enrolment; what waits to be sent for it is taken back."""
    (stopped,) = await given.following.stop([enrolment_id], by=who.name)
    return EnrolmentOut.model_validate(stopped)


@enrolments.post("/enrolments/{enrolment_id}/resume", role=Role.AGENT)
async def resume_enrolment(given: Given, who: Who, enrolment_id: EnrolmentId, asked: Resume) -> EnrolmentOut:
    """Have a stopped Enrolment go on with its next step, whose delay begins now."""
    found = await given.following.resume(enrolment_id, by=who.name, force=asked.force)
    return EnrolmentOut.model_validate(found)


async def _shown(given: Given, found: StoredSequence) -> SequenceShown:
    counts = (await given.following.enrolments.counts()).get(found.id, {})
    figures: list[StepFigures] = await given.following.enrolments.figures(found)
    told = _sequence(found, counts)
    plain = {name: getattr(told, name) for name in SequenceOut.model_fields}
    return SequenceShown(**plain, by_step=[StepFiguresOut.model_validate(each) for each in figures])


def _sequence(found: StoredSequence, counts: dict[EnrolmentState, int]) -> SequenceOut:
    steps = [StepOut(delay=str(each.delay), words=each.delay.words, template=each.template) for each in found.steps]
    return SequenceOut(
        id=str(found.id),
        name=found.name,
        enabled=found.enabled,
        steps=steps,
        created_at=found.created_at,
        enrolments={str(state): counts.get(state, 0) for state in EnrolmentState},
    )


def _rehearsal(found: Rehearsal) -> RehearsalOut:
    steps = [
        RehearsedOut(
            position=each.position,
            delay=each.delay,
            due_at=each.due_at,
            template=each.wording.template,
            text=each.wording.text,
            why_not=each.wording.words or None,
        )
        for each in found.steps
    ]
    return RehearsalOut(
        sequence=found.sequence,
        thread_id=str(found.thread_id),
        account=found.account,
        counterpart=found.counterpart,
        problem=found.problem,
        steps=steps,
    )
