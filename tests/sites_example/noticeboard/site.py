"""The adapter of the notice board: a complete small Site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

from playwright.async_api import Locator, Page, Response

from runner.domain.listings import Listing, RemoteListing
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.pages import LastResponse
from runner.domain.states import Direction
from runner.errors import AttemptError, ErrorKind, NeedsPerson, RateLimited, Rejected, RetryLater, SessionExpired
from runner.sites.interface import BeforeSubmit, Site

READ_CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"


class Locators:
    """Everything that a changed page could break, in one place."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def me(self) -> Locator:
        return self._page.locator("#me b")

    def heading(self) -> Locator:
        return self._page.get_by_role("heading", level=2)

    def note(self) -> Locator:
        return self._page.locator(".note")

    def name(self) -> Locator:
        return self._page.get_by_label("Name")

    def word(self) -> Locator:
        return self._page.get_by_label("Secret word")

    def come_in(self) -> Locator:
        return self._page.get_by_role("button", name="Come in")

    def rows(self) -> Locator:
        return self._page.get_by_role("table").get_by_role("row").filter(has=self._page.get_by_role("cell"))

    def more_letters(self) -> Locator:
        return self._page.get_by_role("link", name="More letters")

    def answer(self) -> Locator:
        return self._page.get_by_label("Answer")

    def post_answer(self) -> Locator:
        return self._page.get_by_role("button", name="Post answer")

    def field(self, label: str) -> Locator:
        return self._page.get_by_label(label, exact=True)

    def put_up(self) -> Locator:
        return self._page.get_by_role("button", name="Put it up")


class NoticeBoard(Site):
    """The notice board. It shows no ids: a Thread is known by its sender, a Message by a hash of what it shows."""

    name: ClassVar[str] = "noticeboard"

    @property
    def find(self) -> Locators:
        """The locators of the page."""
        return Locators(self.page)

    async def whoami(self) -> str | None:
        """The name at the top of the page."""
        await self._open("/mail", signed_out_ok=True)
        shown = await self.find.me().all_inner_texts()
        return shown[0] if shown else None

    async def login(self, username: str, password: str) -> None:
        """Enter with name and secret word."""
        async with self.step("sign in", username):
            await self._open("/enter", signed_out_ok=True)
            await self.find.name().fill(username)
            await self.find.word().fill(password)
            await self._submit(self.find.come_in())
            if self._path == "/enter":
                said = await self.find.note().inner_text()
                raise NeedsPerson(
                    f'The password of account {username} was refused: "{said}"',
                    cure="Mend the account's secret, then resume the account.",
                    kind=ErrorKind.VALIDATION,
                )

    async def threads(self, since: datetime | None = None) -> AsyncIterator[ThreadSummary]:
        """One Thread per sender, past the paging."""
        path: str | None = "/mail"
        while path is not None:
            await self._open(path)
            rows = await self._cells()
            more = await self.find.more_letters().evaluate_all("links => links.map(link => link.getAttribute('href'))")
            for sender, when, begins, letters in rows:
                yield ThreadSummary(
                    remote_id=sender,
                    counterpart=sender,
                    listing_title=None,
                    # The number of letters belongs into what is compared: the time has minutes only.
                    excerpt=f"{begins} ({letters})",
                    last_at=_moment(when),
                    unread=0,
                    url=f"{self.base_url}/mail/{quote(sender)}",
                )
            path = more[0] if more else None

    async def messages(self, thread_id: str) -> list[RemoteMessage]:
        """All letters of one sender, and our answers."""
        await self._open(f"/mail/{quote(thread_id)}")
        return [
            RemoteMessage(
                remote_id=None,
                direction=Direction.INBOUND if who == thread_id else Direction.OUTBOUND,
                sender=who,
                text=text,
                sent_at=_moment(when),
            )
            for when, who, text in await self._cells()
        ]

    async def send(self, thread_id: str, text: str, *, before_submit: BeforeSubmit) -> RemoteMessage:
        """Answer in the form below the letters."""
        await self._open(f"/mail/{quote(thread_id)}")
        await self.find.answer().fill(text)
        await self._submit(self.find.post_answer(), before_submit)
        return (await self.find_message(thread_id, text))[-1]

    async def publish(self, listing: Listing, *, before_submit: BeforeSubmit) -> RemoteListing:
        """Put up a notice. The board takes no photos."""
        async with self.step("fill in details", listing.title):
            await self._open("/notices/new")
            await self.find.field("Reference").fill(listing.reference)
            await self.find.field("Heading").fill(listing.title)
            await self.find.field("Asking").fill(f"{listing.price_minor / 100:.2f} {listing.currency}")
            await self.find.field("Text").fill(listing.description)
        async with self.step("publish", listing.title):
            await self._submit(self.find.put_up(), before_submit)
            return (await self._shown(listing))[-1]

    async def find_listing(self, listing: Listing) -> list[RemoteListing]:
        """Own notices with this reference and heading."""
        await self._open("/notices")
        return await self._shown(listing)

    async def find_message(self, thread_id: str, text: str) -> list[RemoteMessage]:
        """Our answers with this text."""
        return [
            message
            for message in await self.messages(thread_id)
            if message.direction is Direction.OUTBOUND and message.text == text.strip()
        ]

    async def trouble(self, last_response: LastResponse | None) -> AttemptError | None:
        """The board knows two kinds: come back later, and enter again."""
        if "Come back later" in await self.find.heading().all_inner_texts():
            wait = last_response.headers.get("retry-after") if last_response else None
            return RateLimited("The board asks to come back later.", retry_after_s=float(wait) if wait else None)
        if self._path == "/enter":
            return SessionExpired("The board no longer knows this session.")
        if last_response is not None and last_response.status >= 500:
            return RetryLater(f"The board answers {last_response.status}.")
        return None

    @property
    def _path(self) -> str:
        return unquote(urlsplit(self.page.url).path)

    async def _cells(self) -> list[list[str]]:
        cells: list[list[str]] = await self.find.rows().evaluate_all(READ_CELLS)
        return cells

    async def _shown(self, listing: Listing) -> list[RemoteListing]:
        return [
            RemoteListing(remote_id=number, url=f"{self.base_url}/notices", reference=reference, title=heading)
            for number, reference, heading, _ in await self._cells()
            if (reference, heading) == (listing.reference, listing.title)
        ]

    async def _open(self, path: str, *, signed_out_ok: bool = False) -> None:
        response = await self.page.goto(self.base_url + path)
        await self._expect_good(response, signed_out_ok=signed_out_ok)

    async def _submit(self, button: Locator, before_submit: BeforeSubmit | None = None) -> None:
        """Click what leads to another page; nothing stands between `before_submit` and the click."""
        await button.click(trial=True)
        async with self.page.expect_navigation() as navigation:
            if before_submit is not None:
                await before_submit()
            await button.click(no_wait_after=True)
        await self._expect_good(await navigation.value, signed_out_ok=True)

    async def _expect_good(self, response: Response | None, *, signed_out_ok: bool) -> None:
        status = response.status if response else 200
        if status == 400:
            raise Rejected(f'The board refused it: "{await self.find.note().inner_text()}"')
        if status == 404:
            raise Rejected(f"The board has no {self._path}.")
        if signed_out_ok and status < 400:
            return
        last = LastResponse(url=self.page.url, status=status, headers=response.headers if response else {})
        trouble = await self.trouble(last)
        if trouble is not None:
            raise trouble


def _moment(when: str) -> datetime:
    return datetime.strptime(when, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
