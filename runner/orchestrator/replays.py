"""Replays: an Attempt's Flow once more, with its parameters and, where the Site allows it, its circumstances."""

from __future__ import annotations

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
from runner.orchestrator import conditions
from runner.orchestrator.evidence import place_of
from runner.orchestrator.records import Records
from runner.orchestrator.visits import Visits
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
    """Prepares replays of Attempts whose Evidence lies in `folder`."""

    def __init__(self, *, engine: JobEngine, records: Records, visits: Visits, folder: Path) -> None:
        self._engine = engine
        self._records = records
        self._visits = visits
        self._folder = folder

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

    async def submit(self, replay: Replay, *, owner: str) -> Job:
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
            pinned_to=owner,
            timeout_s=job.timeout_s,
            replay_of=job.id,
        )
        (submitted,) = await self._engine.submit([new])
        return submitted

    @asynccontextmanager
    async def under(self, replay: Replay, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Set the Site's circumstances as they were, and the present ones again in the end; both are said.

        Raises SetupError when they cannot be set.
        """
        if not replay.conditions:
            yield
            return
        plan = self._visits.plan(await self._records.accounts.by_name(replay.job.account))
        former = await plan.adapter.conditions(plan.base_url)
        await plan.adapter.set_conditions(plan.base_url, replay.conditions, afresh=True)
        for name, value in replay.conditions.items():
            say(f"The site's {name} are set as they were then: {_count(value)}.")
        try:
            yield
        finally:
            try:
                await plan.adapter.set_conditions(plan.base_url, former, afresh=False)
                say("The site's conditions are again what they were before the replay.")
            except RunnerError as problem:
                log.warning("the site's former conditions could not be set again", error=str(problem), former=former)


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 1
