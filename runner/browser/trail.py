"""The trail of an Attempt: what each of its last Steps left behind, kept in memory until something fails.

The page's HTML at the end of a Step costs nothing that can be measured (bench/), and the last picture is there already:
so both are kept while all goes well, and thrown away when it went well. A JPEG per Step costs a tenth of the processor:
it is taken only where something has failed before, or where somebody is debugging.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from runner.browser import masks
from runner.browser.deadlines import Gone
from runner.browser.last_picture import LastPicture

MOST_STEPS = 20
MOST_HTML = 500_000
MOST_HTML_IN_ALL = 4_000_000
"""In characters; a page that is longer is cut off, and the oldest pages go first."""
HTML = """most => {
  const type = document.doctype ? new XMLSerializer().serializeToString(document.doctype) : "";
  return (type + document.documentElement.outerHTML).slice(0, most);
}"""
# Not `page.content()`: that one puts a script of Playwright's own into each new page, which costs 27 ms of processor.
HTML_S = 0.5
PICTURE_S = 1.5
"""How long a Step may wait for its page; one that does not answer has left nothing."""
JPEG_QUALITY = 40
FOLDER = "steps"


@dataclass(kw_only=True)
class Left:
    """What one Step left behind; `picture_at` is the moment that its picture shows."""

    ordinal: int
    name: str
    url: str
    html: str | None = None
    picture: bytes | None = None
    picture_at: datetime | None = None

    @property
    def stem(self) -> str:
        """The name of its files, without an ending: `03-read-thread`."""
        words = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:40]
        return f"{self.ordinal:02d}-{words or 'step'}"


class Trail:
    """Keeps what the Steps of one Attempt leave behind, from `begin` on, and nothing while it is `paused`."""

    def __init__(self, page: Page, *, picture: LastPicture, gone: Gone) -> None:
        self._page, self._picture, self._gone = page, picture, gone
        self._left: deque[Left] = deque(maxlen=MOST_STEPS)
        self._keeps = False
        self._secrets: Sequence[str] | None = None
        self._pauses = 0

    def begin(self, *, pictures_without: Sequence[str] | None = None) -> None:
        """Forget the last Attempt, and keep from here on; a picture per Step where its secrets are given."""
        self._left.clear()
        self._keeps = True
        self._secrets = pictures_without

    def end(self) -> None:
        """Keep nothing more, and forget what was kept."""
        self._left.clear()
        self._keeps = False

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Keep nothing inside: a password is typed there."""
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1

    async def leave(self, ordinal: int, name: str, began: datetime) -> None:
        """Keep what the page shows at the end of a Step. Never raises but a cancellation, and never takes long."""
        if not self._keeps or self._pauses or self._gone.is_set():
            return
        left = Left(ordinal=ordinal, name=name, url=self._page.url)
        left.html = await self._html()
        if self._secrets is not None:
            left.picture, left.picture_at = await self._jpeg(self._secrets), None
        seen = self._picture.latest
        if left.picture is None and seen is not None and seen.at >= began:
            left.picture, left.picture_at = seen.jpeg, seen.at
        self._left.append(left)
        self._bound()

    def write(self, folder: Path, clean: Callable[[str], str]) -> list[str]:
        """Write all that is kept below `folder`, cleaned; the names of the files, in the order of the Steps."""
        written: list[str] = []
        place = folder / FOLDER
        for left in list(self._left):
            place.mkdir(parents=True, exist_ok=True)
            if left.html is not None:
                (place / f"{left.stem}.html").write_text(
                    masks.lifeless(clean(masks.without_passwords(left.html))), encoding="utf-8", errors="replace"
                )
                written.append(f"{left.stem}.html")
            if left.picture is not None:
                (place / f"{left.stem}.jpg").write_bytes(left.picture)
                written.append(f"{left.stem}.jpg")
        return written

    async def _html(self) -> str | None:
        try:
            async with asyncio.timeout(HTML_S):
                html: str = await self._page.evaluate(HTML, MOST_HTML)
                return html
        except (PlaywrightError, TimeoutError):
            return None  # in mid-navigation, hung or gone: whatever is wrong shows in the next Step

    async def _jpeg(self, secrets: Sequence[str]) -> bytes | None:
        try:
            async with asyncio.timeout(PICTURE_S), masks.marked(self._page, secrets) as locators:
                return await self._page.screenshot(
                    type="jpeg", quality=JPEG_QUALITY, mask=locators, caret="initial", timeout=PICTURE_S * 1000
                )
        except (PlaywrightError, TimeoutError):
            return None

    def _bound(self) -> None:
        spare = MOST_HTML_IN_ALL
        for left in reversed(self._left):
            spare -= len(left.html or "")
            if spare < 0:
                left.html = None
