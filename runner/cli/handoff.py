"""`runner handoff`: who waits for a person, and taking an account over until the same job can go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from runner import wiring
from runner.browser import display
from runner.cli import options, output
from runner.cli.progress import Progress, instead_of_logs
from runner.cli.run import show
from runner.config.settings import Settings
from runner.domain.jobs import Job
from runner.domain.states import Mode
from runner.errors import AttemptError, NeedsPerson
from runner.logs import Redactor
from runner.orchestrator import asking
from runner.orchestrator.asking import Waiting
from runner.orchestrator.handoffs import Opened
from runner.orchestrator.visits import Look

Say = Callable[..., None]
Follow = Callable[[Job], Awaitable[None]]
NOBODY = "Nobody waits for a person."


def handoff(
    account: Annotated[
        str | None,
        typer.Argument(metavar="[ACCOUNT]", help="Its name; without one, who waits for a person.", show_default=False),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Work in the live view, in your own browser; no window is opened here.")
    ] = False,
    headed: Annotated[
        bool, typer.Option("--headed", help="Work in a window here; the default where there is a display.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Open an account's own browser for a person; when it is given back and all is well, its parked job goes on."""
    if headed and account is not None:
        options.need_display()
    headed = headed or (not live and not display.is_missing())
    live = live or not headed
    settings, redactor = options.settings(config, {"live.enabled": live or None})
    if account is None:
        _list(settings, as_json=as_json)
        return
    instead_of_logs(settings, redactor)
    try:
        job = options.enter(lambda stop: _perform(settings, redactor, account, stop, headed=headed, as_json=as_json))
    except NeedsPerson as problem:
        output.error(problem)
        raise typer.Exit(output.PERSON_NEEDED) from problem
    if job is not None:
        show(job, as_json=as_json)
    elif as_json:
        output.document({"account": account, "job": None})


async def _perform(
    settings: Settings, redactor: Redactor, account: str, stop: asyncio.Event, *, headed: bool, as_json: bool
) -> Job | None:
    look = Look(mode=Mode.HEADED if headed else Mode.HEADLESS)
    async with wiring.open_runner(settings, redactor) as runner, contextlib.AsyncExitStack() as stack:

        async def follow(job: Job) -> None:
            await stack.enter_async_context(Progress(runner.books.events, job_id=job.id))

        desk = _Desk(settings, say=output.note if as_json else output.say, follow=follow)
        with desk.terminal():
            return await runner.handoffs.perform(account, look, stop, desk)


class _Desk:
    """A terminal: it tells what is to be done, and Enter gives the browser back."""

    def __init__(self, settings: Settings, *, say: Say, follow: Follow) -> None:
        self.given_back = asyncio.Event()
        self._settings = settings
        self._say = say
        self._follow = follow
        self._listens = False

    def opened(self, opened: Opened) -> None:
        """Say where to look and what to do there."""
        self._say(f"{opened.account}: {output.plain(opened.wanted.what)}")
        if opened.wanted.cure:
            self._say(f"  {output.plain(opened.wanted.cure)}")
        if opened.picture:
            self._say(f"  What the browser saw: {self._settings.evidence.dir / opened.picture}", whole=True)
        ways = []
        if opened.live_url:
            self._say(f"  Take control here: {wiring.live_link(self._settings, opened.live_url)}", whole=True)
            ways.append('"Give it back" there')
        else:
            self._say("  The browser window is open.")
            ways.append("closing the window")
        if self._listens:
            ways.insert(0, "Enter here")
        self._say(f"  When it is done: {', or '.join(ways)}. Ctrl-C leaves everything as it was.")

    def still(self, trouble: AttemptError) -> None:
        """Say why it is not settled."""
        self._say(f"It is not settled yet. {output.plain(trouble.what)}")

    async def goes_on(self, job: Job | None) -> None:
        """Say that it goes on, and show how."""
        if job is None:
            self._say("All is well. No job was waiting.")
        else:
            self._say(f"All is well. Job {job.id} ({job.flow}) goes on.")
            await self._follow(job)

    @contextlib.contextmanager
    def terminal(self) -> Iterator[None]:
        """Enter is heard while the body runs, where there is anything to hear it from."""
        loop, number = asyncio.get_running_loop(), sys.stdin.fileno() if sys.stdin else -1

        def heard() -> None:
            if os.read(number, 4096):
                self.given_back.set()
            else:
                loop.remove_reader(number)  # the end of a file is nobody's Enter

        try:
            loop.add_reader(number, heard)
            self._listens = sys.stdin.isatty()
        except (OSError, ValueError):
            yield  # neither a terminal nor a pipe
            return
        try:
            yield
        finally:
            loop.remove_reader(number)


def _list(settings: Settings, *, as_json: bool) -> None:
    async def work(books: wiring.Books) -> list[Waiting]:
        return list(await asking.waiting(books.records))

    found = options.with_books(settings, work)
    if as_json:
        output.document({"waiting": [_facts(each, settings.evidence.dir) for each in found]})
        return
    rows = [(each.account.name, each.account.state, each.need.at if each.need else None, _why(each)) for each in found]
    output.table(("account", "state", "since", "why"), rows, empty=NOBODY)
    for each in found:
        if each.need and each.need.picture:
            output.say(f"{each.account.name}: {settings.evidence.dir / each.need.picture}", whole=True)
    if found:
        output.say(f"Take one over: runner handoff {found[0].account.name}")


def _why(waiting: Waiting) -> str:
    return waiting.need.what if waiting.need else waiting.account.state_reason or ""


def _facts(waiting: Waiting, folder: Path) -> dict[str, object]:
    need = waiting.need
    return {
        "account": waiting.account.name,
        "state": waiting.account.state,
        "since": need.at if need else None,
        "why": _why(waiting),
        "job": need.job_id if need else None,
        "attempt": need.attempt_id if need else None,
        "url": need.url if need else None,
        "picture": folder / need.picture if need and need.picture else None,
    }
