"""What reading a table gives: the good rows, the problems of the bad ones, and what a person should know besides."""

import difflib
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

EXCERPT_CHARS = 60
HIDDEN = "(not shown)"


@dataclass(frozen=True, kw_only=True)
class RowProblem:
    """Why one row is not imported; `line` is 1-based as an editor or spreadsheet shows it."""

    line: int
    column: str | None
    """The header as it is written in the file."""
    value_excerpt: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.reason}" + (f" (found: {self.value_excerpt})" if self.value_excerpt else "")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something a person should know that stops nothing; `line` is None when it concerns the whole file."""

    line: int | None
    column: str | None
    reason: str

    def __str__(self) -> str:
        parts = [f"line {self.line}"] if self.line is not None else []
        parts += [f"column {self.column}"] if self.column else []
        return f"{', '.join(parts)}: {self.reason}" if parts else self.reason


@dataclass(frozen=True, kw_only=True)
class Intake(Generic[T]):
    """The good rows of a file as `(line, object)` in file order; the caller decides whether problems stop the whole."""

    items: tuple[tuple[int, T], ...]
    problems: tuple[RowProblem, ...]
    warnings: tuple[Notice, ...]
    rows: int
    """Rows with anything in them, good and bad, the header not counted."""


def without(items: Sequence[tuple[int, T]], places: Collection[int]) -> tuple[tuple[int, T], ...]:
    """The items but those at these places among them.

    Never told apart by their line: all rows of a JSON file that is one line stand on line 1.
    """
    return tuple(item for place, item in enumerate(items) if place not in places)


def twins(keys: Iterable[Hashable]) -> list[list[int]]:
    """The places of those that share a key, where more than one does, in the order in which they begin."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return [group for group in places.values() if len(group) > 1]


def excerpt(value: object) -> str:
    """The beginning of a value, at most 60 characters, on one line, control characters escaped."""
    text = "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: EXCERPT_CHARS + 1])
    return shown if len(shown) <= EXCERPT_CHARS else shown[: EXCERPT_CHARS - 1] + "…"


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that a person most likely meant, ignoring case, or None when nothing is close."""
    by_folded = {choice.casefold(): choice for choice in sorted(choices, reverse=True)}
    found = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The sentence ` Did you mean X?`, with its leading space, or nothing."""
    found = nearest(name, choices)
    return f" Did you mean {found}?" if found else ""
