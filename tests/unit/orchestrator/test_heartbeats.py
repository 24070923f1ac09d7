from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runner.domain.jobs import Job, Lease
from runner.orchestrator.heartbeats import Heartbeats


class Watch:
    """Looks every two seconds of a monotonic clock that only the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.heartbeats = Heartbeats(ttl_s=10, longest_gap_s=6, monotonic_s=lambda: self.now_s)

    def look(self, *running: Job, after_s: float = 2.0) -> list[int]:
        self.now_s += after_s
        return [job.id for job in self.heartbeats.silent(running)]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def job(lease: Lease) -> Job:
    return lease.job


def renewed(job: Job, by_s: float = 2.0) -> Job:
    assert job.lease_until is not None
    return replace(job, lease_until=job.lease_until + timedelta(seconds=by_s))


def test_a_lease_that_is_renewed_is_never_silent(watch: Watch, job: Job) -> None:
    for _ in range(50):
        job = renewed(job)
        assert watch.look(job) == []


def test_a_lease_that_is_not_renewed_is_silent_after_its_time_to_live(watch: Watch, job: Job) -> None:
    seen = [watch.look(job) for _ in range(6)]
    assert seen == [[], [], [], [], [], [job.id]]


def test_one_renewal_clears_the_suspicion(watch: Watch, job: Job) -> None:
    for _ in range(8):
        watch.look(job)
    assert watch.look(renewed(job)) == []


@pytest.mark.parametrize("days", [1, -1, -20_000])
def test_a_clock_that_is_set_makes_nobody_silent(watch: Watch, job: Job, days: int) -> None:
    watch.look(job)
    # The worker's next renewals carry the new time; the observer's own clock knows nothing of it.
    job = renewed(job, by_s=days * 86_400)
    assert watch.look(job) == []
    assert watch.look(renewed(job)) == []


def test_a_frozen_worker_is_found_though_the_clock_was_set_back(watch: Watch, job: Job) -> None:
    # By the time of day its lease would last for another day.
    job = renewed(job, by_s=86_400)
    assert [watch.look(job) for _ in range(6)][-1] == [job.id]


def test_an_observer_that_slept_does_not_suspect_everybody_when_it_wakes(watch: Watch, job: Job) -> None:
    watch.look(job)
    assert watch.look(job, after_s=8 * 3600) == []
    assert watch.look(renewed(job)) == []


def test_a_job_that_was_claimed_again_starts_anew(watch: Watch, job: Job) -> None:
    for _ in range(5):
        watch.look(job)
    assert watch.look(replace(job, fence=job.fence + 1)) == []


def test_a_job_that_is_gone_for_a_while_is_forgotten(watch: Watch, job: Job) -> None:
    for _ in range(5):
        watch.look(job)
    watch.look()
    assert watch.look(job) == []
