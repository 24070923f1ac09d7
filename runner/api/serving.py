"""Serving an application in the event loop of the process that does the work, with one stop for everything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from runner.errors import SetupError

CLOSING_S, FAREWELL_S = 0.5, 2


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is served."""

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    open_to_all: bool = False
    named: str = "--port or [console] port"
    """Where a person sets the port."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https."""
        return self.behind_proxy or self.tls_cert is not None

    def check(self) -> None:
        """Raises SetupError for what would show the API to others without protection."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SetupError("A certificate needs its key, and a key its certificate.", cure="Set both or neither.")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not os.access(path, os.R_OK):
                raise SetupError(f"{path} cannot be read.", cure="See [console] tls_cert and tls_key.")
        if self.open_to_all and (not self.is_loopback or self.behind_proxy):
            raise SetupError(
                "--no-auth makes everybody an admin, and is for this machine only.",
                cure="Leave it out, or listen at 127.0.0.1 without a proxy.",
            )
        if not self.is_loopback and not self.secure:
            raise SetupError(
                f"{self.host} can be reached from other machines, and passwords would pass in the clear.",
                cure="Set [console] tls_cert and tls_key, or behind_proxy = true with a proxy that does TLS.",
            )


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, which says when it listens and ends although streams are open."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(CLOSING_S, self._close_all)
        await super().shutdown(sockets)

    def _close_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def listen(place: Place) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises SetupError."""
    place.check()
    address = "127.0.0.1" if place.host == "localhost" else place.host
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, place.port, type=socket.SOCK_STREAM)[0]
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms more.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise SetupError(f"{place.host} is no address to listen at: {error.strerror}.") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(where)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Port {place.port} on {place.host} cannot be used: {error.strerror}.",
            cure=f"Choose another with {place.named}; 0 takes a free one.",
        ) from error
    listener.listen(256)
    return listener


def address_of(listener: socket.socket, place: Place) -> str:
    """Where it is, as a link begins."""
    scheme = "https" if place.tls_cert is not None else "http"
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{scheme}://{host}:{listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket, place: Place) -> AsyncIterator[None]:
    """Serve for as long as the body runs."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="wsproto",
        ws_max_size=4 * 1024 * 1024,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=place.behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        ssl_certfile=place.tls_cert,
        ssl_keyfile=place.tls_key,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=FAREWELL_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"serve at {place.host}")
    try:
        listening = asyncio.ensure_future(server.listening.wait())
        await asyncio.wait({listening, serving}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({serving})
        listener.close()
    serving.result()
