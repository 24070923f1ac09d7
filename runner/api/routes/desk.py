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

routes = Routes("threads")

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
