"""The wiring of the live view that a daemon or an on-demand run serves by itself, behind a token of its data folder."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from runner.config.settings import Settings
from runner.errors import SetupError
from runner.orchestrator.open_sessions import OpenSessions

if TYPE_CHECKING:
    from runner.api.serving import Place

log = structlog.get_logger()


@asynccontextmanager
async def live_view(settings: Settings) -> AsyncIterator[OpenSessions]:
    """The Sessions of this process, served to whoever has the link when that is switched on."""
    if not settings.live.enabled:
        yield OpenSessions()
        return
    # Here and not above: most commands serve nothing, and to import the web framework costs them half a second.
    from runner.api import serving
    from runner.api.access import Access, hosts_of
    from runner.api.live import live_app

    place = serving.Place(host="127.0.0.1", port=settings.live.port, named="[live] port")
    listener = _listener(place)
    address = serving.address_of(listener, place)
    sessions = OpenSessions(address=address)
    access = Access(_token(settings), hosts_of(listener))
    async with serving.served(live_app(sessions, access, operator=getpass.getuser()), listener, place):
        yield sessions


def _listener(place: Place) -> socket.socket:
    """The configured port, or any that is free: watching is never worth the work that is watched."""
    from runner.api import serving

    try:
        return serving.listen(place)
    except SetupError as taken:
        free = serving.listen(replace(place, port=0))
        instead = serving.address_of(free, place)
        log.warning(taken.what, instead=instead, cure="The link is printed by: runner live. " + taken.cure)
        return free


def _token(settings: Settings) -> str:
    from runner.api.access import token_in

    return token_in(settings.store.path.parent / "live.token")


def link(settings: Settings, url: str) -> str:
    """A link to the live view that opens it: it carries the token of this data folder, once."""
    from runner.api.access import PARAMETER

    return f"{url}?{PARAMETER}={_token(settings)}"
