"""Opens a table file of whatever kind: its name says how it is read, and a name that lies is refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.errors import SetupError
from runner.intake.delimited import read_delimited
from runner.intake.documents import read_document
from runner.intake.rows import MAX_COLUMNS, MAX_FILE_BYTES, Column, Table, folded
from runner.intake.workbook import read_workbook

DELIMITED = frozenset({".csv", ".tsv", ".txt"})
WORKBOOKS = frozenset({".xlsx", ".xlsm"})
DOCUMENTS = frozenset({".json"})
_READABLE = "CSV (.csv, .tsv, .txt), Excel (.xlsx) and JSON (.json) are read."

_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or one with a password"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "an SQLite database"),
)


def read_table(
    path: Path, *, sheet: str | None = None, list_names: tuple[str, ...] = ("accounts", "listings")
) -> Table:
    """Read a CSV, XLSX or JSON file; `sheet` names a sheet, `list_names` the keys under which JSON may hold its list.

    Raises SetupError when the file as a whole cannot be read: missing, too large, empty, binary, or of another kind
    than its name says. A single bad row is a problem in the Table instead.
    """
    kind = path.suffix.lower()
    if kind not in DELIMITED | WORKBOOKS | DOCUMENTS:
        raise SetupError(f'{path}: a file named "{kind or path.name}" is not read.', cure=_READABLE)
    raw = _bytes(path)
    if not raw:
        raise SetupError(f"{path} is empty (0 bytes).", cure=_READABLE)
    _check_signature(path, raw, kind)
    if sheet is not None and kind not in WORKBOOKS:
        raise SetupError(f"{path} has no sheets; only an Excel workbook has.", cure="Leave the sheet out.")
    if kind in WORKBOOKS:
        table = read_workbook(path, raw, sheet)
    elif kind in DOCUMENTS:
        table = read_document(path, raw, list_names)
    else:
        table = read_delimited(path, raw)
    _check_columns(path, table)
    return table


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows of a request as a table, the first one as line 1. Raises SetupError."""
    path = Path("the request")
    text = "[" + ",\n".join(json.dumps(row) for row in rows) + "]"
    table = read_document(path, text.encode(), ())
    _check_columns(path, table)
    return table


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise SetupError(f"{path} does not exist.", cure="Check the name and the folder.") from error
    except IsADirectoryError as error:
        raise SetupError(f"{path} is a folder.", cure="Name the file in it.") from error
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.", cure="Check its permissions.") from error
    if len(raw) > MAX_FILE_BYTES:
        raise SetupError(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MB.", cure="Split it into smaller files.")
    return raw


def _check_signature(path: Path, raw: bytes, kind: str) -> None:
    what = next((name for begin, name in _SIGNATURES if raw.startswith(begin)), None)
    if what:
        raise SetupError(f"{path} is {what}, not a table.", cure="Save it as .xlsx or as CSV UTF-8. " + _READABLE)
    zipped = raw.startswith(b"PK\x03\x04")
    if zipped and kind not in WORKBOOKS:
        raise SetupError(
            f"{path} is a zip file such as an Excel workbook, though it is named {kind}.", cure="Name it .xlsx."
        )
    if not zipped and kind in WORKBOOKS:
        raise SetupError(
            f"{path} is named {kind} but is not an Excel workbook.", cure="If it is text, name it .csv or .json."
        )
    if kind in DELIMITED and raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{", b"<"):
        what = "HTML or XML" if raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" else "JSON"
        raise SetupError(f"{path} looks like {what}, though it is named {kind}.", cure=_READABLE)


def _check_columns(path: Path, table: Table) -> None:
    if len(table.columns) > MAX_COLUMNS:
        raise SetupError(f"{path} has {len(table.columns)} columns; at most {MAX_COLUMNS} are read.")
    seen: dict[str, Column] = {}
    for column in table.columns:
        key = folded(column.name)
        if key and key in seen:
            first = seen[key]
            raise SetupError(
                f'{path}, line {table.header_line}: the columns {first.place} "{first.name}" and {column.place} '
                f'"{column.name}" have the same name.',
                cure="Rename or remove one of them.",
            )
        seen[key] = column
