"""The judge: what the marketplace's own ledger says about the jobs that were submitted, and what is left running."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.chaos import victims
from tests.chaos.figures import Figures
from tests.chaos.lane import Lane, Wanted

ORPHANS_AFTER_S = 10.0


def judge(lane: Lane, jobs: Sequence[Wanted], figures: Figures) -> None:
    """Count what was done twice, lost, or waits for a person; a promise broken is a breach."""
    for job in jobs:
        state, times = lane.state(job.job_id), lane.entries(job.kind, job.mark)
        error = lane.rows("SELECT error FROM job WHERE id = ?", job.job_id)[0][0]
        figures.counts["jobs"] += 1
        figures.counts["succeeded"] += state == "succeeded"
        figures.counts["unknown"] += state == "unknown"
        figures.counts["unknown, was done"] += state == "unknown" and times == 1
        figures.counts["duplicates"] += max(0, times - 1)
        lost = state not in ("succeeded", "unknown") or (state == "succeeded" and times == 0)
        figures.counts["lost"] += lost
        if times > 1:
            figures.breach(f"job {job.job_id} ({job.kind}) was done {times} times; it is {state}")
        if lost:
            figures.breach(f"job {job.job_id} ({job.kind}) is {state}, {times} times in the ledger: {error}")
        if state == "unknown" and not _evidence(lane, job):
            figures.breach(f"job {job.job_id} is unknown without evidence for the person who must decide")


def _evidence(lane: Lane, job: Wanted) -> int:
    """How many files a person can look at; an Effect that waits must say why, too."""
    sql = "SELECT count(*) FROM evidence JOIN attempt ON attempt.id = evidence.attempt_id WHERE attempt.job_id = ?"
    files = lane.rows(sql, job.job_id)[0][0]
    told = lane.rows("SELECT count(*) FROM effect WHERE job_id = ? AND detail IS NOT NULL", job.job_id)[0][0]
    return int(min(files, told))


async def expect_gone(
    figures: Figures, processes: Iterable[victims.Process], folders: Iterable[Path], when: str
) -> None:
    """Ten seconds from now nothing of this may be left; what is left counts as an orphan."""
    processes, folders = list(processes), list(folders)
    began = time.monotonic()
    left = _left(processes, folders)
    while left and time.monotonic() - began < stretched(ORPHANS_AFTER_S):
        await asyncio.sleep(0.1)
        left = _left(processes, folders)
    figures.counts["orphans"] += len(left)
    if left:
        figures.breach(f"{time.monotonic() - began:.0f} s {when} there is still: {', '.join(left)}")
    elif processes:
        figures.gone_s.append(time.monotonic() - began)


def stretched(seconds: float) -> float:
    """A limit as it is on a machine with more at work than it has cores: by so much everything there takes longer."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _left(processes: Iterable[victims.Process], folders: Iterable[Path]) -> list[str]:
    left = [f"process {each.pid} ({each.words})" for each in processes if each.lives()]
    return left + [f"folder {each.name}" for each in folders if each.exists()]
