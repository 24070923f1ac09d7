"""What commands print: tables and lines for people, or one JSON document; always text, never markup."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.errors import RunnerError, SetupError

DONE, FAILED, WRONG_USE, PERSON_NEEDED = 0, 1, 2, 3
"""Exit codes of every command."""

REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates of the bidirectional algorithm: they could show a line of ours reversed."""

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
    return "".join(c if c in "\n\t" or not _steers(c) else "�" for c in str(value))


def _steers(character: str) -> bool:
    """Whether a terminal would obey it; text in right-to-left script needs none of the overrides to be shown well."""
    return character in REORDERING or unicodedata.category(character) in ("Cc", "Cs")


def cell(value: object, *, style: str = "") -> Text:
    """A table cell: one line, and no markup in it is obeyed."""
    return Text(" ".join(plain(value).split("\n")), style=style)


LONGEST_WORD = 28
"""Longer words (paths, addresses) may be folded anywhere; shorter ones never are."""

GAP = 2
"""Between two columns: the padding, and the box's own space."""


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    empty: str = "Nothing here yet.",
) -> None:
    """Print rows as a table, as one record after another where the terminal is too narrow, or `empty`."""
    body = [[value if isinstance(value, Text) else cell(value) for value in row] for row in rows]
    if not body:
        out.print(Text(empty))
        return
    texts = [[column, *(row[n].plain for row in body)] for n, column in enumerate(columns)]
    widths = _fitted(texts, out.width - GAP * (len(columns) - 1))
    if title:
        out.print(Text(title, style="italic"))
    if widths is None:
        _records(columns, body)
        return
    drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column, width in zip(columns, widths, strict=True):
        drawn.add_column(Text(column), overflow="fold", width=width)
    for row in body:
        drawn.add_row(*row)
    out.print(drawn)


def _fitted(texts: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column, the widest narrowed first and none below its longest word; None if that is too much.

    Rich's own way narrows a column below its least width, and then cuts off what it has folded to that width.
    """
    widths = [max(map(cell_len, column)) for column in texts]
    least = [_widest_word(column) for column in texts]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((n for n, width in enumerate(widths) if width > least[n]), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _widest_word(texts: Iterable[str]) -> int:
    longest = max((cell_len(word) for text in texts for word in text.split()), default=1)
    return min(longest, LONGEST_WORD)


def _records(columns: Sequence[str], body: Sequence[Sequence[Text]]) -> None:
    wide = max(map(len, columns))
    for row in body:
        for column, value in zip(columns, row, strict=True):
            if value.plain:
                out.print(Text.assemble((f"{column:<{wide}}  ", "bold"), value))
        out.print()


def say(text: str, *, whole: bool = False) -> None:
    """One line for a person on stdout; `whole` where a link or a path in it must not be folded."""
    out.print(Text(text), soft_wrap=whole)


def note(text: str, *, whole: bool = False) -> None:
    """One line for a person on stderr, so that --json stays one document on stdout."""
    err.print(Text(text), soft_wrap=whole)


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
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return value


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have a file that cannot be written said to a person. Raises SetupError."""
    try:
        yield
    except OSError as refused:
        raise SetupError(f"{path} cannot be written: {refused.strerror}.", cure="Give another path.") from refused


def error(problem: RunnerError) -> None:
    """Say what happened and what to do now, on stderr."""
    err.print(Text.assemble(("error: ", "bold red"), plain(problem.what)))
    if problem.cure:
        err.print(Text(f"  {plain(problem.cure)}"))
