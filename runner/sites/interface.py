"""The Site contract: page objects with typed results, and no knowledge of the store.

An adapter subclasses Site, is registered under the entry point group `runner.sites`, and passes the contract
suite in tests/contract/test_site_contract.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from playwright.async_api import Locator, Page

from runner.domain.effects import EffectKind
from runner.domain.listings import Listing, RemoteListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.pages import LastResponse
from runner.errors import AttemptError, SetupError

BeforeSubmit = Callable[[], Awaitable[None]]
"""Awaited immediately before the click that changes something at the Site: the Effect is armed here."""


class Steps(Protocol):
    """Opens named Steps: each is timed, recorded, and shown live."""

    def __call__(self, name: str, detail: str = "") -> AbstractAsyncContextManager[None]:
        """Run the body as the Step `name`; `detail` is for a person ("photo 3 of 10")."""
        ...


@dataclass(frozen=True, kw_only=True)
class Popup:
    """Something that may cover the page at any time: when `locator` shows, `dismiss` is clicked."""

    name: str
    locator: Locator
    dismiss: Locator


class Site(ABC):
    """A web site, operated through one page that is signed in as at most one Account."""

    name: ClassVar[str]
    revision: ClassVar[str] = "1"
    """Rises when the adapter's locators change: part of an error's signature."""

    commit_latency_s: float | None = None
    """After how many seconds a request that the browser has given up can no longer take effect; None: unbounded.

    Only where this is known may an Effect whose read-back shows it absent be fired again without a person (DESIGN §5).
    """

    answers_when_done: ClassVar[bool] = False
    """Whether any answer to a submit, an error too, means that it is over: what is absent then stays absent.

    True only where no proxy answers in the Site's place (a 504 is a proxy's word) and nothing is queued for later.
    """

    submit_addresses: ClassVar[Mapping[EffectKind, str]] = {}
    """Where each kind of Effect is submitted, as a glob over URLs (`**/sell/*/publish`).

    A kind that stands here is fenced: its request goes out once, and what the browser or the page repeats is stopped.
    """

    fast_reads: bool = False
    """Whether `threads_fast` and `messages_fast` are quicker than opening pages, and find the same."""

    def __init__(self, page: Page, *, base_url: str, steps: Steps, options: Mapping[str, Any]) -> None:
        self.page = page
        self.base_url = base_url.rstrip("/")
        self.step = steps
        self.options = options

    @abstractmethod
    async def whoami(self) -> str | None:
        """The username that the Site says is signed in, read from a page of the Site; None when signed out."""

    @abstractmethod
    async def login(self, username: str, password: str) -> None:
        """Sign in once. Raises NeedsPerson(kind=VALIDATION) when the password is refused."""

    @abstractmethod
    def threads(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        """All Threads of the inbox, newest first, past the paging; those older than `since` may be left out."""

    @abstractmethod
    async def messages(self, thread_id: str) -> list[RemoteMessage]:
        """All Messages of one Thread, the oldest first, whatever the order of the page.

        Who has written last is judged by this order, and so whether a reply may still be sent.
        """

    def threads_fast(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        """What `threads` finds, asked for by the page's own requests (`fetch`); only where `fast_reads` says so.

        Opens no page. Raises an AttemptError for whatever is not as expected: then `threads` is asked, on pages that
        can be shown.
        """
        return self.threads(since)

    async def messages_fast(self, thread_id: str) -> list[RemoteMessage]:
        """What `messages` finds, in the same way; to the Site the Thread is then as read as it is by its page."""
        return await self.messages(thread_id)

    async def messages_at_the_click(self, thread_id: str) -> list[RemoteMessage] | None:
        """The Messages of the Thread whose reply is written and not yet submitted, asked of the Site anew.

        What is typed must stay as it is, so this navigates nowhere. None where an adapter cannot: then what was read
        immediately before the reply was typed is the last that is known. Raises RetryLater.
        """
        del thread_id
        return None

    @abstractmethod
    async def send(self, thread_id: str, text: str, *, before_submit: BeforeSubmit) -> RemoteMessage:
        """Send a Message and return it as the Site shows it. Raises Rejected with the Site's own words."""

    @abstractmethod
    async def publish(self, listing: Listing, *, before_submit: BeforeSubmit) -> RemoteListing:
        """Publish a Listing, with all fields and photos, and return the Site's id and URL. Raises Rejected."""

    @abstractmethod
    async def find_listing(self, listing: Listing) -> list[RemoteListing]:
        """Every own Listing at the Site that is this one (by its visible reference and title): [] when absent."""

    @abstractmethod
    async def find_message(self, thread_id: str, text: str) -> list[RemoteMessage]:
        """Every outbound Message of a Thread with exactly this text, oldest first."""

    @abstractmethod
    async def trouble(self, last_response: LastResponse | None) -> AttemptError | None:
        """What is wrong with the page that is open now, on any page at any time; None when it looks well.

        Recognises a Challenge, a lock (NeedsPerson), an expired login (SessionExpired), a rate limit (RateLimited) and
        an error of the server (RetryLater). Reads only: never navigates, never clicks.
        """

    @classmethod
    async def conditions(cls, base_url: str) -> Mapping[str, Any]:
        """What the Site at `base_url` can say of its own circumstances, for a replay to set again; {} is nothing.

        Asked after a failure, when the page may be dead, so it has none. It has a second, and JSON can hold the answer.
        """
        return {}

    @classmethod
    async def set_conditions(cls, base_url: str, conditions: Mapping[str, Any], *, afresh: bool) -> None:
        """Make the Site's circumstances those that `conditions` told of; `afresh` as if nothing of them were used up.

        Raises SetupError when that cannot be done.
        """
        raise SetupError(f'The conditions of site "{cls.name}" cannot be set from here.', cure="Replay without them.")

    def same_account(self, shown: str, username: str) -> bool:
        """Whether what `whoami` read means the Account that signs in as `username`; a Site may accept several names."""
        return shown.casefold() == username.casefold()

    def popups(self) -> list[Popup]:
        """Pop-ups that are dismissed wherever they appear."""
        return []
