"""Checks 3 and 4: a marketplace that does what it is asked and loses the answer, and one that does it very late."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from tests.chaos.figures import Figures
from tests.chaos.judge import judge
from tests.chaos.lane import Lane, Wanted, lane

SUBMITS = ("POST /sell/*/publish", "POST /api/threads/*/messages")
KINDS = ("publish_listing", "send_message")
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"effect": "drop_after_commit"},
    "408": {"effect": "status_after_commit", "status": 408},
    "reset": {"effect": "reset_after_commit"},
}
JOBS_PER_ROUND = 20
TOO_LATE_S = 15.0
"""How late the marketplace of check 4 commits: later than our own deadline for an answer and than the claimed bound."""


async def lost_answers(figures: Figures, *, target: int, lanes: int) -> None:
    """Check 3: `target` submits of each kind of loss, each committed before the answer is lost; one row for each."""

    async def one(names: list[str]) -> None:
        async with lane() as made:
            runner = made.start()
            for name in names:
                for first in range(0, target, JOBS_PER_ROUND):
                    await _lose(made, figures, name, range(first, min(target, first + JOBS_PER_ROUND)))
            await made.stop(runner)

    await asyncio.gather(*(one(list(LOST)[number::lanes]) for number in range(min(lanes, len(LOST)))))
    if figures.counts["unknown"]:
        figures.breach(f"{figures.counts['unknown']} jobs are unknown although the site shows what was done")


async def _lose(made: Lane, figures: Figures, name: str, numbers: range) -> None:
    """Every answer to these submits is lost in one way."""
    made.reset()
    made.faults(*({"route": route, **LOST[name]} for route in SUBMITS))
    jobs: list[Wanted] = []
    for number in numbers:
        jobs.append(await made.submit(KINDS[number % 2]))
        if not await made.ended(jobs[-1].job_id):
            figures.breach(f"job {jobs[-1].job_id} did not come to an end")
    fired = sum(rule["fired"] for rule in made.client.get("/_faults").json()["rules"])
    figures.counts[name] += fired
    if fired < len(jobs):
        figures.breach(f"{len(jobs)} submits, but only {fired} answers were lost")
    judge(made, jobs, figures)


async def late_commits(figures: Figures, *, target: int, lanes: int) -> None:
    """Check 4: commits that come later than any settle window; no duplicates, and a person is asked."""
    del lanes
    dice = random.Random(figures.seed)
    async with lane(bound=None, navigation_s=2) as made:
        late = {"effect": "latency_ms", "ms": TOO_LATE_S * 1000}
        runner = made.start()
        made.faults(*({"route": route, **late} for route in SUBMITS))
        jobs = []
        for _ in range(target):
            jobs.append(await made.submit(dice.choice(KINDS)))
            await made.ended(jobs[-1].job_id)
        committed = await made.until(lambda: all(made.entries(job.kind, job.mark) for job in jobs), TOO_LATE_S * 2, 0.1)
        if not committed:
            figures.breach("the late commits did not come: the check has shown nothing")
        judge(made, jobs, figures)
        if figures.counts["unknown"] + figures.counts["succeeded"] < target:
            figures.breach("a late commit was taken for none")
        await made.stop(runner)


async def false_bound(figures: Figures, *, target: int, lanes: int) -> None:
    """The same with a site that claims a bound and breaks it: the harness must find the duplicates."""
    del lanes
    async with lane(bound=1.0, navigation_s=2) as made:
        runner = made.start()
        late = {"effect": "latency_ms", "ms": TOO_LATE_S * 1000, "count": 1}
        jobs = []
        for number in range(target):
            made.faults(*({"route": route, **late} for route in SUBMITS))
            jobs.append(await made.submit(KINDS[number % 2]))
            await made.ended(jobs[-1].job_id)
        await made.until(lambda: all(made.entries(job.kind, job.mark) > 1 for job in jobs), TOO_LATE_S * 2, 0.1)
        judge(made, jobs, figures)
        await made.stop(runner)
    found = figures.counts["duplicates"]
    figures.breaches[:] = [] if found else ["the harness does not notice a site that breaks its bound"]
