"""Tables of Threads to enrol: by our own number, or by account and the site's id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.intake.columns import Cells, Field, match
from runner.intake.report import Intake, RowProblem, twins, without
from runner.intake.rows import Table
from runner.intake.tables import read_table

FIELDS = (
    Field(name="thread", aliases=frozenset({"thread_id", "number", "id"})),
    Field(name="account", aliases=frozenset({"account_name"})),
    Field(name="remote_id", aliases=frozenset({"site_thread", "remote_thread_id"})),
)


@dataclass(frozen=True, kw_only=True)
class NamedThread:
    """A Thread as a row names it: by `number`, or by `account` and `remote_id`."""

    number: int | None = None
    account: str | None = None
    remote_id: str | None = None

    def __str__(self) -> str:
        return str(self.number) if self.number is not None else f"{self.account}/{self.remote_id}"


def read_threads(path: Path, *, sheet: str | None = None) -> Intake[NamedThread]:
    """Read threads with the column thread, or the columns account and remote_id.

    Raises SetupError when the file cannot be read as a whole.
    """
    return threads_in(read_table(path, sheet=sheet, list_names=("threads",)))


def threads_in(table: Table) -> Intake[NamedThread]:
    """The threads of a table that has been read."""
    matched = match(table, FIELDS)
    problems, notices = list(table.problems), [*table.warnings, *matched.notices]
    items: list[tuple[int, NamedThread]] = []
    for row in table.rows:
        cells = Cells(row, matched.headers)
        found = _thread(cells)
        notices += cells.notices
        problems += cells.problems
        if found is not None and not cells.problems:
            items.append((row.line, found))
    doubled: set[int] = set()
    for first, *others in twins(found for _, found in items):
        reason = f"the same thread stands on line {items[first][0]}"
        doubled |= set(others)
        problems += [
            RowProblem(line=items[each][0], column=None, value_excerpt=str(items[each][1]), reason=reason)
            for each in others
        ]
    return Intake(
        items=without(items, doubled),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        warnings=tuple(notices),
        rows=len(table.rows) + len(table.problems),
    )


def _thread(cells: Cells) -> NamedThread | None:
    if cells.raw("thread") is not None:
        written = cells.word("thread")
        if not written.isdecimal() or not 0 < int(written) < 2**63:
            cells.refuse("thread", "not the number of a thread, as `runner inbox list` shows it", shown=written)
            return None
        return NamedThread(number=int(written))
    account = cells.word("account")
    if not account or cells.raw("remote_id") is None:
        cells.refuse("thread", "no thread is named: fill thread, or account and remote_id")
        return None
    return NamedThread(account=account, remote_id=cells.identifier("remote_id"))
