"""A site of a few lines for virtual time, at the ports Site and Browsers, with a ledger of its own.

It loses answers before and after it has committed, commits late within its bound, refuses, limits, signs people out
and asks for a person: by the dice that it is given, so that the same seed makes the same history.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from runner.domain.clock import Clock
from runner.domain.effects import EffectKind
from runner.domain.listings import Listing, RemoteListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from runner.errors import AttemptError, Conflict, NeedsPerson, RateLimited, RetryLater, SessionExpired
from runner.logs import Redactor
from runner.sites.interface import BeforeSubmit, Site

BOUND_S = 5.0
RETRY_AFTER_S = 600.0
SIGN_IN_S, LAUNCH_S, CLOSE_S = 1.0, 1.5, 0.5  # of virtual time


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the ledger: what was committed, when, and whose browser had sent it when."""

    account: str
    reference: str
    at: datetime


@dataclass(kw_only=True)
class World:
    """All Accounts at the site. `breaches` is what the site itself saw that must never be."""

    clock: Clock
    dice: random.Random
    trouble_share: float = 0.12
    ledger: list[Entry] = field(default_factory=list)
    late: list[Entry] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    signed_in: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    def committed(self) -> list[Entry]:
        """The ledger, with everything on its way that has arrived by now."""
        now = self.clock.now()
        self.ledger += [entry for entry in self.late if entry.at <= now]
        self.late = [entry for entry in self.late if entry.at > now]
        return self.ledger

    def of(self, account: str, reference: str) -> list[str]:
        """The site's ids of what has this reference."""
        return [
            f"L{number}"
            for number, entry in enumerate(self.committed(), start=1)
            if (entry.account, entry.reference) == (account, reference)
        ]

    def commit(self, account: str, reference: str, after_s: float = 0.0) -> None:
        """Something arrives, now or in a while."""
        self.late.append(Entry(account=account, reference=reference, at=self.clock.now() + timedelta(seconds=after_s)))
        self.committed()

    async def answer(self, account: str) -> None:
        """What every request goes through: it takes a moment, and sometimes it ends badly."""
        if account not in self.open:
            self.breaches.append(f"{account} acts without an open browser")
        await asyncio.sleep(self.dice.uniform(0.05, 1.5))
        if self.dice.random() < self.trouble_share:
            self.seen["troubles"] += 1
            raise self._trouble(account)

    def _trouble(self, account: str) -> AttemptError:
        kind = self.dice.choices(["network", "limit", "expired", "challenge"], [70, 10, 15, 5])[0]
        match kind:
            case "limit":
                return RateLimited("Too many requests.", retry_after_s=RETRY_AFTER_S)
            case "expired":
                self.signed_in.discard(account)
                return SessionExpired("Please sign in.")
            case "challenge":
                return NeedsPerson("Are you human?", cure="Look at it.")
            case _:
                return RetryLater("The site does not answer.")


class VirtualSite(Site):
    """The adapter: its page is the World and the Account's name."""

    name = "virtual"
    commit_latency_s = BOUND_S

    @property
    def _world(self) -> World:
        return self._place.world

    @property
    def _place(self) -> Any:
        return self.page

    @property
    def _account(self) -> str:
        return str(self._place.account)

    async def whoami(self) -> str | None:
        await asyncio.sleep(0.1)
        return self._account if self._account in self._world.signed_in else None

    async def login(self, username: str, password: str) -> None:
        await asyncio.sleep(SIGN_IN_S)
        self._world.signed_in.add(username)

    async def threads(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        await self._world.answer(self._account)
        day = self._world.clock.now().date()
        for number in range(2):
            yield ThreadSummary(
                remote_id=f"{self._account}-{number}",
                counterpart=f"Buyer {number}",
                listing_title=None,
                excerpt=str(day.toordinal() // 7 if number else day.toordinal() // 30),
                last_at=None,
                unread=0,
                url="",
            )

    async def messages(self, thread_id: str) -> list[RemoteMessage]:
        await self._world.answer(self._account)
        return [RemoteMessage(remote_id="1", direction=Direction.INBOUND, sender="Buyer", text="Hello?", sent_at=None)]

    async def publish(self, listing: Listing, *, before_submit: BeforeSubmit) -> RemoteListing:
        world, account = self._world, self._account
        await world.answer(account)
        await before_submit()
        world.seen["submits"] += 1
        fate = world.dice.choices(["answers", "lost before", "lost after", "late"], [60, 15, 15, 10])[0]
        if fate == "lost before":
            raise RetryLater("The connection was refused.")
        world.commit(account, listing.reference, world.dice.uniform(0.1, BOUND_S) if fate == "late" else 0.0)
        if fate != "answers":
            raise RetryLater("The answer did not come.")
        return (await self.find_listing(listing))[-1]

    async def find_listing(self, listing: Listing) -> list[RemoteListing]:
        await asyncio.sleep(0.2)
        found = self._world.of(self._account, listing.reference)
        return [
            RemoteListing(remote_id=each, url="", reference=listing.reference, title=listing.title) for each in found
        ]

    async def send(self, thread_id: str, text: str, *, before_submit: BeforeSubmit) -> RemoteMessage:
        raise NotImplementedError("nobody writes letters in virtual time")

    async def find_message(self, thread_id: str, text: str) -> list[RemoteMessage]:
        return []

    async def trouble(self, last_response: object) -> AttemptError | None:
        return None

    submit_addresses = {EffectKind.PUBLISH_LISTING: "**/publish"}  # noqa: RUF012 as the class it belongs to declares it


class VirtualBrowsers:
    """At the port of Browsers: a Profile that is opened while it is open is what must never be."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def launch(self, request: Any) -> Any:
        await asyncio.sleep(LAUNCH_S)
        if request.account in self._world.open:
            self._world.breaches.append(f"{request.account} was opened twice at once at {self._world.clock.now()}")
            raise Conflict("the profile is in use")
        self._world.open.add(request.account)
        self._world.seen["sessions"] += 1
        return live_session(self._world, request.account)


def live_session(world: World, account: str) -> Any:
    """What an Attempt asks of a LiveSession."""

    async def nothing(*_: object) -> None:
        return

    async def close() -> None:
        await asyncio.sleep(CLOSE_S)
        world.open.discard(account)

    async def for_the_trace(awaitable: Any, _: str) -> None:
        await awaitable

    @asynccontextmanager
    async def signing_in(sent: Any) -> AsyncIterator[None]:
        sent.password = True
        yield

    async def within(seconds: float, awaitable: Awaitable[object], what: str) -> object:
        return await awaitable

    return SimpleNamespace(
        page=SimpleNamespace(world=world, account=account, url="http://virtual.invalid/"),
        redactor=Redactor(),
        forget=lambda: None,
        within=within,
        browser_version="virtual",
        trace=SimpleNamespace(start=nothing, stop=nothing),
        for_the_trace=for_the_trace,
        trail=Untrodden(),
        context=SimpleNamespace(route=nothing, unroute=nothing),
        timeouts=SimpleNamespace(action_s=10.0, navigation_s=10.0),
        guard=None,
        ring=SimpleNamespace(last_response=None),
        gone=asyncio.Event(),
        signing_in=signing_in,
        close=close,
    )


class Untrodden:
    """At the port of the Trail: Steps leave nothing behind."""

    def begin(self, **_: object) -> None:
        return

    def end(self) -> None:
        return

    async def leave(self, *_: object) -> None:
        return


class NoEvidence:
    """At the port of the EvidenceKeeper: a world without pages has no pictures."""

    async def keep(self, *_: object, **__: object) -> None:
        return

    async def keep_conditions(self, *_: object) -> None:
        return

    async def renew(self, *_: object) -> None:
        return

    def sink(self, *_: object) -> None:
        return
