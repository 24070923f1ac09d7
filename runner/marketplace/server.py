"""Serving the marketplace on this machine."""

import asyncio
import logging
import signal
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from runner.marketplace.app import create_app
from runner.marketplace.market import Market, MarketError, open_market

# At the end, connections are closed after the first time, and what still runs is cancelled after the second.
CLOSING_S, FAREWELL_S = 0.3, 1


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it listens, can drop a connection, and ends quietly on a signal."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Without this a hanging request would be waited for until it is cancelled.
        asyncio.get_running_loop().call_later(CLOSING_S, self._close_all)
        await super().shutdown(sockets)

    def _close_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # The original raises the signal again after a clean stop; stopping as asked is no failure of ours.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def drop_connection(self, client: tuple[str, int], reset: bool) -> None:
        """Closes a client's connection without another byte; with `reset` by an RST, which tells of trouble."""
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == tuple(client):
                if reset:
                    lingering = struct.pack("ii", 1, 0)  # on, for no time at all: closing resets
                    connection.transport.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, lingering
                    )
                connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        if not ip_address(address).is_loopback:
            raise MarketError(
                f"The marketplace serves this machine only: {host} is not a loopback address. Use 127.0.0.1."
            )
    except ValueError:
        raise MarketError(f"{host} is not an address that the marketplace can serve. Use 127.0.0.1.") from None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise MarketError(
            f"Port {port} on {host} cannot be used: {error.strerror}. Choose another, or 0 for a free one."
        ) from error
    listener.listen(256)
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    *,
    host: str = "127.0.0.1",
    port: int,
    data_dir: Path,
    seed: int,
    on_ready: Callable[[str], None],
    survey_probability: float = 0.02,
) -> None:
    """Serves the marketplace until SIGTERM or SIGINT; port 0 takes a free one, `on_ready` gets the base URL.

    Raises MarketError for a host that is not loopback, a port in use, or a data folder that cannot be taken.
    """
    listener = _listen(host, port)
    try:
        market = open_market(data_dir, seed_number=seed, survey_probability=survey_probability)
    except MarketError:
        listener.close()
        raise
    try:
        _run(market, listener, on_ready)
    finally:
        market.close()


def _run(market: Market, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        create_app(market),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        # Longer than a browser keeps an idle connection, so that none is closed under a request.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=FAREWELL_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    url = _base_url(listener)
    server = _Server(config, on_listening=lambda: on_ready(url))
    market.drop_connection = server.drop_connection
    server.run(sockets=[listener])
