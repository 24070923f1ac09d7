"""Who may open what this process serves: whoever holds the token of its data folder, from this machine's own names.

The token comes once, in the link that a command prints; it is exchanged for a cookie and leaves the address bar.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import structlog
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

PARAMETER = "token"
TOKEN_BYTES = 32
SHORTEST_TOKEN = 40
"""A file that a power cut or an editor left empty must not become a key that everybody has."""
STYLE = "/live/assets/live.css"
"""Served to everybody on this machine: the page that says "no entry" is to be read with ease."""
NO_ENTRY = (Path(__file__).parent / "static" / "no-entry.html").read_text(encoding="utf-8")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def token_in(file: Path) -> str:
    """The token that this file holds, made with it when it is not there yet; nobody else can read it."""
    new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(secrets.token_urlsafe(TOKEN_BYTES))
        out.flush()
        os.fsync(out.fileno())
    try:
        if file.exists() and file.stat().st_mode & 0o077:
            log.warning("others could read the token of the live view; it is replaced", file=str(file))
            new.replace(file)
        elif file.exists() and len(file.read_text(encoding="ascii", errors="replace").strip()) < SHORTEST_TOKEN:
            log.warning("the token of the live view is broken; it is replaced", file=str(file))
            new.replace(file)
        else:
            # Linked, not renamed: of two processes that begin at once the first one's token stays.
            with contextlib.suppress(FileExistsError):
                os.link(new, file)
    finally:
        new.unlink(missing_ok=True)
    return file.read_text(encoding="ascii").strip()


def hosts_of(listener: socket.socket) -> frozenset[str]:
    """The names under which a browser on this machine reaches what listens there."""
    port = listener.getsockname()[1]
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


class Access:
    """Compares tokens and cookies. `hosts` are the names, with port, under which this process is reached."""

    def __init__(self, token: str, hosts: Iterable[str]) -> None:
        if len(token) < SHORTEST_TOKEN:
            raise ValueError("a token that can be guessed lets everybody in")
        self._token = token
        self.hosts = frozenset(hosts)
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        # Cookies know no ports: a name of its own keeps two data folders on one machine apart.
        self.cookie = "runner_" + hashlib.sha256(b"name" + token.encode()).hexdigest()[:12]
        self._value = hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(given.encode(), self._token.encode())

    def is_known(self, headers: Headers) -> bool:
        """Whether the request carries our cookie."""
        # Leniently, as browsers do: other servers on this machine set cookies of their own, and odd ones.
        found = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return hmac.compare_digest(found.encode(), self._value.encode())

    def let_in(self, response: Response) -> None:
        """Give the cookie."""
        response.set_cookie(self.cookie, self._value, path="/", httponly=True, samesite="strict")


class Doorman:
    """Stands before an application and lets nobody in without token or cookie, nor under a foreign name."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403, "reason": "no entry"})
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What is answered in the application's place; None when the way is free."""
        # A page elsewhere can make its own name point to this machine: only ours are served.
        if headers.get("host", "").lower() not in self._access.hosts:
            return HTMLResponse(NO_ENTRY, status_code=421)
        origin = headers.get("origin")
        if origin is None and scope["type"] == "websocket":
            return HTMLResponse(NO_ENTRY, status_code=403)
        # Other servers on this machine count as the same site, so a strict cookie alone does not keep them out.
        if origin is not None and origin.lower() not in self._access.origins:
            return HTMLResponse(NO_ENTRY, status_code=403)
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(PARAMETER)
        if scope["type"] == "http" and given is not None and self._access.is_token(given):
            rest = urlencode([(key, value) for key, value in query if key != PARAMETER])
            # Relative, so that nothing but a path of ours can ever be meant.
            path = "/" + scope["path"].lstrip("/")
            response = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
            self._access.let_in(response)
            return response
        known = scope["path"] == STYLE or self._access.is_known(headers)
        return None if known else HTMLResponse(NO_ENTRY, status_code=403)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *(each for each in more if each[0] not in given)]}
        await send(message)

    return sending
