"""Events: as pages, and as streams (SSE) that resume where they broke off."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from runner.api import doors
from runner.api.problems import Refusal
from runner.api.routing import Given, Routes
from runner.api.services import Services
from runner.api.shapes import BatchOut, Cursor, EventOut, JobOut, Limit, Number, PageOut, Shape, page, wish
from runner.domain.access import Role
from runner.domain.jobs import Event
from runner.store.pages import LARGEST, after_number, page_of

routes = Routes("events")

HEARTBEAT_S = 10.0
RETRY_MS = 2000
OLDEST_TAKEN = 100_000
"""Whoever missed more Events than this reads everything anew, which is quicker than to replay them."""
FINAL = re.compile(r"(\d{1,18})\.final")
STREAM = {200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}}
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Account = Annotated[str | None, Query(max_length=200, description="Only this Account's.")]
Batch = Annotated[Number | None, Query(description="Only this Batch's.")]
Types = Annotated[
    str | None, Query(max_length=2000, description="Only these names, with commas between: JobFailed,JobSucceeded.")
]
LastId = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=40, description="The number of the last Event seen.")
]


class ProgressOut(Shape):
    """How far a Batch is."""

    batch: BatchOut
    total: int
    done: int
    failed: int
    percentage: float
    current: list[JobOut]


@routes.get("/events/history", role=Role.VIEWER)
async def list_events(
    given: Given,
    account: Account = None,
    batch: Batch = None,
    job: Number | None = None,
    types: Types = None,
    newest_first: Annotated[bool, Query(description="Else the oldest first.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> PageOut[EventOut]:
    """Recorded Events, the oldest first unless asked otherwise."""
    asked = wish(limit, cursor)
    last, names = after_number(asked), _names(types)
    if newest_first:
        read = given.events.before(last, limit=limit + 1, account=account, job_id=job, batch_id=batch, names=names)
    else:
        read = given.events.since(last or 0, limit=limit + 1, account=account, job_id=job, batch_id=batch, names=names)
    found = await read
    return page(page_of(found, asked, lambda each: each.id), EventOut.model_validate)


@routes.get("/events", role=Role.VIEWER, response_class=StreamingResponse, responses=STREAM)
async def stream(
    given: Given,
    request: Request,
    account: Account = None,
    batch: Batch = None,
    types: Types = None,
    after: Annotated[Number | None, Query(description="Begin after this number, as Last-Event-ID does.")] = None,
    last_event_id: LastId = None,
) -> Response:
    """Every Event as it happens, numbered; `resync` when what was missed is too old to be sent."""
    if account is not None:
        await given.records.accounts.by_name(account)
    if batch is not None:
        await given.engine.batch(batch)
    last = _number(last_event_id) if last_event_id is not None else after
    begun = _stream(given, request, last, account, batch, _names(types))
    return StreamingResponse(begun, media_type="text/event-stream", headers=HEADERS)


@routes.get("/batches/{batch_id}/events", role=Role.VIEWER, response_class=StreamingResponse, responses=STREAM)
async def stream_batch(
    given: Given,
    request: Request,
    batch_id: Annotated[Number, Path()],
    last_event_id: LastId = None,
) -> Response:
    """A Batch's Events with `progress` between them, and `final` when nothing more happens by itself."""
    progress = await given.engine.batch(batch_id)
    if last_event_id is not None and FINAL.fullmatch(last_event_id) and progress.done == progress.total:
        return Response(status_code=204)  # a browser that was told `final` comes no more
    last = _number(last_event_id.removesuffix(".final")) if last_event_id is not None else 0
    begun = _batch_stream(given, request, batch_id, last)
    return StreamingResponse(begun, media_type="text/event-stream", headers=HEADERS)


async def _stream(
    given: Services, request: Request, last: int | None, account: str | None, batch: int | None, names: Sequence[str]
) -> AsyncIterator[bytes]:
    feed = given.feed
    position, too_old = await _begin(given, last)
    yield f"retry: {RETRY_MS}\n\n".encode()
    yield too_old or _mark(position)
    while not feed.closed:
        found, looked = await feed.since(position, account=account, batch_id=batch, names=names)
        if found:
            yield b"".join(feed.told(event, _event) for event in found)
        position = looked
        if not await feed.changed(position, HEARTBEAT_S):
            if not await _still_welcome(given, request):
                return
            yield _mark(position)


async def _batch_stream(given: Services, request: Request, batch_id: int, last: int) -> AsyncIterator[bytes]:
    feed = given.feed
    position, too_old = await _begin(given, last)
    yield f"retry: {RETRY_MS}\n\n".encode() + too_old
    told, welcome_at = "", time.monotonic()
    over: int | None = None
    while not feed.closed:
        found, position = await feed.since(position, batch_id=batch_id)
        for event in found:
            yield _event(event)
        progress = await progress_of(given, batch_id)
        # The store may be ahead of the feed: the last word comes after the last Event, or that would never be sent.
        data = progress.model_dump_json()
        over = over if over is not None else await given.events.last_id()
        if progress.done < progress.total:
            over = None
        elif position >= over:
            yield _said("final", data, number=f"{position}.final")
            return
        if data != told:
            yield _said("progress", data)
            told = data
        # Not only its own Events count: an Account that is paused holds Jobs of the Batch.
        waited = await feed.changed(position, HEARTBEAT_S)
        if not waited or time.monotonic() - welcome_at > HEARTBEAT_S:
            if not await _still_welcome(given, request):
                return
            welcome_at = time.monotonic()
            yield _mark(position)


async def progress_of(given: Services, batch_id: int) -> ProgressOut:
    """How far a Batch is, and what is being done for it now."""
    batch = await given.engine.batch(batch_id)
    running = await given.queue.running_in(batch_id)
    return ProgressOut(
        batch=BatchOut.model_validate(batch),
        total=batch.total,
        done=batch.done,
        failed=batch.failed,
        percentage=round(100 * batch.done / batch.total, 1) if batch.total else 100.0,
        current=[JobOut.model_validate(job) for job in running],
    )


async def _begin(given: Services, last: int | None) -> tuple[int, bytes]:
    """Where to go on, and what is said first when that cannot be where it broke off."""
    oldest, newest = await given.shop.event_bounds()
    if last is None:
        return newest, b""
    reason = ""
    if last > newest:
        reason = "this number has not been given yet: the database is another one"
    elif oldest > last + 1 and last != 0:
        reason = "what followed was pruned"
    elif newest - last > OLDEST_TAKEN and last != 0:
        reason = "too much has happened since"
    if not reason:
        return last, b""
    data = json.dumps({"reason": reason, "newest": str(newest)})
    return newest, _said("resync", data, number=str(newest))


async def _still_welcome(given: Services, request: Request) -> bool:
    """Whether whoever listens may still do so: a token may be revoked, an Operator removed meanwhile."""
    if await request.is_disconnected():
        return False
    try:
        who = await doors.recognised(request, given)
        doors.expect_permitted(who, Role.VIEWER, "events:read")
    except Refusal:
        return False
    return True


def _event(event: Event) -> bytes:
    return _said(event.name, EventOut.model_validate(event).model_dump_json(), number=str(event.id))


def _said(name: str, data: str, *, number: str | None = None) -> bytes:
    # JSON has no bare line breaks, and names are ours: nothing in here can begin a line of its own.
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}event: {name}\ndata: {data}\n\n".encode()


def _mark(position: int) -> bytes:
    """A heartbeat. Its number has no data, so no event comes of it, but the client resumes from here."""
    return f": heartbeat\nid: {position}\n\n".encode()


def _names(types: str | None) -> list[str]:
    return [name.strip() for name in (types or "").split(",") if name.strip()][:100]


def _number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) is None:
        raise Refusal(422, "invalid", "Last-Event-ID is the number of an event.")
    return min(int(text), LARGEST)
