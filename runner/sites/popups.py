"""Pop-ups are dismissed wherever they appear, by Playwright's locator handlers, and counted; they never fail a Flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from runner.sites.interface import Popup

TRIES = 3
TRY_TIMEOUT_S = 1.0
"""A click on something that nothing covers takes milliseconds; all tries together stay below an action's timeout."""

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
        return _Dismiss(popup, [other for other in self._popups if other is not popup], self.dismissed)


class _Dismiss:
    """Clicks a pop-up away. An error must not leave the handler: it would surface in nobody's task.

    Playwright runs no other handler meanwhile, so when another pop-up comes to lie over this one, in mid-click, it is
    dismissed here too.
    """

    def __init__(self, popup: Popup, others: Sequence[Popup], dismissed: Counter[str]) -> None:
        self._popup = popup
        self._others = others
        self._dismissed = dismissed

    async def __call__(self, _: Locator) -> None:
        for _try in range(TRIES):
            if await self._clicked(self._popup):
                return
            for other in self._others:
                if await self._shows(other):
                    await self._clicked(other)

    async def _clicked(self, popup: Popup) -> bool:
        try:
            await popup.dismiss.click(timeout=TRY_TIMEOUT_S * 1000)
        except PlaywrightError as error:
            # It may have gone by itself, or stay: then Playwright asks again before the next action.
            log.info("popup_stayed", popup=popup.name, error=error.message.partition("\n")[0])
            return False
        self._dismissed[popup.name] += 1
        log.info("popup_dismissed", popup=popup.name)
        return True

    async def _shows(self, popup: Popup) -> bool:
        try:
            return await popup.locator.is_visible()
        except PlaywrightError as error:
            log.info("popup_not_readable", popup=popup.name, error=error.message.partition("\n")[0])
            return False
