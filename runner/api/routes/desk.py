"""What people keep about a Thread: notes, how it was settled, and how long that took."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from runner.api.inbox_shapes import ThreadOut
from runner.api.routes.threads import ThreadId
from runner.api.routing import Given, Routes, Who
from runner.api.shapes import Asked, Id, Moment, Number, Shape, Text, many
from runner.domain.access import Role
from runner.domain.desk import AnsweredBy, Satisfaction
from runner.domain.states import ThreadStatus

routes = Routes("threads")

OtherId = Annotated[Number, Path(description="The other Thread's id.")]
NoteId = Annotated[Number, Path(description="The note's id.")]


class NoteIn(Asked):
    """What to keep in mind about a Thread."""

    text: Text


class NoteOut(Shape):
    """What a person wrote about a Thread for other people; it is never sent."""

    id: Id
    thread_id: Id
    at: Moment
    by: str
    text: str


class NotesOut(Shape):
    """All notes about a Thread, the oldest first."""

    items: list[NoteOut]


class SatisfactionIn(Asked):
    """How the counterpart left."""

    satisfaction: Satisfaction | None = Field(description="null takes the mark away.")


class FirstResponseOut(Shape):
    """The counterpart's first message, and our first one after it."""

    asked_at: Moment
    answered_at: Moment | None
    took_s: float | None = Field(description="Seconds between them.")
    by: AnsweredBy | None


class ResolutionOut(Shape):
    """One time that the Thread was open until it was closed."""

    opened_at: Moment = Field(description="The counterpart's first message, or when it was opened again.")
    closed_at: Moment | None
    took_s: float | None = Field(description="Seconds between them.")
    by: str | None = Field(description="Who closed it.")
    satisfaction: Satisfaction | None
    satisfaction_by: str | None


class HandlingOut(Shape):
    """How a Thread was handled."""

    first: FirstResponseOut | None = Field(description="null while the counterpart has not written.")
    resolutions: list[ResolutionOut] = Field(description="The oldest first; empty when it was never closed.")


class AlsoInOut(Shape):
    """Another thread of the same counterpart."""

    thread_id: Id
    account: str
    counterpart: str
    listing_title: str | None
    status: ThreadStatus
    linked_by: str | None = Field(description="Who said that they are one; null where the name alone suggests it.")


class AlsoInsOut(Shape):
    """The other threads of a counterpart, the newest first, at most fifty."""

    items: list[AlsoInOut]


class LinkIn(Asked):
    """Whether two threads are one counterpart's."""

    same: bool | None = Field(description="null takes the word back: then the name decides again.")


@routes.get("/threads/{thread_id}/also-in", role=Role.VIEWER)
async def list_also_in(given: Given, thread_id: ThreadId) -> AlsoInsOut:
    """The other threads of the counterpart: linked by people, or with the same name at the same site."""
    return AlsoInsOut(items=many(AlsoInOut, await given.counterparts.also_in(thread_id)))


@routes.put("/threads/{thread_id}/also-in/{other_id}", role=Role.AGENT)
async def put_link(given: Given, who: Who, thread_id: ThreadId, other_id: OtherId, asked: LinkIn) -> AlsoInsOut:
    """Link two threads as one counterpart's, or say that they are two people's."""
    await given.counterparts.say(thread_id, other_id, asked.same, by=who.name)
    return await list_also_in(given, thread_id)


@routes.get("/threads/{thread_id}/notes", role=Role.VIEWER)
async def list_notes(given: Given, thread_id: ThreadId) -> NotesOut:
    """The notes about a Thread, the oldest first."""
    return NotesOut(items=many(NoteOut, await given.desk.notes(thread_id)))


@routes.post("/threads/{thread_id}/notes", role=Role.AGENT, creates=True, status_code=201)
async def add_note(given: Given, who: Who, thread_id: ThreadId, asked: NoteIn) -> NoteOut:
    """Write a note about a Thread, under one's own name; it is never sent."""
    return NoteOut.model_validate(await given.desk.add_note(thread_id, asked.text, by=who.name))


@routes.delete("/threads/{thread_id}/notes/{note_id}", role=Role.AGENT, status_code=204)
async def remove_note(given: Given, thread_id: ThreadId, note_id: NoteId) -> None:
    """Take a note away; that it was there stays in the audit log."""
    await given.desk.remove_note(thread_id, note_id)


@routes.put("/threads/{thread_id}/satisfaction", role=Role.AGENT)
async def put_satisfaction(given: Given, who: Who, thread_id: ThreadId, asked: SatisfactionIn) -> ThreadOut:
    """Say how the counterpart left when the Thread was closed last."""
    found = await given.records.threads.mark_satisfaction(thread_id, asked.satisfaction, by=who.name)
    return ThreadOut.model_validate(found)


@routes.get("/threads/{thread_id}/handling", role=Role.VIEWER)
async def get_handling(given: Given, thread_id: ThreadId) -> HandlingOut:
    """How long the first answer took and who gave it, and each time that the Thread was settled."""
    return HandlingOut.model_validate(await given.desk.handling(thread_id))
