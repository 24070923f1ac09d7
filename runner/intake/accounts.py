"""Reads accounts from a table; where the secret is kept is read, the secret itself is refused."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from runner.domain.accounts import NewAccount, SecretRef
from runner.errors import SetupError
from runner.intake.columns import Cells, Field, match
from runner.intake.report import HIDDEN, Intake, Notice, RowProblem, did_you_mean, twins, without
from runner.intake.rows import Table, folded
from runner.intake.tables import read_table

SecretKind = Literal["env", "keyring", "file"]

FIELDS = (
    Field(name="name", aliases=frozenset({"account", "account name", "konto"}), compulsory=True),
    Field(name="site", aliases=frozenset({"marketplace", "platform"})),
    Field(
        name="username",
        aliases=frozenset({"user", "login", "email", "e-mail", "user name", "login name", "benutzername"}),
        compulsory=True,
    ),
    Field(name="password_env", aliases=frozenset({"env", "password environment variable", "secret_env"})),
    Field(name="password_keyring", aliases=frozenset({"keyring", "secret_keyring"})),
    Field(name="password_file", aliases=frozenset({"password file path", "secret_file"})),
    Field(name="tags", aliases=frozenset({"tag", "labels", "groups"})),
)
SECRET_KINDS: tuple[SecretKind, ...] = ("env", "keyring", "file")
_PLAIN_SECRET = frozenset(
    map(
        folded,
        ("password", "pass", "pw", "pwd", "passwd", "secret", "passwort", "kennwort", "contraseña", "mot de passe"),
    )
)
_THREE_WAYS = (
    "Name where the password is kept instead, in one of three columns: password_env (the name of an environment "
    "variable), password_keyring (service/username in the system's keyring) or password_file (the path of a file)."
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # the same as in playwright.config.toml
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_accounts(
    path: Path, *, known_sites: Collection[str], default_site: str | None, sheet: str | None = None
) -> Intake[NewAccount]:
    """Read accounts with columns name, site, username, tags and one of password_env, password_keyring, password_file.

    Raises SetupError when the file cannot be read as a whole, or holds passwords themselves; no message shows one.
    """
    table = read_table(path, sheet=sheet, list_names=("accounts",))
    return accounts_in(table, known_sites=known_sites, default_site=default_site)


def accounts_in(table: Table, *, known_sites: Collection[str], default_site: str | None) -> Intake[NewAccount]:
    """The accounts of a table that has been read. Raises SetupError when it holds passwords themselves."""
    table = _without_plain_secrets(table)
    matched = match(table, FIELDS)
    problems, notices = list(table.problems), [*table.warnings, *matched.notices]
    items: list[tuple[int, NewAccount]] = []
    for row in table.rows:
        cells = Cells(row, matched.headers)
        account = _account(cells, known_sites, default_site)
        notices += cells.notices
        problems += cells.problems
        if not cells.problems:
            items.append((row.line, account))
    doubled, refused = _twins(items, matched.headers)
    return Intake(
        items=without(items, doubled),
        problems=tuple(sorted([*problems, *refused], key=lambda problem: problem.line)),
        warnings=tuple(notices),
        rows=len(table.rows) + len(table.problems),
    )


def _without_plain_secrets(table: Table) -> Table:
    """The table without its empty password columns. Raises SetupError when one holds anything."""
    suspects = [column for column in table.columns if folded(column.name) in _PLAIN_SECRET]
    for column in suspects:
        lines = [row.line for row in table.rows if column.name in row.cells]
        if lines:
            where = ", ".join(map(str, lines[:5])) + (", …" if len(lines) > 5 else "")
            raise SetupError(
                f'{table.path}: the column "{column.name}" holds passwords (lines {where}), and they never stand in a '
                "table. Nothing was imported.",
                cure=f"{_THREE_WAYS} Then delete this column.",
            )
    columns = tuple(column for column in table.columns if column not in suspects)
    notices = tuple(
        Notice(
            line=table.header_line, column=column.name, reason="this column is empty; passwords never stand in a table"
        )
        for column in suspects
    )
    return Table(
        path=table.path,
        columns=columns,
        header_line=table.header_line,
        rows=table.rows,
        problems=table.problems,
        warnings=(*table.warnings, *notices),
    )


def _account(cells: Cells, known_sites: Collection[str], default_site: str | None) -> NewAccount:
    name = cells.identifier("name")
    if name and not _NAME.fullmatch(name):
        reason = (
            "a name is 1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit (it names the profile folder)"
        )
        cells.refuse("name", reason, shown=name)
    return NewAccount(
        name=name,
        site=_site(cells, known_sites, default_site),
        username=cells.identifier("username"),
        secret=_secret(cells),
        tags=cells.names("tags"),
    )


def _site(cells: Cells, known_sites: Collection[str], default_site: str | None) -> str:
    site = cells.word("site") or default_site or ""
    there = ", ".join(sorted(known_sites)) or "none"
    if not site:
        cells.refuse("site", f"site is empty and there is no default site. Known sites: {there}")
    elif site not in known_sites:
        reason = f"no such site. Known sites: {there}.{did_you_mean(site, known_sites)}"
        cells.refuse("site", reason, shown=site)
    return site


def _secret(cells: Cells) -> SecretRef:
    given = [kind for kind in SECRET_KINDS if cells.raw(f"password_{kind}") is not None]
    if len(given) != 1:
        what = "no password is named" if not given else "more than one place of the password is named"
        column = f"password_{given[0]}" if given else "password_env"
        cells.refuse(column, f"{what}: fill exactly one of password_env, password_keyring, password_file")
        return SecretRef(kind="env", name="")
    kind = given[0]
    column = f"password_{kind}"
    before = len(cells.problems)
    place = cells.word(column, longest=4096)
    if len(cells.problems) > before:  # the same problems, without the value: it may be the secret itself
        found = cells.problems[before:]
        cells.problems[before:] = [
            RowProblem(line=p.line, column=p.column, value_excerpt=HIDDEN, reason=p.reason) for p in found
        ]
    elif kind == "env" and not _ENV_NAME.fullmatch(place):
        reason = "not the name of an environment variable (letters, digits, underscores), and never the password itself"
        cells.refuse(column, reason, shown=HIDDEN)
    elif kind == "keyring" and not all(part.strip() for part in (place + " ").partition("/")[::2]):
        cells.refuse(column, "not service/username, as the keyring files it", shown=HIDDEN)
    return SecretRef(kind=kind, name=place)


def _twins(items: Sequence[tuple[int, NewAccount]], headers: Mapping[str, str]) -> tuple[set[int], list[RowProblem]]:
    """The places of rows that claim one name, or one login on one site, and why none of them is taken.

    Nobody can tell which is right.
    """
    by_name = [("name", group) for group in twins(new.name for _, new in items)]
    by_login = [("username", group) for group in twins((new.site, new.username.casefold()) for _, new in items)]
    groups = [*by_name, *by_login]
    problems = [
        RowProblem(
            line=items[place][0],
            column=headers[field],
            value_excerpt=getattr(items[place][1], field),
            reason=f"the same {field} stands on lines {', '.join(str(items[each][0]) for each in group)}: "
            "keep one of them",
        )
        for field, group in groups
        for place in group
    ]
    return {place for _, group in groups for place in group}, problems
