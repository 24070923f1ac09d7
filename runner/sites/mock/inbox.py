"""The inbox, its threads, and the reply form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response

from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from runner.errors import AttemptError, ErrorKind, NeedsPerson, Rejected, RetryLater, SiteChanged
from runner.sites.interface import BeforeSubmit
from runner.sites.mock import locators, troubles
from runner.sites.mock.browsing import ANSWER_S, Browsing, last_response

MOST_ROUNDS = 3
DRAWN_S = 2.0
"""So long one question waits for a Thread to be drawn; what takes longer is waited for by locators, which say why."""
GRACE_S = 1.0


async def threads(browsing: Browsing, since: datetime | None, *, fast: bool = False) -> AsyncIterator[ThreadSummary]:
    """Every Thread once, newest first; `fast` without opening a page that is not open already.

    A Message that arrives meanwhile moves its Thread to the first page, where it may slip past: when fewer were seen
    than the Site counts, the pages are read again.
    """
    seen: set[str] = set()
    for _ in range(MOST_ROUNDS):
        path: str | None = locators.INBOX_PATH
        total = 0
        while path is not None:
            total, rows, path = await (_fetched_inbox_page if fast else _inbox_page)(browsing, path)
            for row in rows:
                if row.remote_id not in seen:
                    seen.add(row.remote_id)
                    if since is None or row.last_at is None or row.last_at >= since:
                        yield row
            if since is not None and rows and all(row.last_at and row.last_at < since for row in rows):
                return
        if len(seen) >= total:
            return


async def messages(browsing: Browsing, thread_id: str) -> list[RemoteMessage]:
    """All Messages of a Thread, once the page's script has drawn them."""
    return await _open_thread(browsing, thread_id)


async def messages_anew(browsing: Browsing, thread_id: str) -> list[RemoteMessage]:
    """What the page's own script would draw now; what is typed in the page stays as it is."""
    last, body = await browsing.fetched_log(thread_id, limit_s=2 * ANSWER_S)
    if last.status != 200:
        raise RetryLater(f"The site answers {last.status} when thread {thread_id} is read again before sending.")
    return [_message(row) for row in body["messages"]]


async def fast_messages(browsing: Browsing, thread_id: str) -> list[RemoteMessage]:
    """All Messages of a Thread, from where its page's script has them; no page is opened. Raises what came instead."""
    last, body = await browsing.fetched_log(thread_id)
    trouble = troubles.of_answer(last, body)
    if trouble is not None:
        raise trouble
    try:
        return [_message(row) for row in body["messages"]]
    except (KeyError, TypeError, ValueError) as error:
        what = f"The site answers {last.status} and tells the messages of thread {thread_id} in another form."
        raise SiteChanged(what) from error


async def send(browsing: Browsing, thread_id: str, text: str, before_submit: BeforeSubmit) -> RemoteMessage:
    """Write and send a reply, and return it as the log shows it."""
    find = browsing.find
    before = {message.remote_id for message in await _opened(browsing, thread_id)}
    await find.reply().fill(text)
    button = find.send()
    await button.click(trial=True)
    async with browsing.answers() as answers:
        await before_submit()
        await button.click()
        await browsing.first_of(find.sent(), find.main_alert(), late="The site did not confirm the message in time.")
        if await find.sent().count() == 0:
            await browsing.raise_trouble()
            raise await _refusal(browsing, answers)
    new = [
        message
        for message in await _drawn(browsing) or []
        if message.direction is Direction.OUTBOUND and message.remote_id not in before
    ]
    if not new:
        raise RetryLater("The site says that the message was sent, but does not show it.")
    return new[-1]


def as_shown(text: str) -> str:
    """A text as the Site stores it: unix line ends, no white space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


async def _inbox_page(browsing: Browsing, path: str) -> tuple[int, list[ThreadSummary], str | None]:
    """How many Threads there are in all, those of this page, and the path of the next one."""
    await browsing.open(path, reuse=True)
    read = await browsing.read("threads", "next")
    if read["threads"] is None:
        await browsing.find.threads().wait_for(state="attached")  # raises, and names what is missing
        read = await browsing.read("threads", "next")
    return _listed(browsing, path, read)


async def _fetched_inbox_page(browsing: Browsing, path: str) -> tuple[int, list[ThreadSummary], str | None]:
    if browsing.take_unused(path):
        read = await browsing.read("threads", "next")
        if read["threads"] is None:
            raise SiteChanged("The inbox has no list of threads.")
    else:
        read = await browsing.fetched(path, "threads", "next")
    return _listed(browsing, path, read)


def _listed(browsing: Browsing, path: str, read: dict[str, Any]) -> tuple[int, list[ThreadSummary], str | None]:
    rows = [_summary(browsing, row) for row in read["threads"]["rows"]]
    return read["threads"]["total"], rows, browsing.next_path(path, read["next"])


def _summary(browsing: Browsing, row: dict[str, Any]) -> ThreadSummary:
    return ThreadSummary(
        remote_id=row["id"],
        counterpart=row["counterpart"],
        listing_title=row["listing"] or None,
        excerpt=row["excerpt"],
        last_at=_moment(row["lastAt"]),
        unread=row["unread"],
        url=f"{browsing.base_url}{locators.THREAD_PATH}{row['id']}",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


async def _opened(browsing: Browsing, thread_id: str) -> list[RemoteMessage]:
    """The Messages of a Thread, from the page that is open when it is that Thread's."""
    if browsing.loaded and browsing.path == locators.THREAD_PATH + thread_id:
        drawn = await _drawn(browsing)
        if drawn is not None:
            return drawn
    return await _open_thread(browsing, thread_id)


async def _open_thread(browsing: Browsing, thread_id: str) -> list[RemoteMessage]:
    await browsing.open(locators.THREAD_PATH + thread_id)
    at_once = await _drawn_at_once(browsing)
    if at_once is not None:
        return at_once
    find = browsing.find
    try:
        late = f"The messages of thread {thread_id} did not load in time."
        await browsing.first_of(find.drawn_log(), find.main_alert(), late=late)
    except RetryLater:
        # When it stays busy the site is slow; when the log itself is missing the page has changed, and this names it.
        if await find.log().count() == 0:
            await find.log().wait_for(state="attached", timeout=1)
        raise
    drawn = await _drawn(browsing)
    if drawn is None:
        await browsing.raise_trouble()
        said = " ".join(await find.main_alert().all_inner_texts())
        raise RetryLater(f'The site says in thread {thread_id}: "{said}"')
    return drawn


async def _drawn(browsing: Browsing) -> list[RemoteMessage] | None:
    """The Messages in the log; None while its script has not drawn them."""
    rows = (await browsing.read("log"))["log"]
    return None if rows is None else [_message(row) for row in rows]


async def _drawn_at_once(browsing: Browsing) -> list[RemoteMessage] | None:
    """The Messages as soon as they are drawn, in one question; None where a closer look is needed."""
    try:
        async with asyncio.timeout(DRAWN_S + GRACE_S):
            rows: list[dict[str, Any]] | None = await browsing.page.evaluate(locators.DRAWN_LOG, DRAWN_S * 1000)
    except (PlaywrightError, TimeoutError):
        return None  # led elsewhere meanwhile, hung or gone: the closer look says which
    return None if rows is None else [_message(row) for row in rows]


def _message(row: dict[str, Any]) -> RemoteMessage:
    return RemoteMessage(
        remote_id=row["id"],
        direction=Direction.OUTBOUND if row["direction"] == "out" else Direction.INBOUND,
        sender=row["sender"],
        text=row["text"],
        sent_at=_moment(row["at"]),
    )


async def _refusal(browsing: Browsing, answers: list[Response]) -> AttemptError:
    """What the alert beside the reply form means: the Site's words, and the answer that its script got."""
    said = " ".join(await browsing.find.main_alert().all_inner_texts()).strip()
    answer = answers[-1] if answers else None
    if answer is None:
        return RetryLater(f'The connection broke while sending; the site\'s page says: "{said}"')
    if answer.status in (400, 413, 422):
        return Rejected(f'The site refused the message: "{said}"', cure="Change the text.")
    if answer.status == 403:
        return await _forbidden(answer, said)
    known = troubles.by_status(last_response(answer))
    return known or SiteChanged(f'The site answered {answer.status} and says: "{said}"', cure="Look at the screenshot.")


async def _forbidden(answer: Response, said: str) -> AttemptError:
    try:
        error = (await answer.json()).get("error")
    except (PlaywrightError, ValueError):
        error = None
    kind = ErrorKind.ACCOUNT_LOCKED if error == "locked" else ErrorKind.CHALLENGE
    return NeedsPerson(
        f'The site does not let this account send: "{said}"', cure="Look at the account by hand.", kind=kind
    )
