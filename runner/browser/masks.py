"""What of a page is painted over in a screenshot, or left out of its HTML: passwords, and what shows a known secret."""

from __future__ import annotations

import contextlib
import re
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


# As Playwright looks for a text, whatever its case and white space. What cannot be looked into may hold anything.
_NEEDED = """secrets => {
  const plain = text => text.replace(/[\\u200b\\u00ad]/g, '').replace(/\\s+/g, ' ').toLowerCase();
  if (document.querySelector('input[type=password], iframe, frame, object, embed')) return true;
  const all = [...document.querySelectorAll('*')];
  if (all.some(each => each.shadowRoot)) return true;
  const said = [document.documentElement, ...document.querySelectorAll('input, textarea, select')]
    .map(each => plain(each.value ?? each.textContent));
  return secrets.map(each => plain(each).trim()).some(secret => said.some(text => text.includes(secret)));
}"""


async def needed(page: Page, secrets: Sequence[str]) -> bool:
    """Whether anything may have to be painted over, by one question: looking for it by locators costs far more."""
    telling = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    return len(page.frames) > 1 or bool(await page.evaluate(_NEEDED, telling))


_INPUT = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_IS_PASSWORD = re.compile(r"""\btype\s*=\s*["']?password\b""", re.IGNORECASE)
_VALUE = re.compile(r"""\svalue\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)


_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_LIFELESS = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'


def lifeless(html: str) -> str:
    """The page so that whoever opens its file runs no script of it and asks nobody for anything."""
    doctype = _DOCTYPE.match(html)
    start = doctype.end() if doctype else 0
    return f"{html[:start]}{_LIFELESS}{html[start:]}"


def without_passwords(html: str) -> str:
    """The page with the values of its password fields removed."""

    def clean(found: re.Match[str]) -> str:
        tag = found.group(0)
        return _VALUE.sub("", tag) if _IS_PASSWORD.search(tag) else tag

    return _INPUT.sub(clean, html)
