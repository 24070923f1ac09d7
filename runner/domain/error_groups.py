"""An error group: failures with one signature, and one cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runner.domain import signatures
from runner.domain.jobs import Attempt
from runner.errors import ErrorKind


@dataclass(frozen=True, kw_only=True)
class GroupFilter:
    """Which failures count: those that meet every condition given."""

    account: str | None = None
    kind: ErrorKind | None = None
    since: datetime | None = None
    flow: str | None = None
    signature: str | None = None
    listing: int | None = None
    """Those of the Jobs that were to publish this Listing."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed Attempt, with the number of the first picture that it left."""

    attempt: Attempt
    evidence_id: int | None


@dataclass(frozen=True, kw_only=True)
class ErrorGroup:
    """Failures of one signature; `error` is what the newest said, `example` the newest one that kept Evidence."""

    signature: str
    count: int
    first_at: datetime
    last_at: datetime
    accounts: Sequence[str]
    flows: Sequence[str]
    site: str
    kind: ErrorKind
    step: str | None
    locator: str | None
    site_revision: str | None
    error: str
    example: int | None
    evidence_dir: str | None

    @property
    def cure(self) -> str:
        """What a person does about all of them."""
        return signatures.cure(self.kind, locator=self.locator)
