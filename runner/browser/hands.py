"""A person's hands on a page: clicks, keys and the wheel in the page's own coordinates, each with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import math

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request

from runner.browser import deadlines
from runner.browser.deadlines import Gone
from runner.errors import Rejected

KEYS = frozenset(
    {
        *("Enter", "Tab", "Shift+Tab", "Escape", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown"),
        *("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Control+A", "Control+Z"),
    }
)
"""Keys that carry no text: what they are may be written down, which a letter of a password may not."""
QUIET_S = 0.3
"""A click may take a moment before it makes the page ask for another."""
LONGEST_TEXT = 2000
FARTHEST_PX = 10_000


class Hands:
    """What a person can do to one page; every call raises RetryLater when the page does not take it in time."""

    def __init__(self, page: Page, *, action_s: float, navigation_s: float, gone: Gone) -> None:
        self._page = page
        self._under_way: set[Request] = set()
        self._begun = 0
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_arrived)
        page.on("requestfailed", self._on_arrived)
        self._action_s, self._navigation_s, self._gone = action_s, navigation_s, gone

    async def click(self, x: float, y: float, *, times: int = 1) -> None:
        """Click at a place, CSS pixels from the page's upper left corner as it is shown.

        `times` 2 is the second click at the same place, the one that makes a double click of two.
        """

        async def click() -> None:
            await self._page.mouse.move(_near(x), _near(y))
            await self._page.mouse.down(click_count=times)
            await self._page.mouse.up(click_count=times)

        await deadlines.within(self._action_s, click(), "clicking", gone=self._gone)

    async def wheel(self, x: float, y: float, dx: float, dy: float) -> None:
        """Turn the wheel over a place."""

        async def turn() -> None:
            await self._page.mouse.move(_near(x), _near(y))
            await self._page.mouse.wheel(_near(dx), _near(dy))

        await deadlines.within(self._action_s, turn(), "scrolling", gone=self._gone)

    async def type_text(self, text: str) -> None:
        """Type into whatever has the focus, key by key, as a keyboard does."""
        if len(text) > LONGEST_TEXT:
            raise Rejected(f"That are {len(text)} characters; at most {LONGEST_TEXT} are typed at once.")
        longest_s = self._action_s + len(text) * 0.05
        await deadlines.within(longest_s, self._page.keyboard.type(text), "typing", gone=self._gone)

    async def press(self, key: str) -> None:
        """Press one of KEYS."""
        if key not in KEYS:
            raise Rejected("There is no such key here.", cure=f"There are: {', '.join(sorted(KEYS))}.")
        await deadlines.within(self._action_s, self._page.keyboard.press(key), "pressing a key", gone=self._gone)

    async def back(self) -> None:
        """Go back to the page before."""
        going = self._page.go_back(wait_until="commit", timeout=self._navigation_s * 1000)
        try:
            await deadlines.within(self._navigation_s + 1, going, "going back", gone=self._gone)
        except PlaywrightError as error:
            raise Rejected(f"The page did not go back: {str(error).splitlines()[0]}") from error

    async def settle(self) -> None:
        """Wait until the page that a person has asked for is there: it would cross what a Flow asks for next."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._navigation_s):
                while not self._gone.is_set():
                    begun = self._begun
                    await asyncio.sleep(QUIET_S)
                    if not self._under_way and begun == self._begun:
                        return

    def _on_arrived(self, request: Request) -> None:
        self._under_way.discard(request)

    def _on_request(self, request: Request) -> None:
        if request.service_worker is not None or not request.is_navigation_request():
            return
        with contextlib.suppress(PlaywrightError):  # the first request of another window, which is not ours
            if request.frame == self._page.main_frame:
                self._under_way.add(request)
                self._begun += 1


def _near(value: float) -> float:
    """A number that a page can make something of."""
    return max(-FARTHEST_PX, min(FARTHEST_PX, value)) if math.isfinite(value) else 0.0
