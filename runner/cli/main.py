"""The command line: `runner COMMAND`. Exit codes: 0 done, 1 failed, 2 wrong use, 3 a person is needed."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from runner.cli import (
    accounts,
    channels,
    classification,
    console,
    cycle,
    daemon,
    debug,
    demo,
    doctor,
    drafts,
    effects,
    errors,
    evidence,
    handoff,
    hours,
    inbox,
    inbox_export,
    inbox_figures,
    init,
    jobs,
    limits,
    listings,
    market,
    notices,
    operators,
    output,
    profiles,
    replay,
    rules,
    run,
    schedules,
    send,
    sequences,
    sessions,
    sla,
    storage,
    templates,
    thread_care,
    tokens,
    watching,
)
from runner.errors import NotFound, RunnerError, SetupError

app = typer.Typer(
    name="runner",
    help="Runs several accounts on marketplace-like sites: reads their inboxes, publishes listings, answers messages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("demo", short_help="See the whole at work: six accounts, one mock marketplace.")(demo.demo)
app.command("run", short_help="Perform one flow for one account, now.")(run.run)
app.command("debug", short_help="Perform one flow visibly, and stop where it fails.")(debug.debug)
app.command("replay", short_help="Perform the flow of an attempt once more.")(replay.replay)
app.command("daemon", short_help="Rotate through all accounts until stopped.")(daemon.daemon)
app.command("console", short_help="Serve the console and the HTTP API.")(console.console)
app.command("cycle", short_help="Serve every active account once.")(cycle.cycle)
app.command("send", short_help="Queue one reply, for now or for a moment.")(send.send)
app.command("handoff", short_help="Take over an account that waits for a person.")(handoff.handoff)
app.command("live", short_help="Watch a running browser, and take it over.")(watching.live)
app.command("market", short_help="Serve the mock marketplace on this machine.")(market.market)
app.command("doctor", short_help="Check this machine and the configuration.")(doctor.doctor)
app.command("init", short_help="Write a commented configuration to begin with.")(init.init)
app.command("digest", short_help="A day or a week in figures, also as HTML and PDF.")(notices.digest)
app.command("trace", short_help="Open Playwright's trace of one attempt.")(evidence.trace)
app.add_typer(accounts.app, name="accounts")
app.add_typer(listings.app, name="listings")
app.add_typer(inbox.app, name="inbox")
inbox.app.add_typer(classification.app)
inbox.app.add_typer(drafts.app)
inbox.app.add_typer(thread_care.app)
inbox.app.add_typer(inbox_export.app)
inbox.app.add_typer(inbox_figures.app)
inbox.app.add_typer(sla.app, name="sla")
app.add_typer(templates.app, name="templates")
app.add_typer(rules.app, name="rules")
app.add_typer(sequences.app, name="sequences")
app.add_typer(jobs.app, name="jobs")
app.add_typer(limits.app, name="limits")
app.add_typer(hours.app, name="hours")
app.add_typer(schedules.app, name="schedules")
app.add_typer(sessions.app, name="sessions")
app.add_typer(profiles.app, name="profiles")
app.add_typer(evidence.app, name="evidence")
app.add_typer(errors.app, name="errors")
app.add_typer(effects.app, name="effects")
app.add_typer(channels.app, name="channels")
app.add_typer(notices.app, name="notices")
app.add_typer(storage.app, name="storage")
app.add_typer(operators.app, name="operators")
app.add_typer(tokens.app, name="tokens")


def main() -> None:
    """Run the command line; every error of ours becomes words for a person and an exit code."""
    try:
        app()
    except RunnerError as problem:
        _leave(problem)
    except ExceptionGroup as several:
        # What ended one Worker has ended the others with it: one error about it is enough.
        _leave(_first(several))
    except KeyboardInterrupt:
        output.note("stopped")
        sys.exit(output.FAILED)


def _leave(problem: RunnerError) -> NoReturn:
    output.error(problem)
    sys.exit(output.WRONG_USE if isinstance(problem, SetupError | NotFound) else output.FAILED)


def _first(several: ExceptionGroup[Exception]) -> RunnerError:
    """The first of its errors when all of them are for a person; a bug of ours among them is shown as it is."""
    ours, bugs = several.split(RunnerError)
    if ours is None or bugs is not None:
        raise several
    first: BaseException = ours
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, RunnerError)
    return first
