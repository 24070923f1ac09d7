"""What a page need not load: fonts, media, pictures, stopped inside the browser by the endings of their addresses.

By CDP, never by `page.route`: a route has Chromium ask the driver about every request, and read nothing from its cache.
A page with four fonts and a film takes 48 ms of processor instead of 103, and 52 instead of 78 when all is cached. But
Chromium tells of every request then, which costs a page that has nothing of the kind 5 to 20 ms: so nothing is blocked
unless somebody says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page


class Kind(StrEnum):
    """What may be blocked."""

    FONTS = "fonts"
    MEDIA = "media"  # film and sound
    IMAGES = "images"  # they are missing on every picture that is kept, and so is the one of a captcha


ENDINGS = {
    Kind.FONTS: ("woff2", "woff", "ttf", "otf", "eot"),
    Kind.MEDIA: ("mp4", "m4v", "webm", "mov", "m3u8", "mpd", "mp3", "m4a", "aac", "ogg", "oga", "ogv", "wav", "flac"),
    Kind.IMAGES: ("jpg", "jpeg", "png", "gif", "webp", "avif", "bmp"),
}


class Blocking:
    """Keeps one page from loading these kinds."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._endings = tuple(f".{ending}" for kind in kinds for ending in ENDINGS[kind])

    def stops(self, url: str) -> bool:
        """Whether a request for this address is stopped by us: then nothing is wrong that it failed."""
        return bool(self._endings) and urlsplit(url).path.endswith(self._endings)

    async def attach(self, context: BrowserContext, page: Page) -> None:
        """Begin; it ends with the page."""
        if not self._endings:
            return
        cdp = await context.new_cdp_session(page)
        # No body is kept for anybody who might ask for it: nobody does.
        await cdp.send("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0})
        urls = [pattern for ending in self._endings for pattern in (f"*{ending}", f"*{ending}?*")]
        await cdp.send("Network.setBlockedURLs", {"urls": urls})
