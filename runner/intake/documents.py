"""JSON documents: a list of objects, or an object that holds that list under the name of what is imported."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from runner.errors import SetupError
from runner.intake.delimited import decode
from runner.intake.report import RowProblem
from runner.intake.rows import MAX_ROWS, Column, Row, Table, Value

MAX_EXPONENT = 40
"""1e999999999 is valid JSON, and a gigabyte when it is written out."""

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True)
class _Object:
    """A JSON object with its keys as they stand, so that a key written twice is seen."""

    pairs: list[tuple[str, Any]]


class _NotAValue(ValueError):
    """A cell of a kind that no column takes."""


def read_document(path: Path, raw: bytes, list_names: tuple[str, ...]) -> Table:
    """Read objects as rows, at the line where each begins. Raises SetupError with line and column of a syntax error."""
    text, warnings = decode(path, raw)
    if not text.strip():
        raise SetupError(f"{path} is empty.", cure="Write a list of objects: [{…}, {…}].")
    _check_syntax(path, text)
    rows: list[Row] = []
    problems: list[RowProblem] = []
    names: dict[str, None] = {}
    for line, item in _items(path, text, list_names):
        read = _row(line, item)
        if isinstance(read, Row):
            rows.append(read)
        else:
            problems.append(read)
        names.update(dict.fromkeys(_keys(item)))
        if len(rows) + len(problems) > MAX_ROWS:
            raise SetupError(f"{path} has more than {MAX_ROWS} objects.", cure="Split it into smaller files.")
    return Table(
        path=path,
        columns=tuple(Column(name=name, place=name) for name in names),
        header_line=1,
        rows=tuple(row for row in rows if row.cells),
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def _no_constant(name: str) -> NoReturn:
    raise _NotAValue(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant, object_pairs_hook=_Object
)


def _check_syntax(path: Path, text: str) -> None:
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError as error:
        hint = "Mend the JSON there."
        if error.msg == "Extra data" and text.lstrip()[:1] == "{":
            hint = "One object per line is not read: write [ before the first, commas between them, and ] at the end."
        raise SetupError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}.", cure=hint) from error
    except _NotAValue as error:
        raise SetupError(f"{path}: {error}.", cure="Write a number or a text.") from error
    except RecursionError as error:
        raise SetupError(f"{path} is nested too deeply.", cure="Write a list of flat objects: [{…}, {…}].") from error


def _items(path: Path, text: str, list_names: tuple[str, ...]) -> Iterator[tuple[int, Any]]:
    at = _array_start(text, list_names)
    if at is None:
        wanted = " or ".join(f'{{"{name}": [{{…}}, {{…}}]}}' for name in list_names)
        raise SetupError(
            f"{path} holds no list of objects.", cure="Write [{…}, {…}]" + (f" or {wanted}." if wanted else ".")
        )
    line, counted = 1, 0
    at = _skip(text, at + 1)
    while text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        item, at = _DECODER.raw_decode(text, at)
        yield line, item
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _array_start(text: str, list_names: tuple[str, ...]) -> int | None:
    """Where the list begins in a text whose syntax is known to be right."""
    at = _skip(text, 0)
    if text[at] == "[":
        return at
    if text[at] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # past the colon
        if text[at] == "[" and key.casefold() in list_names:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return None


def _keys(item: Any) -> Iterator[str]:
    if isinstance(item, _Object):
        for key, value in item.pairs:
            if isinstance(value, _Object):
                yield from (f"{key}_{inner}" for inner, _ in value.pairs)
            else:
                yield key


def _row(line: int, item: Any) -> Row | RowProblem:
    if not isinstance(item, _Object):
        return RowProblem(line=line, column=None, value_excerpt="", reason="an object {…} was expected here")
    cells: dict[str, Value] = {}
    for key, value in _flat(item):
        if key in cells:
            return RowProblem(line=line, column=key, value_excerpt="", reason="the key stands twice in this object")
        try:
            cell = _value(value)
        except _NotAValue as error:
            return RowProblem(line=line, column=key, value_excerpt="", reason=str(error))
        if cell is not None:
            cells[key] = cell
    return Row(line=line, cells=cells)


def _flat(item: _Object) -> Iterator[tuple[str, Any]]:
    """Keys and values, one level of nesting joined: {"password": {"env": "X"}} is the column password_env."""
    for key, value in item.pairs:
        if isinstance(value, _Object):
            yield from ((f"{key}_{inner}", deeper) for inner, deeper in value.pairs)
        else:
            yield key, value


def _value(value: Any) -> Value | None:
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal) and abs(value.adjusted()) > MAX_EXPONENT:
        raise _NotAValue("the number is too large or too small")
    if isinstance(value, str | Decimal):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise _NotAValue("a text, a number or a list of texts was expected here")
