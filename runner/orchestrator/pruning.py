"""Takes Jobs out of the store for good, and what their Attempts left in the evidence folder with them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from runner.domain.clock import Clock
from runner.domain.jobs import Bulk, JobFilter
from runner.domain.states import ENDED
from runner.engine.interface import JobEngine
from runner.orchestrator.evidence import place_of
from runner.store.attempts import Attempts

AT_ONCE = 100


class Pruner:
    """Deletes Jobs and their Evidence, some at a time, so that whoever works beside it never waits long."""

    def __init__(self, *, engine: JobEngine, attempts: Attempts, folder: Path, clock: Clock) -> None:
        self._engine = engine
        self._attempts = attempts
        self._folder = folder
        self._clock = clock

    async def older_than(self, age: timedelta, *, states: Sequence[str] = ()) -> Sequence[int]:
        """The numbers of the Jobs that ended longer ago than `age`."""
        wanted = [state for state in ENDED if not states or state in states]
        return await self._engine.find(JobFilter(states=wanted, ended_before=self._clock.now() - age))

    async def delete(self, job_ids: Sequence[int]) -> Bulk:
        """Delete Jobs with their Evidence; the files go after the rows, so that no row names a file that is gone."""
        changed: list[int] = []
        refused: dict[int, str] = {}
        for start in range(0, len(job_ids), AT_ONCE):
            part = job_ids[start : start + AT_ONCE]
            places = {number: [place_of(one) for one in await self._attempts.of_job(number)] for number in part}
            done = await self._engine.delete(part)
            await asyncio.to_thread(self._remove, [place for number in done.changed for place in places[number]])
            changed += done.changed
            refused |= done.refused
        return Bulk(changed=changed, refused=refused)

    def _remove(self, places: Iterable[Path]) -> None:
        for place in places:
            folder = self._folder / place
            if folder.is_dir():
                shutil.rmtree(folder)
                _remove_if_empty(folder.parent, folder.parent.parent)


def _remove_if_empty(*folders: Path) -> None:
    """Remove the folders of an Account and of a day that nothing is left in."""
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()
