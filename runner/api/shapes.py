"""What the API says and hears: snake_case, ids as strings, times in UTC as ISO 8601."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from runner.domain.access import Role, Via
from runner.domain.effects import EffectKind, EffectState
from runner.domain.listings import ListingState
from runner.domain.schedules import Missed
from runner.domain.states import (
    AccountState,
    EvidenceKind,
    IfFailed,
    JobState,
    Mode,
    Outcome,
    Priority,
    SessionEnd,
)
from runner.errors import ErrorKind
from runner.store.pages import LARGEST, Page, Wish

T = TypeVar("T")
S = TypeVar("S", bound="Shape")


def _whole(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Id = Annotated[str, BeforeValidator(_whole), Field(examples=["42"])]
Moment = Annotated[datetime, PlainSerializer(_iso, return_type=str), Field(examples=["2026-11-22T12:00:00Z"])]
Number = Annotated[int, Field(ge=0, le=LARGEST)]
"""An id in a path or a query: digits."""
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]


class Shape(BaseModel):
    """What is sent; made from values of the domain."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """What is received; a field that nobody knows is refused, for it is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageOut(Shape, Generic[T]):
    """A part of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Give it as `cursor` to get what follows; null at the end.")


Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
Sort = Annotated[
    str | None, Query(max_length=60, description="A field to sort by; with a minus before it the largest first.")
]


def wish(limit: int, cursor: str | None, sort: str | None = None) -> Wish:
    """The paging parameters of a request together."""
    return Wish(limit=limit, cursor=cursor, sort=sort)


def page(found: Page[Any], shape: Callable[[Any], T]) -> PageOut[T]:
    """A page of the store as it is sent."""
    return PageOut(items=[shape(item) for item in found.items], next_cursor=found.next_cursor)


class AccountOut(Shape):
    """An identity on a Site. Its password is not here, nor is where it is kept."""

    id: Id
    name: str
    site: str
    username: str
    tags: list[str]
    state: AccountState
    state_reason: str | None
    last_served_at: Moment | None
    created_at: Moment
    counted_from: Moment | None = Field(description="Its counters were reset then; null when they never were.")


class ProfileOut(Shape):
    """An Account's browser directory."""

    account: str
    browser_major: int | None
    last_login_at: Moment | None
    last_probe_at: Moment | None
    notes: str | None


class JobOut(Shape):
    """A stored request to perform one Flow for one Account."""

    id: Id
    account: str
    flow: str
    params: Mapping[str, Any]
    state: JobState
    priority: Priority
    due_at: Moment
    created_at: Moment
    ended_at: Moment | None
    attempts: int
    max_attempts: int
    key: str | None
    batch_id: Id | None
    owner: str | None
    reason: str | None = Field(description="Why Rotation chose it when it did.")
    result: Mapping[str, Any] | None
    error_kind: ErrorKind | None
    error: str | None
    cancel_requested: bool
    timeout_s: float | None
    if_failed: IfFailed
    waits_for: int = Field(description="How many Jobs must still succeed before it may run.")
    replay_of: Id | None = Field(description="The Job that it repeats, which may have been pruned.")
    pruned_at: Moment | None
    postponed: str | None = Field(description="Why it is put off until `due_at`: a limit, or hours. null: it is not.")


class AttemptOut(Shape):
    """One execution of a Job."""

    id: Id
    job_id: Id
    account: str
    flow: str
    number: int
    session_id: Id | None
    started_at: Moment
    ended_at: Moment | None
    outcome: Outcome | None
    kind: ErrorKind | None
    error: str | None
    step: str | None
    wait_s: float | None
    reason: str | None
    sign_ins: int
    popups: int
    signature: str | None = Field(description="Of its error group; null when it has not failed.")


class StepOut(Shape):
    """A named part of a Flow as it ran."""

    id: Id
    ordinal: int
    name: str
    started_at: Moment
    ended_at: Moment | None
    ok: bool | None
    detail: str | None


class EvidenceOut(Shape):
    """A file that shows what an Attempt saw; read it from `file`."""

    id: Id
    attempt_id: Id
    job_id: Id
    account: str
    flow: str
    kind: EvidenceKind
    size_bytes: int
    age_s: float | None = Field(description="How old the picture was already when it was kept.")
    created_at: Moment
    file: str


class SessionOut(Shape):
    """One time that a Profile was open in a live browser."""

    id: Id
    account: str
    mode: Mode
    owner: str
    browser_version: str
    started_at: Moment
    ended_at: Moment | None
    end: SessionEnd | None


class ListingOut(Shape):
    """An item for sale; prices in hundredths of the currency."""

    id: Id
    account: str | None
    reference: str
    title: str
    price_minor: int
    currency: str
    category: str
    condition: str
    description: str
    location: str
    state: ListingState
    remote_id: str | None
    url: str | None
    published_at: Moment | None
    photos: list[str] = Field(description="Where each photo is read from, in order.")


class ScheduleOut(Shape):
    """A rule that creates Jobs."""

    id: Id
    name: str
    account: str | None
    tag: str | None
    flow: str
    params: Mapping[str, Any]
    priority: Priority
    cron: str | None
    every_s: float | None
    timezone: str
    missed: Missed
    max_attempts: int
    timeout_s: float | None
    created_at: Moment
    last_due_at: Moment | None
    next_due_at: Moment | None


class EffectOut(Shape):
    """A change that a Flow made, or may have made, to the outside world."""

    id: Id
    account: str
    kind: EffectKind
    natural_key: str
    state: EffectState
    job_id: Id
    armed_at: Moment | None
    remote_id: str | None
    detail: str | None


class BatchOut(Shape):
    """Jobs that were submitted together, and how far they are."""

    id: Id
    name: str
    created_at: Moment
    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    parked: int
    cancelled: int
    unknown: int
    held: int = Field(description="Queued ones whose Account is not active.")
    postponed: int = Field(description="Queued ones that a limit or the hours keep for more than ten minutes.")
    done: int = Field(description="Those for which nothing more happens by itself.")
    waiting: int = Field(description="Those for which a person must do something.")


class EventOut(Shape):
    """A recorded fact in the past tense, numbered over the whole store."""

    id: Id
    at: Moment
    name: str
    account: str | None
    job_id: Id | None
    attempt_id: Id | None
    batch_id: Id | None
    data: Mapping[str, Any]


class BulkOut(Shape):
    """What came of changing many Jobs."""

    changed: list[Id]
    refused: dict[str, str] = Field(description="Why the others were not changed, by id.")


class OperatorOut(Shape):
    """A person who may sign in."""

    id: Id
    name: str
    role: Role
    created_at: Moment


class TokenOut(Shape):
    """A program's way in; `hint` is how it begins."""

    id: Id
    name: str
    hint: str
    role: Role
    scopes: list[str]
    created_at: Moment
    created_by: str
    last_used_at: Moment | None
    revoked_at: Moment | None


class AuditOut(Shape):
    """One change that somebody asked for; `status` is null when the runner died in it."""

    id: Id
    at: Moment
    who: str
    role: Role
    via: Via
    address: str
    action: str
    path: str
    request_id: str
    details: Any
    status: int | None


def many(shape: type[S], values: Sequence[Any]) -> list[S]:
    """Values of the domain as they are sent."""
    return [shape.model_validate(value) for value in values]
