"""What a Flow needs of the world outside the browser, as ports: a Flow never touches the store itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from playwright.async_api import Page

from runner.domain.drafts import Withdrawn
from runner.domain.effects import Effect, EffectKind
from runner.domain.jobs import EvidenceFile
from runner.domain.listings import Listing, RemoteListing, StoredListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.sites.interface import BeforeSubmit

Find = Callable[[], Awaitable[list[str]]]
"""Reads back: the remote ids at the Site, now, of everything that is this Effect; [] when it is absent."""

Fire = Callable[[BeforeSubmit], Awaitable[str]]
"""Makes the change, awaiting its argument immediately before the click; returns the remote id."""


class InboxRecords(Protocol):
    """The Account's Threads and Messages as they are already known."""

    async def known(self) -> Mapping[str, str]:
        """The fingerprint of every stored Thread, by its remote id."""
        ...

    async def save(self, summary: ThreadSummary, messages: Sequence[tuple[str, RemoteMessage]]) -> int:
        """Store one Thread with all its keyed Messages, and return how many of them are new."""
        ...

    async def read_to_the_end(self) -> None:
        """Note that the whole inbox has been read: what came before is history."""
        ...

    async def withdrawn(self) -> Withdrawn | None:
        """Why the reply that this Job is to send is not wanted any more; None when it is, or no Draft stands behind it.

        Asked again right before the click.
        """
        ...

    async def not_sent(self, why: str, *, asks_person: bool) -> None:
        """Note that this Job does not send its reply; `asks_person` when somebody must see to the Message now."""
        ...


class ListingRecords(Protocol):
    """The Account's Listings."""

    async def get(self, listing_id: int) -> StoredListing:
        """The stored Listing. Raises NotFound."""
        ...

    async def published(self, listing: Listing, remote: RemoteListing, *, listing_id: int | None) -> None:
        """Record that the Site shows it. `listing_id` is None for a Listing given inline, not stored yet."""
        ...


class EffectJournal(Protocol):
    """Journals a change before it is fired, so that it is never made twice (DESIGN §5)."""

    async def begun(self, kind: EffectKind) -> str | None:
        """The natural key under which an earlier Attempt of this same Job journaled an Effect; None when none did.

        A replay counts as the Job that it repeats, and the other way round: what one has done, the other does not do.
        """
        ...

    async def made(self, kind: EffectKind) -> Effect | None:
        """The change of this kind that this Job has made for sure, or one that it repeats or that repeats it."""
        ...

    async def others_in_doubt(self, kind: EffectKind, begins: str) -> bool:
        """Whether another Job has fired an Effect of this kind, with a key that begins so, which is not settled yet."""
        ...

    async def perform(
        self, kind: EffectKind, natural_key: str, payload: str, *, find: Find, fire: Fire
    ) -> tuple[str, bool]:
        """Make the change unless it is made already; the remote id, and whether it was fired by this call.

        Raises what `fire` raises when read-back shows it absent, and InDoubt when nobody can tell.
        """
        ...


class EvidenceSink(Protocol):
    """Keeps what the browser shows, with secrets masked."""

    @property
    def keeps_threads(self) -> bool:
        """Whether `keep_thread` keeps anything: then the page of a Thread must be open."""
        ...

    async def keep_page(self, page: Page, label: str) -> Sequence[EvidenceFile]:
        """Store a full-page screenshot and the HTML of what is open now; `label` is for a person and the file names."""
        ...

    async def keep_thread(self, remote_id: str) -> None:
        """Store a picture of the Thread that is open now, for its newest Messages; never fails the Flow."""
        ...
