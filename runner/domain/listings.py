"""Listings: items for sale, ours and as a Site shows them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class ListingState(StrEnum):
    DRAFT = "draft"  # stored, not at the Site
    PUBLISHED = "published"  # the Site confirmed it


@dataclass(frozen=True, kw_only=True)
class Listing:
    """An item for sale as we want it published; `price_minor` is in hundredths of `currency`."""

    reference: str
    title: str
    price_minor: int
    currency: str
    category: str
    condition: str
    description: str
    location: str
    photos: tuple[Path, ...] = ()

    @property
    def natural_key(self) -> str:
        """What makes this Listing itself: its visible reference, title and body hash (DESIGN §5)."""
        body = hashlib.sha256(self.description.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{self.reference}|{self.title}|{body}"


@dataclass(frozen=True, kw_only=True)
class StoredListing:
    """A Listing in the store; `account` publishes it, `remote_id` and `url` are set once the Site confirmed it."""

    id: int
    listing: Listing
    account: str | None
    state: ListingState
    remote_id: str | None
    url: str | None
    published_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RemoteListing:
    """A Listing as the Site shows it."""

    remote_id: str
    url: str
    reference: str
    title: str
