"""The live view in a browser: which sessions are open in this process, what one of them shows, and taking it over.

`live_router` may be mounted in a larger application; `live_app` is the whole of it, with its own door.
Nothing that a page says is ever markup here: it travels as JSON, and the scripts show it as text.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from runner.api.access import HEADERS, Access, Doorman
from runner.api.messages import FromPerson, parse
from runner.browser.live_view import Frame, Withheld
from runner.domain.access import Principal, Role
from runner.errors import Conflict, RunnerError
from runner.orchestrator.open_sessions import OpenSessions, Watchable
from runner.orchestrator.takeovers import Person
from runner.store.database import to_its_end

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
ASSETS = {
    "live.css": "text/css; charset=utf-8",
    "wall.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
}
STILL_S = 4.0
SILENT_S = 75.0
"""A window that is open says so every few seconds; a browser slows one in the background down to once a minute."""
HELLO_S = 10.0
GONE_CODE = 4404


def live_app(sessions: OpenSessions, access: Access, *, operator: str) -> ASGIApp:
    """The whole application; `operator` is what somebody is called who gives no name."""
    app = FastAPI(title="runner", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/live", _wall, methods=["GET"])
    app.include_router(live_router(sessions, operator=operator))
    return Doorman(app, access)


def watched(pages: ASGIApp, sessions: OpenSessions) -> ASGIApp:
    """The console's pages, with the sessions of this process to be watched below its own wall at /live."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(live_router(sessions, operator="operator"))
    app.mount("/", pages)
    return app


def live_router(sessions: OpenSessions, *, operator: str) -> APIRouter:
    """The pages and the WebSocket; whoever mounts it keeps strangers out, and may say in the scope who it is."""
    router = APIRouter()
    router.add_api_route("/live/assets/{name}", _asset, methods=["GET"])
    pages = _Pages(sessions)
    router.add_api_route("/live/sessions", pages.listed, methods=["GET"])
    router.add_api_route("/live/{session}", pages.session, methods=["GET"])
    router.add_api_route("/live/{session}/picture.jpg", pages.picture, methods=["GET"])

    async def socket(websocket: WebSocket, session: int) -> None:
        await websocket.accept()
        opened = sessions.get(session)
        if opened is None:
            await websocket.close(GONE_CODE, "this session has ended")
            return
        who: Principal | None = websocket.scope.get("state", {}).get("principal")
        await Window(websocket, opened, operator, who).serve()

    router.add_api_websocket_route("/live/{session}/ws", socket)
    return router


def _page(name: str, status: int = 200) -> HTMLResponse:
    text = (STATIC / name).read_text(encoding="utf-8")
    return HTMLResponse(
        text, status_code=status, headers={"Content-Security-Policy": HEADERS["Content-Security-Policy"]}
    )


async def _wall() -> Response:
    """All sessions of this process."""
    return _page("wall.html")


async def _asset(name: str) -> Response:
    """Style and scripts, from the package."""
    if name not in ASSETS:
        return _page("ended.html", 404)
    return Response((STATIC / name).read_bytes(), media_type=ASSETS[name])


@dataclass(frozen=True)
class _Pages:
    sessions: OpenSessions

    async def listed(self) -> Response:
        """The open sessions as JSON."""
        return JSONResponse({"sessions": [state_of(each) for each in self.sessions.all() if not each.control.idle]})

    async def session(self, session: int) -> Response:
        """One session to watch."""
        return _page("session.html") if self.sessions.get(session) else _page("ended.html", 404)

    async def picture(self, session: int) -> Response:
        """One picture of it as it is now."""
        opened = self.sessions.get(session)
        if opened is None:
            return Response(status_code=204)  # it ended between two looks at the wall, which is nothing wrong
        with contextlib.suppress(TimeoutError):
            async with opened.live.view.watch() as watcher, asyncio.timeout(STILL_S):
                view = await watcher.next()
                if isinstance(view, Frame):
                    return Response(view.jpeg, media_type="image/jpeg")
        return Response(status_code=204)


def state_of(opened: Watchable, person: Person | None = None) -> dict[str, Any]:
    """What a person is told about a session."""
    control = opened.control
    wanted = control.wanted
    return {
        "session": opened.row.id,
        "account": opened.row.account,
        "mode": str(opened.row.mode),
        "started_at": opened.row.started_at.isoformat(),
        "doing": control.doing,
        "step": control.step,
        "stand": str(control.stand),
        "holder": control.person.name if control.person else None,
        "mine": bool(person and control.person and control.person.key == person.key),
        "since": control.since.isoformat() if control.since else None,
        "notice": control.notice,
        "wanted": {"what": wanted.what, "cure": wanted.cure} if wanted else None,
        "ended": control.ended.is_set(),
    }


class Window:
    """One browser window on one session: pictures and state go out, what its person asks for comes in."""

    def __init__(self, websocket: WebSocket, opened: Watchable, operator: str, who: Principal | None = None) -> None:
        self._websocket, self._opened, self._operator, self._who = websocket, opened, operator, who
        self._sending = asyncio.Lock()
        self._size = (0, 0)

    async def serve(self) -> None:
        """Serve it until it is closed, falls silent, or the session ends."""
        control = self._opened.control
        try:
            async with asyncio.timeout(HELLO_S):
                hello = parse(await self._websocket.receive_text())
        except (TimeoutError, WebSocketDisconnect, RunnerError, KeyError):
            await self._close(4400, "no hello")
            return
        if hello.do != "hello" or not hello.window:
            await self._close(4400, "no hello")
            return
        person = Person(key=hello.window, name=self._name(hello))
        control.appeared(person)
        try:
            tasks = [
                asyncio.create_task(self._pictures(), name="pictures to a window"),
                asyncio.create_task(self._states(person), name="states to a window"),
                asyncio.create_task(self._heard(person), name="asked by a window"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            for problem in ended:
                if isinstance(problem, Exception) and not isinstance(problem, WebSocketDisconnect | TimeoutError):
                    log.warning("a window on a live view ended", error=repr(problem))
            await self._close(1000, "ended")
        finally:
            control.disappeared(person)

    async def _pictures(self) -> None:
        async with self._opened.live.view.watch() as watcher:
            while True:
                view = await watcher.next()
                if isinstance(view, Withheld):
                    await self._tell({"kind": "withheld", "why": view.why})
                    continue
                if (view.width, view.height) != self._size:
                    self._size = (view.width, view.height)
                    await self._tell({"kind": "size", "width": view.width, "height": view.height})
                async with self._sending:
                    await self._websocket.send_bytes(view.jpeg)

    async def _states(self, person: Person) -> None:
        control = self._opened.control
        with control.watched() as bell:
            while not control.ended.is_set():
                await bell.wait()
                bell.clear()
                await self._tell({"kind": "state", **state_of(self._opened, person)})

    async def _heard(self, person: Person) -> None:
        while True:
            async with asyncio.timeout(SILENT_S):
                text = await self._websocket.receive_text()
            try:
                await self._do(person, parse(text))
            except RunnerError as problem:
                await self._tell({"kind": "refused", "what": problem.what, "cure": problem.cure})

    async def _do(self, person: Person, message: FromPerson) -> None:
        control = self._opened.control
        if message.do not in ("hello", "here") and self._who is not None and not self._who.role.may(Role.AGENT):
            raise Conflict(f"{self._who.name} may watch, and no more.", cure="An agent or an admin may take over.")
        if message.do == "take":
            await control.take(
                Person(key=person.key, name=message.name if self._who is None and message.name else person.name)
            )
        elif message.do == "give_back":
            await to_its_end(control.give_back(person))  # a window that closes meanwhile has said so all the same
        elif (deed := message.deed()) is not None:
            await control.act(person, deed)

    def _name(self, message: FromPerson) -> str:
        """Whoever has signed in is called by that name, whatever the window says."""
        return self._who.name if self._who is not None else message.name or self._operator

    async def _tell(self, message: dict[str, Any]) -> None:
        async with self._sending:
            await self._websocket.send_json(message)

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the other end was quicker
            await self._websocket.close(code, reason)
