"""Pop-ups are dismissed wherever they appear, by Playwright's locator handlers, and counted; they never fail a Flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from runner.sites.interface import Popup

DISMISS_TIMEOUT_S = 3.0

log = structlog.get_logger(__name__)


class PopupWatch:
    """While it is open, every pop-up that stands in the way of an action on the page is dismissed.

    Playwright asks for pop-ups before each click, fill or check, and never while a page is only read, where they do
    no harm. The order of `popups` is the order of dismissal: what lies on top comes first.
    """

    def __init__(self, page: Page, popups: Sequence[Popup]) -> None:
        self._page = page
        self._popups = popups
        self.dismissed: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many pop-ups were dismissed so far."""
        return self.dismissed.total()

    async def __aenter__(self) -> PopupWatch:
        for popup in self._popups:
            await self._page.add_locator_handler(popup.locator, self._handler(popup))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for popup in self._popups:
                await self._page.remove_locator_handler(popup.locator)
        except PlaywrightError as gone:
            # A page that died took its handlers with it; the Attempt's own error says so.
            log.debug("popup_handlers_gone", error=gone.message.splitlines()[0])

    def _handler(self, popup: Popup) -> _Dismiss:
        return _Dismiss(popup, self.dismissed)


class _Dismiss:
    """Clicks a pop-up away. An error must not leave the handler: it would surface in nobody's task."""

    def __init__(self, popup: Popup, dismissed: Counter[str]) -> None:
        self._popup = popup
        self._dismissed = dismissed

    async def __call__(self, _: Locator) -> None:
        try:
            await self._popup.dismiss.click(timeout=DISMISS_TIMEOUT_S * 1000)
        except PlaywrightError as error:
            # It may have gone by itself, or lie under another pop-up: Playwright asks again before the next action.
            log.info("popup_stayed", popup=self._popup.name, error=error.message.splitlines()[0])
            return
        self._dismissed[self._popup.name] += 1
        log.info("popup_dismissed", popup=self._popup.name)
