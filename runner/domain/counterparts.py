"""When two counterparts are probably one person. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from runner.domain.states import ThreadStatus


@dataclass(frozen=True, kw_only=True)
class AlsoIn:
    """Another Thread of the same counterpart; `linked_by` is the person who said so, None for a suggestion."""

    thread_id: int
    account: str
    counterpart: str
    listing_title: str | None
    status: ThreadStatus
    linked_by: str | None


def name_key(name: str) -> str:
    """Equal for names that differ in case, in width and compatibility forms (NFKC), or in blanks only."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
