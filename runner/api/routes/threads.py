"""Threads and Messages: the inboxes of all Accounts, and the way to answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from runner.api.flow_params import checked
from runner.api.inbox_shapes import (
    CorrectionOut,
    MessageOut,
    QueuedOut,
    ReplyOut,
    ThreadOut,
    ThreadTagOut,
    ThreadTagsOut,
    WaitingOut,
)
from runner.api.routing import Given, JobKey, Routes, Who
from runner.api.shapes import (
    Asked,
    Cursor,
    JobOut,
    Limit,
    Number,
    PageOut,
    Sort,
    Text,
    Word,
    page,
    wish,
)
from runner.domain.access import Role
from runner.domain.classification import MessageType
from runner.domain.desk import Satisfaction
from runner.domain.jobs import NewJob
from runner.domain.sending import to_come
from runner.domain.states import Priority, ThreadStatus
from runner.domain.tags import MOST_TAGS
from runner.errors import SetupError
from runner.store.browsing import ThreadQuestion
from runner.store.waiting import Wait

LATEST = datetime(9000, 1, 1)  # noqa: DTZ001 — compared without a zone
routes = Routes("threads")

ThreadId = Annotated[Number, Path(description="The Thread's id.")]
MessageId = Annotated[Number, Path(description="The Message's id.")]


class Reply(Asked):
    """What to answer."""

    text: Text
    answering: Word | None = Field(
        default=None, description="`key` of the inbound Message that is answered; the last one when it is not given."
    )
    at: AwareDatetime | None = Field(default=None, description="Not before this moment; at once when it is not given.")


class Right(Asked):
    """What a Message really wants."""

    type: MessageType


class Assignment(Asked):
    """Whose a Thread is."""

    assignee: Word | None = Field(description="An operator's name; null makes it nobody's.")


class ThreadTags(Asked):
    """All tags of a Thread: what is not among them is taken away."""

    tags: list[Word] = Field(max_length=MOST_TAGS)


class Status(Asked):
    """Whether a Thread wants attention."""

    status: ThreadStatus
    until: AwareDatetime | None = Field(default=None, description="When a snoozed one is open again.")
    satisfaction: Satisfaction | None = Field(
        default=None, description="How the counterpart left; with status closed only."
    )


@routes.get("/threads", role=Role.VIEWER)
async def list_threads(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    unread: Annotated[bool | None, Query(description="Only those with unread Messages, or only those without.")] = None,
    counterpart: Annotated[str | None, Query(max_length=500)] = None,
    status: Annotated[ThreadStatus | None, Query(description="All of them when it is not given.")] = None,
    assignee: Annotated[
        str | None, Query(max_length=200, description="An operator's name; empty for those that are nobody's.")
    ] = None,
    tag: Annotated[str | None, Query(max_length=200, description="Only those that have this tag.")] = None,
    overdue: Annotated[
        bool | None, Query(description="Only those that an SLA is broken in, or only the others.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words in a Message, a name or a title.")] = None,
    waits: Annotated[
        Wait | None, Query(description="For a click on a Draft, or for a person: nobody is sure, or a value lacks.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[ThreadOut]:
    """The Threads, the one with the newest Message first. Sorts by last_at or id."""
    question = ThreadQuestion(
        account=account, unread=unread, status=status, assignee=assignee, counterpart=counterpart, tag=tag, text=q
    )
    question = replace(question, overdue=overdue, waits=waits, threshold=given.rules.threshold)
    return page(await given.inbox.threads(question, wish(limit, cursor, sort)), ThreadOut.model_validate)


@routes.get("/threads/tags", role=Role.VIEWER)
async def list_thread_tags(given: Given) -> ThreadTagsOut:
    """The tags that Threads have, by name, and how many have each."""
    found = await given.records.threads.tags()
    return ThreadTagsOut(items=[ThreadTagOut(name=name, threads=number) for name, number in found])


@routes.get("/threads/waiting", role=Role.VIEWER)
async def count_waiting(given: Given) -> WaitingOut:
    """How many open Threads wait for a click on a Draft, and how many for a person."""
    await given.answering.drafts.outdate()
    found = await given.inbox.waiting(threshold=given.rules.threshold)
    return WaitingOut(click=found[Wait.CLICK], person=found[Wait.PERSON])


@routes.get("/threads/{thread_id}", role=Role.VIEWER)
async def get_thread(given: Given, thread_id: ThreadId) -> ThreadOut:
    """One Thread."""
    return ThreadOut.model_validate(await given.records.threads.get(thread_id))


@routes.get("/threads/{thread_id}/messages", role=Role.VIEWER)
async def list_messages(
    given: Given, thread_id: ThreadId, limit: Limit = 100, cursor: Cursor = None, sort: Sort = None
) -> PageOut[MessageOut]:
    """The Messages of a Thread, the oldest first. Sorts by sent_at or id."""
    return page(await given.inbox.messages(thread_id, wish(limit, cursor, sort)), MessageOut.model_validate)


@routes.get("/threads/{thread_id}/replies", role=Role.VIEWER)
async def list_replies(
    given: Given, thread_id: ThreadId, limit: Limit = 50, cursor: Cursor = None
) -> PageOut[ReplyOut]:
    """What was answered here through the runner, the newest first: on its way, sent, or in doubt."""
    return page(await given.inbox.replies(thread_id, wish(limit, cursor)), ReplyOut.model_validate)


@routes.post("/threads/{thread_id}/read", role=Role.AGENT)
async def mark_read(given: Given, thread_id: ThreadId) -> ThreadOut:
    """Mark a Thread as read, here and not at the Site.

    It stays so until the Thread changes at the Site; then the next reading of the inbox takes the Site's count again.
    """
    return ThreadOut.model_validate(await given.records.threads.mark(thread_id, unread=False))


@routes.post("/threads/{thread_id}/unread", role=Role.AGENT)
async def mark_unread(given: Given, thread_id: ThreadId) -> ThreadOut:
    """Mark a Thread as unread, here and not at the Site; it ends as `read` does."""
    return ThreadOut.model_validate(await given.records.threads.mark(thread_id, unread=True))


@routes.post("/threads/{thread_id}/assign", role=Role.AGENT)
async def assign(given: Given, thread_id: ThreadId, asked: Assignment) -> ThreadOut:
    """Make a Thread an operator's, or nobody's."""
    if asked.assignee is not None:
        await given.access.operators.expect(asked.assignee)
    return ThreadOut.model_validate(await given.records.threads.assign(thread_id, asked.assignee))


@routes.post("/threads/{thread_id}/status", role=Role.AGENT)
async def set_status(given: Given, who: Who, thread_id: ThreadId, asked: Status) -> ThreadOut:
    """Close, snooze or open a Thread; a closed or snoozed one is open again when the counterpart writes."""
    if asked.satisfaction is not None and asked.status is not ThreadStatus.CLOSED:
        raise SetupError("Only a closed thread has an end that could please.", cure="Leave `satisfaction` out.")
    if asked.until is not None and asked.status is not ThreadStatus.SNOOZED:
        raise SetupError("Only a snoozed thread has an end.", cure="Leave `until` out, or give status snoozed.")
    if asked.status is ThreadStatus.SNOOZED:
        if asked.until is None or asked.until <= given.clock.now():
            raise SetupError("Until when is it snoozed?", cure="Give `until`, a moment that is still to come.")
        if asked.until.replace(tzinfo=None) > LATEST:
            raise SetupError("`until` is too far away.", cure="Give a moment before the year 9000.")
    changed = await given.records.threads.set_status(
        thread_id, asked.status, snoozed_until=asked.until, by=who.name, satisfaction=asked.satisfaction
    )
    return ThreadOut.model_validate(changed)


@routes.put("/threads/{thread_id}/tags", role=Role.AGENT)
async def put_thread_tags(given: Given, thread_id: ThreadId, asked: ThreadTags) -> ThreadOut:
    """Set a Thread's tags; upper and lower case are one."""
    return ThreadOut.model_validate(await given.records.threads.set_tags(thread_id, asked.tags))


@routes.post("/threads/{thread_id}/reply", role=Role.AGENT, creates=True, status_code=201)
async def reply(given: Given, thread_id: ThreadId, asked: Reply, key: JobKey) -> JobOut:
    """Answer: submits a send_message Job, which sends the same answer to the same Message once, whatever happens."""
    thread = await given.records.threads.get(thread_id)
    told = {"thread": thread.remote_id, "text": asked.text}
    if asked.answering is not None:
        told["answering"] = asked.answering
    new = NewJob(
        account=thread.account,
        flow="send_message",
        params=checked("send_message", told, given.rules.uploads_dir),
        priority=Priority.HIGH,
        due_at=None if asked.at is None else to_come(asked.at, given.clock.now()),
        key=key,
        max_attempts=given.rules.max_attempts,
    )
    (job,) = await given.engine.submit([new])
    await given.answering.give_way()
    return JobOut.model_validate(job)


@routes.get("/messages/queue", role=Role.VIEWER)
async def list_queue(given: Given, limit: Limit = 100, cursor: Cursor = None, sort: Sort = None) -> PageOut[QueuedOut]:
    """The Messages that wait for a person, the newest first: nobody is sure enough what they want.

    Those that were answered, and those in closed Threads, wait no more. Sorts by sent_at or id.
    """
    found = await given.classifications.queue(wish(limit, cursor, sort), threshold=given.rules.threshold)
    return page(found, QueuedOut.model_validate)


@routes.post("/messages/{message_id}/correct", role=Role.AGENT)
async def correct_message(given: Given, who: Who, message_id: MessageId, asked: Right) -> CorrectionOut:
    """Say what an inbound Message really wants; the classifier learns it at its next training."""
    return CorrectionOut.model_validate(await given.classifications.correct(message_id, asked.type, by=who.name))
