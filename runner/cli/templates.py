"""`runner templates`: reply texts with placeholders; which one answers what, the rules say."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.inbox_figures import share
from runner.domain.classification import MessageType
from runner.domain.drafts import Uses, lacking
from runner.domain.inbox_figures import Yield
from runner.domain.languages import LANGUAGES
from runner.domain.templates import NewTemplate, Placeholder, Template
from runner.errors import SetupError
from runner.inbox.answering import Preview

app = typer.Typer(help="The reply texts: list, add, preview, remove.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The template's name; those of one name are a family.")]
COLUMNS = ("number", "template", "for", "texts", "used", "sent", "reply rate", "success rate")


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the templates, with how often each has been used."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[list[Template], dict[int, Uses], dict[int, Yield]]:
        brought = {each.id: each for each in await books.inbox_figures.yields(None, of="template")}
        uses = await books.answering.drafts.uses(of="template")
        return await books.answering.templates.list_templates(), uses, brought

    found, uses, brought = options.with_books(settings, work)
    if as_json:
        told = [
            {
                **output.jsonable(each),
                "uses": output.jsonable(uses.get(each.id, Uses())),
                "reply_rate": brought[each.id].reply_rate if each.id in brought else None,
                "success_rate": brought[each.id].success_rate if each.id in brought else None,
            }
            for each in found
        ]
        output.document({"templates": told})
        return
    rows = []
    for each in found:
        counts = uses.get(each.id, Uses())
        rates = (brought[each.id].reply_rate, brought[each.id].success_rate) if each.id in brought else (None, None)
        rates_told = (share(rates[0]), share(rates[1]))
        texts = " / ".join(each.variants)
        rows.append((each.id, each.name, _whom(each), texts, counts.drafts, counts.sent, *rates_told))
    output.table(COLUMNS, rows, empty='No template yet. Add one: runner templates add hello --text "Hi {buyer_name}."')


@app.command()
def add(
    name: Name,
    text: Annotated[
        list[str],
        typer.Option("--text", metavar="TEXT", help="A variant; several are chosen in turn. May be repeated."),
    ],
    type_: Annotated[MessageType | None, typer.Option("--type", help="Only for messages of this type.")] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Only at this site.")] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help=f"Only for messages in it: {', '.join(LANGUAGES)}."),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="NAME", help="Only for this account's messages.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Add a template.

    Example: runner templates add hello --text "Hi {buyer_name|there}, {listing_title|it} is still available."

    Of several with one name the one that fits a message best answers it. A text whose placeholder has neither a value
    nor a fall-back (after the bar) is not sent.
    """
    settings, _ = options.settings(config)
    if language is not None and language not in LANGUAGES:
        raise SetupError(f'No message is ever found to be in "{language}".', cure=f"There are: {', '.join(LANGUAGES)}.")
    if site is not None and site not in settings.sites:
        raise SetupError(f'There is no site "{site}".', cure=f"There are: {', '.join(settings.sites)}.")
    new = NewTemplate(name=name, variants=tuple(text), type=type_, site=site, language=language, account=account)
    added = options.with_books(settings, lambda books: books.answering.templates.add(new))
    if as_json:
        output.document(added)
    else:
        output.say(
            f"Added template {added.id}, {added.name}. See it with real data: runner templates preview {added.name}"
        )


@app.command()
def preview(
    name: Name,
    message: Annotated[
        int | None,
        typer.Option(
            "--message",
            metavar="NUMBER",
            parser=options.number,
            help="With this message's data; else the newest's.",
        ),
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show what a template would answer to a message that is there; nothing is sent."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Preview]:
        return await books.answering.preview(name, message)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"previews": found})
        return
    for each in found:
        output.say(f"Template {each.template.id} ({_whom(each.template)}), with message {each.message_id}:")
        for filled in each.texts:
            if filled.text is None:
                output.say(f"  would not be sent: {lacking(each.template.name, filled.missing)}")
            else:
                output.say("  " + output.plain(filled.text).replace("\n", "\n  "))
    output.say(f"\nPlaceholders: {', '.join(Placeholder)}.")


@app.command()
def remove(
    name: Name,
    number: Annotated[
        int | None,
        typer.Option(
            "--number",
            metavar="N",
            parser=options.number,
            help="Only this one of the family, as the list shows it.",
        ),
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Remove a template that no rule needs any more; what it has answered stays."""
    settings, _ = options.settings(config)
    gone = options.with_books(settings, lambda books: books.answering.templates.remove(name, number=number))
    if as_json:
        output.document({"removed": gone})
    else:
        output.say(f"Removed {name}: {len(gone)} template(s).")


def _whom(each: Template) -> str:
    told = {"account": each.account, "site": each.site, "language": each.language, "type": each.type}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None) or "all messages"
