"""What a page works with: the API as its person, the filters in its address, and the parts that keep up to date."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import structlog
from fastapi import Request
from nicegui import ui

from runner.console.client import Api, Refused

log = structlog.get_logger()

ROLES = ("viewer", "agent", "admin")
LOOK_EVERY_S = 1.0
Read = Callable[[], Awaitable[Any]]
Show = Callable[[Any], None]


class Pulse(Protocol):
    """Tells whether something has happened: `newest` is the number of the newest Event."""

    newest: int


class Desk:
    """One open page of one person."""

    def __init__(self, request: Request, api: Api, pulse: Pulse, timezone: ZoneInfo, who: dict[str, Any]) -> None:
        self.api = api
        self.timezone = timezone
        self.who = who
        self.path: dict[str, str] = dict(request.path_params)
        """Parts of the address: {name} of /accounts/{name}."""
        self.filters: dict[str, str] = dict(request.query_params)
        """What stands behind the ? of the address. Change it with `narrow`."""
        self._here = request.url.path
        self._pulse = pulse
        self._regions: list[Region] = []
        self._updating = asyncio.Lock()
        self._page = ui.context.client.content

    def may(self, role: str) -> bool:
        """Whether the person has at least this role: viewer, agent, admin."""
        return ROLES.index(self.who["role"]) >= ROLES.index(role)

    async def region(self, read: Read, show: Show, *, classes: str = "") -> Region:
        """A part of the page that shows what `read` gives, and does so again whenever that has changed.

        `show` builds elements and does nothing else. What a person types into stands outside of regions.
        """
        if not self._regions:
            self._seen = self._pulse.newest
            ui.timer(LOOK_EVERY_S, self._look, immediate=False)
        region = Region(self, read, show, classes)
        self._regions.append(region)
        await region.update()
        return region

    async def narrow(self, **filters: str | None) -> None:
        """Change filters: the address says so, and every region reads again. None or "" takes one away."""
        if "cursor" not in filters:
            self.filters.pop("cursor", None)  # another list begins at its beginning
        for name, value in filters.items():
            self.filters.pop(name, None)
            if value:
                self.filters[name] = value
        ui.navigate.history.push(self.address(**self.filters))
        await self.update()

    def address(self, **filters: str) -> str:
        """This page's address with these filters."""
        return f"{self._here}?{urlencode(filters)}" if filters else self._here

    async def update(self, *, anew: bool = False) -> None:
        """Read every region again; `anew` shows it again also where nothing has changed."""
        # One after the other: of two answers the one that was asked for last is to be seen in the end.
        async with self._updating:
            for region in [each for each in self._regions if not each.gone]:
                await region.update(anew=anew)

    async def act(self, change: Callable[[], Coroutine[Any, Any, Any]], done: str = "") -> Any:
        """Carry out what the person asked for, say what came of it, and show it; None when it was refused."""
        try:
            answer = await change()
        except Refused as refused:
            self.refused(refused)
            return None
        if done:
            self.say(done)
        await self.update()
        return answer if answer is not None else True

    def say(self, text: str, kind: Literal["positive", "negative", "warning"] = "positive") -> None:
        """Tell the person something, also when the region in which they pressed a button was drawn anew meanwhile."""
        close = "OK" if kind == "negative" else False
        with self._page:
            ui.notify(text, type=kind, position="top", multi_line=len(text) > 60, close_button=close)

    def refused(self, refused: Refused) -> None:
        """Say why something was not done."""
        if refused.status == 401:
            with self._page:
                ui.navigate.to("/sign-in")
            return
        words = [refused.detail, *(f"{each.get('message', '')}" for each in refused.errors[:5])]
        self.say("\n".join(dict.fromkeys(words)), "negative")

    async def _look(self) -> None:
        if self._pulse.newest != self._seen:
            self._seen = self._pulse.newest
            await self.update()


class Region:
    """See Desk.region."""

    def __init__(self, desk: Desk, read: Read, show: Show, classes: str) -> None:
        self._desk, self._read, self._show = desk, read, show
        self._place = ui.element("div").classes(f"region {classes}")
        self._shown: str | None = None

    @property
    def gone(self) -> bool:
        """Whether it is no longer on the page."""
        return self._place.is_deleted

    async def update(self, *, anew: bool = False) -> None:
        """Read, and show what came if it is something else."""
        try:
            data = await self._read()
        except Refused as refused:
            if refused.status == 401:
                self._desk.refused(refused)
                return
            data = refused
        told = str(data) if isinstance(data, Refused) else json.dumps(data, default=str, sort_keys=True)
        if (told == self._shown and not anew) or self.gone:
            return
        self._shown = told
        with contextlib.suppress(RuntimeError):  # the page was closed meanwhile
            self._place.clear()
            with self._place:
                if isinstance(data, Refused):
                    ui.label(data.detail).classes("problem")
                else:
                    self._show(data)
