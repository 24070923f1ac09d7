"""Accounts: who they are, how they do, and an operator's word on them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from runner.api.routing import Given, JobKey, Routes
from runner.api.shapes import (
    AccountOut,
    Asked,
    AttemptOut,
    Cursor,
    JobOut,
    Limit,
    Moment,
    PageOut,
    ProfileOut,
    SessionOut,
    Shape,
    Sort,
    Word,
    page,
    wish,
)
from runner.domain.access import Role
from runner.domain.accounts import Account
from runner.domain.jobs import NewJob
from runner.domain.states import AccountState, Priority
from runner.errors import Conflict
from runner.orchestrator import decisions
from runner.store.pages import slice_of

routes = Routes("accounts")

Name = Annotated[str, Path(min_length=1, max_length=200, description="The Account's name.")]
ORDERS = {
    "name": lambda each: each.name,
    "id": lambda each: each.id,
    "last_served_at": lambda each: int(each.last_served_at.timestamp() * 1e6) if each.last_served_at else 0,
}
FAILURES = 5


class Health(Shape):
    """How an Account does. `healthy` is false when a person should look."""

    account: str
    healthy: bool
    state: AccountState
    state_reason: str | None
    failures_in_a_row: int = Field(description=f"Of the last {FAILURES} attempts, since one went well.")
    last_attempt: AttemptOut | None
    last_served_at: Moment | None
    profile: ProfileOut | None
    open_session: SessionOut | None
    open_jobs: int


class Reason(Asked):
    """Why."""

    reason: Word | None = Field(default=None, description="For whoever asks later.")


class Tags(Asked):
    """All tags of an Account: what is not among them is taken away."""

    tags: list[Word] = Field(max_length=50)


@routes.get("/accounts", role=Role.VIEWER)
async def list_accounts(
    given: Given,
    state: Annotated[list[AccountState] | None, Query(description="Only these; may be repeated.")] = None,
    tag: Annotated[str | None, Query(max_length=200)] = None,
    site: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[AccountOut]:
    """The Accounts. Sorts by name, id or last_served_at."""
    found = await given.records.accounts.list_accounts(states=state or (), tag_name=tag, site=site)
    part = slice_of(found, wish(limit, cursor, sort), orders=ORDERS, default="name", number_of=lambda each: each.id)
    return page(part, AccountOut.model_validate)


@routes.get("/accounts/{name}", role=Role.VIEWER)
async def get_account(given: Given, name: Name) -> AccountOut:
    """One Account."""
    return _out(await given.records.accounts.by_name(name))


@routes.get("/accounts/{name}/health", role=Role.VIEWER)
async def get_health(given: Given, name: Name) -> Health:
    """How an Account does: its state, its last attempts, its profile, what is open."""
    account = await given.records.accounts.by_name(name)
    attempts = await given.records.attempts.list_attempts(account_name=name, limit=FAILURES)
    ended = [each for each in attempts if each.ended_at is not None]
    failures = next((n for n, each in enumerate(ended) if each.kind is None), len(ended))
    sessions = await given.records.sessions.list_sessions(account_name=name, only_open=True, limit=1)
    profile = await given.records.profiles.get(name)
    return Health(
        account=account.name,
        healthy=account.state is AccountState.ACTIVE and failures < 2,
        state=account.state,
        state_reason=account.state_reason,
        failures_in_a_row=failures,
        last_attempt=AttemptOut.model_validate(attempts[0]) if attempts else None,
        last_served_at=account.last_served_at,
        profile=ProfileOut.model_validate(profile) if profile else None,
        open_session=SessionOut.model_validate(sessions[0]) if sessions else None,
        open_jobs=await given.queue.open_jobs(name),
    )


@routes.post("/accounts/{name}/pause", role=Role.AGENT)
async def pause_account(given: Given, name: Name, asked: Reason | None = None) -> AccountOut:
    """Give an Account no more Jobs; one that runs is finished."""
    return _out(await decisions.pause(given.records.accounts, name, asked.reason if asked else None))


@routes.post("/accounts/{name}/resume", role=Role.AGENT)
async def resume_account(given: Given, name: Name) -> AccountOut:
    """Make an Account active again; its parked Jobs go back to the queue."""
    return _out(await decisions.resume(given.records.accounts, given.records.profiles, given.engine, name))


@routes.post("/accounts/{name}/reset-counters", role=Role.AGENT)
async def reset_counters(given: Given, name: Name) -> AccountOut:
    """Have what the Account does counted from now on; the records of what it did stay."""
    return _out(await given.records.accounts.reset_counters(name))


@routes.put("/accounts/{name}/tags", role=Role.AGENT)
async def put_tags(given: Given, name: Name, asked: Tags) -> AccountOut:
    """Set an Account's tags, unless they stand in the configuration file."""
    if name in given.rules.configured_accounts:
        raise Conflict(f"{name} stands in the configuration file, and its tags with it.", cure="Change them there.")
    return _out(await given.records.accounts.set_tags(name, asked.tags))


@routes.post("/accounts/{name}/validate-session", role=Role.AGENT, creates=True, status_code=201)
async def validate_session(given: Given, name: Name, key: JobKey) -> JobOut:
    """Have it looked, soon, whether the Account is signed in: submits an urgent check_login Job."""
    new = NewJob(
        account=name,
        flow="check_login",
        priority=Priority.URGENT,
        key=key,
        max_attempts=given.rules.max_attempts,
    )
    return JobOut.model_validate((await given.engine.submit([new]))[0])


profiles = Routes("profiles")


@profiles.get("/profiles", role=Role.VIEWER)
async def list_profiles(
    given: Given, limit: Limit = 50, cursor: Cursor = None, sort: Sort = None
) -> PageOut[ProfileOut]:
    """The Profiles. Sorts by account."""
    found = await given.records.profiles.list_profiles()
    numbers = {each.account: number for number, each in enumerate(found)}
    part = slice_of(
        found,
        wish(limit, cursor, sort),
        orders={"account": lambda each: each.account},
        default="account",
        number_of=lambda each: numbers[each.account],
    )
    return page(part, ProfileOut.model_validate)


def _out(account: Account) -> AccountOut:
    return AccountOut.model_validate(account)
