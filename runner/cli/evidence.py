"""`runner evidence` and `runner trace`: what failed attempts saw."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.jobs import Attempt, Evidence
from runner.domain.states import EvidenceKind
from runner.errors import NotFound, SetupError

app = typer.Typer(help="What failed attempts saw: list, show, open.", no_args_is_help=True)

PICTURES = (EvidenceKind.SCREENSHOT, EvidenceKind.LAST_PICTURE)

Number = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER", parser=options.number, help="The attempt's number, as `runner evidence list` shows it."
    ),
]


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    job: Annotated[int | None, typer.Option("--job", parser=options.number, help="Only this job's.")] = None,
    kind: Annotated[list[EvidenceKind] | None, typer.Option("--kind", help="Only these; may be repeated.")] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List evidence, the newest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Evidence]:
        return await books.records.evidence.list_evidence(
            account_name=account, job_id=job, kinds=kind or (), limit=limit
        )

    found = options.with_books(settings, work)
    if as_json:
        output.document({"folder": settings.evidence.dir, "evidence": found})
        return
    attempts: dict[int, list[Evidence]] = {}
    for each in found:
        attempts.setdefault(each.attempt_id, []).insert(0, each)
    rows = [
        (number, files[0].job_id, files[0].account, files[0].flow, files[0].created_at, [file.kind for file in files])
        for number, files in attempts.items()
    ]
    columns = ("attempt", "job", "account", "flow", "when", "what was kept")
    output.table(columns, rows, empty="No evidence: nothing has failed.")
    if found:
        output.say(f"The files are in {settings.evidence.dir}. Read one: runner evidence show {found[0].attempt_id}")


@app.command(short_help="Print the summary of one attempt's evidence.")
def show(attempt: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Print the summary of one attempt's evidence, and where its files are."""
    settings, _ = options.settings(config)
    found, files = options.with_books(settings, lambda books: _of(books, attempt))
    if as_json:
        output.document({"attempt": found, "folder": settings.evidence.dir, "evidence": files})
        return
    for file in files:
        if file.kind is EvidenceKind.SUMMARY:
            output.say(output.plain((settings.evidence.dir / file.path).read_text(encoding="utf-8")))
    output.table(("what", "bytes", "file"), [(e.kind, e.size_bytes, settings.evidence.dir / e.path) for e in files])


@app.command("open", short_help="Open the page of an attempt, or its picture.")
def open_(
    attempt: Number,
    picture: Annotated[bool, typer.Option("--picture", help="Open the picture alone.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Open the page of an attempt: all that is known of it, made anew, in the browser of this machine."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Path:
        _, files = await _of(books, attempt)
        if not picture:
            return await books.pages.build(attempt)
        pictures = [file for file in files if file.kind in PICTURES]
        return settings.evidence.dir / (pictures or files)[0].path

    path = options.with_books(settings, work)
    opened = _opened(path)
    if as_json:
        output.document({"file": path, "opened": opened})
    else:
        output.say(str(path) if opened else f"This machine has no program to show it; it is here: {path}")


def trace(attempt: Number, config: options.Config = None) -> None:
    """Open Playwright's trace viewer on one attempt's trace."""
    settings, _ = options.settings(config)
    _, files = options.with_books(settings, lambda books: _of(books, attempt))
    traces = [settings.evidence.dir / file.path for file in files if file.kind is EvidenceKind.TRACE]
    if not traces:
        raise NotFound("trace of attempt", str(attempt), [])
    output.note(f"Opening {traces[0]} (Ctrl-C ends the viewer)")
    # With a port it serves the viewer for any browser; without one it wants Playwright's own, which may not be here.
    viewer = [sys.executable, "-m", "playwright", "show-trace", "--host", "127.0.0.1", "--port", "0", str(traces[0])]
    raise typer.Exit(_ended_with_us(viewer))


def _ended_with_us(command: list[str]) -> int:
    """Run a command that starts others: a signal that ends us ends them all."""
    with subprocess.Popen(command, start_new_session=True) as process:
        asked: list[int] = []

        def end(number: int, _frame: object) -> None:
            asked.append(number)
            os.killpg(process.pid, signal.SIGTERM)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        code = process.wait()
    return output.DONE if asked or code == 0 else output.FAILED


async def _of(books: wiring.Books, attempt: int) -> tuple[Attempt, list[Evidence]]:
    found = await books.records.attempts.get(attempt)
    files = await books.records.evidence.list_evidence(attempt_id=attempt)
    if not files:
        raise SetupError(
            f"Attempt {attempt} left no evidence: it ended as {found.outcome or 'running'}.",
            cure="See: runner evidence list",
        )
    return found, list(reversed(files))


def _opened(path: Path) -> bool:
    if sys.platform == "linux" and not (shutil.which("xdg-open") or shutil.which("gio")):
        return False
    return webbrowser.open(path.as_uri())
