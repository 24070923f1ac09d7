"""Effects: what was changed at the Sites, and a person's word on those of which nobody can tell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import Asked, Cursor, EffectOut, JobOut, Limit, Number, PageOut, Shape, Word, page, wish
from runner.domain.access import Role
from runner.domain.effects import EffectState
from runner.orchestrator import decisions
from runner.store.pages import after_number, page_of

routes = Routes("effects")

EffectId = Annotated[Number, Path(description="The Effect's id.")]


class Verdict(StrEnum):
    """What a person saw at the site."""

    CONFIRMED = "confirmed"  # it is there, once
    NOT_DONE = "not_done"  # it is not there
    DUPLICATED = "duplicated"  # it is there more than once


class Settlement(Asked):
    """What happened, as a person saw it at the site."""

    verdict: Verdict
    remote_id: Word | None = Field(default=None, description="The site's id of it, when it is there.")
    why: Word | None = Field(default=None, description="What you saw, for whoever asks later.")


class Settled(Shape):
    """The Effect, and its Job as it goes on from there; null when that was pruned."""

    effect: EffectOut
    job: JobOut | None


@routes.get("/effects", role=Role.VIEWER)
async def list_effects(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    job: Number | None = None,
    state: Annotated[
        list[EffectState] | None, Query(description="unknown waits for a person; may be repeated.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[EffectOut]:
    """The Effects, the newest first."""
    asked = wish(limit, cursor)
    found = await given.records.effects.list_effects(
        account_name=account, job_id=job, states=state or (), limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), EffectOut.model_validate)


@routes.get("/effects/{effect_id}", role=Role.VIEWER)
async def get_effect(given: Given, effect_id: EffectId) -> EffectOut:
    """One Effect."""
    return EffectOut.model_validate(await given.records.effects.get(effect_id))


@routes.post("/effects/{effect_id}/settle", role=Role.AGENT)
async def settle(given: Given, effect_id: EffectId, asked: Settlement) -> Settled:
    """Say what happened to an Effect that is unknown; its Job goes on from there."""
    effect, job = await decisions.settle(
        given.records.effects,
        given.engine,
        effect_id,
        EffectState(asked.verdict.value),
        remote_id=asked.remote_id,
        why=asked.why,
    )
    return Settled(effect=EffectOut.model_validate(effect), job=None if job is None else JobOut.model_validate(job))
