"""Reading an inbox: by the page's own requests where nobody needs to see pages, and otherwise on pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from playwright.async_api import Error as PlaywrightError

from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.errors import AttemptError, RateLimited
from runner.sites.interface import Site

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass
class Reading:
    """Reads one inbox. `may_be_fast` is asked before every read.

    What goes wrong in a fast read is never the end of it: the same is read on a page, so that what is wrong is seen
    there, and every later read is on pages too.
    """

    site: Site
    may_be_fast: Callable[[], bool]
    failed: bool = False
    """Whether a fast read has failed: then there are no more of them."""

    async def threads(self) -> list[ThreadSummary]:
        """All Threads of the inbox, newest first."""
        return await self._read(
            "threads", lambda: _all(self.site.threads_fast()), lambda: _all(self.site.threads()), shown=False
        )

    async def messages(self, thread_id: str, *, shown: bool) -> list[RemoteMessage]:
        """All Messages of one Thread, the oldest first; with `shown` its page is open afterwards."""
        return await self._read(
            f"thread {thread_id}",
            lambda: self.site.messages_fast(thread_id),
            lambda: self.site.messages(thread_id),
            shown=shown,
        )

    async def _read(
        self, what: str, fast: Callable[[], Awaitable[T]], on_a_page: Callable[[], Awaitable[T]], *, shown: bool
    ) -> T:
        if shown or self.failed or not self.site.fast_reads or not self.may_be_fast():
            return await on_a_page()
        try:
            return await fast()
        except (AttemptError, PlaywrightError, TimeoutError) as problem:
            self.failed = True
            log.info("read_on_a_page_instead", what=what, reason=str(problem).partition("\n")[0])
            found = await on_a_page()
            if isinstance(problem, RateLimited):
                raise  # it was seen well just now, and yet the Site has asked us to wait
            return found


async def _all(threads: AsyncIterator[ThreadSummary]) -> list[ThreadSummary]:
    return [summary async for summary in threads]
