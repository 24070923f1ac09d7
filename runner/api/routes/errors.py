"""Errors: the log of failed Attempts, and the groups of those that have one cause and one cure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from runner.api.routing import Given, Routes
from runner.api.shapes import AttemptOut, BulkOut, Cursor, Id, Limit, Moment, Number, PageOut, Shape, page, wish
from runner.domain.access import Role
from runner.domain.error_groups import ErrorGroup, Failure, GroupFilter
from runner.domain.jobs import JobFilter
from runner.domain.states import JobState
from runner.errors import ErrorKind

routes = Routes("errors")

Signature = Annotated[str, Path(min_length=1, max_length=64, description="The group's signature, or how it begins.")]
Account = Annotated[str | None, Query(max_length=200)]
Flow = Annotated[str | None, Query(max_length=100)]
Listing = Annotated[Number | None, Query(description="Of the jobs that were to publish this listing.")]
Since = Annotated[AwareDatetime | None, Query(description="Attempts that began at this moment or later.")]


class ErrorOut(AttemptOut):
    """A failed Attempt, with the first picture that it left."""

    evidence_id: Id | None = Field(description="Its picture is at /evidence/{id}/file.")


class ErrorGroupOut(Shape):
    """Failures of one signature: one cause, and one cure."""

    signature: str
    count: int
    first_at: Moment
    last_at: Moment
    accounts: Sequence[str]
    flows: Sequence[str]
    site: str
    kind: ErrorKind
    step: str | None
    locator: str | None
    error: str = Field(description="What the newest one said.")
    cure: str = Field(description="What a person does about all of them.")
    attempt_id: Id | None = Field(description="The newest one that kept evidence.")
    evidence_id: Id | None = Field(description="The first picture of that one.")


class ErrorGroupsOut(Shape):
    """Groups of failures, the one that failed last first."""

    items: list[ErrorGroupOut]


@routes.get("/errors", role=Role.VIEWER)
async def list_errors(
    given: Given,
    account: Account = None,
    kind: ErrorKind | None = None,
    flow: Flow = None,
    listing: Listing = None,
    since: Since = None,
    signature: Annotated[str | None, Query(max_length=64, description="Of this group only.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[ErrorOut]:
    """The failed Attempts, the newest first, each with its first picture."""
    which = GroupFilter(account=account, kind=kind, flow=flow, listing=listing, since=since, signature=signature)
    return page(await given.error_log.failures(which, wish(limit, cursor)), _failure)


@routes.get("/errors/groups", role=Role.VIEWER)
async def list_groups(
    given: Given,
    account: Account = None,
    kind: ErrorKind | None = None,
    flow: Flow = None,
    listing: Listing = None,
    since: Since = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
) -> ErrorGroupsOut:
    """The failures in groups of one cause, the one that failed last first."""
    which = GroupFilter(account=account, kind=kind, flow=flow, listing=listing, since=since)
    found = await given.error_groups.list_groups(which, limit=limit)
    shown = await given.error_log.pictures([each.example for each in found if each.example is not None])
    return ErrorGroupsOut(items=[_group(each, shown) for each in found])


@routes.post("/errors/groups/{signature}/retry", role=Role.AGENT)
async def retry_group(given: Given, signature: Signature) -> BulkOut:
    """Queue all Jobs again that failed as this group does, or are parked for it; one that cannot be is refused."""
    group = await given.error_groups.get(signature)
    which = JobFilter(signature=group.signature, states=[JobState.FAILED, JobState.PARKED])
    done = await given.engine.retry_many(await given.engine.find(which))
    return BulkOut(
        changed=[str(number) for number in done.changed],
        refused={str(number): why for number, why in done.refused.items()},
    )


def _failure(found: Failure) -> ErrorOut:
    told = AttemptOut.model_validate(found.attempt).model_dump()
    return ErrorOut(**told, evidence_id=None if found.evidence_id is None else str(found.evidence_id))


def _group(found: ErrorGroup, shown: dict[int, int]) -> ErrorGroupOut:
    own: dict[str, Any] = {name: getattr(found, name) for name in ErrorGroupOut.model_fields if hasattr(found, name)}
    own |= {"attempt_id": found.example, "evidence_id": shown.get(found.example or 0)}
    return ErrorGroupOut(**own)
