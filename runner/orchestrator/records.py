"""The store as an Attempt and its Flow see it: the nouns together, and ports for one Account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.domain.drafts import Withdrawn
from runner.domain.effects import EffectState
from runner.domain.jobs import Lease
from runner.domain.listings import Listing, RemoteListing, StoredListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts
from runner.store.check_results import CheckResults
from runner.store.drafts import Drafts
from runner.store.effects import Effects
from runner.store.enrolments import Enrolments
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles
from runner.store.listings import Listings
from runner.store.profiles import Profiles
from runner.store.sessions import Sessions
from runner.store.steps import Steps
from runner.store.threads import Threads


@dataclass(frozen=True, kw_only=True)
class Records:
    """What the Orchestrator reads and writes, one noun each."""

    accounts: Accounts
    attempts: Attempts
    check_results: CheckResults
    drafts: Drafts
    effects: Effects
    enrolments: Enrolments
    evidence: EvidenceFiles
    events: Events
    listings: Listings
    profiles: Profiles
    sessions: Sessions
    steps: Steps
    threads: Threads

    async def fired_and_unsettled(self, lease: Lease) -> bool:
        """Whether the Job has an Effect that was armed and of which nobody knows yet whether it happened."""
        return bool(await self.effects.list_effects(job_id=lease.job.id, states=[EffectState.ARMED]))

    async def give_to_a_person(self, lease: Lease, why: str) -> None:
        """What the Job armed and nobody could settle is unknown from now on, and waits for a person."""
        for armed in await self.effects.list_effects(job_id=lease.job.id, states=[EffectState.ARMED]):
            # An earlier Attempt may have armed it: planned again, it stands under the fence of this one.
            effect = await self.effects.plan(lease, armed.kind, armed.natural_key, armed.payload_hash)
            if effect.state is EffectState.ARMED:
                await self.effects.transition(lease, effect, EffectState.UNKNOWN, detail=why)


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """InboxRecords of one Account."""

    threads: Threads
    drafts: Drafts
    enrolments: Enrolments
    account: str
    job_id: int

    @classmethod
    def of(cls, records: Records, *, account: str, job_id: int) -> Inbox:
        """That of one Account, for one Job."""
        threads, drafts, enrolments = records.threads, records.drafts, records.enrolments
        return cls(threads=threads, drafts=drafts, enrolments=enrolments, account=account, job_id=job_id)

    async def known(self) -> Mapping[str, str]:
        """The fingerprint of every stored Thread, by its remote id."""
        return await self.threads.known_fingerprints(self.account)

    async def save(self, summary: ThreadSummary, messages: Sequence[tuple[str, RemoteMessage]]) -> int:
        """Store one Thread with its Messages; returns how many are new."""
        return await self.threads.save_thread(self.account, summary, summary.fingerprint, messages)

    async def read_to_the_end(self) -> None:
        """Note that the inbox was read to its end."""
        await self.threads.read_to_the_end(self.account)

    async def withdrawn(self) -> Withdrawn | None:
        """What has become of the Draft or the Enrolment behind this Job, where it is not wanted any more."""
        reply = await self.drafts.deliveries.withdrawn(self.job_id)
        return reply or await self.enrolments.withdrawn(self.job_id)

    async def not_sent(self, why: str, *, asks_person: bool) -> None:
        """Outdate the Draft behind this Job, or give it back to a person."""
        await self.drafts.deliveries.not_sent(self.job_id, why, asks_person=asks_person)


@dataclass(frozen=True, kw_only=True)
class Goods:
    """ListingRecords of one Account."""

    listings: Listings
    account: str

    async def get(self, listing_id: int) -> StoredListing:
        """The stored Listing. Raises NotFound."""
        return await self.listings.get(listing_id)

    async def published(self, listing: Listing, remote: RemoteListing, *, listing_id: int | None) -> None:
        """Record that the Site shows it; a Listing that was given inline is stored now."""
        if listing_id is None:
            stored, _ = await self.listings.save(listing, self.account)
            listing_id = stored.id
        await self.listings.set_published(listing_id, remote_id=remote.remote_id, url=remote.url)
