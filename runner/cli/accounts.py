"""`runner accounts`: the identities on the sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from runner import wiring
from runner.cli import health, options, output
from runner.cli.imports import report_intake
from runner.config.settings import Settings
from runner.domain.accounts import Account, NewAccount, SecretRef
from runner.domain.states import AccountState, JobState
from runner.errors import NotFound, SetupError
from runner.intake.accounts import read_accounts
from runner.orchestrator import decisions

app = typer.Typer(help="The accounts: list, add, import, show, health, pause, resume.", no_args_is_help=True)
app.command("health", short_help="Say which accounts are signed in, and what to do.")(health.health)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
COLUMNS = ("account", "site", "username", "state", "last served", "tags")


@app.command("list")
def list_(
    state: Annotated[AccountState | None, typer.Option("--state", help="Only these.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only accounts with this tag.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the accounts."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Account]:
        return await books.records.accounts.list_accounts(states=[state] if state else (), tag_name=tag)

    accounts = options.with_books(settings, work)
    if as_json:
        output.document({"accounts": accounts})
        return
    output.table(
        COLUMNS, [_line(account) for account in accounts], empty="No account yet. Add one: runner accounts add NAME"
    )
    for account in accounts:
        if account.state_reason:
            output.say(f"{account.name}: {output.plain(account.state_reason)}")


@app.command()
def show(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show one account, its last sessions and what is open for it."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> dict[str, object]:
        account = await books.records.accounts.by_name(name)
        return {
            "account": account,
            "sessions": await books.records.sessions.list_sessions(account_name=name, limit=5),
            "open_jobs": await books.engine.list_jobs(
                account=name, states=[JobState.QUEUED, JobState.RUNNING, JobState.PARKED, JobState.UNKNOWN]
            ),
            "profile": settings.profiles.dir / name,
        }

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    account = found["account"]
    assert isinstance(account, Account)
    output.table(COLUMNS, [_line(account)])
    if account.state_reason:
        output.say(f"Why: {output.plain(account.state_reason)}")
    output.say(f"Password: {account.secret.kind} {output.plain(account.secret.name)}")
    output.say(f"Profile: {found['profile']}")
    jobs = found["open_jobs"]
    assert isinstance(jobs, list)
    output.table(
        ("job", "flow", "state", "due", "error"),
        [(j.id, j.flow, j.state, j.due_at, j.error) for j in jobs],
        title="Open jobs",
        empty="No open job.",
    )


@app.command()
def add(
    name: Name,
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="SITE", help="Its site, as in the configuration; not needed when there is one."),
    ] = None,
    username: Annotated[
        str | None, typer.Option("--username", metavar="NAME", help="What it signs in with; else its name.")
    ] = None,
    password_env: Annotated[
        str | None,
        typer.Option("--password-env", metavar="VARIABLE", help="The environment variable that holds its password."),
    ] = None,
    password_keyring: Annotated[
        str | None, typer.Option("--password-keyring", metavar="NAME", help="service/username in the keyring.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="The file that holds its password.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A word to choose accounts by; may be repeated.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Add one account. Its password is never given here, only where it is kept."""
    settings, _ = options.settings(config)
    new = NewAccount(
        name=_slug(name),
        site=_site(settings, site),
        username=username or name,
        secret=_secret(password_env, password_keyring, password_file),
        tags=tuple(tag or ()),
    )

    async def work(books: wiring.Books) -> Account:
        return await books.records.accounts.add(new)

    account = options.with_books(settings, work)
    if as_json:
        output.document(account)
    else:
        output.say(f"Added {account.name}. Try it: runner run {account.name} check_login")


@app.command("import", short_help="Import accounts from CSV, XLSX or JSON.")
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, XLSX or JSON with name, username and where the password is kept."),
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing when any row is wrong.")] = False,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of an XLSX file; else the first.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Import accounts; a wrong row is reported with its line, column and reason."""
    settings, _ = options.settings(config)
    sites = list(settings.sites)
    intake = read_accounts(file, known_sites=sites, default_site=sites[0] if len(sites) == 1 else None, sheet=sheet)
    new = [] if strict and intake.problems else [account for _, account in intake.items]

    async def work(books: wiring.Books) -> list[tuple[str, str]]:
        return [(account.name, saved.value) for account, saved in await books.records.accounts.save_many(new)]

    done = options.with_books(settings, work)
    raise typer.Exit(report_intake("account", file, intake, done, as_json=as_json))


@app.command()
def pause(
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for whoever asks.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Give an account no more jobs; one that runs is finished."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Account:
        return await decisions.pause(books.records.accounts, name, reason)

    _said(options.with_books(settings, work), as_json=as_json)


@app.command(short_help="Make an account active again.")
def resume(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Make an account active again; its parked jobs go back to the queue."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Account:
        return await decisions.resume(books.records.accounts, books.records.profiles, books.engine, name)

    _said(options.with_books(settings, work), as_json=as_json)


def _said(account: Account, *, as_json: bool) -> None:
    if as_json:
        output.document(account)
    else:
        output.say(f"{account.name} is {account.state}.")


def _line(account: Account) -> Sequence[object]:
    return (account.name, account.site, account.username, account.state, account.last_served_at, account.tags)


def _slug(name: str) -> str:
    if name.strip("abcdefghijklmnopqrstuvwxyz0123456789-_") or not name[:1].isalnum() or len(name) > 40:
        raise SetupError(
            f'"{output.plain(name)}" is no account name.',
            cure="Use 1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit.",
        )
    return name


def _site(settings: Settings, site: str | None) -> str:
    if site is None and len(settings.sites) == 1:
        return next(iter(settings.sites))
    if site is None:
        raise SetupError("Which site?", cure=f"Give --site, one of: {', '.join(sorted(settings.sites))}.")
    if site not in settings.sites:
        raise NotFound("site", site, settings.sites)
    return site


def _secret(env: str | None, keyring: str | None, file: Path | None) -> SecretRef:
    return SecretRef.one_of(
        env=env,
        file=options.whole_path(file),
        keyring=keyring,
        what="Where is its password kept?",
        cure="Give exactly one of --password-env, --password-keyring, --password-file.",
    )
