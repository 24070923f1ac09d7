"""Replays: an Attempt's Flow once more, with its parameters and, where the Site allows it, its circumstances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from runner.domain.effects import Effect, EffectState, binding
from runner.domain.jobs import Attempt, Job, NewJob
from runner.domain.states import ENDED, Priority
from runner.engine.interface import JobEngine
from runner.errors import Conflict, RunnerError
from runner.orchestrator import conditions, owners
from runner.orchestrator.evidence import place_of
from runner.orchestrator.former_conditions import Former, FormerConditions
from runner.orchestrator.records import Records
from runner.orchestrator.visits import SitePlan, Visits
from runner.sites.flows import catalog

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What is to be replayed: `conditions` are those of the failure, `done` what its Job has changed at the Site."""

    attempt: Attempt
    job: Job
    conditions: Mapping[str, Any]
    done: Sequence[Effect]


class Replays:
    """Prepares replays of Attempts whose Evidence lies in `folder`, by process `owner`."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        records: Records,
        visits: Visits,
        folder: Path,
        former: FormerConditions,
        owner: str,
    ) -> None:
        self._engine = engine
        self._records = records
        self._visits = visits
        self._folder = folder
        self._former = former
        self._owner = owner

    async def of(self, attempt_id: int) -> Replay:
        """What a replay of this Attempt would be. Raises NotFound."""
        attempt = await self._records.attempts.get(attempt_id)
        job = await self._engine.get(attempt.job_id)
        effects = await self._records.effects.of_chain(job.id)
        return Replay(
            attempt=attempt,
            job=job,
            conditions=conditions.read(self._folder / place_of(attempt)),
            done=[effect for effect in effects if effect.state is EffectState.CONFIRMED],
        )

    async def submit(self, replay: Replay) -> Job:
        """The same as a new Job for this process alone, of one Attempt and without the old key.

        Raises Conflict when the same would not be the same any more, or the old Job may still do it itself.
        """
        job, flow = replay.job, catalog.flow_named(replay.job.flow)
        if flow.changes and job.state not in ENDED:
            raise Conflict(
                f"Job {job.id} is {job.state}: it changes something at the site, and may still do so itself.",
                cure=f"Let it go on, or end it first: runner jobs cancel {job.id}",
            )
        effects = await self._records.effects.of_chain(job.id)
        held = binding(effects, job_id=job.id)
        others = [effect for effect in effects if effect is not held]
        new = NewJob(
            account=job.account,
            flow=job.flow,
            params=flow.repeated(job.params, [effect.natural_key for effect in [held, *others] if effect]),
            priority=Priority.URGENT,
            max_attempts=1,
            pinned_to=self._owner,
            timeout_s=job.timeout_s,
            replay_of=job.id,
        )
        (submitted,) = await self._engine.submit([new])
        return submitted

    async def set_back(self, say: Callable[[str], None]) -> None:
        """Put in force again what replays that were killed had set aside; what cannot be done is said, too."""
        for left in self._former.left():
            whose = f"A replay that was killed had left conditions at {left.base_url}"
            try:
                plan = self._visits.plan(await self._records.accounts.by_name(left.account))
                await plan.adapter.set_conditions(left.base_url, left.conditions, afresh=False)
            except RunnerError as problem:
                file = self._former.file(left.base_url)
                say(f"{whose}: {problem} If that site is gone: rm {file}")
                continue
            self._former.forget(left.base_url)
            say(f"{whose}: they are again what they were before.")

    @asynccontextmanager
    async def under(self, replay: Replay, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Set the Site's circumstances as they were, and the present ones again in the end; both are said.

        Raises SetupError when they cannot be set, and Conflict when another replay has set them now.
        """
        if not replay.conditions:
            yield
            return
        plan = self._visits.plan(await self._records.accounts.by_name(replay.job.account))
        former = await self._set_aside(replay, plan)
        setting = asyncio.ensure_future(plan.adapter.set_conditions(plan.base_url, replay.conditions, afresh=True))
        try:
            await asyncio.shield(setting)
            for name, value in replay.conditions.items():
                say(f"The site's {name} are set as they were then: {_count(value)}.")
            yield
        finally:
            # Whoever is cancelled while they are being set must not overtake that.
            await asyncio.wait({setting})
            try:
                await plan.adapter.set_conditions(plan.base_url, former.conditions, afresh=False)
                self._former.forget(plan.base_url)
                say("The site's conditions are again what they were before the replay.")
            except RunnerError as problem:
                log.warning("the site's former conditions could not be set again", error=str(problem), former=former)

    async def _set_aside(self, replay: Replay, plan: SitePlan) -> Former:
        """What is in force now, on disk before anything else is."""
        taken = self._former.of(plan.base_url)
        if taken is not None and not taken.is_left:
            raise Conflict(
                f"Another replay has set the conditions of {plan.base_url}: {owners.described(taken.owner)}.",
                cure="Wait until it has ended.",
            )
        former = Former(
            account=replay.job.account,
            base_url=plan.base_url,
            owner=self._owner,
            conditions=await plan.adapter.conditions(plan.base_url),
        )
        self._former.keep(former)
        return former


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 1
