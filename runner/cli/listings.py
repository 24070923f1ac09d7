"""`runner listings`: items for sale, imported and published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from runner import wiring
from runner.cli import cycle, options, output
from runner.cli.imports import report_intake
from runner.domain.jobs import NewJob
from runner.domain.listings import Listing, ListingState, StoredListing
from runner.errors import SetupError
from runner.intake.listings import read_listings
from runner.orchestrator import decisions

app = typer.Typer(help="The listings: import, list, show, publish.", no_args_is_help=True)

COLUMNS = ("listing", "account", "reference", "title", "price", "photos", "state", "address")


@app.command("import", short_help="Import listings with photos from CSV, XLSX or JSON.")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, XLSX or JSON with at least reference, title and price.")
    ],
    photos: Annotated[
        Path | None, typer.Option("--photos", metavar="FOLDER", help="The folder of the photos; else that of the file.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Who publishes the rows that name nobody.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing when any row is wrong.")] = False,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of an XLSX file; else the first.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Import listings with their photos; a wrong row is reported with its line, column and reason."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> int:
        known = [each.name for each in await books.records.accounts.list_accounts()]
        if account is not None:
            await books.records.accounts.by_name(account)
        intake = await asyncio.to_thread(read_listings, file, photos_dir=photos, known_accounts=known, sheet=sheet)
        new: list[tuple[Listing, str | None]] = []
        for _, each in intake.items:
            names: Sequence[str | None] = each.accounts or [account]
            new += [(each.listing, name) for name in names]
        if strict and intake.problems:
            new = []
        saved = await books.records.listings.save_many(new)
        done = [
            (f"{stored.listing.reference} ({stored.account or 'nobody yet'})", what.value) for stored, what in saved
        ]
        return report_intake("listing", file, intake, done, as_json=as_json)

    raise typer.Exit(options.with_books(settings, work))


@app.command("list", short_help="List the listings and where they are published.")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    state: Annotated[ListingState | None, typer.Option("--state", help="Only these.")] = None,
    limit: options.Limit = 100,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the listings, with the site's address of those that are published."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[StoredListing]:
        return await books.records.listings.list_listings(
            account_name=account, states=[state] if state else (), limit=limit
        )

    found = options.with_books(settings, work)
    if as_json:
        output.document({"listings": found})
    else:
        output.table(
            COLUMNS, [_line(each) for each in found], empty="No listing yet. Import some: runner listings import FILE"
        )


@app.command()
def show(
    listing: Annotated[
        int,
        typer.Argument(metavar="NUMBER", parser=options.number, help="Its number, as `runner listings list` shows it."),
    ],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show one listing, whole."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> StoredListing:
        return await books.records.listings.get(listing)

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    item = found.listing
    output.table(COLUMNS, [_line(found)])
    output.say(f"{item.category}, {item.condition}, {item.location}")
    output.say(output.plain(item.description))
    for photo in item.photos:
        output.say(f"photo: {photo}")


@app.command(short_help="Publish listings now, each by its account.")
def publish(
    listing: Annotated[
        list[int] | None,
        typer.Argument(metavar="NUMBER", parser=options.number, help="Numbers of listings; else --account or --all."),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="All of this account's that are not published yet.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are not published yet.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Publish listings now, each by its account, and report them as one batch; what is there already stays as it is."""
    settings, redactor = options.settings(config)
    if bool(listing) + (account is not None) + every != 1:
        raise SetupError("Publish what?", cure="Give numbers of listings, or --account NAME, or --all.")

    async def choose(books: wiring.Books) -> list[NewJob]:
        if listing:
            found = [await books.records.listings.get(number) for number in listing]
        else:
            found = await books.records.listings.list_listings(
                account_name=account, states=[ListingState.DRAFT], limit=10_000
            )
        if every:
            found = [each for each in found if each.account is not None]
        return decisions.publishing(found, max_attempts=settings.retry.max_attempts)

    cycle.perform(settings, redactor, "publish", choose, as_json=as_json, empty="Nothing to publish.")


def _line(each: StoredListing) -> Sequence[object]:
    item = each.listing
    price = f"{item.price_minor / 100:.2f} {item.currency}"
    return (each.id, each.account, item.reference, item.title, price, len(item.photos), each.state, each.url)
