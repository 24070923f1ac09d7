"""`runner profiles trash`: profiles that were put aside, and how they are deleted for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from runner import wiring
from runner.browser.trash import Trashed
from runner.cli import options, output
from runner.errors import SetupError

app = typer.Typer(help="Profiles that were put aside: list, empty.", no_args_is_help=True)

Whose = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")]


@app.callback()
def trash() -> None:
    """Profiles that were put aside; only a person deletes them."""


@app.command("list")
def list_(account: Whose = None, config: options.Config = None, as_json: options.Json = False) -> None:
    """List what is in the trash, the newest first, and why it is there."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> list[Trashed]:
        return _of(account, await wiring.profile_care(books, redactor).trash())

    found = options.with_books(settings, work)
    if as_json:
        output.document({"trash": found})
        return
    rows = [(each.account, each.at, f"{each.size_bytes / 1e6:.1f} MB", each.reason, each.path) for each in found]
    output.table(("account", "since", "size", "why", "folder"), rows, empty="The trash is empty.")


@app.command(short_help="Delete what is in the trash, for good.")
def empty(
    account: Whose = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Delete what is in the trash, for good; asks first."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> list[Trashed]:
        care = wiring.profile_care(books, redactor)
        found = _of(account, await care.trash())
        if found and (yes or _sure(found)):
            await care.empty_trash(found)
            return found
        return []

    gone = options.with_books(settings, work)
    if as_json:
        output.document({"deleted": gone})
    else:
        output.say(
            f"Deleted {len(gone)}: {sum(each.size_bytes for each in gone) / 1e6:.1f} MB."
            if gone
            else "Nothing was deleted."
        )


def _sure(found: list[Trashed]) -> bool:
    if not sys.stdin.isatty():
        raise SetupError("This deletes for good, and there is no terminal to ask.", cure="Say --yes if it is meant.")
    names = ", ".join(sorted({each.account for each in found}))
    return typer.confirm(f"Delete {len(found)} profiles ({names}) for good?", err=True)


def _of(account: str | None, found: list[Trashed]) -> list[Trashed]:
    return [each for each in found if account in (None, each.account)]
