"""CSV and its relatives, as Excel, LibreOffice, shops and people write them: any usual encoding and separator."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import SetupError
from runner.intake.report import Notice, RowProblem
from runner.intake.rows import MAX_ROWS, Column, Row, Table

SEPARATORS = ",;\t"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")
_SAMPLE_CHARS = 65_536


@dataclass(frozen=True, kw_only=True)
class _Record:
    line: int
    cells: list[str]
    problem: str | None = None


def read_delimited(path: Path, raw: bytes) -> Table:
    """Read CSV, semicolon or tab separated text. Raises SetupError when it is not text or has no header."""
    text, warnings = decode(path, raw)
    text, first_line, separator = _separator(text)
    records = _records(text, first_line, separator)
    header = next((record for record in records if record.problem or _filled(record)), None)
    if header is None:
        raise SetupError(f"{path} is empty: it has no header row.", cure="The first row must name the columns.")
    if header.problem:
        raise SetupError(f"{path}, line {header.line}: {header.problem}", cure="Mend the header row.")
    columns = tuple(Column(name=cell.strip(), place=str(n)) for n, cell in enumerate(header.cells, 1))
    rows: list[Row] = []
    problems: list[RowProblem] = []
    for record in records:
        problem = record.problem or _too_wide(record, columns)
        if problem:
            problems.append(RowProblem(line=record.line, column=None, value_excerpt="", reason=problem))
        elif any(cell.strip() for cell in record.cells):
            rows.append(_row(record, columns))
        if len(rows) + len(problems) > MAX_ROWS:
            raise SetupError(f"{path} has more than {MAX_ROWS} rows.", cure="Split it into smaller files.")
    return Table(
        path=path,
        columns=columns,
        header_line=header.line,
        rows=tuple(rows),
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def _row(record: _Record, columns: tuple[Column, ...]) -> Row:
    cells = zip(columns, record.cells, strict=False)
    return Row(line=record.line, cells={column.name: cell for column, cell in cells if cell.strip()})


def _too_wide(record: _Record, columns: tuple[Column, ...]) -> str | None:
    if not any(cell.strip() for cell in record.cells[len(columns) :]):
        return None
    return (
        f"the row has {len(record.cells)} cells but the header names {len(columns)} columns: "
        "put quotes around a text that holds the separator"
    )


def decode(path: Path, raw: bytes) -> tuple[str, list[Notice]]:
    """The text of a file in UTF-8, UTF-16 or UTF-32 (with or without a mark), else in Windows-1252 with a notice.

    Raises SetupError for a file that is not text, and names the line.
    """
    encoding = next((name for bom, name in _BOMS if raw.startswith(bom)), None) or _utf16_without_mark(raw)
    notices: list[Notice] = []
    try:
        text = raw.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if encoding is not None:
            raise SetupError(
                f"{path}, line {line}: the file says it is {encoding} but is damaged there.",
                cure="Save it again as CSV UTF-8.",
            ) from error
        text = _windows_1252(path, raw, line)
        reason = f"not UTF-8 (line {line}), so it was read as Windows-1252: check accented letters and the euro sign"
        notices.append(Notice(line=line, column=None, reason=reason))
    _refuse_binary(path, text)
    return text, notices


def _windows_1252(path: Path, raw: bytes, line: int) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError as error:
        raise SetupError(
            f"{path}, line {line}: this is not text in UTF-8, UTF-16 or Windows-1252.",
            cure="Save it from your spreadsheet as CSV UTF-8 or as .xlsx.",
        ) from error


def _utf16_without_mark(raw: bytes) -> str | None:
    sample = raw[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > half * 0.6 and sample[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if sample[0::2].count(0) > half * 0.6 and sample[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def _refuse_binary(path: Path, text: str) -> None:
    found = _CONTROLS.search(text)
    if found:
        what = "a NUL byte" if found[0] == "\0" else f"the control character 0x{ord(found[0]):02x}"
        raise SetupError(
            f"{path}, line {text.count(chr(10), 0, found.start()) + 1}: it holds {what}, so it is damaged or no table.",
            cure="Save it again from your spreadsheet as CSV UTF-8 or as .xlsx.",
        )


def _separator(text: str) -> tuple[str, int, str]:
    """The text without Excel's `sep=` line, its first line's number, and the separator that gives the widest header."""
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"')
    if told.lower().startswith("sep=") and len(told) == 5:
        return rest, 2, told[4]
    best = max(SEPARATORS, key=lambda separator: _fit(text, separator))
    return text, 1, best


def _fit(text: str, separator: str) -> tuple[int, int]:
    """How wide the header is with this separator, and how many of the next rows are as wide."""
    records = itertools.islice(_records(text[:_SAMPLE_CHARS], 1, separator), 20)
    wide = [_width(record, text, separator) for record in records if record.problem or _filled(record)]
    return (wide[0], sum(width == wide[0] for width in wide)) if wide else (0, 0)


def _width(record: _Record, text: str, separator: str) -> int:
    """The number of cells; where quotes are broken, what the separators of the first line of the row promise."""
    return len(record.cells) if not record.problem else text.splitlines()[record.line - 1].count(separator) + 1


def _filled(record: _Record) -> bool:
    return any(cell.strip(SEPARATORS + " ") for cell in record.cells)


def _records(text: str, first_line: int, separator: str) -> Iterator[_Record]:
    # newline="" keeps the line ends inside quoted cells as they are; strict finds quotes that do not pair up
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = first_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(line=line, cells=[], problem=_quoting(error, line, first_line + reader.line_num - 1))
            if "unexpected end of data" in str(error) or "field larger" in str(error):
                return
        else:
            yield _Record(line=line, cells=cells)


def _quoting(error: csv.Error, begin: int, end: int) -> str:
    if "unexpected end of data" in str(error) or "field larger" in str(error):
        return (
            f'a quote (") that opens in this row is not closed, so nothing after line {begin} was read: '
            'close it, and write a quote inside a text twice ("")'
        )
    span = "this row" if end <= begin else f"lines {begin} to {end}"
    return f'the quotes (") in {span} do not pair up: write a quote inside a quoted text twice ("")'
