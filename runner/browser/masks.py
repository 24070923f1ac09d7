"""Which parts of a page are painted over in a screenshot: password fields, and whatever shows a known secret."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from runner.logs import SHORTEST_SECRET

MARK = "data-runner-masked"
MOST_FRAMES = 20

# What is typed into a field is in no attribute that a locator could match, so these fields carry a mark for a moment.
_MARK_FIELDS = f"""secrets => {{
  for (const field of document.querySelectorAll('input, textarea, select'))
    if (secrets.some(secret => field.value.includes(secret))) field.setAttribute('{MARK}', '')
}}"""
_UNMARK_FIELDS = f"""() => document.querySelectorAll('[{MARK}]').forEach(field => field.removeAttribute('{MARK}'))"""


@contextlib.asynccontextmanager
async def marked(page: Page, secrets: Sequence[str]) -> AsyncIterator[list[Locator]]:
    """The locators to mask, in all frames; the page is as before when the body ends."""
    telling = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    frames = page.frames[:MOST_FRAMES]
    masks = [frame.locator(f"input[type=password], [{MARK}]") for frame in frames]
    masks += [frame.get_by_text(secret) for frame in frames for secret in telling]
    if not telling:
        yield masks
        return
    for frame in frames:
        await frame.evaluate(_MARK_FIELDS, telling)
    try:
        yield masks
    finally:
        for frame in frames:
            # A frame that went meanwhile took its marks along.
            with contextlib.suppress(PlaywrightError):
                await frame.evaluate(_UNMARK_FIELDS)
