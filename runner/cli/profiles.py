"""`runner profiles`: the browser directories of the accounts, with their checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from runner import wiring
from runner.browser.checkpoints import Condition, Version
from runner.browser.discovery import BrowserMissing, find_browser
from runner.cli import options, output, trash
from runner.cli.look_now import looked
from runner.cli.passphrases import FromEnvironment, FromFile, passphrase
from runner.cli.progress import instead_of_logs
from runner.cli.run import EXITS
from runner.config.settings import Settings
from runner.domain.jobs import Job
from runner.domain.session_health import SessionHealth
from runner.domain.states import AccountState, JobState
from runner.orchestrator.profile_care import KeptProfile, ProfileCare
from runner.orchestrator.session_health import session_health
from runner.orchestrator.visits import Look

T = TypeVar("T")

app = typer.Typer(help="The profiles: list, show, restore, reset, export, check.", no_args_is_help=True)
app.add_typer(trash.app, name="trash")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]
VERSION_COLUMNS = ("version", "saved", "signed in as", "browser", "size", "state")


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the profiles: size, last good login, browser, health, checkpoints and notes."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> list[tuple[KeptProfile, SessionHealth]]:
        care = wiring.profile_care(books, redactor)
        health = await _health(books, [])
        return [(await care.look(each.account), each) for each in health]

    found = options.with_books(settings, work)
    if as_json:
        output.document({"profiles": [{**output.jsonable(kept), "health": health} for kept, health in found]})
        return
    columns = ("account", "size", "last good login", "browser", "health", "checkpoints", "open", "note")
    rows = [
        (
            kept.account.name,
            size(kept.folder.size_bytes) if kept.folder.exists else None,
            health.last_login_at,
            kept.browser_version,
            health.health,
            _usable(kept),
            f"pid {kept.folder.open_in}" if kept.folder.open_in else None,
            (kept.stored.notes or None) if kept.stored else None,
        )
        for kept, health in found
    ]
    output.table(columns, rows, empty="No account yet. Add one: runner accounts add NAME")


@app.command()
def show(
    account: Name,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="Keep this remark about it; an empty one removes it.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show one profile: its folder, its health, the versions of its checkpoints, and what of it is in the trash."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> tuple[KeptProfile, SessionHealth]:
        care = wiring.profile_care(books, redactor)
        if note is not None:
            await care.note(account, note)
        return await care.look(account, browser_major=_major(settings)), (await _health(books, [account]))[0]

    kept, health = options.with_books(settings, work)
    if as_json:
        output.document({**output.jsonable(kept), "health": health})
        return
    _tell(kept, health)


@app.command(short_help="Lay an older login in, and prove it.")
def restore(
    account: Name,
    version: Annotated[
        int, typer.Option("--version", metavar="N", min=0, help="Which version of its checkpoints; else the newest.")
    ] = 0,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Open the account's browser, lay a checkpoint in and look who is signed in; no password is typed.

    When it does not help, the login that was there before is put back.
    """
    settings, redactor = options.settings(config)
    instead_of_logs(settings, redactor)

    async def work(stop: asyncio.Event) -> tuple[Job, AccountState]:
        async with wiring.open_runner(settings, redactor) as runner:
            await wiring.profile_care(runner.books, redactor).expect_closed(account)
            job = await looked(runner, account, Look(checkpoint=version), stop)
            return job, (await runner.books.records.accounts.by_name(account)).state

    job, state = options.enter(work)
    if as_json:
        output.document(job)
    elif job.state is JobState.SUCCEEDED:
        output.say(f"{account} is signed in again.")
        if state is not AccountState.ACTIVE:
            output.say(f"It is {state} still. To let it work: runner accounts resume {account}")
    else:
        output.say(f"{account}: {job.state}. {output.plain(job.error or '')}".rstrip())
    raise typer.Exit(EXITS.get(job.state, output.FAILED))


@app.command(short_help="Put a profile aside; the next session makes a new one.")
def reset(
    account: Name,
    all_: Annotated[
        bool, typer.Option("--all", help="Its checkpoints too: the next session signs in with the password.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Move the browser's folder into the trash; nothing is deleted. The next session begins anew.

    The login comes back from the checkpoint, unless that is put aside as well with --all.
    """
    trashed = _with_care(config, lambda care: care.reset(account, with_checkpoints=all_))
    if as_json:
        output.document({"account": account, "trashed": trashed})
    else:
        output.say(f"{account}'s profile is in the trash: {trashed}")


@app.command(short_help="Write a login into a file for another machine.")
def export(
    account: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    passphrase_env: FromEnvironment = None,
    passphrase_file: FromFile = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Write the newest checkpoint into one file, encrypted with a passphrase, for the same account elsewhere."""
    secret = passphrase(passphrase_env, passphrase_file, new=True)
    version = _with_care(config, lambda care: care.export(account, file, passphrase=secret))
    if as_json:
        output.document({"account": account, "file": file, "version": version})
    else:
        output.say(
            f"Wrote version {version.number} of {account}'s checkpoints, saved {output.plain(version.saved_at)}."
        )
        output.say(f"On the other machine: runner profiles import {file.name}")


@app.command("import", short_help="Take in what another machine has exported.")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What runner profiles export has written.")],
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Take it in for this account only.")
    ] = None,
    passphrase_env: FromEnvironment = None,
    passphrase_file: FromFile = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Make an exported login the newest checkpoint of its account; refused for any other account or site."""
    secret = passphrase(passphrase_env, passphrase_file, new=False)
    name, version = _with_care(config, lambda care: care.take_in(file, passphrase=secret, name=account))
    if as_json:
        output.document({"account": name, "file": file, "version": version})
    else:
        output.say(f"It is version {version.number} of {name}'s checkpoints, laid in when {name} is signed out.")
        output.say(f"To lay it in now: runner profiles restore {name}")


@app.command(short_help="Look for what is wrong with profiles; opens nothing.")
def check(
    account: Annotated[
        list[str] | None, typer.Argument(metavar="[ACCOUNT]...", help="Only these accounts; else all.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Look at the folders: readable, writable, open in a browser, whose they are, of which browser, how large.

    Opens no browser and changes nothing; exit 1 when something is wrong.
    """
    settings, redactor = options.settings(config)
    major = _major(settings)

    async def work(books: wiring.Books) -> list[KeptProfile]:
        care = wiring.profile_care(books, redactor)
        names = account or [each.name for each in await books.records.accounts.list_accounts()]
        return [await care.look(name, browser_major=major) for name in names]

    found = options.with_books(settings, work)
    wrong = any(kept.folder.problems or _bad(kept) for kept in found)
    if as_json:
        output.document({"well": not wrong, "profiles": found})
    else:
        columns = ("account", "size", "readable", "writable", "open", "belongs to", "last browser", "checkpoints")
        output.table(columns, [_checked(kept) for kept in found], empty="No account yet.")
        for kept in found:
            for problem in (*kept.folder.problems, *_bad(kept)):
                output.say(f"{kept.account.name}: {output.plain(problem)}")
        output.say("Something is wrong: see above." if wrong else "All is well.")
    raise typer.Exit(output.FAILED if wrong else output.DONE)


def size(size_bytes: int) -> str:
    """Bytes for a person."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def _with_care(config: Path | None, work: Callable[[ProfileCare], Awaitable[T]]) -> T:
    settings, redactor = options.settings(config)
    return options.with_books(settings, lambda books: work(wiring.profile_care(books, redactor)))


async def _health(books: wiring.Books, names: list[str]) -> list[SessionHealth]:
    wait_s = books.settings.profiles.sign_in_wait_s
    return await session_health(books.records, names, sign_in_wait_s=wait_s, now=books.clock.now())


def _major(settings: Settings) -> int | None:
    """The browser that a session would use; None where there is none, which `runner doctor` says."""
    browser = settings.browser
    try:
        return find_browser(configured=browser.path, headless=browser.headless, channel=browser.channel).major
    except BrowserMissing:
        return None


def _usable(kept: KeptProfile) -> str:
    good = sum(version.condition is Condition.GOOD for version in kept.versions)
    return f"{good} of {len(kept.versions)} good" if kept.versions else "none"


def _bad(kept: KeptProfile) -> list[str]:
    bad = (Condition.DAMAGED, Condition.OTHER_KEY)
    return [f"Version {each.number} of its checkpoints: {each.why}." for each in kept.versions if each.condition in bad]


def _checked(kept: KeptProfile) -> tuple[object, ...]:
    folder = kept.folder
    return (
        kept.account.name,
        size(folder.size_bytes) if folder.exists else "none yet",
        folder.readable,
        folder.writable,
        f"pid {folder.open_in}" if folder.open_in else "no",
        folder.belongs_to,
        folder.written_by or kept.browser_version,
        _usable(kept),
    )


def _tell(kept: KeptProfile, health: SessionHealth) -> None:
    folder, name = kept.folder, kept.account.name
    facts: list[tuple[str, object]] = [
        ("folder", folder.path if folder.exists else f"{folder.path} (not made yet)"),
        ("size", size(folder.size_bytes)),
        ("browser", kept.browser_version),
        ("last good login", health.last_login_at),
        ("last look", health.last_probe_at),
        ("health", f"{health.health}: {health.reason}"),
        ("what to do", health.action or "nothing"),
        ("open in a browser", f"pid {folder.open_in}" if folder.open_in else "no"),
        ("note", (kept.stored.notes or None) if kept.stored else None),
    ]
    output.table((name, ""), facts)
    for problem in folder.problems:
        output.say(output.plain(problem))
    output.table(
        VERSION_COLUMNS, [_line(each) for each in kept.versions], title="Checkpoints", empty="No checkpoint yet."
    )
    rows = [(each.path.name, each.at, size(each.size_bytes), each.reason) for each in kept.trashed]
    if rows:
        output.table(("in the trash", "since", "size", "why"), rows)


def _line(version: Version) -> tuple[object, ...]:
    state = f"{version.condition}: {version.why}" if version.why else version.condition
    return (
        version.number,
        version.saved_at,
        version.signed_in_as,
        version.browser_version,
        size(version.size_bytes),
        state,
    )
