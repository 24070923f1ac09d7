"""Schedules: rules that create Jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from runner.api.flow_params import checked
from runner.api.routing import Given, Routes
from runner.api.shapes import Asked, Cursor, Limit, PageOut, ScheduleOut, Sort, Word, page, wish
from runner.domain.access import Role
from runner.domain.schedules import Missed, NewSchedule, Rule, Schedule
from runner.domain.states import Priority
from runner.errors import SetupError
from runner.store.pages import slice_of

routes = Routes("schedules")

Name = Annotated[str, Path(min_length=1, max_length=200, description="The Schedule's name.")]
ORDERS = {
    "name": lambda each: each.name,
    "id": lambda each: each.id,
    "next_due_at": lambda each: int(each.next_due_at.timestamp() * 1e6) if each.next_due_at else 0,
}


class ScheduleIn(Asked):
    """A Schedule to add: by cron or by interval, for one Account, for those with a tag, or for all."""

    name: Word
    flow: Word
    cron: Word | None = Field(default=None, description="Five fields.", examples=["0 8 * * 1-5"])
    every_s: float | None = Field(default=None, gt=0, le=31_536_000, allow_inf_nan=False)
    timezone: Word | None = Field(default=None, description="Of the cron rule; else [browser] timezone.")
    account: Word | None = None
    tag: Word | None = None
    missed: Missed = Missed.ONCE
    params: Mapping[str, Any] = Field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    timeout_s: float | None = Field(default=None, gt=0, le=604_800, allow_inf_nan=False)


@routes.get("/schedules", role=Role.VIEWER)
async def list_schedules(
    given: Given, limit: Limit = 50, cursor: Cursor = None, sort: Sort = None
) -> PageOut[ScheduleOut]:
    """The Schedules. Sorts by name, id or next_due_at."""
    found = await given.schedules.list_schedules()
    part = slice_of(found, wish(limit, cursor, sort), orders=ORDERS, default="name", number_of=lambda each: each.id)
    return page(part, _out)


@routes.get("/schedules/{name}", role=Role.VIEWER)
async def get_schedule(given: Given, name: Name) -> ScheduleOut:
    """One Schedule."""
    return _out(await given.schedules.by_name(name))


@routes.post("/schedules", role=Role.ADMIN, creates=True, status_code=201)
async def add_schedule(given: Given, asked: ScheduleIn) -> ScheduleOut:
    """Add a Schedule; a daemon keeps to it."""
    if asked.account and asked.tag:
        raise SetupError("An account and a tag together?", cure="Give one of them, or neither for all accounts.")
    rule = Rule(
        cron=asked.cron,
        every_s=asked.every_s,
        timezone=asked.timezone or given.rules.timezone,
        start=given.clock.now(),
    )
    new = NewSchedule(
        name=asked.name,
        flow=asked.flow,
        rule=rule,
        account=asked.account,
        tag=asked.tag,
        params=checked(asked.flow, asked.params, given.rules.uploads_dir),
        priority=asked.priority,
        missed=asked.missed,
        max_attempts=asked.max_attempts or given.rules.max_attempts,
        timeout_s=asked.timeout_s,
    )
    return _out(await given.schedules.add(new))


@routes.delete("/schedules/{name}", role=Role.ADMIN)
async def remove_schedule(given: Given, name: Name) -> ScheduleOut:
    """Remove a Schedule; the Jobs that it has created stay."""
    return _out(await given.schedules.remove(name))


def _out(found: Schedule) -> ScheduleOut:
    rule = found.rule
    own: dict[str, Any] = {"cron": rule.cron, "every_s": rule.every_s, "timezone": rule.timezone}
    plain = {name: getattr(found, name) for name in ScheduleOut.model_fields if name not in own}
    return ScheduleOut(**plain, **own)
