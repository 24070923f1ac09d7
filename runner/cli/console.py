"""`runner console`: console and HTTP API beside whatever else is running. `runner daemon --console` comes here too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output

NoAuth = Annotated[
    bool, typer.Option("--no-auth", help="Let everybody on this machine in without signing in: for demos only.")
]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", min=0, max=65535, help="The console's port; 0 takes a free one."),
]
Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="The address to listen at.")]
BANNER = "WITHOUT SIGN-IN: whoever can reach this address may do everything. Not for real accounts."


def console(
    host: Host = None,
    port: Port = None,
    no_auth: NoAuth = False,
    config: options.Config = None,
) -> None:
    """Serve the console and the HTTP API until SIGTERM or Ctrl-C, without performing jobs: a daemon does that."""
    settings, redactor = options.settings(config, {"console.host": host, "console.port": port})

    async def work(stop: asyncio.Event) -> None:
        async with wiring.open_runner(settings, redactor) as runner, served(runner, no_auth=no_auth, performs=False):
            await stop.wait()

    options.enter(work)


@asynccontextmanager
async def served(runner: wiring.Runner, *, no_auth: bool, performs: bool) -> AsyncIterator[None]:
    """Serve the console while the body runs, and say where; at the very first start with a link that signs in.

    `performs` says whether this process performs jobs too, so that its sessions can be watched.
    """
    # Here and not above: most commands serve nothing, and to import the web framework costs them half a second.
    from runner import api_wiring

    async with api_wiring.serve(runner, open_to_all=no_auth, performs=performs) as address:
        output.note(f"The console is at {address}")
        if no_auth:
            output.note(BANNER)
        else:
            secret = await runner.books.operators.first_link()
            if secret is not None:
                output.note(f"Sign in with this link, which works once: {link(address, secret)}")
        yield


def link(address: str, secret: str) -> str:
    """A one-time link. The secret stands behind the #, so that it is in no log and no Referer."""
    return f"{address}/sign-in#{secret}"
