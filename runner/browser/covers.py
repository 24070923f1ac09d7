"""Where a live picture is painted over: fields into which passwords are typed, and whatever shows a known secret.

The page is asked in an isolated world: what runs there is not seen by the page's own scripts, nor can they change what
it finds. A field counts for as long as the document lives, however often "show the password" turns it into a plain one.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw
from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

from runner.logs import SHORTEST_SECRET

ANSWER_S = 0.7
"""A page that has not answered by then hangs: nothing is typed into it, and the places known last still hold."""
PAINT = (70, 70, 78)
QUALITY = 70

_PLACES = """(secrets) => {
  const seen = globalThis.passwordFields ??= new WeakSet();
  const tells = text => secrets.some(secret => text.includes(secret));
  const places = [];
  const place = (element, dx, dy) => {
    const box = element.getBoundingClientRect();
    if (box.width && box.height) places.push([box.left + dx, box.top + dy, box.width, box.height]);
  };
  let shown = false;
  const look = (root, dx, dy) => {
    for (const element of root.querySelectorAll('*')) {
      const name = element.localName;
      if (name === 'input' || name === 'textarea') {
        if (element.type === 'password') seen.add(element);
        const here = element.getRootNode().activeElement === element;
        if ((seen.has(element) && (here || element.value)) || tells(element.value)) place(element, dx, dy);
      } else if (name === 'iframe' || name === 'frame') {
        const box = element.getBoundingClientRect();
        let inner = null;
        try { inner = element.contentDocument } catch { }
        if (inner) look(inner, dx + box.left + element.clientLeft, dy + box.top + element.clientTop);
        else if (document.activeElement === element) place(element, dx, dy);  // of another origin: nobody can look in
      }
      if (element.shadowRoot) look(element.shadowRoot, dx, dy);
    }
    if (root.body && tells(root.body.textContent)) shown = true;
  };
  look(document, 0, 0);
  return { places, shown };
}"""

Place = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Rectangles to be painted over (left, top, width, height in CSS pixels); `shown`: a secret stands in the text."""

    places: tuple[Place, ...] = ()
    shown: bool = False


class Covers:
    """Asks one page, again for every picture, what of it must not be seen."""

    def __init__(self, cdp: CDPSession, secrets: Callable[[], Sequence[str]]) -> None:
        self._cdp = cdp
        self._secrets = secrets
        self._world: int | None = None
        self._last = Found()

    async def find(self) -> Found | None:
        """What is to be covered now and a moment ago; None when the page changes this very moment."""
        before = self._last
        try:
            async with asyncio.timeout(ANSWER_S):
                self._last = await self._asked()
        except TimeoutError:
            return before
        except PlaywrightError:
            self._world = None
            return None
        # The picture was taken between two looks, and the page may have been scrolled in that time.
        places = tuple(dict.fromkeys((*before.places, *self._last.places))) if self._last.places else ()
        return Found(places=places, shown=before.shown or self._last.shown)

    async def _asked(self) -> Found:
        try:
            return await self._ask()
        except PlaywrightError:
            self._world = None  # the document that it belonged to is gone: once more, in the new one
            return await self._ask()

    async def _ask(self) -> Found:
        if self._world is None:
            tree = await self._cdp.send("Page.getFrameTree")
            made = await self._cdp.send(
                "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "runner"}
            )
            self._world = made["executionContextId"]
        telling = [secret for secret in self._secrets() if len(secret) >= SHORTEST_SECRET]
        answer: dict[str, Any] = await self._cdp.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": _PLACES,
                "executionContextId": self._world,
                "arguments": [{"value": telling}],
                "returnByValue": True,
            },
        )
        found = answer["result"].get("value") or {}
        places = tuple((x, y, w, h) for x, y, w, h in found.get("places", ()))
        return Found(places=places, shown=bool(found.get("shown")))


def painted_over(jpeg: bytes, places: Sequence[Place], *, page_width: float) -> bytes:
    """The picture with these places of the page painted over."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    scale = image.width / page_width
    draw = ImageDraw.Draw(image)
    for left, top, width, height in places:
        draw.rectangle([left * scale, top * scale, (left + width) * scale, (top + height) * scale], fill=PAINT)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
