"""Page loads counted: before the page goes to another address, somebody is asked whether there is room for it.

Only where a limit is set: a route has Chromium ask the driver about every request, and read nothing from its cache.
One navigation counts once, with all its redirects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Route

from runner.errors import RunnerError

log = structlog.get_logger(__name__)

Over = Callable[[bool], Awaitable[None]]
"""Says that a page load is over, and whether its answer was seen."""

Reserve = Callable[[], Awaitable[Over]]
"""Reserves a page load and returns what says that it is over. Raises what the Attempt is to end with."""

Says = Callable[[], bool]


class PageLoads:
    """What stands before the navigations of one page. `refused` is why the first was not let go; None: all were."""

    def __init__(self, page: Page, reserve: Reserve, *, exempt: Says, compelled: Says) -> None:
        self._page, self._reserve = page, reserve
        self._exempt, self._compelled = exempt, compelled
        self._under_way: dict[Request, Over] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.refused: RunnerError | None = None

    async def handle(self, route: Route) -> None:
        """Let a request go on, or refuse a navigation for which there is no room."""
        request = route.request
        if self._counts(request):
            try:
                self._under_way[request] = await self._reserve()
            except RunnerError as problem:
                if self._compelled():
                    log.warning("a page load that could not be helped is not counted", reason=problem.what)
                    await _quietly(route.fallback())
                    return
                self.refused = self.refused or problem
                await _quietly(route.abort("blockedbyclient"))
                return
        await _quietly(route.fallback())

    def over(self, request: Request, *, answered: bool) -> None:
        """The Site has noted it by now, or never will; where nobody has seen an answer, soon."""
        over = self._under_way.pop(request, None)
        if over is not None:
            task = asyncio.ensure_future(over(answered))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def end(self) -> None:
        """What is still under way is over when nobody waits for it any more."""
        for request in list(self._under_way):
            self.over(request, answered=False)
        for ended in await asyncio.gather(*self._ending, return_exceptions=True):
            if isinstance(ended, BaseException):
                log.warning("a page load could not be noted as over", error=str(ended))

    def _counts(self, request: Request) -> bool:
        if self._exempt() or not request.is_navigation_request():
            return False
        try:
            return bool(request.frame == self._page.main_frame)
        except PlaywrightError:
            return False


@asynccontextmanager
async def counted(page: Page, reserve: Reserve, *, exempt: Says, compelled: Says) -> AsyncIterator[PageLoads]:
    """Ask before every navigation of the page's main frame while the body runs.

    `exempt` says when nobody is asked, `compelled` when it is let go whatever the answer.
    """
    loads = PageLoads(page, reserve, exempt=exempt, compelled=compelled)

    def finished(request: Request) -> None:
        loads.over(request, answered=True)

    def failed(request: Request) -> None:
        loads.over(request, answered=False)

    await page.route("**/*", loads.handle)
    page.on("requestfinished", finished)
    page.on("requestfailed", failed)
    try:
        yield loads
    finally:
        page.remove_listener("requestfinished", finished)
        page.remove_listener("requestfailed", failed)
        await _quietly(page.unroute("**/*", loads.handle))
        await loads.end()


async def _quietly(answering: Awaitable[None]) -> None:
    """Answer a request whose page may be gone by now: then nobody waits for the answer."""
    try:
        await answering
    except PlaywrightError as gone:
        log.debug("nobody waits for the answer any more", error=gone.message.splitlines()[0])
