"""A listing group: the Listings of one reference, one for each Account that has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.listings import ListingState, StoredListing
from runner.domain.states import JobState
from runner.errors import ErrorKind


@dataclass(frozen=True, kw_only=True)
class ListingQuestion:
    """Which groups: those with a Listing that meets all of this; None means any."""

    account: str | None = None
    state: ListingState | None = None
    reference: str | None = None
    text: str | None = None
    """Part of the title or of the reference, whatever its case."""


@dataclass(frozen=True, kw_only=True)
class PublishJob:
    """The newest Job that was to publish a Listing and has not done it (yet)."""

    id: int
    state: JobState
    error_kind: ErrorKind | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ListingCopy:
    """A Listing as one Account has it; `job` is None once it is published, or when nobody has asked for it."""

    stored: StoredListing
    job: PublishJob | None


@dataclass(frozen=True, kw_only=True)
class ListingGroup:
    """All that have one reference, in the order of their Accounts' names; never empty."""

    newest: StoredListing
    copies: Sequence[ListingCopy]
