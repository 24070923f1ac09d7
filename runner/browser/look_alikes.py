"""What a page has instead of an element that is missing: those that are most like it, for the person who mends it.

The locator is read from Playwright's own words for it (`get_by_role("button", name="Send")`), the page from its aria
snapshot: one question, answered with the names that Playwright itself would match.
"""

from __future__ import annotations

import ast
import asyncio
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

MOST = 5
MOST_OF_KIND = 12
MOST_ELEMENTS = 3_000
LONGEST = 120
LIKE = 0.55
"""Less alike than this, an element of another kind is not worth showing."""
FIELDS = frozenset(
    {"textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "spinbutton", "slider", "switch"}
)

_LINE = re.compile(r"""^\s*-\s*'?(?P<role>[a-z]+)(?:\s+(?P<name>"(?:[^"\\]|\\.)*"))?[^:]*:?\s*(?P<text>.*?)'?$""")
_TOKEN = re.compile(r"[#.]?[A-Za-z][\w-]*")
_MARKS = f"""() => {{
  const found = new Map();
  for (const element of [...document.querySelectorAll('body *')].slice(0, {MOST_ELEMENTS})) {{
    const tag = element.tagName.toLowerCase();
    if (element.id) found.set('#' + element.id, tag);
    for (const name of element.classList) found.set('.' + name, tag);
    for (const name of element.getAttributeNames()) if (name.startsWith('data-')) found.set('[' + name + ']', tag);
  }}
  return [...found];
}}"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a locator asks for: by role, label, text … or `css`, and any of these names."""

    by: str
    role: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """An element that is on the page; `likeness` from 0 to 1, `same_role` where it is of the kind that was wanted."""

    role: str
    name: str
    likeness: float
    same_role: bool


async def find(page: Page, locator: str, within_s: float) -> list[LookAlike]:
    """What is on the page and most like a missing element, the likest first. Raises what Playwright raises."""
    wanted = read(locator)
    async with asyncio.timeout(within_s):
        if any(each.by != "css" for each in wanted):
            seen = elements(await page.locator("body").aria_snapshot(timeout=within_s * 1000))
        else:
            marks: list[list[str]] = await page.evaluate(_MARKS)
            seen = [(tag, mark) for mark, tag in marks]
    return ranked(wanted, seen)


def read(locator: str) -> list[Wanted]:
    """What a locator asks for, from the words in which an error names it; [] for words of another kind."""
    try:
        return list(_chain(ast.parse(locator, mode="eval").body))
    except (SyntaxError, ValueError):
        return []


def elements(snapshot: str) -> list[tuple[str, str]]:
    """Role and name of every element in an aria snapshot; never the value of a field, which may be a secret."""
    found: list[tuple[str, str]] = []
    for line in snapshot.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        role, name = match["role"], match["name"]
        if name is not None:
            found.append((role, _unquoted(name)))
        elif role not in FIELDS:
            found.append((role, match["text"].strip().strip('"')))
    return found


def ranked(wanted: Sequence[Wanted], seen: Iterable[tuple[str, str]]) -> list[LookAlike]:
    """The elements that are most like what was wanted, those of the same kind first; all of the kind if none is."""
    found: dict[tuple[str, str], LookAlike] = {}
    for role, name in seen:
        for want in wanted:
            likeness = max((_likeness(each, name) for each in want.names), default=0.5 if want.role == role else 0.0)
            same = _same_kind(want, role)
            if (same and (name or not want.names)) or likeness >= LIKE:
                new = LookAlike(role=role, name=name[:LONGEST], likeness=round(likeness, 2), same_role=same)
                old = found.get((role, name))
                if old is None or (old.same_role, old.likeness) < (same, likeness):
                    found[role, name] = new
    if found and max(each.likeness for each in found.values()) < LIKE:
        # A new word has nothing of the old one in it ("Cost" for "Price"): then all of the kind, as the page has them.
        return list(found.values())[:MOST_OF_KIND]
    order = sorted(found.values(), key=lambda each: (each.likeness + 0.3 * each.same_role, each.name), reverse=True)
    return order[:MOST]


def _same_kind(want: Wanted, role: str) -> bool:
    if want.by == "get_by_role":
        return want.role == role
    return want.by == "get_by_label" and role in FIELDS


def _likeness(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, wanted.casefold(), name.casefold()[: LONGEST * 2]).ratio()


def _chain(node: ast.expr) -> Iterator[Wanted]:
    """The last thing that a chain of locators asks for; several where they are joined by "or"."""
    while True:
        if isinstance(node, ast.Attribute):  # .first, .last
            node = node.value
            continue
        if not isinstance(node, ast.Call):
            return
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called.startswith("get_by_") or called == "locator":
            yield _wanted(called, node)
            return
        if called == "or_":
            for each in node.args:
                yield from _chain(each)
        if not isinstance(node.func, ast.Attribute):
            return
        node = node.func.value


def _wanted(called: str, call: ast.Call) -> Wanted:
    first = call.args[0] if call.args else None
    if called == "get_by_role":
        named = next((each.value for each in call.keywords if each.arg == "name"), None)
        return Wanted(by=called, role="".join(_texts(first)), names=tuple(_texts(named)))
    if called == "locator":
        return Wanted(by="css", names=tuple(_marks("".join(_texts(first)))))
    return Wanted(by=called, names=tuple(_texts(first)))


def _marks(selector: str) -> list[str]:
    return [f"[{each}]" if each.startswith("data-") else each for each in _TOKEN.findall(selector)]


def _texts(node: ast.expr | None) -> list[str]:
    """The text of an argument, or the alternatives of a regular expression as a person would write them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        pattern = re.sub(r"\\s\*|\\\*\??|\(\?:|[()^$]", "", str(node.args[0].value))
        return [re.sub(r"\\(.)", r"\1", each) for each in pattern.split("|")]
    return []


def _unquoted(name: str) -> str:
    try:
        value: Any = json.loads(name)
    except json.JSONDecodeError:
        return name.strip('"')
    return str(value)
