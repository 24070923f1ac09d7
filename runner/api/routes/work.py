"""What is being done this second."""

from __future__ import annotations

from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import Id, Moment, Shape
from runner.domain.access import Role
from runner.domain.states import Mode
from runner.orchestrator import owners
from runner.store.work import Work

routes = Routes("work")


class WorkOut(Shape):
    """A running Job and the Step that it is at; null is what has not begun yet."""

    job_id: Id
    account: str
    flow: str
    batch_id: Id | None
    reason: str | None = Field(description="Why Rotation chose it.")
    owner: str | None
    worker: str = Field(description="The owner in words for a person: process 4711 on this machine.")
    attempt_id: Id | None
    attempt_number: int | None
    started_at: Moment | None
    session_id: Id | None
    mode: Mode | None
    live_url: str | None = Field(description="Where its browser can be watched, for whoever has the key of that door.")
    step: str | None
    step_detail: str | None
    step_since: Moment | None
    steps_done: int
    evidence_id: Id | None = Field(description="The newest picture that this attempt has left so far, if any.")


class WorkListOut(Shape):
    """All running Jobs, the longest at it first."""

    items: list[WorkOut]


@routes.get("/work", role=Role.VIEWER)
async def list_work(given: Given) -> WorkListOut:
    """What is being done this second: each running Job with its current Step."""
    return WorkListOut(items=[_out(each) for each in await given.work.now()])


def _out(work: Work) -> WorkOut:
    own = {name: getattr(work, name) for name in WorkOut.model_fields if hasattr(work, name)}
    picture = None if work.picture_id is None else str(work.picture_id)
    return WorkOut(**own, worker=owners.described(work.owner), evidence_id=picture)
