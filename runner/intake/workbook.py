"""XLSX workbooks: what a person sees in the cells, and a notice where Excel has already changed what was typed."""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from runner.errors import SetupError
from runner.intake.report import Notice, RowProblem, did_you_mean
from runner.intake.rows import MAX_COLUMNS, MAX_ROWS, Column, Row, Table, Value

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_CELLS = 1_000_000
EXACT_DIGITS = 15
"""Excel keeps this many digits of a number; the rest are already zeros in the file."""

_AnyCell = Cell | MergedCell
_DAMAGE = (
    # openpyxl has no error of its own for damaged XML, and zipfile none for a damaged member
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    InvalidFileException,
    EOFError,
    OSError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
)
_CURRENCY_FORMAT = re.compile(r"\[\$(?P<tagged>[^\]\-]+)(?:-[0-9A-Fa-f]+)?\]|(?P<plain>[€£$](?!-|\]))")
_FORMULA = re.compile(rb"<f[ >/]")


@dataclass
class _Findings:
    problems: list[RowProblem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def read_workbook(path: Path, raw: bytes, sheet: str | None) -> Table:
    """Read the named sheet, else the first visible one. Raises SetupError for a damaged, locked or huge workbook."""
    has_formulas = _look_inside(path, raw)
    page = _sheet(path, _load(path, raw, values=True), sheet)
    if page.max_row > MAX_ROWS or page.max_column > MAX_COLUMNS or page.max_row * page.max_column > MAX_CELLS:
        raise SetupError(
            f'{path}, sheet "{page.title}": it has {page.max_row} rows and {page.max_column} columns; '
            f"at most {MAX_ROWS} rows, {MAX_COLUMNS} columns and {MAX_CELLS} cells are read.",
            cure="Delete what lies below and beside the table, or split it.",
        )
    formulas = _sheet(path, _load(path, raw, values=False), page.title) if has_formulas else None
    return _table(path, page, formulas)


def _look_inside(path: Path, raw: bytes) -> bool:
    """Whether any sheet has a formula; refuses what would unpack to more than 64 MB of XML (a zip bomb)."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith((".xml", ".rels"))]
            if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
                raise SetupError(
                    f"{path} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB.", cure="Split it or save it as CSV."
                )
            sheets = [member for member in members if member.filename.startswith("xl/worksheets/")]
            return any(_FORMULA.search(archive.read(member)) for member in sheets)
    except _DAMAGE as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> SetupError:
    return SetupError(
        f"{path} is not an Excel workbook that can be read: damaged, protected by a password, or of another kind.",
        cure="Open it in your spreadsheet and save it as .xlsx without a password, or as CSV UTF-8.",
    )


def _load(path: Path, raw: bytes, *, values: bool) -> Workbook:
    try:
        return openpyxl.load_workbook(io.BytesIO(raw), data_only=values)
    except _DAMAGE as error:
        raise _damaged(path) from error


def _sheet(path: Path, workbook: Workbook, name: str | None) -> Worksheet:
    pages = workbook.worksheets
    if name is not None:
        for page in pages:
            if page.title.casefold() == name.strip().casefold():
                return page
        titles = [page.title for page in pages]
        raise SetupError(
            f'{path} has no sheet "{name}".', cure=f"It has: {', '.join(titles)}.{did_you_mean(name, titles)}"
        )
    visible = [page for page in pages if page.sheet_state == "visible"]
    if not visible:
        raise SetupError(f"{path} has no visible sheet with cells.", cure="Put the table on its first sheet.")
    return visible[0]


def _table(path: Path, page: Worksheet, formulas: Worksheet | None) -> Table:
    found = _Findings()
    grid = list(page.iter_rows())
    start = _header_index(grid)
    if start is None:
        raise SetupError(
            f'{path}, sheet "{page.title}" is empty: it has no header row.', cure="The first row must name the columns."
        )
    columns = tuple(
        Column(name="" if _blank(cell) else str(cell.value).strip(), place=get_column_letter(n))
        for n, cell in enumerate(grid[start], 1)
    )
    while columns and not columns[-1].name and all(_blank(row[len(columns) - 1]) for row in grid[start:]):
        columns = columns[:-1]
    reader = _RowReader(page, formulas, columns, found)
    rows = [row for line, cells in enumerate(grid[start + 1 :], start + 2) if (row := reader.row(line, cells))]
    wrong = {problem.line for problem in found.problems}
    return Table(
        path=path,
        columns=columns,
        header_line=start + 1,
        rows=tuple(row for row in rows if row.line not in wrong),
        problems=tuple(found.problems),
        warnings=tuple(found.notices),
    )


def _header_index(grid: list[tuple[_AnyCell, ...]]) -> int | None:
    """The first row with two filled cells, so that a title above the table is passed over; else the first filled."""
    filled = [sum(not _blank(cell) for cell in row) for row in grid]
    wide = next((n for n, count in enumerate(filled) if count >= 2), None)
    return wide if wide is not None else next((n for n, count in enumerate(filled) if count), None)


def _blank(cell: _AnyCell) -> bool:
    return cell.value is None or (isinstance(cell.value, str) and not cell.value.strip())


class _RowReader:
    """Reads the rows of one sheet below its header."""

    def __init__(
        self, page: Worksheet, formulas: Worksheet | None, columns: tuple[Column, ...], found: _Findings
    ) -> None:
        self._page, self._formulas, self._columns, self._found = page, formulas, columns, found
        self._banners: set[tuple[int, int]] = set()
        self._shared: dict[tuple[int, int], tuple[int, int]] = {}
        for merged in page.merged_cells.ranges:
            if merged.max_col > merged.min_col:
                self._banners.add((merged.min_row, merged.min_col))
            else:  # one value written over several rows holds for each of them
                for line in range(merged.min_row + 1, min(merged.max_row, page.max_row) + 1):
                    self._shared[line, merged.min_col] = (merged.min_row, merged.min_col)

    def row(self, line: int, cells: tuple[_AnyCell, ...]) -> Row | None:
        filled = [n for n, cell in enumerate(cells, 1) if not _blank(cell)]
        if not filled or (len(filled) == 1 and (line, filled[0]) in self._banners):
            return None
        values: dict[str, Value] = {}
        for n, column in enumerate(self._columns, 1):
            at = self._shared.get((line, n), (line, n))
            value = self._value(line, column, at)
            if value is not None:
                values[column.name] = value
        if self._page.row_dimensions[line].hidden:
            self._note(line, None, "the row is hidden in the sheet and was read all the same")
        return Row(line=line, cells=values)

    def _note(self, line: int, column: Column | None, reason: str) -> None:
        self._found.notices.append(Notice(line=line, column=column.name if column else None, reason=reason))

    def _value(self, line: int, column: Column, at: tuple[int, int]) -> Value | None:
        cell = self._page.cell(*at)
        value = cell.value
        if value is None:
            if self._formulas is not None and self._formulas.cell(*at).data_type == "f":
                reason = f"cell {cell.coordinate} is a formula without a stored result and was read as empty"
                self._note(line, column, reason + ": open the workbook in Excel and save it")
            return None
        if cell.data_type == "e":
            reason = f"cell {cell.coordinate} shows an error: mend the formula or write the value"
            problem = RowProblem(line=line, column=column.name, value_excerpt=str(value), reason=reason)
            self._found.problems.append(problem)
            return None
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int | float):
            return self._number(line, column, cell, value)
        if isinstance(value, datetime | date | time | timedelta):
            self._note(line, column, f"cell {cell.coordinate} holds a date or time: format it as text if it is none")
            return _iso(value)
        return str(value) if str(value).strip() else None

    def _number(self, line: int, column: Column, cell: _AnyCell, value: int | float) -> Value:
        number = Decimal(repr(value))
        whole = number == number.to_integral_value()
        if whole and re.fullmatch(r"0{2,}", cell.number_format):
            return str(int(number)).zfill(
                len(cell.number_format)
            )  # the leading zeros that the format shows to a person
        if abs(number) >= 10**EXACT_DIGITS:
            reason = f"cell {cell.coordinate} is a number with more digits than Excel keeps: write it as text"
            self._note(line, column, reason)
        shown = _CURRENCY_FORMAT.search(cell.number_format)
        if shown:  # a person sees "250 $", and the dollar stands only in the format
            return f"{number:f} {(shown['tagged'] or shown['plain']).strip()}"
        return Decimal(int(number)) if whole else number


def _iso(value: datetime | date | time | timedelta) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(" ")
    return str(value) if isinstance(value, timedelta) else value.isoformat()
