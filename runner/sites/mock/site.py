"""The adapter of the mock marketplace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from runner.domain.effects import EffectKind
from runner.domain.listings import Listing, RemoteListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.pages import LastResponse
from runner.domain.states import Direction
from runner.errors import AttemptError
from runner.sites.interface import BeforeSubmit, Popup, Site, Steps
from runner.sites.mock import circumstances, inbox, selling, sign_in, troubles
from runner.sites.mock.browsing import Browsing
from runner.sites.translate import translate


class MockSite(Site):
    """The mock marketplace, in any of its layouts.

    Options: `remember` (true) keeps the account signed in; `fast_reads` (true) reads by the page's own requests where
    nobody needs to see the pages; `commit_latency_s` ("unbounded") is for how many seconds a
    request that the browser has given up may still take effect. There is no bound that the marketplace keeps by itself:
    it is as late as its fault rules say.
    """

    name: ClassVar[str] = "mock"
    revision: ClassVar[str] = "1"
    answers_when_done: ClassVar[bool] = True
    submit_addresses: ClassVar[Mapping[EffectKind, str]] = {
        EffectKind.PUBLISH_LISTING: "**/sell/*/publish",
        EffectKind.SEND_MESSAGE: "**/api/threads/*/messages",
    }

    def __init__(self, page: Page, *, base_url: str, steps: Steps, options: Mapping[str, Any]) -> None:
        super().__init__(page, base_url=base_url, steps=steps, options=options)
        self._browsing = Browsing(page, self.base_url)
        self._step_name = ""
        self.fast_reads = bool(options.get("fast_reads", True))
        latency = options.get("commit_latency_s", "unbounded")
        self.commit_latency_s = None if latency == "unbounded" else float(latency)

    async def whoami(self) -> str | None:
        """The username in the header of a page that this object loaded."""
        return await sign_in.whoami(self._browsing)

    def same_account(self, shown: str, username: str) -> bool:
        """The site takes an e-mail address too, and shows the name before the @."""
        return shown.casefold() == username.partition("@")[0].casefold()

    @classmethod
    async def conditions(cls, base_url: str) -> Mapping[str, Any]:
        """The fault rules in force."""
        return await circumstances.told(base_url)

    @classmethod
    async def set_conditions(cls, base_url: str, conditions: Mapping[str, Any], *, afresh: bool) -> None:
        """Put fault rules in force, in the place of all others."""
        await circumstances.put(base_url, conditions, afresh=afresh)

    async def login(self, username: str, password: str) -> None:
        """Sign in once. Raises NeedsPerson(VALIDATION) when the password is refused, or with a Challenge's kind."""
        remember = bool(self.options.get("remember", True))
        async with self.step("sign in", username):
            await sign_in.sign_in(self._browsing, username, password, remember=remember)

    def threads(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        """All Threads, newest first, past the paging."""
        return inbox.threads(self._browsing, since)

    def threads_fast(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        """The same by the page's own requests: the first page of the inbox is open, from the look at the login."""
        return inbox.threads(self._browsing, since, fast=True)

    async def messages(self, thread_id: str) -> list[RemoteMessage]:
        """All Messages of one Thread, oldest first."""
        return await inbox.messages(self._browsing, thread_id)

    async def messages_fast(self, thread_id: str) -> list[RemoteMessage]:
        """The same from where the Thread's page has them, by the very request that its script makes."""
        return await inbox.fast_messages(self._browsing, thread_id)

    async def messages_at_the_click(self, thread_id: str) -> list[RemoteMessage]:
        """What the Site would draw now, while the page stays as it is."""
        try:
            return await inbox.messages_anew(self._browsing, thread_id)
        except PlaywrightError as error:
            raise await self._translated(error, "read again") from error

    async def send(self, thread_id: str, text: str, *, before_submit: BeforeSubmit) -> RemoteMessage:
        """Send a reply, and return it as the log shows it."""
        try:
            return await inbox.send(self._browsing, thread_id, text, before_submit)
        except PlaywrightError as error:
            raise await self._translated(error, "send") from error

    async def publish(self, listing: Listing, *, before_submit: BeforeSubmit) -> RemoteListing:
        """Publish in the three steps of the form."""
        try:
            return await selling.publish(self._browsing, self._named, listing, before_submit)
        except PlaywrightError as error:
            raise await self._translated(error, self._step_name) from error

    async def find_listing(self, listing: Listing) -> list[RemoteListing]:
        """Own listings with this reference and title, oldest first."""
        return await selling.find_listing(self._browsing, listing)

    async def find_message(self, thread_id: str, text: str) -> list[RemoteMessage]:
        """Outbound Messages with this text, oldest first; white space around it does not count, as at the Site."""
        wanted = inbox.as_shown(text)
        return [
            message
            for message in await self.messages(thread_id)
            if message.direction is Direction.OUTBOUND and inbox.as_shown(message.text) == wanted
        ]

    async def trouble(self, last_response: LastResponse | None) -> AttemptError | None:
        """What is wrong with the page that is open now."""
        return await troubles.read(self.page, last_response)

    def popups(self) -> list[Popup]:
        """The survey dialog, which lies over everything, and the cookie banner."""
        find = self._browsing.find
        return [
            Popup(name="survey", locator=find.survey(), dismiss=find.survey_no()),
            Popup(name="cookies", locator=find.cookies(), dismiss=find.cookies_necessary()),
        ]

    def _named(self, name: str, detail: str = "") -> AbstractAsyncContextManager[None]:
        """A Step whose name is remembered for the error that may end it."""
        self._step_name = name
        return self.step(name, detail)

    async def _translated(self, error: PlaywrightError, step: str) -> AttemptError:
        """Typed where it happened: the journal must know what the click led to before anybody looks further."""
        return await translate(error, site=self, last_response=None, session_gone=False, step=step)
