"""The console as an application: its pages, its assets, and what stands around every page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI, Request
from httpx import codes
from nicegui import app as nicegui_app
from nicegui import ui
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from runner.console import shell
from runner.console.client import Api, Refused
from runner.console.desk import Desk, Pulse

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
ASSETS = "/console/assets"
BUILDING_S = 20.0
# console.css for all pages; a page that needs more has a file of its own beside it.
SHEETS = ("console.css", *sorted(each.name for each in STATIC.glob("*.css") if each.name != "console.css"))
HEAD = f'<script src="{ASSETS}/console.js" defer></script>' + "".join(
    f'<link rel="stylesheet" href="{ASSETS}/{name}">' for name in SHEETS
)
Builder = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What the console needs of others: the API, the pulse of the shop, and the zone in which times are shown."""

    api: ASGIApp
    pulse: Pulse
    timezone: ZoneInfo
    watches: bool = False
    """Whether sessions of this process can be watched at /live/{session}."""


class House:
    """Takes the pages in. NiceGUI has one application in a process, so there is one console in a process."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def page(self, path: str, title: str, *, wide: bool = False) -> Callable[[Builder], Builder]:
        """A page at an address; `title` is also the name of its place in the menu. `wide` pages use all the width."""

        def keep(build: Builder) -> Builder:
            async def serve(request: Request) -> Any:
                return await self._serve(request, build, title, wide)

            ui.page(path, title=f"{title} · runner", response_timeout=BUILDING_S)(serve)
            return build

        return keep

    async def _serve(self, request: Request, build: Builder, title: str, wide: bool) -> Any:
        address = request.client.host if request.client else "unknown"
        api = Api(self.ports.api, headers=request.headers, address=address)
        try:
            who = await api.get("/session")
        except Refused as refused:
            if refused.status != codes.UNAUTHORIZED:
                # Signing in again would not help: too many requests, a database that cannot be read.
                ui.label(refused.detail).classes("problem")
                return None
            here = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
            return RedirectResponse(f"/sign-in?{urlencode({'next': here})}", status_code=303)
        desk = Desk(request, api, self.ports.pulse, self.ports.timezone, who)
        with shell.around(desk, title, theme=request.cookies.get(shell.THEME), wide=wide):
            try:
                await build(desk)
            except Refused as refused:
                # What is not there, or not for this person: the page says so in the page's place.
                ui.label(refused.detail).classes("problem")
        return None


@asynccontextmanager
async def opened(ports: Ports) -> AsyncIterator[ASGIApp]:
    """The console, for as long as the body runs; whoever serves it lets nobody in who is not known."""
    from runner.console import pages_list

    house = House(ports)
    pages_list.install(house)
    nicegui_app.add_static_files(ASSETS, STATIC)
    nicegui_app.on_exception(_failed)
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        outer,
        title="runner",
        favicon=STATIC / "icon.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        gzip_middleware_factory=None,
        show_welcome_message=False,
    )
    ui.add_head_html(HEAD, shared=True)
    async with outer.router.lifespan_context(outer):
        yield outer


def _failed(error: Exception) -> None:
    log.error("a page of the console failed", error=repr(error), exc_info=error)
