"""A table as it was read from a file, before anybody knows what its columns mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from runner.intake.report import Notice, RowProblem

Value = str | Decimal | tuple[str, ...]
"""Text, a number where the file itself says number (XLSX, JSON), or a list of texts (JSON)."""

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 200


@dataclass(frozen=True, kw_only=True)
class Column:
    """A header as it was written, and where: letter in a spreadsheet, 1-based number in CSV, key in JSON."""

    name: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record: its 1-based line (where it begins) and its cells by header as written; empty cells are absent."""

    line: int
    cells: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows with anything in them; a row that could not be read at all stands in `problems` and not in `rows`."""

    path: Path
    columns: tuple[Column, ...]
    header_line: int
    rows: tuple[Row, ...]
    problems: tuple[RowProblem, ...]
    warnings: tuple[Notice, ...]


def folded(name: str) -> str:
    """A header without its case, spaces, underscores and punctuation, as headers are compared."""
    return "".join(c for c in name.casefold() if c.isalnum())
