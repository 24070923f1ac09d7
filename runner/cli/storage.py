"""`runner storage`: the room that is taken, and making some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options, output
from runner.domain.storage import MEGABYTE, Freed, Holding, Kept, Storage

app = typer.Typer(help="Room on disk: how much is kept, how long, and freeing some.", invoke_without_command=True)

WORDS = {
    Kept.JOBS: "jobs, with their attempts and evidence",
    Kept.EVENTS: "events",
    Kept.STEPS: "steps",
    Kept.SESSIONS: "sessions",
    Kept.NOTICES: "notices",
    Kept.EVIDENCE: "evidence folders",
}
COLUMNS = ("", "rows", "MB", "oldest", "would go", "MB", "by")
FOLDER_COLUMNS = ("folder", "files", "MB", "oldest", "would go", "MB", "by")


@app.callback()
def storage(context: typer.Context, config: options.Config = None, as_json: options.Json = False) -> None:
    """Room on disk: how much is kept, how long, and freeing some."""
    if context.invoked_subcommand is None:
        show(config, as_json)


@app.command("show", short_help="How much is kept, and what would be freed.")
def show(config: options.Config = None, as_json: options.Json = False) -> None:
    """How much is kept, table by table and folder by folder, what would be freed by which rule, and the free disk.

    It reads all of it: with a million jobs that takes some seconds. Nothing is changed.
    """
    settings, _ = options.settings(config)
    storage = options.with_books(settings, lambda books: books.room.taking_stock.storage())
    if as_json:
        output.document(storage)
        return
    _tell(storage)


@app.command("free", short_help="Free what is too old or beyond the budget.")
def free(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Free what is older than [storage] keeps it, then the oldest of what is beyond the budgets, a little at a time.

    A daemon may be at work meanwhile, and does the same by itself. Never freed: effects, messages, threads and
    listings, jobs that have not ended, and what a person is still shown.
    """
    settings, _ = options.settings(config)
    if dry_run:
        storage = options.with_books(settings, lambda books: books.room.taking_stock.storage())
        if as_json:
            output.document(storage)
        else:
            _foretell(storage)
        return
    freed = options.with_books(settings, lambda books: books.room.freeing.free())
    if as_json:
        output.document(freed)
    else:
        _told(freed)


def _tell(storage: Storage) -> None:
    pages = storage.pages
    some = [each for each in storage.tables if each.count]
    output.table(COLUMNS, [_line(each) for each in some], title="Tables, with their indexes", empty="No rows yet.")
    output.table(FOLDER_COLUMNS, [_line(each) for each in storage.folders], title="Folders")
    output.say(
        f"Database: {_mb(pages.used_bytes)} MB used of {_budget(storage.database_budget)}; the file is "
        f"{_mb(pages.file_bytes)} MB, of which {_mb(pages.free_bytes)} MB are free and used again, "
        f"and its log {_mb(pages.log_bytes)} MB."
    )
    evidence = storage.folders[0]
    output.say(f"Evidence: {_mb(evidence.size_bytes)} MB of {_budget(storage.screenshots_budget)}.")
    output.say(f"Free on this disk: {_mb(storage.disk_free_bytes)} MB.")
    _foretell(storage)
    if storage.last is not None:
        output.say(f"Last looked at {output.plain(storage.last.at)}.")
        _told(storage.last)


def _foretell(storage: Storage) -> None:
    going = [each for each in (*storage.tables, *storage.folders) if each.free_count]
    for each in going:
        size = "" if each.free_bytes is None else f", about {_mb(each.free_bytes)} MB"
        output.say(f"Would go by {each.rule}: {each.free_count:,} of {Path(each.name).name}{size}.")
    if storage.database_over:
        output.say(f"Would go by database_mb: about {_mb(storage.database_over)} MB of the oldest records.")
    if storage.screenshots_over:
        output.say(f"Would go by screenshots_mb: about {_mb(storage.screenshots_over)} MB of the oldest evidence.")
    if not going and not storage.database_over and not storage.screenshots_over:
        output.say("Nothing is to be freed.")


def _told(freed: Freed) -> None:
    if freed.total:
        output.say("Freed: " + ", ".join(f"{count:,} {WORDS[what]}" for what, count in freed.counts.items()) + ".")
    else:
        output.say("Nothing was to be freed.")
    for words in freed.left:
        output.note(f"Over the budget still: {words}")
    if freed.failed:
        output.note(f"It was cut short and goes on at the next look: {freed.failed}")


def _line(each: Holding) -> tuple[object, ...]:
    going = (f"{each.free_count:,}", _mb(each.free_bytes), each.rule) if each.rule else ("", "", "")
    return (Path(each.name).name, f"{each.count:,}", _mb(each.size_bytes), each.oldest_at, *going)


def _mb(size: int | None) -> str:
    return "–" if size is None else f"{size / MEGABYTE:,.1f}"


def _budget(size: int | None) -> str:
    return "any number" if size is None else f"{size / MEGABYTE:,.0f} MB"
