"""Which column of a table is which field, whatever the person called it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from runner.errors import SetupError
from runner.intake.report import Notice, RowProblem, did_you_mean, excerpt
from runner.intake.rows import Row, Table, Value, folded

_UNFIT = re.compile(r"[\x00-\x08\x0e-\x1f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of an object: its column's name, other names that people use, and whether the column must be there."""

    name: str
    aliases: frozenset[str] = frozenset()
    compulsory: bool = False


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Headers as written, by field name, and notices about columns that nobody reads."""

    headers: Mapping[str, str]
    notices: tuple[Notice, ...]


def match(table: Table, fields: Sequence[Field]) -> Matched:
    """Find each field's column. Raises SetupError when a compulsory column is missing or two columns mean one field."""
    known = {folded(name): field.name for field in fields for name in (field.name, *field.aliases)}
    headers: dict[str, str] = {}
    notices: list[Notice] = []
    for column in table.columns:
        name = known.get(folded(column.name))
        if name is None:
            notices.append(_ignored(table, column.name, column.place, [field.name for field in fields]))
        elif name in headers:
            raise SetupError(
                f'{table.path}, line {table.header_line}: the columns "{headers[name]}" and "{column.name}" '
                f"both mean {name}.",
                cure="Rename or remove one of them.",
            )
        else:
            headers[name] = column.name
    missing = [field.name for field in fields if field.compulsory and field.name not in headers]
    if missing:
        raise _missing(table, missing)
    return Matched(headers=headers, notices=tuple(notices))


def _ignored(table: Table, header: str, place: str, names: Iterable[str]) -> Notice:
    if not header:
        reason = f"column {place} has no name in the header row, so what stands in it is not read"
        return Notice(line=table.header_line, column=None, reason=reason)
    reason = "this column is not known and is not read." + did_you_mean(header, names)
    return Notice(line=table.header_line, column=header, reason=reason)


def _missing(table: Table, missing: list[str]) -> SetupError:
    there = [column.name for column in table.columns if column.name]
    listed = ", ".join(f'"{excerpt(name)}"' for name in there[:20]) + (", …" if len(there) > 20 else "")
    noun = "column" if len(missing) == 1 else "columns"
    return SetupError(
        f"{table.path}, line {table.header_line}: the compulsory {noun} {', '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} missing. There {'is' if len(there) == 1 else 'are'}: {listed}.",
        cure="Add or rename columns; the first row must name them.",
    )


class Cells:
    """One row read field by field; every problem found is kept, so that a person sees all of them at once."""

    def __init__(self, row: Row, headers: Mapping[str, str]) -> None:
        self.line = row.line
        self.problems: list[RowProblem] = []
        self.notices: list[Notice] = []
        self._row, self._headers = row, headers

    def header(self, name: str) -> str:
        """The field's header as written in the file, or the field's own name where the file has no such column."""
        return self._headers.get(name, name)

    def raw(self, name: str) -> Value | None:
        """The cell as it was read; None when it is empty or the file has no such column."""
        return self._row.cells.get(self._headers[name]) if name in self._headers else None

    def refuse(self, name: str, reason: str, *, shown: object = "") -> None:
        """Keep a problem with this field; `shown` is the offending value, of which only the beginning is kept."""
        problem = RowProblem(line=self.line, column=self.header(name), value_excerpt=excerpt(shown), reason=reason)
        self.problems.append(problem)

    def note(self, name: str, reason: str) -> None:
        """Keep a notice about this field, which refuses nothing."""
        self.notices.append(Notice(line=self.line, column=self.header(name), reason=reason))

    def text(self, name: str, *, default: str = "") -> str:
        """The cell as text, unchanged: no trimming, no Unicode normalisation."""
        value = self.raw(name)
        if value is None:
            return default
        text = plain(value)
        reason = unfit(text)
        if reason:
            self.refuse(name, reason, shown=text)
        return text

    def word(self, name: str, *, compulsory: bool = False, longest: int = 200) -> str:
        """The cell as a one-line text without the spaces around it."""
        text = self.text(name).strip()
        if not text and compulsory:
            self.refuse(name, f"{name} is empty, and every row needs one")
        if "\n" in text or "\r" in text:
            self.refuse(name, f"{name} must be one line", shown=text)
        if len(text) > longest:
            self.refuse(name, f"{name} has {len(text)} characters; at most {longest} are allowed", shown=text)
        return text

    def identifier(self, name: str) -> str:
        """A compulsory `word` of which every digit counts: notices where a spreadsheet may have changed it."""
        value = self.raw(name)
        if isinstance(value, Decimal):
            self.note(name, "the cell holds a number, not a text: leading zeros, if there were any, are lost")
        return self.word(name, compulsory=True)

    def names(self, name: str, separators: str = ",;") -> tuple[str, ...]:
        """The parts of a list, trimmed, each once, in their order."""
        value = self.raw(name)
        if value is None:
            return ()
        text = self.text(name)
        parts: Iterable[str] = value if isinstance(value, tuple) else _split(text, separators)
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def plain(value: Value) -> str:
    """A cell's value as text: numbers without exponent, lists joined by a comma."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:f}" if isinstance(value, Decimal) else value


def unfit(text: str) -> str | None:
    """Why a text cannot be stored or typed, or None: NUL, other control characters, half of a surrogate pair."""
    found = _UNFIT.search(text)
    return f"the text holds the character U+{ord(found[0]):04X}, which cannot be typed: delete it" if found else None


def _split(text: str, separators: str) -> list[str]:
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return text.split(separators[0])
