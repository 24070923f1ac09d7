"""Jobs, Batches and Attempts: what is asked for, how far it is, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from runner.api.flow_params import checked
from runner.api.routing import Given, JobKey, Routes
from runner.api.shapes import (
    Asked,
    AttemptOut,
    BatchOut,
    BulkOut,
    Cursor,
    Id,
    JobOut,
    Limit,
    Number,
    PageOut,
    Sort,
    StepOut,
    Word,
    many,
    page,
    wish,
)
from runner.domain.access import Role
from runner.domain.jobs import Bulk, JobFilter, NewJob
from runner.domain.states import IfFailed, JobState, Priority
from runner.engine.browsing import JobQuestion
from runner.errors import Conflict, ErrorKind, SetupError
from runner.store.pages import after_number, page_of

routes = Routes("jobs")

JobId = Annotated[Number, Path(description="The Job's id.")]
BatchId = Annotated[Number, Path(description="The Batch's id.")]
AttemptId = Annotated[Number, Path(description="The Attempt's id.")]
LATEST = datetime(9000, 1, 1)  # noqa: DTZ001 — compared without a zone
MOST_AT_ONCE = 1000


class JobIn(Asked):
    """A Job to submit."""

    account: Word
    flow: Word
    params: Mapping[str, Any] = Field(default_factory=dict, description="As the Flow takes them.")
    priority: Priority = Priority.NORMAL
    due_at: AwareDatetime | None = Field(default=None, description="Not before; now when it is not given.")
    key: Word | None = Field(default=None, description="A second Job with the same key is the first one.")
    after: list[Word] = Field(
        default_factory=list, max_length=100, description="Ids or keys of Jobs that must have succeeded first."
    )
    if_failed: IfFailed = Field(default=IfFailed.FAIL, description="What becomes of it when one of them fails.")
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    timeout_s: float | None = Field(default=None, gt=0, le=604_800, allow_inf_nan=False)


class JobWhole(JobOut):
    """A Job with its dependencies, its Attempts and their Steps."""

    needs: list[Id] = Field(description="Jobs that it waits or waited for.")
    needed_by: list[Id] = Field(description="Jobs that wait or waited for it.")
    attempt_list: list[AttemptOut]


class AttemptWhole(AttemptOut):
    """An Attempt with its Steps."""

    steps: list[StepOut]


class Action(StrEnum):
    """What is done to each Job."""

    CANCEL = "cancel"
    RETRY = "retry"


class BulkIn(Asked):
    """Many Jobs, named by id or chosen by what they are, and what to do with them."""

    action: Action
    ids: list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    states: list[JobState] = Field(default_factory=list, max_length=10)
    account: Word | None = None
    flow: Word | None = None
    batch_id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = None
    error_kind: ErrorKind | None = None
    key: Word | None = None


class CycleIn(Asked):
    """A cycle: one Job for each of these Accounts and Flows; nothing given means all active ones, as configured."""

    kind: Literal["cycle"] = "cycle"
    accounts: list[Word] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    tags: list[Word] = Field(default_factory=list, max_length=100)
    flows: list[Word] = Field(default_factory=list, max_length=20)


@routes.get("/jobs", role=Role.VIEWER)
async def list_jobs(
    given: Given,
    state: Annotated[list[JobState] | None, Query(description="Only these; may be repeated.")] = None,
    account: Annotated[str | None, Query(max_length=200)] = None,
    flow: Annotated[str | None, Query(max_length=100)] = None,
    batch: Number | None = None,
    error_kind: ErrorKind | None = None,
    key: Annotated[str | None, Query(max_length=500)] = None,
    id_: Annotated[
        list[Number] | None, Query(alias="id", max_length=100, description="Only these; may be repeated.")
    ] = None,
    listing: Annotated[
        list[Number] | None, Query(description="To publish these; may be repeated.", max_length=100)
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[JobOut]:
    """The Jobs, the newest first. Sorts by id or due_at."""
    question = JobQuestion(
        account=account,
        states=state or (),
        flow=flow,
        batch_id=batch,
        error_kind=error_kind,
        key=key,
        ids=id_ or (),
        listings=listing or (),
    )
    return page(await given.queue.jobs(question, wish(limit, cursor, sort)), JobOut.model_validate)


@routes.post("/jobs", role=Role.AGENT, creates=True, status_code=201)
async def submit(given: Given, asked: JobIn, job_key: JobKey) -> JobOut:
    """Submit one Job; a daemon performs it."""
    (job,) = await given.engine.submit([_new(given, asked, job_key)])
    await given.answering.give_way()
    return JobOut.model_validate(job)


@routes.post("/jobs/submit-many", role=Role.AGENT, creates=True, status_code=201)
async def submit_many(
    given: Given, asked: Annotated[list[JobIn], Field(min_length=1, max_length=MOST_AT_ONCE)], job_key: JobKey
) -> list[JobOut]:
    """Submit many Jobs, all or none; they may name each other's keys in `after`."""
    keys = [None if job_key is None else f"{job_key}:{number}" for number in range(len(asked))]
    jobs = await given.engine.submit([_new(given, each, key) for each, key in zip(asked, keys, strict=True)])
    await given.answering.give_way()
    return many(JobOut, jobs)


@routes.post("/jobs/bulk", role=Role.AGENT)
async def change_many(given: Given, asked: BulkIn) -> BulkOut:
    """Cancel or retry many Jobs; one whose state forbids it is refused, and the others are changed all the same."""
    which = JobFilter(
        ids=[int(each) for each in asked.ids],
        states=asked.states,
        account=asked.account,
        flow=asked.flow,
        batch_id=None if asked.batch_id is None else int(asked.batch_id),
        error_kind=asked.error_kind,
        key=asked.key,
    )
    if which == JobFilter(ids=[], states=[]):
        raise SetupError("Which jobs?", cure="Give ids, or states, account, flow, batch_id, error_kind or key.")
    numbers = which.ids or await given.engine.find(which)
    change = given.engine.cancel_many if asked.action is Action.CANCEL else given.engine.retry_many
    done: Bulk = await change(numbers)
    return BulkOut(
        changed=[str(number) for number in done.changed],
        refused={str(number): why for number, why in done.refused.items()},
    )


@routes.get("/jobs/{job_id}", role=Role.VIEWER)
async def get_job(given: Given, job_id: JobId) -> JobWhole:
    """One Job with its dependencies and Attempts."""
    job = await given.engine.get(job_id)
    needs, needed_by = await given.queue.dependencies(job_id)
    attempts = await given.records.attempts.of_job(job_id)
    return JobWhole(
        **JobOut.model_validate(job).model_dump(),
        needs=[str(each) for each in needs],
        needed_by=[str(each) for each in needed_by],
        attempt_list=many(AttemptOut, attempts),
    )


@routes.post("/jobs/{job_id}/cancel", role=Role.AGENT)
async def cancel(given: Given, job_id: JobId) -> JobOut:
    """Cancel a Job; a running one is ended and its browser closed."""
    return JobOut.model_validate(await given.engine.cancel(job_id))


@routes.delete("/jobs/{job_id}", role=Role.ADMIN)
async def delete(given: Given, job_id: JobId) -> BulkOut:
    """Delete a Job that has ended, with its evidence; its key, its effects and its events stay."""
    await given.engine.get(job_id)
    done = await given.pruner.delete([job_id])
    if done.refused:
        raise Conflict(done.refused[job_id])
    return BulkOut(changed=[str(number) for number in done.changed], refused={})


@routes.post("/jobs/{job_id}/retry", role=Role.AGENT)
async def retry(given: Given, job_id: JobId) -> JobOut:
    """Queue a Job again, with all its attempts."""
    return JobOut.model_validate(await given.engine.retry(job_id))


def _new(given: Given, asked: JobIn, job_key: str | None) -> NewJob:
    if asked.due_at is not None and asked.due_at.replace(tzinfo=None) > LATEST:
        raise SetupError("due_at is too far away.", cure="Give a moment before the year 9000.")
    return NewJob(
        account=asked.account,
        flow=asked.flow,
        params=checked(asked.flow, asked.params, given.rules.uploads_dir),
        priority=asked.priority,
        due_at=asked.due_at,
        key=asked.key or job_key,
        after=[int(each) if each.isdecimal() and len(each) < 19 else each for each in asked.after],
        if_failed=asked.if_failed,
        max_attempts=asked.max_attempts or given.rules.max_attempts,
        timeout_s=asked.timeout_s,
    )


batches = Routes("batches")


@batches.get("/batches", role=Role.VIEWER)
async def list_batches(
    given: Given,
    name: Annotated[str | None, Query(max_length=200, description="cycle or publish.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[BatchOut]:
    """The Batches with their progress, the newest first."""
    return page(await given.queue.batches(wish(limit, cursor), name=name), BatchOut.model_validate)


@batches.post("/batches", role=Role.AGENT, creates=True, status_code=201)
async def start_cycle(given: Given, asked: CycleIn) -> BatchOut:
    """Start a cycle now; a daemon performs it. An Account whose Job of the last cycle is open gets no second one."""
    number, _ = await given.cycles.start(accounts=asked.accounts, tags=asked.tags, flows=asked.flows)
    return BatchOut.model_validate(await given.engine.batch(number))


@batches.get("/batches/{batch_id}", role=Role.VIEWER)
async def get_batch(given: Given, batch_id: BatchId) -> BatchOut:
    """One Batch with its progress; its Jobs are at /jobs?batch=."""
    return BatchOut.model_validate(await given.engine.batch(batch_id))


attempts = Routes("attempts")


@attempts.get("/attempts", role=Role.VIEWER)
async def list_attempts(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    batch: Number | None = None,
    failed: Annotated[bool, Query(description="Only those that carry an error kind.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[AttemptOut]:
    """The Attempts, the newest first."""
    asked = wish(limit, cursor)
    found = await given.records.attempts.list_attempts(
        account_name=account, batch_id=batch, only_failed=failed, limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), AttemptOut.model_validate)


@attempts.get("/attempts/{attempt_id}", role=Role.VIEWER)
async def get_attempt(given: Given, attempt_id: AttemptId) -> AttemptWhole:
    """One Attempt with its Steps; its files are at /evidence?attempt=."""
    found = await given.records.attempts.get(attempt_id)
    steps = await given.records.steps.of_attempt(attempt_id)
    return AttemptWhole(**AttemptOut.model_validate(found).model_dump(), steps=many(StepOut, steps))
