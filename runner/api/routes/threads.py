"""Threads and Messages: the inboxes of all Accounts, and the way to answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from runner.api.flow_params import checked
from runner.api.routing import Given, JobKey, Routes, Who
from runner.api.shapes import (
    Asked,
    CorrectionOut,
    Cursor,
    JobOut,
    Limit,
    MessageOut,
    Number,
    PageOut,
    QueuedOut,
    Sort,
    Text,
    ThreadOut,
    Word,
    page,
    wish,
)
from runner.domain.access import Role
from runner.domain.classification import MessageType
from runner.domain.jobs import NewJob
from runner.domain.states import Priority
from runner.store.browsing import ThreadQuestion

routes = Routes("threads")

ThreadId = Annotated[Number, Path(description="The Thread's id.")]
MessageId = Annotated[Number, Path(description="The Message's id.")]


class Reply(Asked):
    """What to answer."""

    text: Text
    answering: Word | None = Field(
        default=None, description="`key` of the inbound Message that is answered; the last one when it is not given."
    )


class Right(Asked):
    """What a Message really wants."""

    type: MessageType


@routes.get("/threads", role=Role.VIEWER)
async def list_threads(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    unread: Annotated[bool | None, Query(description="Only those with unread Messages, or only those without.")] = None,
    counterpart: Annotated[str | None, Query(max_length=500)] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words in a Message, a name or a title.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[ThreadOut]:
    """The Threads, the one with the newest Message first. Sorts by last_at or id."""
    question = ThreadQuestion(account=account, unread=unread, counterpart=counterpart, text=q)
    return page(await given.inbox.threads(question, wish(limit, cursor, sort)), ThreadOut.model_validate)


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
        key=key,
        max_attempts=given.rules.max_attempts,
    )
    return JobOut.model_validate((await given.engine.submit([new]))[0])


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
