"""`runner tokens`: the ways in for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.access import ApiToken, Role

app = typer.Typer(help="The API tokens: list, add, revoke.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name; each is used once.")]
COLUMNS = ("token", "begins", "role", "scopes", "made by", "last used", "revoked")


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the tokens, those that were revoked included."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.tokens.list_tokens())
    if as_json:
        output.document({"tokens": found})
    else:
        output.table(COLUMNS, [_line(each) for each in found], empty="No token yet. Make one: runner tokens add NAME")


@app.command()
def add(
    name: Name,
    role: Annotated[
        Role, typer.Option("--role", metavar="ROLE", help="admin, agent or viewer; each may do what the next may.")
    ] = Role.VIEWER,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="Only this: jobs:write, *:read, threads; may be repeated."),
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Make a token for a program. It is shown once, and nobody can see it again."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[ApiToken, str]:
        return await books.tokens.add(name, role, scope or ["*"], "the command line")

    made, secret = options.with_books(settings, work)
    if as_json:
        output.document({"token": made, "secret": secret})
    else:
        output.say(secret)
        output.note("Keep it: it is shown this once. Send it as: Authorization: Bearer …")


@app.command()
def revoke(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """End a token at once."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.tokens.revoke(name))
    if as_json:
        output.document(found)
    else:
        output.say(f"{output.plain(found.name)} is revoked.")


def _line(each: ApiToken) -> tuple[object, ...]:
    return (each.name, each.hint + "…", each.role, each.scopes, each.created_by, each.last_used_at, each.revoked_at)
