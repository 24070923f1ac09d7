"""`runner channels`: where people are told what happens, and what of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runner import notice_wiring, wiring
from runner.cli import options, output
from runner.domain.accounts import SecretRef
from runner.domain.channels import DEFAULT_KINDS, Channel, ChannelWay, NewChannel, Preferences
from runner.domain.classification import MessageType
from runner.domain.hours import Hours
from runner.domain.notices import CHOSEN, NoticeKind
from runner.errors import SetupError
from runner.logs import Redactor
from runner.orchestrator.telling import Telling
from runner.store.channels import preferences_to_json

app = typer.Typer(
    help="Where people are told what happens: list, add, change, show, test, remove, enable, disable.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.")]
EMPTY = "No channel yet. Add one: runner channels add NAME --secret-file FILE, with an Apprise URL in the file"


def kind_asked_for(text: str) -> NoticeKind:
    """A kind that a channel may ask for. Raises typer.BadParameter."""
    if text not in CHOSEN:
        raise typer.BadParameter(f'"{text[:40]}" is nothing to be told of. There are: {", ".join(CHOSEN)}.')
    return NoticeKind(text)


Kinds = Annotated[
    list[NoticeKind] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        parser=kind_asked_for,
        help=f"What it is told of: {', '.join(CHOSEN)}; may be repeated. Of a new one else: what waits for somebody.",
    ),
]
Types = Annotated[
    list[MessageType] | None, typer.Option("--type", help="Of new messages only this type; may be repeated.")
]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", "-a", metavar="NAME", help="Only of it; may be repeated.")
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only of accounts with it; may be repeated.")
]
Quiet = Annotated[str | None, typer.Option("--quiet", metavar="FROM-TO", help="Hours without notices: 22:00-07:00.")]
Zone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="ZONE", help="The zone of these hours; of a new one else the shop's."),
]


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the channels over which people are told what happens."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Channel]:
        return await telling_of(books).channels.list_channels()

    found = options.with_books(settings, work)
    if as_json:
        output.document({"channels": [as_written(each) for each in found]})
        return
    rows = [
        (each.name, each.way, each.owner, "yes" if each.enabled else "no", each.preferences.kinds, _quiet(each))
        for each in found
    ]
    output.table(("channel", "way", "operator", "enabled", "told of", "quiet"), rows, empty=EMPTY)


@app.command()
def add(
    name: Name,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="ADDRESS", help="Post signed requests there; the secret signs.")
    ] = None,
    secret_env: Annotated[
        str | None,
        typer.Option("--secret-env", metavar="VARIABLE", help="What holds the Apprise URL, or the signing key."),
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", metavar="FILE", help="The file that holds it.")
    ] = None,
    secret_keyring: Annotated[
        str | None, typer.Option("--secret-keyring", metavar="NAME", help="service/username in the keyring.")
    ] = None,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="Whose it is, who may change what it is told.")
    ] = None,
    kind: Kinds = None,
    type_: Types = None,
    account: Accounts = None,
    tag: Tags = None,
    quiet: Quiet = None,
    timezone: Zone = None,
    excerpts: Annotated[
        bool, typer.Option("--excerpts", help="Send what counterparts write along: name, listing, first words.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Add a channel.

    Example: runner channels add phone --secret-file secrets/ntfy.url --kind person_needed --quiet 22:00-07:00

    What opens it (an Apprise URL, or a webhook's signing key) is never given here, only where it is kept.
    """
    settings, _ = options.settings(config)
    new = NewChannel(
        name=name,
        way=ChannelWay.APPRISE if webhook is None else ChannelWay.WEBHOOK,
        address=webhook,
        secret=_secret(secret_env, secret_file, secret_keyring),
        owner=operator,
        preferences=Preferences(
            kinds=tuple(kind or DEFAULT_KINDS),
            types=tuple(type_ or ()),
            accounts=tuple(account or ()),
            tags=tuple(tag or ()),
            quiet=None if quiet is None else Hours.parse(quiet),
            timezone=timezone or settings.browser.timezone,
            excerpts=excerpts,
        ),
    )
    added = options.with_books(settings, lambda books: telling_of(books).channels.add(new))
    _said(added, f"Added channel {name}. Try it: runner channels test {name}", as_json)


@app.command()
def change(
    name: Name,
    kind: Kinds = None,
    type_: Types = None,
    account: Accounts = None,
    tag: Tags = None,
    of_all: Annotated[
        bool, typer.Option("--of-all", help="Again of all types, accounts and tags that are not given here.")
    ] = False,
    quiet: Quiet = None,
    no_quiet: Annotated[bool, typer.Option("--no-quiet", help="No quiet hours any more.")] = False,
    timezone: Zone = None,
    excerpts: Annotated[
        bool | None, typer.Option("--excerpts/--no-excerpts", help="Send what counterparts write along, or not.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Change what a channel is told, and when not.

    Example: runner channels change phone --kind person_needed --kind error_flood --no-quiet

    What is not given stays as it is.
    """
    settings, _ = options.settings(config)
    if quiet is not None and no_quiet:
        raise SetupError("Quiet hours, or none?", cure="Give --quiet or --no-quiet.")
    hours = None if quiet is None else Hours.parse(quiet)

    async def work(books: wiring.Books) -> Channel:
        channels = telling_of(books).channels
        now = (await channels.get(name)).preferences
        wanted = Preferences(
            kinds=tuple(kind or now.kinds),
            types=tuple(type_ or (() if of_all else now.types)),
            accounts=tuple(account or (() if of_all else now.accounts)),
            tags=tuple(tag or (() if of_all else now.tags)),
            quiet=None if no_quiet else hours or now.quiet,
            timezone=timezone or now.timezone,
            excerpts=now.excerpts if excerpts is None else excerpts,
        )
        return await channels.set_preferences(name, wanted)

    found = options.with_books(settings, work)
    _said(found, f"{name} is told of: {', '.join(found.preferences.kinds)}.", as_json)


@app.command()
def show(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show a channel: where it goes, what it is told, and when not."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: telling_of(books).channels.get(name))
    if as_json:
        output.document({"channel": as_written(found)})
        return
    written = as_written(found)
    for key in ("name", "way", "address", "operator", "enabled", "secret"):
        output.say(f"{key}: {output.plain(written[key])}")
    for key, value in written["preferences"].items():
        output.say(f"{key}: {output.plain(value) or 'all'}")


@app.command("test")
def try_out(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Send a test over a channel, now, whatever its hours."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> None:
        await telling_of(books, redactor).test(name)

    options.with_books(settings, work)
    if as_json:
        output.document({"sent": name})
    else:
        output.say(f"Sent over {name}: look whether it has come.")


@app.command()
def remove(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Remove a channel, and what still waits for it."""
    settings, _ = options.settings(config)
    gone = options.with_books(settings, lambda books: telling_of(books).channels.remove(name))
    _said(gone, f"Removed {name}.", as_json)


@app.command()
def enable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have a channel told again what happens from now on, and what still waits for it."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: telling_of(books).channels.set_enabled(name, enabled=True))
    _said(found, f"{name} is enabled.", as_json)


@app.command()
def disable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have nothing sent over a channel until it is enabled again."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: telling_of(books).channels.set_enabled(name, enabled=False))
    _said(found, f"{name} is disabled.", as_json)


def telling_of(books: wiring.Books, redactor: Redactor | None = None) -> Telling:
    """Telling people, without a runner around it."""
    return notice_wiring.telling(books.settings, books.database, clock=books.clock, redactor=redactor or Redactor())


def as_written(each: Channel) -> dict[str, Any]:
    """A channel as JSON has it; of its secret where it is kept."""
    return {
        "name": each.name,
        "way": each.way,
        "address": each.address,
        "secret": f"{each.secret.kind} {each.secret.name}",
        "operator": each.owner,
        "enabled": each.enabled,
        "preferences": preferences_to_json(each.preferences),
        "created_at": output.jsonable(each.created_at),
    }


def _secret(env: str | None, file: Path | None, keyring: str | None) -> SecretRef:
    return SecretRef.one_of(
        env=env,
        file=options.whole_path(file),
        keyring=keyring,
        what="Where is the channel's secret kept?",
        cure="Give one of --secret-env, --secret-file, --secret-keyring.",
    )


def _quiet(each: Channel) -> str | None:
    hours = each.preferences.quiet
    return None if hours is None else f"{hours} {each.preferences.timezone}"


def _said(found: Channel, words: str, as_json: bool) -> None:
    if as_json:
        output.document({"channel": as_written(found)})
    else:
        output.say(words)
