"""Takes Jobs out of the store for good, and what their Attempts left in the evidence folder with them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from runner.domain.clock import Clock
from runner.domain.jobs import Bulk, JobFilter
from runner.domain.states import ENDED
from runner.engine.interface import JobEngine
from runner.orchestrator.evidence import place_of
from runner.store.attempts import Attempts

FIRST, MOST = 20, 500
LONG_S, SHORT_S = 0.025, 0.010
"""A transaction that took longer is followed by smaller ones: others wait for the writer no longer than 50 ms."""
BREATH_S = 0.02


class Stride:
    """How many rows go in one transaction: as many as keep the writer for a moment only, on this machine, just now."""

    def __init__(self) -> None:
        self.at_once = FIRST

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """Time one transaction, then leave the writer to others for at least as long as that took."""
        began = time.monotonic()
        yield
        held_s = time.monotonic() - began
        if held_s > LONG_S:
            self.at_once = max(1, self.at_once // 2)
        elif held_s < SHORT_S:
            self.at_once = min(MOST, self.at_once * 2)
        await asyncio.sleep(max(BREATH_S, held_s))


class Pruner:
    """Deletes Jobs and their Evidence, some at a time, so that whoever works beside it never waits long."""

    def __init__(self, *, engine: JobEngine, attempts: Attempts, folder: Path, clock: Clock) -> None:
        self._engine = engine
        self._attempts = attempts
        self.folder = folder
        self._clock = clock

    async def older_than(self, age: timedelta, *, states: Sequence[str] = ()) -> Sequence[int]:
        """The numbers of the Jobs that ended longer ago than `age`."""
        wanted = [state for state in ENDED if not states or state in states]
        return await self._engine.find(JobFilter(states=wanted, ended_before=self._clock.now() - age))

    async def delete(self, job_ids: Sequence[int], stride: Stride | None = None) -> Bulk:
        """Delete Jobs with their Evidence; the files go after the rows, so that no row names a file that is gone."""
        changed: list[int] = []
        refused: dict[int, str] = {}
        stride, start = stride or Stride(), 0
        while start < len(job_ids):
            part = job_ids[start : start + stride.at_once]
            start += len(part)
            places = {number: [place_of(one) for one in await self._attempts.of_job(number)] for number in part}
            async with stride.step():
                done = await self._engine.delete(part)
            await self.remove([place for number in done.changed for place in places[number]])
            changed += done.changed
            refused |= done.refused
        return Bulk(changed=changed, refused=refused)

    async def remove(self, places: Iterable[Path]) -> None:
        """Delete folders of Attempts, relative to the evidence folder, and those of a day that are empty then."""
        await asyncio.to_thread(self._remove, places)

    def _remove(self, places: Iterable[Path]) -> None:
        for place in places:
            folder = self.folder / place
            if folder.is_dir():
                shutil.rmtree(folder)
                _remove_if_empty(folder.parent, folder.parent.parent)


def _remove_if_empty(*folders: Path) -> None:
    """Remove the folders of an Account and of a day that nothing is left in."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # something is left in it, or comes this moment
