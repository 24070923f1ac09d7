"""Tables as files for people: CSV, or a workbook with a sheet for each.

What counterparts wrote ends up in spreadsheets, and a spreadsheet takes a cell that begins like a formula for one
(OWASP, CSV injection): such a cell begins with an apostrophe here, in both kinds of file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import xlsxwriter  # type: ignore[import-untyped]  # because it comes without types

Cell = str | int | float | datetime | None

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
INNER = re.compile(r"([;|]\s*)(?=[=+\-@＝＋－＠])")
LONGEST_CELL = 32_000
"""A workbook's cell holds 32,767 characters."""
WIDEST, NARROWEST = 60, 9


class Kind(StrEnum):
    """What kind of file."""

    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        if self is Kind.CSV:
            return "text/csv; charset=utf-8"
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings; `name` is at most 31 characters, as a sheet's."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def written(tables: Sequence[Table], kind: Kind, zone: ZoneInfo) -> bytes:
    """The file; CSV takes one table. Times are those of `zone`."""
    if kind is Kind.CSV:
        (table,) = tables
        return _csv(table, zone)
    return _workbook(tables, zone)


def defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    clean = text.encode("utf-8", "replace").decode("utf-8")[:LONGEST_CELL]
    # Whatever is blank at the beginning, a spreadsheet may leave it out.
    bare = clean.lstrip().lstrip("\ufeff\u200b\u2060").lstrip()
    return f"'{clean}" if clean.startswith(FORMULAS) or bare.startswith(FORMULAS) else clean


def csv_row(cells: Sequence[Cell], zone: ZoneInfo) -> str:
    """One line of a CSV file, with its end; no cell in it is a formula."""
    file = io.StringIO(newline="")
    csv.writer(file).writerow([_plain(cell, zone) for cell in cells])
    return file.getvalue()


def _csv(table: Table, zone: ZoneInfo) -> bytes:
    lines = [csv_row(row, zone) for row in (table.headings, *table.rows)]
    # With a mark at its beginning Excel reads it as UTF-8.
    return "".join(lines).encode("utf-8-sig")


def _plain(cell: Cell, zone: ZoneInfo) -> str | int | float:
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(cell, str):
        # Where a spreadsheet takes ; for the end of a cell, what follows is the beginning of one.
        return INNER.sub(r"\1'", defused(cell))
    return "" if cell is None else cell


def _workbook(tables: Sequence[Table], zone: ZoneInfo) -> bytes:
    file = io.BytesIO()
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, {"in_memory": True, **never}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for table in tables:
            sheet = book.add_worksheet(table.name)
            sheet.freeze_panes(1, 0)
            for column, heading in enumerate(table.headings):
                sheet.write_string(0, column, heading, bold)
                sheet.set_column(column, column, _width(table, column))
            for number, row in enumerate(table.rows, 1):
                for column, cell in enumerate(row):
                    _write(sheet, number, column, cell, moment, zone)
            sheet.autofilter(0, 0, len(table.rows), max(len(table.headings) - 1, 0))
    return file.getvalue()


def _write(
    sheet: xlsxwriter.worksheet.Worksheet,
    row: int,
    column: int,
    cell: Cell,
    moment: xlsxwriter.format.Format,
    zone: ZoneInfo,
) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, defused(cell))
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell.astimezone(zone).replace(tzinfo=None), moment)
    elif cell is not None:
        sheet.write_number(row, column, cell)


def _width(table: Table, column: int) -> int:
    longest = max((len(str(row[column])) for row in table.rows[:200]), default=0)
    return min(WIDEST, max(NARROWEST, longest, len(table.headings[column])) + 2)
