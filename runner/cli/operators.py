"""`runner operators`: the people who may sign in."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.console import link as link_to
from runner.cli.console import reached_at
from runner.domain.access import Operator, Role

app = typer.Typer(help="Those who may sign in to the API: list, link, remove.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The operator's name.")]


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List those who may sign in."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.operators.list_operators())
    if as_json:
        output.document({"operators": [_shown(each) for each in found]})
        return
    rows = [(each.name, each.role, "yes" if each.password_hash else "by link only", each.created_at) for each in found]
    output.table(("operator", "role", "password", "since"), rows, empty="Nobody yet: runner operators link NAME")


@app.command(short_help="A one-time link to sign in with, also after a lost password.")
def link(
    name: Name,
    role: Annotated[
        Role, typer.Option("--role", metavar="ROLE", help="Of somebody new: admin, agent or viewer.")
    ] = Role.ADMIN,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Make a link that signs in once, within a day, and lets choose a password; somebody new is made by it."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> str:
        return await books.operators.new_link(name, role)

    secret = options.with_books(settings, work)
    address = link_to(reached_at(settings.console, port=settings.console.port), secret)
    if as_json:
        output.document({"operator": name, "link": address})
    else:
        output.say(address)


@app.command()
def remove(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Take somebody's access away at once; their channels are disabled."""
    settings, _ = options.settings(config)
    found, silenced = options.with_books(settings, lambda books: books.operators.remove(name))
    if as_json:
        output.document(_shown(found) | {"channels_disabled": silenced})
        return
    output.say(f"{output.plain(found.name)} cannot sign in any more.")
    if silenced:
        output.say(f"Nothing is sent any more over: {output.plain(silenced)}. See them: runner channels list")


def _shown(each: Operator) -> dict[str, object]:
    return {"id": each.id, "name": each.name, "role": each.role, "created_at": each.created_at}
