"""The doorman: meets every request, finds out who visits, and lets the fault rules have their way with it."""

import asyncio
import secrets
from ipaddress import ip_address
from urllib.parse import parse_qs, quote

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.marketplace import accounts, challenges, web
from runner.marketplace.faults import SESSION_EFFECTS, Effect, Rule
from runner.marketplace.market import Market
from runner.marketplace.web import Visit

# What stays open to an account that is locked or has a challenge before it.
OPEN_TO_ALL = ("/challenge", "/sign-out", "/static/", "/photos/", "/cookies")
LOCK_REASON = "We have seen unusual activity and locked your account. Please write to our support."


def is_loopback(host: str) -> bool:
    """Says whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def control_is_allowed(request: Request) -> bool:
    """Says whether a control request comes from this machine, by address, Host and Origin (against DNS rebinding)."""
    origin = request.headers.get("origin")
    if origin is not None and not is_loopback(
        origin.partition("://")[2].rpartition(":")[0] or origin.partition("://")[2]
    ):
        return False
    client = request.client
    return client is not None and is_loopback(client.host) and is_loopback(request.url.hostname or "")


class Doorman:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, market: Market) -> None:
        self.app = app
        self.market = market

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        visit, is_new = self._visit(request)
        scope["bazaar.visit"] = visit
        send = _signing(send, visit, is_new)
        if scope["path"].startswith("/_"):
            if not control_is_allowed(request):
                await web.missing(request)(scope, receive, send)
                return
            await self.app(scope, receive, send)
            return
        named, receive = await self._named_account(request, receive)
        fired = self.market.faults.fire(scope["method"], scope["path"], visit.account.slug if visit.account else named)
        await self._let_in(request, receive, send, fired, named)

    def _visit(self, request: Request) -> tuple[Visit, bool]:
        known = request.cookies.get(web.VISIT_COOKIE)
        token = request.cookies.get(web.SESSION_COOKIE)
        visit = Visit(
            request_id=secrets.token_hex(8),
            visit_token=known or secrets.token_urlsafe(18),
            session_token=token,
            account=accounts.of_session(self.market.db, token),
        )
        return visit, known is None

    async def _named_account(self, request: Request, receive: Receive) -> tuple[str | None, Receive]:
        """Returns the account that a sign-in names, so that rules per account reach it before it is signed in."""
        if request.method != "POST" or request.url.path != "/sign-in":
            return None, receive
        body = await request.body()
        login = parse_qs(body.decode("utf-8", "replace")).get("login", [""])[0]
        account = accounts.by_login(self.market.db, login)
        return account.slug if account else None, _replaying(body, receive)

    async def _let_in(
        self, request: Request, receive: Receive, send: Send, fired: list[Rule], named: str | None
    ) -> None:
        by_effect = {rule.effect: rule for rule in fired}
        for rule in fired:
            self._upset(request, rule, named)
        if Effect.LATENCY_MS in by_effect:
            # Read first: what a server has taken in it does, whether the visitor still waits for it or not.
            receive = _replaying(await request.body(), receive)
            await asyncio.sleep(sum(rule.values["ms"] for rule in fired if rule.effect is Effect.LATENCY_MS) / 1000)
        if Effect.HANG in by_effect:
            await _until_gone(receive)
            return
        refusal = _refusal(request, by_effect)
        if refusal is not None:
            await _drain(receive, request)
            await refusal(request.scope, receive, send)
            return
        if Effect.SLOW_IMAGE in by_effect:
            send = _delayed(send, by_effect[Effect.SLOW_IMAGE].values["ms"] / 1000)
        await self._serve(request, receive, send, by_effect)

    def _upset(self, request: Request, rule: Rule, named: str | None) -> None:
        """Does what a rule does to the visitor's session or to the shape of the page."""
        visit, db = web.visit_of(request), self.market.db
        account = visit.account.slug if visit.account else named
        if rule.effect is Effect.LAYOUT:
            visit.layout = rule.values["variant"]
        elif rule.effect is Effect.POPUP:
            visit.popup_delay_ms = rule.values["delay_ms"]
        elif rule.effect is Effect.CRASH_RENDERER:
            visit.renderer = "crash"
        elif rule.effect is Effect.HANG_RENDERER:
            visit.renderer = "hang"
        elif rule.effect is Effect.EXPIRE_SESSION and visit.session_token:
            with db.transaction():
                accounts.close_session(db, visit.session_token)
            visit.account = None
        elif rule.effect is Effect.LOCK_ACCOUNT and account:
            with db.transaction():
                accounts.lock(db, account, LOCK_REASON)
            visit.account = accounts.of_session(db, visit.session_token)
        elif rule.effect in SESSION_EFFECTS - {Effect.EXPIRE_SESSION, Effect.LOCK_ACCOUNT}:
            challenges.open_one(db, rule.effect, account=account, visit=visit.visit_token, now=self.market.now())

    async def _serve(self, request: Request, receive: Receive, send: Send, by_effect: dict[Effect, Rule]) -> None:
        at_gate = self._gate(request)
        handler: ASGIApp = at_gate if at_gate is not None else self.app
        scope = request.scope
        if Effect.DROP_AFTER_COMMIT in by_effect or Effect.RESET_AFTER_COMMIT in by_effect:
            await handler(scope, receive, _nowhere)
            self.market.drop_connection(scope["client"], Effect.RESET_AFTER_COMMIT in by_effect)
            await _until_gone(receive)
        elif Effect.STATUS_AFTER_COMMIT in by_effect:
            await handler(scope, receive, _nowhere)
            await web.server_error(request, by_effect[Effect.STATUS_AFTER_COMMIT].values["status"])(
                scope, receive, send
            )
        else:
            await handler(scope, receive, send)

    def _gate(self, request: Request) -> Response | None:
        """Returns what stands in the way of a visitor: a locked account's page, or the way to a challenge."""
        visit = web.visit_of(request)
        if request.url.path.startswith(OPEN_TO_ALL):
            return None
        if visit.account is not None and visit.account.lock_reason is not None:
            return web.locked(request, visit.account.lock_reason)
        slug = visit.account.slug if visit.account else None
        challenge = challenges.for_visitor(self.market.db, slug, visit.visit_token)
        if challenge is None:
            return None
        target = f"/challenge?next={quote(web.way_back(request))}"
        if web.wants_json(request):
            body = {"error": "challenge", "kind": challenge["kind"], "url": target}
            return JSONResponse(body, status_code=403)
        return web.redirect(target)


def _refusal(request: Request, by_effect: dict[Effect, Rule]) -> Response | None:
    if Effect.STATUS in by_effect:
        return web.server_error(request, by_effect[Effect.STATUS].values["status"])
    if Effect.RATE_LIMIT in by_effect:
        return web.rate_limited(request, by_effect[Effect.RATE_LIMIT].values["retry_after_s"])
    return None


def _signing(send: Send, visit: Visit, is_new: bool) -> Send:
    """Adds the request's id and, for a new visitor, the visit's cookie to the answer."""

    async def signing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = visit.request_id
            if is_new and headers.get("content-type", "").startswith("text/html"):
                headers.append("set-cookie", f"{web.VISIT_COOKIE}={visit.visit_token}; HttpOnly; Path=/; SameSite=lax")
        await send(message)

    return signing


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Hands a body that was read already to the next reader."""
    pending = [body]

    async def replaying() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replaying


def _delayed(send: Send, seconds: float) -> Send:
    async def delayed(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(seconds)
        await send(message)

    return delayed


async def _nowhere(_message: Message) -> None:
    """Takes an answer that nobody is to get."""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drain(receive: Receive, request: Request) -> None:
    """Reads the rest of a body, so that an early answer is not lost in a reset connection."""
    if request.method in ("GET", "HEAD"):
        return
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
