"""`runner debug ACCOUNT FLOW`: a visible browser that stops where the flow fails, and goes on from there."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys

from runner import wiring
from runner.browser import display
from runner.cli import options, output, watching
from runner.cli.progress import Progress
from runner.cli.run import Waiting, parameters, show
from runner.domain.jobs import Attempt, Job, NewJob
from runner.domain.states import Mode, Priority
from runner.errors import AttemptError, SetupError
from runner.orchestrator.debugging import Answer, Debugging, Stopped
from runner.orchestrator.visits import Look

SLOW_MO_MS = 250
KEYS = {"a": Answer.HERE, "s": Answer.START, "l": Answer.LEAVE, "": Answer.LEAVE}


def debug(
    account: options.Account,
    flow: options.Flow,
    set_: options.Set = None,
    file: options.File = None,
    slow_mo: options.SlowMo = SLOW_MO_MS,
    live: options.Live = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Perform one flow in a visible browser, slowly and traced; where it fails, look, act, and go on from there.

    Playwright's inspector opens beside the page, and this terminal asks what to do: again from this step, again from
    the start, or leave. What was published or sent already is not done again. Without a display it
    runs in a virtual one, with the live view (--live).
    """
    if display.is_missing():
        _in_a_virtual_display(live=live)
    settings, redactor = options.settings(config, {"live.enabled": live or None})
    params = parameters(flow, set_ or [], file)

    async def work(stop: asyncio.Event) -> Job:
        async with wiring.open_runner(settings, redactor) as runner:
            watching.tell(runner)
            new = NewJob(
                account=account,
                flow=flow,
                params=params,
                priority=Priority.URGENT,
                max_attempts=1,
                pinned_to=runner.owner,
            )
            (job,) = await runner.books.engine.submit([new])
            await runner.books.answering.give_way()
            return await debugged(runner, job, slow_mo=slow_mo, stop=stop)

    show(options.enter(work), as_json=as_json)


async def debugged(runner: wiring.Runner, job: Job, *, slow_mo: int | None, stop: asyncio.Event) -> Job:
    """Perform a Job with a person beside it, again and again until it succeeds or the person leaves."""
    terminal = Terminal(runner)
    waiting = Waiting()
    debugging = Debugging(
        engine=runner.books.engine,
        accounts=runner.books.records.accounts,
        owner=runner.owner,
        ask=terminal.ask,
        on_wait=waiting,
        stop=stop,
    )

    async def stopped(step: str | None, error: AttemptError, attempt: Attempt, browser_lives: bool) -> None:
        await debugging.ask(
            Stopped(
                account=attempt.account,
                flow=attempt.flow,
                job_id=attempt.job_id,
                attempt_id=attempt.id,
                step=step,
                error=error,
                browser_lives=browser_lives,
            )
        )

    look = Look(mode=Mode.HEADED, slow_mo_ms=slow_mo, pause_on_error=True, debug=True, stopped=stopped)
    async with Progress(runner.books.events, job_id=job.id, lines=True):
        return await runner.orchestrator.run_job(job.id, look, stop, on_wait=waiting, again=debugging.again)


class Terminal:
    """Asks the person at the terminal; whoever cannot be asked leaves."""

    def __init__(self, runner: wiring.Runner) -> None:
        self._runner = runner

    async def ask(self, stopped: Stopped) -> Answer:
        """Say where it stopped, and what can be done about it; returns what the person typed."""
        where = f' in step "{output.plain(stopped.step)}"' if stopped.step else ""
        output.note(f"{stopped.account} {stopped.flow} stopped{where}: {output.plain(stopped.error.what)}")
        if stopped.error.cure:
            output.note(f"  {output.plain(stopped.error.cure)}")
        output.note(f"  What the browser saw: runner evidence open {stopped.attempt_id}")
        if stopped.browser_lives:
            output.note("  The browser is open, with the inspector beside it: what you do in it now stays done.")
            if (link := watching.link_to(self._runner, stopped.account)) is not None:
                output.note(f"  From your own: {link}", whole=True)
            choices = "a  again from this step   s  again from the start, in a fresh browser   l  leave"
        else:
            output.note("  The browser is gone.")
            choices = "s  again from the start, in a fresh browser   l  leave"
        while True:
            output.note(f"  {choices}")
            line = await _line()
            answer = Answer.LEAVE if line is None else KEYS.get(line.strip().lower()[:1])
            if answer is Answer.HERE and not stopped.browser_lives:
                answer = None
            if answer is not None and (line is None or line.strip()):
                return answer


async def _line() -> str | None:
    """What is typed next, without holding up anything else; None when nobody can type any more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        handle = sys.stdin.fileno()
        loop.add_reader(handle, ready.set)
    except (OSError, ValueError):
        return None  # closed, a file, or /dev/null: nobody sits there
    try:
        await ready.wait()
        typed = bytearray()
        while not typed.endswith(b"\n"):
            part = os.read(handle, 1)
            if not part:
                break
            typed += part
    finally:
        loop.remove_reader(handle)
    return typed.decode(errors="replace") if typed else None


def _in_a_virtual_display(*, live: bool) -> None:
    """Become the same command under Xvfb, with a live view, for nobody sees that screen.

    Raises SetupError where Xvfb is not installed.
    """
    virtual = shutil.which("xvfb-run")
    if virtual is None:
        raise SetupError(
            "This machine has no display, and debugging needs one.",
            cure="Install a virtual one: apt-get install xvfb. Then the same command runs in it by itself.",
        )
    output.note("This machine has no display: running in a virtual one (xvfb-run).")
    sys.stderr.flush()
    command = [virtual, "-a", *_this_command(), *([] if live else ["--live"])]
    os.execv(virtual, command)  # noqa: S606 — no shell: the same arguments, one by one


def _this_command() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]]
