"""The shop as a whole: overview, counters, Rotation, settings in force."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import AccountOut, EventOut, Id, JobOut, Moment, Shape, many
from runner.domain.access import Role
from runner.domain.figures import Tally, health_score
from runner.domain.states import AccountState, Priority
from runner.orchestrator.turns import turn_of

overview = Routes("overview")


class Timeframe(StrEnum):
    """How far back."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def span(self) -> timedelta:
        """The same as a length of time."""
        return {
            Timeframe.HOUR: timedelta(hours=1),
            Timeframe.DAY: timedelta(days=1),
            Timeframe.WEEK: timedelta(days=7),
            Timeframe.MONTH: timedelta(days=30),
        }[self]


Frame = Annotated[Timeframe, Query(description="How far back to count.")]


class SpanOut(Shape):
    """What happened in a span of time."""

    messages_inbound: int
    messages_outbound: int
    attempts_succeeded: int
    attempts_failed: int
    success_rate: float | None


class OverviewOut(Shape):
    """Figures of the whole shop: what stands now, and what has happened since `since`."""

    since: Moment
    accounts: dict[str, int] = Field(description="By state, now.")
    jobs: dict[str, int] = Field(description="By state, now.")
    listings: dict[str, int] = Field(description="By state, now.")
    threads: int
    unread_threads: int
    open_sessions: int
    messages_inbound: int = Field(description="Since then.")
    messages_outbound: int = Field(description="Since then.")
    attempts_succeeded: int = Field(description="Since then.")
    attempts_failed: int = Field(description="Since then; interrupted ones included.")
    success_rate: float | None = Field(description="Of those attempts, from 0 to 1; null when there was none.")
    health_score: int = Field(
        description="0 to 100: 40 for accounts that are active (of those active, parked or locked), 40 for the success "
        "rate, 20 for open jobs that wait for no person. A part of which there is nothing to say counts in full."
    )
    before: SpanOut = Field(description="The same counts for the same time before `since`: the trend.")


class CounterOut(Shape):
    """What has happened for one Account."""

    account: str
    succeeded: int
    failed: int
    inbound: int
    outbound: int


class CountersOut(Shape):
    """What has happened for each Account since `since`."""

    since: Moment
    items: list[CounterOut]


@overview.get("/overview", role=Role.VIEWER)
async def get_overview(given: Given, timeframe: Frame = Timeframe.DAY) -> OverviewOut:
    """Figures of the whole shop."""
    since = given.clock.now() - timeframe.span
    found = await given.shop.overview(since)
    figures = {name: getattr(found, name) for name in found.__dataclass_fields__ if name != "before"}
    rate = Tally(succeeded=found.attempts_succeeded, failed=found.attempts_failed).success_rate
    return OverviewOut(
        since=to_the_minute(since),
        **figures,
        success_rate=rate,
        health_score=health_score(found.accounts, found.jobs, rate),
        before=SpanOut(
            messages_inbound=found.before.inbound,
            messages_outbound=found.before.outbound,
            attempts_succeeded=found.before.succeeded,
            attempts_failed=found.before.failed,
            success_rate=found.before.success_rate,
        ),
    )


@overview.get("/counters", role=Role.VIEWER)
async def get_counters(given: Given, timeframe: Frame = Timeframe.DAY) -> CountersOut:
    """What each Account has done: attempts by how they ended, messages by direction.

    An Account whose counters were reset meanwhile counts from then on.
    """
    since = given.clock.now() - timeframe.span
    found = await given.shop.counters(since)
    return CountersOut(since=to_the_minute(since), items=[_counter(name, tally) for name, tally in found])


def _counter(name: str, tally: Tally) -> CounterOut:
    return CounterOut(
        account=name,
        succeeded=tally.succeeded,
        failed=tally.failed,
        inbound=tally.inbound,
        outbound=tally.outbound,
    )


def to_the_minute(moment: datetime) -> datetime:
    """So that whoever polls and has seen nothing new gets a 304."""
    return moment.replace(second=0, microsecond=0)


rotation = Routes("rotation")


class TurnOut(Shape):
    """Whose turn comes, and why."""

    account: str
    job_id: Id
    priority: Priority
    due_at: Moment
    last_served_at: Moment | None
    reason: str


class AbsentOut(Shape):
    """An Account whose turn does not come now, and why."""

    account: str
    state: AccountState
    reason: str


class StandingOut(Shape):
    """Where one Account stands; `place` counts from 1 among those whose turn comes."""

    account: str
    running: bool
    place: int | None
    reason: str


class RotationOut(Shape):
    """Who is served now, whose turn comes next in this order, who is passed over, and what was chosen last."""

    now: list[JobOut]
    next: list[TurnOut]
    passed_over: list[AbsentOut]
    next_due_at: Moment | None
    history: list[EventOut] = Field(description="The last choices, each with its reason in `data`.")
    account: StandingOut | None = Field(description="The account that was asked about: why it is served, or why not.")


@rotation.get("/rotation", role=Role.VIEWER)
async def get_rotation(
    given: Given,
    limit: Annotated[int, Query(ge=1, le=16)] = 16,
    account: Annotated[str | None, Query(max_length=200, description="Say why this one is served, or why not.")] = None,
) -> RotationOut:
    """Who is served now, whose turn is next, and why; with an account, why it is or is not, and its own history."""
    asked_about = None if account is None else await given.records.accounts.by_name(account)
    running, coming = await given.queue.running(), await given.queue.upcoming(limit)
    busy, waiting = {each.account for each in running}, {each.candidate.account for each in coming}
    absent = [
        AbsentOut(account=each.name, state=each.state, reason=_why(AccountOut.model_validate(each)))
        for each in await given.records.accounts.list_accounts()
        if each.name not in busy | waiting
    ]
    turns = [
        TurnOut(
            account=each.candidate.account,
            job_id=str(each.candidate.job_id),
            priority=each.candidate.priority,
            due_at=each.candidate.due_at,
            last_served_at=each.candidate.last_served_at,
            reason=each.reason,
        )
        for each in coming
    ]
    standing = None if asked_about is None else await turn_of(asked_about, given.queue, running, coming)
    return RotationOut(
        now=many(JobOut, running),
        next=turns,
        passed_over=absent,
        next_due_at=await given.engine.next_due_at(),
        history=many(EventOut, await given.events.latest("JobClaimed", account=account, limit=20)),
        account=None if standing is None else StandingOut.model_validate(standing),
    )


def _why(account: AccountOut) -> str:
    if account.state is not AccountState.ACTIVE:
        return f"{account.state}: {account.state_reason}" if account.state_reason else f"is {account.state}"
    return "nothing is due for it, or more than the first 16 are before it"


settings = Routes("settings")


class SettingOut(Shape):
    """One setting in force, and where its value came from."""

    key: str
    value: Any
    origin: str


class SettingsOut(Shape):
    """All settings in force. Passwords and secrets are not among them."""

    items: list[SettingOut]


@settings.get("/settings", role=Role.ADMIN)
async def get_settings(given: Given) -> SettingsOut:
    """The settings in force, and where each came from: file and line, environment, command line or default."""
    return SettingsOut(items=many(SettingOut, given.rules.settings))
