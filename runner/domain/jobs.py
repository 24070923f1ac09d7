"""Jobs, Attempts, Steps, Sessions, Batches and Evidence as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.domain.states import EvidenceKind, IfFailed, JobState, Mode, Outcome, Priority, SessionEnd
from runner.errors import ErrorKind

ASKED_FOR = "asked for by name"
"""The reason of a claim that no Rotation chose."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A request to perform one Flow for one Account.

    `key` makes submitting idempotent: a second Job with the same key is the first one. `pinned_to` reserves the
    Job for one owner (an on-demand run); it falls back to everybody when that owner is gone.

    `after` names the Jobs that must have succeeded first: a number is a stored Job, a text is the key of a stored Job
    or of one in the same submission. `if_failed` says what becomes of this Job when one of them fails or is cancelled.
    `timeout_s` bounds each Attempt, in place of the configured time. `replay_of` is the number of the Job that this one
    repeats: whatever either of them has done at the Site counts for both.
    """

    account: str
    flow: str
    params: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    due_at: datetime | None = None
    key: str | None = None
    batch_id: int | None = None
    max_attempts: int = 3
    pinned_to: str | None = None
    after: Sequence[int | str] = ()
    if_failed: IfFailed = IfFailed.FAIL
    timeout_s: float | None = None
    replay_of: int | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stored Job. `attempts` counts those that cost one; `fence` rises with every claim.

    `waits_for` counts the Jobs that must still succeed before this one may be claimed. `replay_of` is the number of the
    Job that this one repeats, which may be gone. `postponed` says why a queued one is put off until its `due_at`: a
    limit, or hours. One that has `pruned_at` is gone but for its key: its params and its result are empty, its numbers
    0.
    """

    id: int
    account: str
    flow: str
    params: Mapping[str, Any]
    state: JobState
    priority: Priority
    due_at: datetime
    created_at: datetime
    ended_at: datetime | None
    attempts: int
    max_attempts: int
    key: str | None
    batch_id: int | None
    pinned_to: str | None
    owner: str | None
    lease_until: datetime | None
    fence: int
    reason: str | None
    result: Mapping[str, Any] | None
    error_kind: ErrorKind | None
    error: str | None
    cancel_requested: bool
    timeout_s: float | None = None
    if_failed: IfFailed = IfFailed.FAIL
    waits_for: int = 0
    replay_of: int | None = None
    pruned_at: datetime | None = None
    postponed: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which Jobs: those that meet every condition given. `ended_before` leaves out what has not ended.

    `signature` leaves out those whose newest Attempt did not fail as that error group does.
    """

    ids: Sequence[int] = ()
    states: Sequence[JobState] = ()
    account: str | None = None
    flow: str | None = None
    batch_id: int | None = None
    error_kind: ErrorKind | None = None
    ended_before: datetime | None = None
    signature: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """What came of changing many Jobs: the numbers of those that were changed, and why the others were not."""

    changed: Sequence[int]
    refused: Mapping[int, str]


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A Worker's claim on a Job: every later write proves itself with `fence`."""

    job: Job
    owner: str
    fence: int
    reason: str

    @property
    def by_person(self) -> bool:
        """Whether a person asked for this very Job, and sits there."""
        return self.reason == ASKED_FOR


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One execution of a Job, `number` counted from 1 over all executions, interrupted ones included.

    `signature` is that of its error group (domain.signatures), None when it has not failed. What it has kept may have
    been deleted to make room (`evidence_freed_at`): its `evidence_dir` is None since.
    """

    id: int
    job_id: int
    account: str
    flow: str
    number: int
    session_id: int | None
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    kind: ErrorKind | None
    error: str | None
    step: str | None
    wait_s: float | None
    reason: str | None
    sign_ins: int
    popups: int
    evidence_dir: str | None
    locator: str | None = None
    site_revision: str | None = None
    signature: str | None = None
    evidence_freed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A named part of a Flow, as it ran in an Attempt."""

    id: int
    attempt_id: int
    ordinal: int
    name: str
    started_at: datetime
    ended_at: datetime | None
    ok: bool | None
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class Session:
    """One time that a Profile was open in a live browser; `live_url` is where it can be watched while it is open."""

    id: int
    account: str
    mode: Mode
    owner: str
    browser_version: str
    started_at: datetime
    ended_at: datetime | None
    end: SessionEnd | None
    live_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class EvidenceFile:
    """A file that shows what an Attempt saw; `path` is relative to the evidence folder, `age_s` is for old pictures."""

    kind: EvidenceKind
    path: str
    size_bytes: int
    age_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A stored EvidenceFile with its place among accounts and attempts."""

    id: int
    attempt_id: int
    job_id: int
    account: str
    flow: str
    kind: EvidenceKind
    path: str
    size_bytes: int
    age_s: float | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class BatchProgress:
    """How far a Batch is; `done` counts every ended, parked, unknown or held Job, and those put off for long.

    `held` are those of the queued ones whose Account is not active: nothing happens to them before a person acts.
    `postponed` are those that a limit or the hours of their Account keep for longer than anybody would sit there.
    """

    id: int
    name: str
    created_at: datetime
    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    parked: int
    cancelled: int
    unknown: int
    held: int = 0
    postponed: int = 0

    @property
    def done(self) -> int:
        """Jobs for which nothing more happens by itself."""
        return self.total - self.queued - self.running + self.held + self.postponed

    @property
    def waiting(self) -> int:
        """Jobs for which a person must do something."""
        return self.parked + self.unknown + self.held


@dataclass(frozen=True, kw_only=True)
class Event:
    """A recorded fact in the past tense, numbered by `id` over the whole store."""

    id: int
    at: datetime
    name: str
    account: str | None
    job_id: int | None
    attempt_id: int | None
    batch_id: int | None
    data: Mapping[str, Any]
