"""A Stage on the mock marketplace, with in-memory twins of the ports behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page

from runner.domain.accounts import Account, SecretRef
from runner.domain.clock import SystemClock
from runner.domain.drafts import Withdrawn
from runner.domain.effects import Effect, EffectKind
from runner.domain.jobs import EvidenceFile
from runner.domain.listings import Listing, RemoteListing, StoredListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import AccountState, EvidenceKind
from runner.errors import NotFound
from runner.sites.flow import Stage
from runner.sites.flows import catalog
from runner.sites.interface import Site
from runner.sites.mock.site import MockSite
from runner.sites.ports import Find, Fire


class MemoryInbox:
    """Twin of the stored inbox; `saved` lists the threads in the order in which they were saved."""

    def __init__(self) -> None:
        self.fingerprints: dict[str, str] = {}
        self.messages: dict[str, dict[str, RemoteMessage]] = {}
        self.saved: list[str] = []
        self.outdated: list[tuple[str, bool]] = []
        self.no_more: Withdrawn | None = None
        self.ends = 0

    async def read_to_the_end(self) -> None:
        self.ends += 1

    async def withdrawn(self) -> Withdrawn | None:
        return self.no_more

    async def not_sent(self, why: str, *, asks_person: bool) -> None:
        self.outdated.append((why, asks_person))

    async def known(self) -> Mapping[str, str]:
        return dict(self.fingerprints)

    async def save(self, summary: ThreadSummary, messages: Sequence[tuple[str, RemoteMessage]]) -> int:
        stored = self.messages.setdefault(summary.remote_id, {})
        new = [key for key, _ in messages if key not in stored]
        stored.update(messages)
        self.fingerprints[summary.remote_id] = summary.fingerprint
        self.saved.append(summary.remote_id)
        return len(new)


class MemoryListings:
    def __init__(self) -> None:
        self.stored: dict[int, StoredListing] = {}
        self.recorded: list[tuple[Listing, RemoteListing, int | None]] = []

    def add(self, listing: Listing) -> int:
        number = len(self.stored) + 1
        self.stored[number] = StoredListing(
            id=number, listing=listing, account="amy", state="draft", remote_id=None, url=None, published_at=None
        )
        return number

    async def get(self, listing_id: int) -> StoredListing:
        if listing_id not in self.stored:
            raise NotFound("listing", str(listing_id), map(str, self.stored))
        return self.stored[listing_id]

    async def published(self, listing: Listing, remote: RemoteListing, *, listing_id: int | None) -> None:
        self.recorded.append((listing, remote, listing_id))


class MemoryJournal:
    """Twin of the effect journal: confirms what read-back shows, fires what it does not, remembers what was begun."""

    def __init__(self) -> None:
        self.keys: dict[EffectKind, str] = {}
        self.armed = 0
        self.doubtful = False

    async def begun(self, kind: EffectKind) -> str | None:
        return self.keys.get(kind)

    async def made(self, kind: EffectKind) -> Effect | None:
        return None

    async def others_in_doubt(self, kind: EffectKind, begins: str) -> bool:
        return self.doubtful

    async def perform(
        self, kind: EffectKind, natural_key: str, payload: str, *, find: Find, fire: Fire
    ) -> tuple[str, bool]:
        self.keys[kind] = natural_key
        there = await find()
        if there:
            return there[-1], False
        return await fire(self._arm), True

    async def _arm(self) -> None:
        self.armed += 1


class MemoryEvidence:
    keeps_threads = True

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, str]] = []

    async def keep_page(self, page: Page, label: str) -> Sequence[EvidenceFile]:
        picture = await page.screenshot(full_page=True)
        html = await page.content()
        self.kept.append((label, picture, html))
        return [
            EvidenceFile(kind=EvidenceKind.SCREENSHOT, path="page.png", size_bytes=len(picture)),
            EvidenceFile(kind=EvidenceKind.PAGE, path="page.html", size_bytes=len(html)),
        ]

    async def keep_thread(self, remote_id: str) -> None:
        self.kept.append((remote_id, b"", ""))


class Shop:
    """One account at the marketplace, as the marketplace's own ledger and state show it."""

    def __init__(self, market: Any, name: str) -> None:
        self.market, self.name = market, name

    @property
    def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = self.market.account(self.name)
        return counts

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.market.ledger(kind, self.name)
        return entries

    def incoming(self, text: str, **fields: str) -> str:
        """A counterpart writes; returns the thread's id."""
        thread_id: str = self.market.incoming(text, self.name, **fields)["thread_id"]
        return thread_id

    def stored(self) -> Account:
        return Account(
            id=1,
            name=self.name,
            site="mock",
            username=self.name,
            secret=SecretRef(kind="env", name="PASSWORD"),
            tags=(),
            state=AccountState.ACTIVE,
            state_reason=None,
            last_served_at=None,
            created_at=datetime(2026, 9, 8, tzinfo=UTC),
        )


@pytest.fixture
def shop(market: Any, request: pytest.FixtureRequest) -> Shop:
    """farid, whose inbox has one page, unless a test asks for another by an indirect parameter."""
    return Shop(market, getattr(request, "param", "farid"))


@pytest_asyncio.fixture(loop_scope="session")
async def mock_site(market: Any, new_page: Any, steps: Any) -> Site:
    """The mock marketplace in a new browser, signed out; a page timeout of 4 s keeps tests of slowness short."""
    page = await new_page()
    page.set_default_timeout(4_000)
    return MockSite(page, base_url=market.url, steps=steps, options={})


@pytest_asyncio.fixture(loop_scope="session")
async def site(shop: Shop, mock_site: Site) -> Site:
    """Signed in."""
    await mock_site.login(shop.name, shop.market.password(shop.name))
    return mock_site


@pytest_asyncio.fixture(loop_scope="session")
async def stage(shop: Shop, site: Site, steps: Any) -> Stage[Any]:
    return Stage(
        site=site,
        account=shop.stored(),
        params=None,
        step=steps,
        inbox=MemoryInbox(),
        listings=MemoryListings(),
        effects=MemoryJournal(),
        evidence=MemoryEvidence(),
        clock=SystemClock(),
    )


Perform = Callable[..., Awaitable[Mapping[str, Any]]]


@pytest.fixture
def perform(stage: Stage[Any]) -> Perform:
    """Performs a Flow on the Stage with parameters as a person gives them."""

    async def perform_flow(name: str, **given: Any) -> Mapping[str, Any]:
        flow = catalog.flow_named(name)
        return await flow.perform(replace(stage, params=flow.parse(given)))

    return perform_flow


@pytest.fixture
def keyboard(tmp_path: Path) -> Listing:
    """A listing with two photos."""
    photos = []
    for name, color in (("front.jpg", "teal"), ("back.png", "orange")):
        Image.new("RGB", (320, 240), color).save(tmp_path / name)
        photos.append(tmp_path / name)
    return Listing(
        reference="KB-71",
        title="Mechanical keyboard, brown switches",
        price_minor=4_950,
        currency="EUR",
        category="Computers",
        condition="Like new",
        description="A mechanical keyboard with brown switches, used for one year, cleaned.",
        location="Utrecht",
        photos=tuple(photos),
    )
