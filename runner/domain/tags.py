"""Tags of Threads: words that people and Rules put on them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from runner.errors import SetupError

LONGEST_TAG = 50
MOST_TAGS = 50


def tag_names(given: Iterable[str]) -> tuple[str, ...]:
    """The tags as they are stored, sorted: "VIP " and "vip" are one. Raises SetupError for what is no tag."""
    return tuple(sorted({_name(each) for each in given}))


def _name(given: str) -> str:
    name = " ".join(unicodedata.normalize("NFKC", given).casefold().split())
    if not name or not name.isprintable() or len(name) > LONGEST_TAG:
        shown = "".join(each if each.isprintable() else "?" for each in given[: LONGEST_TAG + 1])
        raise SetupError(f'"{shown}" is no tag.', cure=f"A tag is a word or a few, {LONGEST_TAG} characters at most.")
    return name
