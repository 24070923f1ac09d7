"""Serving an application on this machine, in the event loop of the process that does the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator

import structlog
import uvicorn
from starlette.types import ASGIApp

from runner.errors import SetupError

log = structlog.get_logger()

HOST = "127.0.0.1"
FAREWELL_S = 1
START_S = 10.0
STOP_S = 5.0


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the process has its own, and one stop for everything."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. Raises SetupError when the port is taken."""
    # asyncio turns Nagle's algorithm off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Port {port} on {HOST} cannot be used: {error.strerror}.",
            cure="Set another one: [live] port; 0 takes any that is free.",
        ) from error
    listener.listen(128)
    return listener


def hosts_of(listener: socket.socket) -> frozenset[str]:
    """The names under which a browser on this machine reaches it."""
    port = listener.getsockname()[1]
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


def address_of(listener: socket.socket) -> str:
    """Where it is, as a link begins."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve for as long as the body runs."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="wsproto",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FAREWELL_S,
        h11_max_incomplete_event_size=16 * 1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="serve the live view")
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=STOP_S)
        serving.cancel()
        await asyncio.wait({serving})
        listener.close()
        if not serving.cancelled() and (problem := serving.exception()) is not None:
            log.error("the live view ended with an error", error=repr(problem))
