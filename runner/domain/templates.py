"""Templates: reply texts with a fixed list of placeholders and fall-backs, and no code in them.

`{buyer_name}` stands for a value, `{buyer_name|there}` for the same or else the words after the bar, `{{` and `}}` for
braces. What a page said goes in as plain text, once: it is never read for placeholders.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.domain.classification import MessageType
from runner.errors import SetupError

LONGEST_TEXT = 5_000
LONGEST_VALUE = 200
MOST_VARIANTS = 50

_PART = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}|]*)(?:\|(?P<fallback>[^{}]*))?\}|[{}]")


class Placeholder(StrEnum):
    """What a text may ask for; there are no others."""

    BUYER_NAME = "buyer_name"  # the counterpart, as the Site calls them
    LISTING_TITLE = "listing_title"
    PRICE = "price"  # of the Listing, with its currency
    CONDITION = "condition"
    PICKUP_PLACE = "pickup_place"  # the Listing's location
    REFERENCE = "reference"
    ACCOUNT = "account"  # the Account that answers
    SITE = "site"


@dataclass(frozen=True, kw_only=True)
class NewTemplate:
    """A Template as it is asked for. Those of one name are one family: the one that fits a Message best is taken.

    A selector that is None fits every Message. Raises SetupError for a text that cannot be filled in.
    """

    name: str
    variants: tuple[str, ...]
    type: MessageType | None = None
    site: str | None = None
    language: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable():
            raise SetupError("A template needs a name.", cure="One word is best: greeting.")
        if not 1 <= len(self.variants) <= MOST_VARIANTS:
            raise SetupError(f'Template "{self.name}" needs 1 to {MOST_VARIANTS} texts.', cure="Give a text.")
        for text in self.variants:
            check(text)

    @property
    def selectors(self) -> tuple[str | None, ...]:
        """What tells it from the others of its family, the weightiest first."""
        return self.account, self.site, self.language, self.type


@dataclass(frozen=True, kw_only=True)
class Template(NewTemplate):
    """A stored Template."""

    id: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A text with its values in their places; `missing` names the placeholders that had none and no fall-back.

    With anything missing there is no text: half an answer is never sent.
    """

    text: str | None
    missing: tuple[Placeholder, ...] = ()


def check(text: str) -> None:
    """Raises SetupError for a text that is empty or too long, or asks for what nobody knows."""
    if not text.strip():
        raise SetupError("A template's text is empty.", cure="Write what is to be answered.")
    if len(text) > LONGEST_TEXT:
        raise SetupError(f"A template's text has more than {LONGEST_TEXT:,} characters.", cure="Shorten it.")
    _replaced(text, lambda name, fallback: "")


def fill(text: str, values: Mapping[Placeholder, str | None]) -> Filled:
    """Put values in their places. Raises SetupError as `check` does."""
    missing: list[Placeholder] = []

    def value_of(name: Placeholder, fallback: str | None) -> str:
        found = plain(values.get(name) or "")
        if not found and fallback is None and name not in missing:
            missing.append(name)
        return found or fallback or ""

    filled = _replaced(text, value_of).strip()
    return Filled(text=None, missing=tuple(missing)) if missing or not filled else Filled(text=filled)


def plain(value: str) -> str:
    """A value from a page as it may stand in a sentence: one line, nothing invisible, and not too long."""
    line = " ".join(value.split())
    return "".join(filter(str.isprintable, line))[:LONGEST_VALUE].strip()


def best(
    family: Iterable[Template], *, type_: MessageType | None, site: str, language: str | None, account: str
) -> Template | None:
    """Of the Templates of one family, the one that fits best: an Account's own before a Site's, before a language's,
    before a type's, before one for all; None when none fits."""
    asked = (account, site, language, type_)
    fitting = [
        each
        for each in family
        if all(mine is None or mine == theirs for mine, theirs in zip(each.selectors, asked, strict=True))
    ]
    return max(fitting, key=lambda each: (tuple(one is not None for one in each.selectors), -each.id), default=None)


def in_turn(variants: Sequence[str], used: int) -> str:
    """The variant whose turn it is, when the Template has been used so often."""
    return variants[used % len(variants)]


def _replaced(text: str, value_of: Callable[[Placeholder, str | None], str]) -> str:
    def one(found: re.Match[str]) -> str:
        if found.group() in ("{{", "}}"):
            return found.group()[0]
        if found.group("name") is None:
            raise SetupError(
                f'A brace stands alone near "{text[max(0, found.start() - 10) : found.end() + 10]}".',
                cure="Write {{ or }} for a brace.",
            )
        return value_of(_placeholder(found.group("name")), found.group("fallback"))

    return _PART.sub(one, text)


def _placeholder(name: str) -> Placeholder:
    try:
        return Placeholder(name.strip())
    except ValueError:
        near = difflib.get_close_matches(name.strip(), list(Placeholder), n=1, cutoff=0.5)
        cure = f"Did you mean {{{near[0]}}}? " if near else ""
        there = ", ".join(Placeholder)
        raise SetupError(f"There is no placeholder {{{name.strip()}}}.", cure=f"{cure}There are: {there}.") from None
