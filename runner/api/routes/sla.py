"""SLAs: how soon Threads with a tag are to be answered and settled, and who gets those that are late."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import Asked, Shape, Word
from runner.domain.access import Role
from runner.domain.sla import LONGEST, Sla

routes = Routes("sla")

Tag = Annotated[str, Path(min_length=1, max_length=200, description="The tag that Threads have.")]
Seconds = Annotated[int, Field(ge=60, le=int(LONGEST.total_seconds()))]


class SlaIn(Asked):
    """What is promised for a tag, in seconds of the Account's open time; one of the two at least."""

    first_response_s: Seconds | None = Field(default=None, description="Until what the counterpart wrote is answered.")
    resolution_s: Seconds | None = Field(default=None, description="Until the Thread is closed.")
    assign: Word | None = Field(default=None, description="The operator who gets a Thread that is late.")
    put_tag: Word | None = Field(default=None, description="The tag that is put on a Thread that is late.")


class SlaOut(Shape):
    """What is promised for Threads with a tag."""

    tag: str
    first_response_s: int | None
    resolution_s: int | None
    assign: str | None
    put_tag: str | None


class SlasOut(Shape):
    """All of them, by tag."""

    items: list[SlaOut]


@routes.get("/sla", role=Role.VIEWER)
async def list_slas(given: Given) -> SlasOut:
    """What is promised, by tag. A Thread with several tags has the strictest of their due times."""
    return SlasOut(items=[_out(each) for each in await given.slas.list_slas()])


@routes.put("/sla/{tag}", role=Role.AGENT)
async def put_sla(given: Given, tag: Tag, asked: SlaIn) -> SlaOut:
    """Set what is promised for a tag, in place of what was; Threads that have it already get due times, too."""
    if asked.assign is not None:
        await given.access.operators.expect(asked.assign)
    new = Sla(
        tag=tag,
        first_response=_span(asked.first_response_s),
        resolution=_span(asked.resolution_s),
        assign=asked.assign,
        put_tag=asked.put_tag,
    )
    return _out(await given.slas.put(new))


@routes.delete("/sla/{tag}", role=Role.AGENT, status_code=204)
async def remove_sla(given: Given, tag: Tag) -> None:
    """Promise nothing for a tag any more; what was put on late Threads stays there."""
    await given.slas.remove(tag)


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _out(each: Sla) -> SlaOut:
    spans = (each.first_response, each.resolution)
    first, last = (None if span is None else int(span.total_seconds()) for span in spans)
    return SlaOut(tag=each.tag, first_response_s=first, resolution_s=last, assign=each.assign, put_tag=each.put_tag)
