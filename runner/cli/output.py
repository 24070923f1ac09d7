"""What commands print: tables and lines for people, or one JSON document; always text, never markup."""

from __future__ import annotations

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.errors import RunnerError

DONE, FAILED, WRONG_USE, PERSON_NEEDED = 0, 1, 2, 3
"""Exit codes of every command."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def plain(value: object) -> str:
    """A value as text that cannot steer a terminal: text from a page may hold escape sequences."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(plain(item) for item in value)
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "�" for c in str(value))


def cell(value: object, *, style: str = "") -> Text:
    """A table cell: one line, and no markup in it is obeyed."""
    return Text(" ".join(plain(value).split("\n")), style=style)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    empty: str = "Nothing here yet.",
) -> None:
    """Print rows as a table that folds to the terminal's width, or say what to do when there are none."""
    body = [list(row) for row in rows]
    if not body:
        out.print(Text(empty))
        return
    drawn = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in body:
        drawn.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    out.print(drawn)


def say(text: str) -> None:
    """One line for a person on stdout."""
    out.print(Text(text))


def note(text: str) -> None:
    """One line for a person on stderr, so that --json stays one document on stdout."""
    err.print(Text(text))


def document(value: Any) -> None:
    """Print one JSON document on stdout; times in UTC ISO 8601."""
    sys.stdout.write(json.dumps(jsonable(value), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def jsonable(value: Any) -> Any:
    """Dataclasses, enums, paths and times as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return value


def error(problem: RunnerError) -> None:
    """Say what happened and what to do now, on stderr."""
    err.print(Text.assemble(("error: ", "bold red"), plain(problem.what)))
    if problem.cure:
        err.print(Text(f"  {plain(problem.cure)}"))
