"""Figures and lists as files: CSV or XLSX for one table, one workbook for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Query, Response

from runner.api import sheets
from runner.api.routes import analytics, inbox_figures
from runner.api.routes.shop import Frame, Timeframe
from runner.api.routing import Given, Routes
from runner.api.sheets import Cell, Kind, Table
from runner.domain.access import Role
from runner.domain.error_groups import GroupFilter
from runner.engine.browsing import JobQuestion
from runner.store.browsing import ThreadQuestion
from runner.store.pages import Page, Wish

routes = Routes("analytics")

MOST_ROWS = 20_000
"""Of one table: the newest ones."""
AT_ONCE = 500
FILES: dict[str, dict[str, str]] = {kind.media_type.split(";")[0]: {} for kind in Kind}
Format = Annotated[Kind, Query(alias="format", description="What kind of file.")]


class Exported(StrEnum):
    """What can be had as a table."""

    MESSAGES = "messages"  # messages by hour or day
    RESPONSES = "responses"  # response times by day
    ACCOUNT_RESPONSES = "responses-by-account"  # response times by account
    FUNNEL = "funnel"  # how far messages got
    FIRST_REPLY = "first-reply"  # how long first replies took by hour of the day
    TEMPLATES = "templates"  # what templates brought
    RULES = "rules"  # what rules brought
    RESULTS = "results"  # attempts by day and how they ended
    FLOWS = "flows"  # the same by flow
    KINDS = "error-kinds"  # failed attempts by error kind
    ACCOUNTS = "accounts"  # what was done for each account
    JOBS = "jobs"  # the jobs of the timeframe
    ERRORS = "errors"  # its failed attempts
    THREADS = "threads"  # the threads in which something was said


@routes.get(
    "/analytics/export",
    role=Role.VIEWER,
    response_class=Response,
    responses={200: {"description": "A workbook with a sheet for each table.", "content": {Kind.XLSX.media_type: {}}}},
)
async def export_all(given: Given, timeframe: Frame = Timeframe.WEEK) -> Response:
    """Everything of a timeframe as one workbook: a sheet for each table."""
    made = [await _table(given, each, timeframe) for each in Exported]
    return await _file(given, made, Kind.XLSX, f"runner-{timeframe}")


@routes.get(
    "/analytics/export/{table}",
    role=Role.VIEWER,
    response_class=Response,
    responses={200: {"description": "The table.", "content": FILES}},
)
async def export_table(
    given: Given,
    table: Annotated[Exported, Path(description="Which table.")],
    timeframe: Frame = Timeframe.WEEK,
    kind: Format = Kind.CSV,
) -> Response:
    """One table of a timeframe. Of a long list the newest 20,000 rows."""
    return await _file(given, [await _table(given, table, timeframe)], kind, f"{table}-{timeframe}")


async def _file(given: Given, tables: Sequence[Table], kind: Kind, name: str) -> Response:
    content = await asyncio.to_thread(sheets.written, tables, kind, ZoneInfo(given.rules.timezone))
    today = given.clock.now().astimezone(ZoneInfo(given.rules.timezone)).date()
    headers = {"Content-Disposition": f'attachment; filename="{name}-{today}.{kind}"'}
    return Response(content, media_type=kind.media_type, headers=headers)


async def _table(given: Given, which: Exported, timeframe: Timeframe) -> Table:
    headings, read = TABLES[which]
    return Table(name=str(which), headings=headings, rows=await read(given, timeframe))


Rows = list[list[Cell]]


async def _messages(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_messages(given, timeframe, None)
    return [[each.at, each.inbound, each.outbound] for each in found.items]


async def _responses(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_responses(given, timeframe)
    return [[each.at, each.count, each.p50_s, each.p95_s] for each in found.days]


async def _account_responses(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_responses(given, timeframe)
    return [[each.account, each.count, each.p50_s, each.p95_s] for each in found.accounts]


async def _funnel(given: Given, timeframe: Timeframe) -> Rows:
    found = await inbox_figures.get_funnel(given, timeframe)
    stages = ("received", "classified", "answered", "replied", "sold")
    by: Rows = [[f"questions answered by {who}", count] for who, count in found.answered_by.items()]
    return [[each, getattr(found, each)] for each in stages] + by


async def _first_reply(given: Given, timeframe: Timeframe) -> Rows:
    found = await inbox_figures.get_first_reply(given, timeframe)
    return [[each.hour, each.questions, each.answered, each.p50_s, each.p95_s] for each in found.items]


async def _templates(given: Given, timeframe: Timeframe) -> Rows:
    return _yields(await inbox_figures.get_templates(given, timeframe))


async def _rules(given: Given, timeframe: Timeframe) -> Rows:
    return _yields(await inbox_figures.get_rules(given, timeframe))


def _yields(found: inbox_figures.YieldsOut) -> Rows:
    return [
        [each.name, each.drafts, each.sent, each.replied, each.sold, each.reply_rate, each.success_rate]
        for each in found.items
    ]


async def _results(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_attempts(given, timeframe)
    return [[each.at, *_rated(each)] for each in found.days]


async def _flows(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_attempts(given, timeframe)
    return [[each.flow, *_rated(each)] for each in found.flows]


async def _kinds(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_attempts(given, timeframe)
    counts: dict[str, int] = {}
    for flow in found.flows:
        for kind, count in flow.kinds.items():
            counts[kind] = counts.get(kind, 0) + count
    return [[kind, count] for kind, count in sorted(counts.items(), key=lambda each: -each[1])]


async def _accounts(given: Given, timeframe: Timeframe) -> Rows:
    found = await analytics.get_accounts(given, timeframe)
    return [
        [each.account, each.served, each.succeeded, each.failed, each.inbound, each.outbound, each.share]
        for each in found.items
    ]


def _rated(found: analytics.ResultsOut) -> list[Cell]:
    ended = found.succeeded + found.failed
    return [found.succeeded, found.failed, round(found.succeeded / ended, 4) if ended else None]


async def _jobs(given: Given, timeframe: Timeframe) -> Rows:
    since = given.clock.now() - timeframe.span
    found = _all(lambda wish: given.queue.jobs(JobQuestion(), wish))
    return [
        [
            job.id,
            job.account,
            job.flow,
            job.state,
            job.created_at,
            job.ended_at,
            job.attempts,
            job.error_kind,
            job.error,
        ]
        async for job in _while(found, lambda job: job.created_at, since)
    ]


async def _errors(given: Given, timeframe: Timeframe) -> Rows:
    which = GroupFilter(since=given.clock.now() - timeframe.span)
    return [
        [each.id, each.account, each.flow, each.started_at, each.kind, each.step, each.error, each.job_id]
        async for each in _attempts(_all(lambda wish: given.error_log.failures(which, wish)))
    ]


async def _attempts(found: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for each in found:
        yield each.attempt


async def _threads(given: Given, timeframe: Timeframe) -> Rows:
    since = given.clock.now() - timeframe.span
    found = _all(lambda wish: given.inbox.threads(ThreadQuestion(), wish))
    return [
        [
            each.id,
            each.account,
            each.counterpart,
            each.listing_title,
            each.status,
            each.unread,
            each.last_at,
            each.excerpt,
        ]
        async for each in _while(found, lambda each: each.last_at, since)
    ]


async def _all(page: Callable[[Wish], Awaitable[Page[Any]]]) -> AsyncIterator[Any]:
    """Every row of a list, the newest first, up to the largest number that a table has."""
    cursor = None
    for _ in range(MOST_ROWS // AT_ONCE):
        found = await page(Wish(limit=AT_ONCE, cursor=cursor))
        for each in found.items:
            yield each
        cursor = found.next_cursor
        if cursor is None:
            return


async def _while(
    found: AsyncIterator[Any], at: Callable[[Any], datetime | None], since: datetime
) -> AsyncIterator[Any]:
    async for each in found:
        moment = at(each)
        if moment is None or moment < since:
            return
        yield each


RATED = ("succeeded", "failed", "success rate")
WAITED = ("answered", "p50 seconds", "p95 seconds")
BROUGHT = ("drafts", "sent", "replied", "sold", "reply rate", "success rate")
TABLES: dict[Exported, tuple[Sequence[str], Callable[[Any, Timeframe], Awaitable[Rows]]]] = {
    Exported.MESSAGES: (("at", "inbound", "outbound"), _messages),
    Exported.RESPONSES: (("day", *WAITED), _responses),
    Exported.ACCOUNT_RESPONSES: (("account", *WAITED), _account_responses),
    Exported.FUNNEL: (("stage", "messages"), _funnel),
    Exported.FIRST_REPLY: (("hour", "questions", *WAITED), _first_reply),
    Exported.TEMPLATES: (("template", *BROUGHT), _templates),
    Exported.RULES: (("rule", *BROUGHT), _rules),
    Exported.RESULTS: (("day", *RATED), _results),
    Exported.FLOWS: (("flow", *RATED), _flows),
    Exported.KINDS: (("error kind", "attempts"), _kinds),
    Exported.ACCOUNTS: (("account", "served", "succeeded", "failed", "inbound", "outbound", "share"), _accounts),
    Exported.JOBS: (
        ("job", "account", "flow", "state", "created", "ended", "attempts", "error kind", "error"),
        _jobs,
    ),
    Exported.ERRORS: (("attempt", "account", "flow", "started", "error kind", "step", "error", "job"), _errors),
    Exported.THREADS: (
        ("thread", "account", "counterpart", "listing", "status", "unread", "last message", "excerpt"),
        _threads,
    ),
}
