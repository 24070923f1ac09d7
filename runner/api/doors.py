"""The doors: who asks, whether they may, from which page, under which name; and what every answer carries."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.api import problems
from runner.api.problems import Refusal
from runner.api.services import Rules, Services
from runner.domain.access import Principal, Role, Via, covers

log = structlog.get_logger()

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cache-Control": "no-cache, private",
}
LOOK_AGAIN_S = 5.0
SAME = frozenset({"same-origin", "none"})
PAGES_POLICY = (
    # NiceGUI builds its pages with inline scripts and with eval; docs/decisions/console.md says what that leaves open.
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
UNCOUNTED = ("/healthz", "/readyz", "/_nicegui", "/console/assets/", "/live/")
"""Asked for by pages and by supervisors, a dozen at a time: not counted against the limit."""
ANYBODY = Principal(name="anybody (--no-auth)", role=Role.ADMIN, via=Via.OPEN)


def cookie_name(rules: Rules) -> str:
    """What the session's cookie is called: with https it is bound to this very host by its name."""
    return "__Host-runner_session" if rules.secure else "runner_session"


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"


async def recognised(request: HTTPConnection, services: Services) -> Principal:
    """Who asks: a program with a token, an Operator with a cookie. Raises Refusal (401)."""
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        token = await services.access.tokens.by_secret(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise _unknown("This token is unknown or was revoked.")
        return Principal(name=token.name, role=token.role, via=Via.TOKEN, scopes=token.scopes, number=token.id)
    cookie = request.cookies.get(cookie_name(services.rules))
    session = await services.access.operators.session(cookie) if cookie else None
    if session is not None:
        who = session.operator
        return Principal(name=who.name, role=who.role, via=Via.SESSION, number=session.id)
    if services.rules.open_to_all:
        return ANYBODY
    raise _unknown("Sign in, or send Authorization: Bearer with a token: runner tokens add NAME.")


def _unknown(detail: str) -> Refusal:
    return Refusal(401, "unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer realm="runner"'})


def expect_permitted(who: Principal, role: Role, scope: str) -> None:
    """Raises Refusal (403) when the role is too small, or a token lacks the scope."""
    if not who.role.may(role):
        raise Refusal(403, "role_missing", f"This needs the role {role}; {who.name} is {who.role}.")
    if not covers(who.scopes, scope):
        raise Refusal(403, "scope_missing", f"This needs the scope {scope}; the token has {', '.join(who.scopes)}.")


def expect_same_origin(request: HTTPConnection, who: Principal | None, rules: Rules) -> None:
    """Whether a change comes from a page of ours, or from no page at all. Raises Refusal (403).

    A browser always says where a change comes from; a program with a token need not.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site.lower() not in SAME:
        raise _from_elsewhere()
    if origin is not None and not _is_ours(origin, request):
        raise _from_elsewhere()
    if site is None and origin is None and who is not None and who.via is Via.SESSION:
        raise _from_elsewhere()


def _from_elsewhere() -> Refusal:
    return Refusal(403, "cross_origin", "This change comes from a page of another site, and is refused.")


def _is_ours(origin: str, request: HTTPConnection) -> bool:
    # The Host was checked against the allowlist already, so an attacker's name is not there to be equal to.
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    except ValueError:
        return False


def host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    host = header.rsplit(":", 1)[0] if re.search(r":\d*$", header) else header
    return host.strip("[]").lower().rstrip(".")


class Hall:
    """Stands before all routes: request id, Host allowlist, rates, security headers, and the last word on a bug."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a lifespan that nobody asked for
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        extra: dict[str, str] = {"X-Request-Id": request_id}
        begun = False

        async def carry(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _add(message, extra)
            await send(message)

        try:
            self._admit(headers, scope, extra)
            await self._app(scope, receive, carry)
        except Exception as error:
            refusal = problems.refusal_of(error)
            if refusal.status == 500:
                log.exception("request failed", request=request_id, method=scope["method"], path=scope["path"])
            if begun:
                return  # half an answer: the server closes the connection, and the client knows that it was not all
            await problems.document(refusal, request_id)(scope, receive, carry)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is behind it asks who it is; under a foreign name nobody gets so far.
        if host_of(Headers(scope=scope).get("host", "")) in self._services.rules.hosts:
            await self._app(scope, receive, send)
        else:
            await _turned_away(receive, send)

    def _admit(self, headers: Headers, scope: Scope, extra: MutableMapping[str, str]) -> None:
        host = headers.get("host", "")
        if host_of(host) not in self._services.rules.hosts:
            raise Refusal(
                421,
                "host_refused",
                "The runner is not reached under this name. To allow it: [console] allowed_hosts.",
            )
        if scope["path"].startswith(UNCOUNTED) or scope["state"].get("inside"):
            return
        allowance = self._services.access.rates.ask(_asker(scope))
        extra["RateLimit-Limit"] = str(allowance.limit)
        extra["RateLimit-Remaining"] = str(allowance.remaining)
        extra["RateLimit-Reset"] = str(allowance.reset_s)
        if allowance.refused:
            raise Refusal(
                429,
                "rate_limited",
                f"More than {allowance.limit} requests in a minute. Wait {allowance.reset_s} s.",
                headers={"Retry-After": str(allowance.reset_s)},
            )


def _asker(scope: Scope) -> str:
    """Who is counted together: one address, whatever secrets it comes up with."""
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def _add(message: MutableMapping[str, Any], extra: MutableMapping[str, str]) -> None:
    headers = MutableHeaders(raw=message["headers"])
    for name, value in {**SECURITY_HEADERS, **extra}.items():
        if name in extra or name not in headers:
            headers[name] = value
    message["headers"] = headers.raw


async def _turned_away(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4403, "reason": "no entry"})


class Gate:
    """Stands before the console: its pages and its sockets are for those who are signed in, from pages of ours."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let somebody through who is known; all others are sent to sign in."""
        if scope["path"].startswith("/api/"):
            raise Refusal(404, "not_found", "There is no such route: /docs lists them.")
        asker = HTTPConnection(scope)
        try:
            who = await recognised(asker, self._services)
            if who.via is Via.TOKEN:
                # A token has scopes, and pages know none.
                raise Refusal(403, "people_only", "The console is for people; programs use /api/v1.")
            if scope["type"] == "websocket" and "origin" not in asker.headers:
                raise _from_elsewhere()
            if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
                expect_same_origin(asker, who, self._services.rules)
        except Refusal as refusal:
            if scope["type"] == "websocket":
                await _turned_away(receive, send)
            elif refusal.status == 401 and "text/html" in asker.headers.get("accept", ""):
                await RedirectResponse(f"/sign-in?{urlencode({'next': _here(scope)})}", 303)(scope, receive, send)
            else:
                raise
            return
        scope.setdefault("state", {})["principal"] = who
        if scope["type"] == "websocket":
            receive = self._while_welcome(asker, receive)
        await self._app(scope, receive, _as_page(send))

    def _while_welcome(self, asker: HTTPConnection, receive: Receive) -> Receive:
        """A socket lives long: whoever signs out, is removed or gets another role meanwhile is shown out of it."""
        looked_at = time.monotonic()

        async def receiving() -> Message:
            nonlocal looked_at
            message = await receive()
            if message["type"] == "websocket.receive" and time.monotonic() - looked_at > LOOK_AGAIN_S:
                looked_at = time.monotonic()
                try:
                    await recognised(asker, self._services)
                except Refusal:
                    return {"type": "websocket.disconnect", "code": 4403, "reason": "no entry"}
            return message

        return receiving


def _here(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _as_page(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"]).setdefault("Content-Security-Policy", PAGES_POLICY)
        await send(message)

    return sending
