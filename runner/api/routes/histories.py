"""The history of all Threads as one file, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from runner.api import histories
from runner.api.routing import Given, Routes
from runner.domain.access import Role
from runner.store.history import ThreadHistory

routes = Routes("threads")

Account = Annotated[str | None, Query(max_length=200, description="Only this account's.")]
Since = Annotated[AwareDatetime | None, Query(description="Only threads in which something was said since.")]
JSON, CSV = "application/json", "text/csv; charset=utf-8"


def _described(kind: str) -> dict[int | str, dict[str, object]]:
    return {200: {"description": "The file.", "content": {kind.split(";")[0]: {}}}}


@routes.get("/exports/threads.json", role=Role.VIEWER, response_class=Response, responses=_described(JSON))
async def export_json(given: Given, account: Account = None, since: Since = None) -> Response:
    """All threads with their messages, types, decisions, notes, tags and how they were settled."""
    return _file(histories.as_json(await _found(given, account, since)), JSON, "threads.json")


@routes.get("/exports/threads.csv", role=Role.VIEWER, response_class=Response, responses=_described(CSV))
async def export_csv(given: Given, account: Account = None, since: Since = None) -> Response:
    """The same as a table: a row for each message and for each note. No cell of it is a formula."""
    found = await _found(given, account, since)
    return _file(histories.as_csv(found, ZoneInfo(given.rules.timezone)), CSV, "threads.csv")


async def _found(given: Given, account: str | None, since: AwareDatetime | None) -> AsyncIterator[ThreadHistory]:
    if account is not None:
        await given.history.expect_account(account)
    return given.history.threads(account_name=account, since=since)


def _file(parts: AsyncIterator[str], kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse((part.encode() async for part in parts), media_type=kind, headers=headers)
