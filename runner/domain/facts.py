"""What `runner doctor` reports: one fact about the machine, and whether it stops a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "stops"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that was looked at: `cure` says what to do about a warning or a stop."""

    name: str
    value: str
    level: Level = "ok"
    cure: str | None = None


def anything_stops(facts: Iterable[Fact]) -> bool:
    """True when one of the facts makes a run impossible."""
    return any(fact.level == "stops" for fact in facts)
