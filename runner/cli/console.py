"""`runner console`: console and HTTP API beside whatever else is running. `runner daemon --console` comes here too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import typer

from runner import wiring
from runner.cli import options, output
from runner.config.served import ConsoleSettings

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
                place = reached_at(runner.books.settings.console, port=urlsplit(address).port or 0)
                output.note(f"Sign in with this link, which works once: {link(place, secret)}")
        yield


def reached_at(console: ConsoleSettings, *, port: int) -> str:
    """The address by which a person's browser reaches it, which is not always the one that it listens at.

    Behind a proxy, and for other machines, that is the first of `allowed_hosts`. Every address at once (0.0.0.0) is
    none that a browser could ask for: without a name the link is for this machine.
    """
    try:
        inside = console.host == "localhost" or ip_address(console.host).is_loopback
        everywhere = console.host != "localhost" and ip_address(console.host).is_unspecified
    except ValueError:
        inside = everywhere = False
    named = console.allowed_hosts[0] if console.allowed_hosts and (console.behind_proxy or not inside) else None
    if named and console.behind_proxy:
        return f"https://{named}"
    host = named or ("127.0.0.1" if everywhere else console.host)
    scheme = "https" if console.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def link(address: str, secret: str) -> str:
    """A one-time link. The secret stands behind the #, so that it is in no log and no Referer."""
    return f"{address}/sign-in#{secret}"
