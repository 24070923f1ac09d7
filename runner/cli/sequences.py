"""`runner sequences`: timed follow-ups to threads, which stop as soon as somebody writes."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.imports import report_intake
from runner.domain.enrolments import LIVE, Enrolment, EnrolmentState, Source
from runner.domain.sequences import NewSequence, SequenceStep, StoredSequence
from runner.errors import RunnerError, SetupError
from runner.inbox.following import Rehearsal
from runner.intake.enrolments import NamedThread, read_threads
from runner.intake.report import Intake, RowProblem
from runner.store.enrolling import Asked
from runner.store.enrolments import StepFigures

app = typer.Typer(
    help="Timed follow-ups: list, add, replace, show, preview, enrol, enrolments, stop, resume.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sequence's name.")]
Steps = Annotated[
    list[str],
    typer.Option(
        "--step",
        metavar="DELAY:TEMPLATE",
        help="A step: 30m, 2h, 3d or 2wd (working days) after the message before it, and a template. May be repeated.",
    ),
]
Number = Annotated[
    int,
    typer.Argument(
        metavar="ENROLMENT", parser=options.number, help="Its number, as `runner sequences enrolments` has it."
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Also a thread that went through it before.")]
Force = Annotated[bool, typer.Option("--force", help="Also a counterpart who wants no more messages.")]
STATES = ("active", "postponed", "in_doubt", "finished", "stopped")
COLUMNS = ("enrolment", "sequence", "account", "thread", "counterpart", "state", "why", "sent", "next due")


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the sequences, with how many threads are where in them."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[list[StoredSequence], dict[int, dict[EnrolmentState, int]]]:
        return await books.following.sequences.list_sequences(), await books.following.enrolments.counts()

    found, counts = options.with_books(settings, work)
    if as_json:
        output.document({"sequences": [_as_json(each) | {"enrolments": counts.get(each.id, {})} for each in found]})
        return
    rows = []
    for each in found:
        mine = counts.get(each.id, {})
        told = [mine.get(state, 0) for state in EnrolmentState]
        rows.append((each.name, "yes" if each.enabled else "no", " ".join(map(str, each.steps)), *told))
    empty = "No sequence yet. Add one: runner sequences add nudge --step 2wd:TEMPLATE"
    output.table(("sequence", "enabled", "steps", *STATES), rows, empty=empty)


@app.command()
def add(name: Name, step: Steps, config: options.Config = None, as_json: options.Json = False) -> None:
    """Add a sequence.

    Example: runner sequences add nudge --step 2wd:reminder --step 5wd:last-call

    Nothing is sent outside the account's hours, nor once anybody has written.
    """
    settings, _ = options.settings(config)
    new = NewSequence(name=name, steps=tuple(map(SequenceStep.parse, step)))
    added = options.with_books(settings, lambda books: books.following.sequences.add(new))
    _said(added, f"Added {name}. See what a thread would get: runner sequences preview {name} THREAD", as_json)


@app.command()
def replace(name: Name, step: Steps, config: options.Config = None, as_json: options.Json = False) -> None:
    """Give a sequence other steps; threads that are in it go on with these, from where they are."""
    settings, _ = options.settings(config)
    new = NewSequence(name=name, steps=tuple(map(SequenceStep.parse, step)))
    found = options.with_books(settings, lambda books: books.following.sequences.replace(new))
    _said(found, f"{name} has {len(found.steps)} step(s).", as_json)


@app.command()
def show(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show a sequence: its steps, and after which of them counterparts have written."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[StoredSequence, list[StepFigures]]:
        found = await books.following.sequences.by_name(name)
        return found, await books.following.enrolments.figures(found)

    found, figures = options.with_books(settings, work)
    if as_json:
        output.document(_as_json(found) | {"by_step": figures})
        return
    output.say(f"{found.name}: {'enabled' if found.enabled else 'disabled, everything in it waits'}.")
    rows = []
    for each in figures:
        step = found.steps[each.position - 1] if 0 < each.position <= len(found.steps) else None
        what = f"{step.delay.words} later: {step.template}" if step else "enrolled" if not each.position else "removed"
        share = f"{each.replied / each.sent:.0%}" if each.sent else "-"
        rows.append((each.position, what, each.sent, each.replied, share, each.opted_out))
    output.table(("step", "what", "sent", "wrote after it", "share", "opted out"), rows)


@app.command()
def preview(
    name: Name,
    thread: Annotated[
        int,
        typer.Argument(metavar="THREAD", parser=options.number, help="Its number, as `runner inbox list` shows it."),
    ],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say when each step would go out to a thread that is enrolled now, and with what text; nothing is done."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Rehearsal:
        return await books.following.rehearse(name, thread)

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    output.say(f"Thread {found.thread_id} of {found.account} with {output.plain(found.counterpart)}:")
    for each in found.steps:
        when = output.cell(each.due_at).plain if each.due_at else "never, the account's hours never open"
        output.say(f"\n{each.position}. {when} ({each.delay} later), template {each.wording.template}")
        if each.wording.text is None:
            output.say(f"   would stop here: {output.plain(each.wording.words)}")
        else:
            output.say("   " + output.plain(each.wording.text).replace("\n", "\n   "))
    if found.problem:
        output.say(f"\nIt cannot be enrolled now: {output.plain(found.problem)}")


@app.command()
def enable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have a sequence take threads in and send again."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.following.sequences.set_enabled(name, enabled=True))
    _said(found, f"{name} is enabled.", as_json)


@app.command()
def disable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have a sequence take nobody in and send nothing until it is enabled again."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.following.sequences.set_enabled(name, enabled=False))
    _said(found, f"{name} is disabled; what is in it waits.", as_json)


@app.command()
def remove(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Remove a sequence that nobody goes through and no rule needs; what was sent stays."""
    settings, _ = options.settings(config)
    gone = options.with_books(settings, lambda books: books.following.sequences.remove(name))
    _said(gone, f"Removed {name}.", as_json)


@app.command()
def enrol(
    name: Name,
    thread: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[THREAD]...", parser=options.number, help="Their numbers, as `runner inbox list` has them."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="CSV, XLSX or JSON with thread, or account and remote_id."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Enrol nobody of a file when any row is wrong.")] = False,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of an XLSX file; else the first.")
    ] = None,
    again: Again = False,
    force: Force = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Enrol threads in a sequence: those named, all or none, or those of a file, each that can be.

    A row of a file that cannot be is reported with its line and the reason.
    """
    settings, _ = options.settings(config)
    if bool(thread) == (file is not None):
        raise SetupError("Which threads?", cure="Give their numbers, or --file threads.csv.")
    if file is not None:
        asked = Asked(source=Source.FILE, by=getpass.getuser(), again=again, force=force)
        intake, done = _from_file(settings, name, read_threads(file, sheet=sheet), asked, strict=strict)
        raise typer.Exit(report_intake("thread", file, intake, done, as_json=as_json))
    asked = Asked(source=Source.HAND, by=getpass.getuser(), again=again, force=force)
    made = options.with_books(settings, lambda books: books.following.enrol_all(name, thread or [], asked))
    _list(made, as_json)


@app.command()
def enrolments(
    sequence: Annotated[str | None, typer.Option("--sequence", metavar="NAME", help="Only in this one.")] = None,
    state: Annotated[
        list[EnrolmentState] | None, typer.Option("--state", help="Only in this state; may be repeated.")
    ] = None,
    thread: Annotated[
        int | None, typer.Option("--thread", metavar="NUMBER", parser=options.number, help="Only this thread's.")
    ] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the threads that go or went through sequences: how far, what next, and why not."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Enrolment]:
        return await books.following.enrolments.list_enrolments(
            sequence_name=sequence, states=state or (), thread_id=thread, limit=limit
        )

    _list(options.with_books(settings, work), as_json)


@app.command()
def stop(
    enrolment: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ENROLMENT]...",
            parser=options.number,
            help="Their numbers, as `runner sequences enrolments` has them.",
        ),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option("--sequence", metavar="NAME", help="Instead: all that go through this one.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Stop enrolments; what waits to be sent for them is taken back."""
    settings, _ = options.settings(config)
    if bool(enrolment) == (sequence is not None):
        raise SetupError("Which enrolments?", cure="Give their numbers, or --sequence NAME.")

    async def work(books: wiring.Books) -> list[Enrolment]:
        numbers = enrolment or []
        if sequence is not None:
            live = await books.following.enrolments.list_enrolments(sequence_name=sequence, states=LIVE, limit=100_000)
            numbers = [each.id for each in live]
        return await books.following.stop(numbers, by=getpass.getuser())

    _list(options.with_books(settings, work), as_json)


@app.command()
def resume(
    enrolment: Number, force: Force = False, config: options.Config = None, as_json: options.Json = False
) -> None:
    """Have a stopped enrolment go on with its next step, whose delay begins now."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Enrolment]:
        return [await books.following.resume(enrolment, by=getpass.getuser(), force=force)]

    _list(options.with_books(settings, work), as_json)


def _from_file(
    settings: Any, name: str, intake: Intake[NamedThread], asked: Asked, *, strict: bool
) -> tuple[Intake[NamedThread], list[tuple[str, str]]]:
    """Enrol the good rows; with `strict` all of them or none."""

    async def work(books: wiring.Books) -> tuple[list[RowProblem], list[tuple[str, str]]]:
        found: list[tuple[int, NamedThread, int]] = []
        problems: list[RowProblem] = []
        for line, named in intake.items:
            try:
                number = (
                    named.number
                    or (await books.records.threads.by_remote_id(named.account or "", named.remote_id or "")).id
                )
                problem = await books.following.enrolments.problem(name, number, asked)
                if problem is not None:
                    raise problem
                found.append((line, named, number))
            except RunnerError as error:
                problems.append(_problem(line, named, error))
        if strict and (problems or intake.problems):
            return problems, []
        done: list[tuple[str, str]] = []
        for (line, named, _), made in zip(
            found, await books.following.enrol(name, [number for _, _, number in found], asked), strict=True
        ):
            if isinstance(made, Enrolment):
                done.append((str(named), "enrolled"))
            else:
                problems.append(_problem(line, named, made))
        return problems, done

    problems, done = options.with_books(settings, work)
    every = tuple(sorted((*intake.problems, *problems), key=lambda each: each.line))
    return Intake(items=intake.items, problems=every, warnings=intake.warnings, rows=intake.rows), done


def _problem(line: int, named: NamedThread, error: RunnerError) -> RowProblem:
    return RowProblem(line=line, column=None, value_excerpt=str(named), reason=error.what)


def _as_json(each: StoredSequence) -> dict[str, Any]:
    steps = [{"delay": str(step.delay), "template": step.template} for step in each.steps]
    return {"id": each.id, "name": each.name, "enabled": each.enabled, "steps": steps, "created_at": each.created_at}


def _said(found: StoredSequence, words: str, as_json: bool) -> None:
    if as_json:
        output.document(_as_json(found))
    else:
        output.say(words)


def _list(found: list[Enrolment], as_json: bool) -> None:
    if as_json:
        output.document({"enrolments": found})
        return
    rows = [
        (
            each.id,
            each.sequence,
            each.account,
            each.thread_id,
            each.counterpart,
            each.state,
            f"{each.reason}: {each.detail}" if each.reason else each.detail,
            f"{each.position} of {each.steps}",
            each.next_due_at,
        )
        for each in found
    ]
    output.table(COLUMNS, rows, empty="None. Enrol a thread: runner sequences enrol NAME THREAD")
