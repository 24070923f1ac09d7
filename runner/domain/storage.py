"""Room on disk: how long what is kept, how much there is, and what may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

MEGABYTE = 1_000_000
OPEN_FOR = timedelta(days=30)
"""An error group that has failed within so long is open: the newest Attempt of it that left Evidence is kept."""


class Kept(StrEnum):
    """What grows by itself, and is freed by itself; nothing else is."""

    JOBS = "jobs"  # ended ones, with Attempts, Steps and Evidence
    EVENTS = "events"
    STEPS = "steps"  # of Attempts whose Jobs stay
    SESSIONS = "sessions"  # ended ones that no Attempt names any more
    NOTICES = "notices"  # sent, folded or given up
    EVIDENCE = "evidence"  # folders of ended Attempts whose Jobs stay


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How long each kind is kept, and the room for all; 0 is for ever, and no limit."""

    job_days: int = 0
    event_days: int = 0
    step_days: int = 0
    evidence_days: int = 0
    notice_days: int = 0
    database_mb: int = 0
    screenshots_mb: int = 0
    least_days: int = 1

    def before(self, what: Kept, now: datetime) -> datetime | None:
        """What is older than this goes; None: age alone is no reason."""
        days, _ = self._rule(what)
        return None if days == 0 else now - timedelta(days=max(days, self.least_days))

    def least(self, now: datetime) -> datetime:
        """What is younger than this stays, whatever the budget says."""
        return now - timedelta(days=self.least_days)

    def rule(self, what: Kept) -> str:
        """The setting that says how long, in words."""
        days, name = self._rule(what)
        return f"{name} = {days}"

    @property
    def database_bytes(self) -> int | None:
        """The budget of the database; None: no limit."""
        return self.database_mb * MEGABYTE or None

    @property
    def screenshots_bytes(self) -> int | None:
        """The budget of the evidence folder; None: no limit."""
        return self.screenshots_mb * MEGABYTE or None

    def _rule(self, what: Kept) -> tuple[int, str]:
        if what in (Kept.JOBS, Kept.SESSIONS):
            return self.job_days, "job_days"
        if what is Kept.EVENTS:
            return self.event_days, "event_days"
        if what is Kept.STEPS:
            return self.step_days, "step_days"
        if what is Kept.NOTICES:
            return self.notice_days, "notice_days"
        return self.evidence_days, "evidence_days"


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The database file: what is used in it, what is free in it (and used again), and its log beside it."""

    file_bytes: int
    free_bytes: int
    log_bytes: int

    @property
    def used_bytes(self) -> int:
        """What the budget is compared with."""
        return self.file_bytes - self.free_bytes


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One table or folder: rows or files, bytes (None where SQLite cannot tell), and what would go by which rule."""

    name: str
    count: int
    size_bytes: int | None
    oldest_at: datetime | None
    free_count: int = 0
    free_bytes: int | None = None
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class Storage:
    """All that is kept, and the room there is. What is over a budget goes beyond what goes by age."""

    pages: Pages
    tables: Sequence[Holding]
    folders: Sequence[Holding]
    database_budget: int | None
    screenshots_budget: int | None
    database_over: int
    screenshots_over: int
    disk_free_bytes: int
    last: Freed | None


@dataclass(frozen=True, kw_only=True)
class Freed:
    """What one look has freed. `left` says why a budget is still exceeded, and `failed` what cut it short."""

    at: datetime
    counts: Mapping[Kept, int] = field(default_factory=dict)
    database_bytes: int
    screenshots_bytes: int
    screenshots_files: int
    left: Sequence[str] = ()
    failed: str | None = None

    @property
    def total(self) -> int:
        """How many rows and folders went."""
        return sum(self.counts.values())
