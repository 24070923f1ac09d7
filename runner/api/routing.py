"""How a route comes to be: every one says which role it needs, and its door stands before anything else is read.

`Routes` collects what a module offers; `install` puts it into the application.
A route without a role cannot be written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from runner.api import doors, problems
from runner.api.problems import Refusal
from runner.api.services import Services
from runner.domain.access import Principal, Role
from runner.store.answers import Answer

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PREFIX = "/api/v1"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
NEVER_TOLD = frozenset(
    {"password", "old_password", "key", "secret", "password_env", "password_keyring", "password_file", "rows"}
)
"""Where a password is kept is no secret, but people put the password itself there."""
LONGEST_TOLD = 500
LONGEST_KEY = 200
LARGEST_BODY_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Door:
    """Who may come through: at least this role, and a token only with this scope. No role: everybody."""

    role: Role | None
    scope: str
    creates: bool = False


class Routes:
    """The routes of one noun."""

    def __init__(self, noun: str, prefix: str = PREFIX) -> None:
        self.noun = noun
        self._prefix = prefix
        self._routes: list[tuple[str, Callable[..., Any], dict[str, Any]]] = []

    def get(self, path: str, *, role: Role | None, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """A read."""
        return self._route("GET", path, Door(role=role, scope=f"{self.noun}:read"), options)

    def post(
        self, path: str, *, role: Role | None, creates: bool = False, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """A change; one that `creates` takes an Idempotency-Key."""
        return self._route("POST", path, Door(role=role, scope=f"{self.noun}:write", creates=creates), options)

    def put(self, path: str, *, role: Role, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """A change that can be asked for any number of times."""
        return self._route("PUT", path, Door(role=role, scope=f"{self.noun}:write"), options)

    def delete(self, path: str, *, role: Role, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """A removal."""
        return self._route("DELETE", path, Door(role=role, scope=f"{self.noun}:write"), options)

    def install(self, app: FastAPI) -> None:
        """Put them into the application."""
        for path, endpoint, options in self._routes:
            app.router.add_api_route(self._prefix + path, endpoint, tags=[self.noun], **options)

    def _route(self, method: str, path: str, door: Door, options: dict[str, Any]) -> Callable[[Endpoint], Endpoint]:
        def keep(endpoint: Endpoint) -> Endpoint:
            endpoint.__door__ = door  # type: ignore[attr-defined]  # read by GuardedRoute, which is made much later
            refused = [401, 403, 404, 409, 422, 429] if door.role else [401, 403, 422, 429, 503]
            refused += [] if method == "GET" else [413]
            described = {
                "methods": [method],
                "responses": problems.responses(*refused) | options.pop("responses", {}),
                "openapi_extra": _extra(door),
                "max_body_size": LARGEST_BODY_BYTES,
                "summary": (endpoint.__doc__ or "").split("\n")[0].rstrip("."),
                "operation_id": f"{self.noun}_{endpoint.__name__}".rstrip("_"),
            }
            self._routes.append((path, endpoint, described | options))
            return endpoint

        return keep


def _extra(door: Door) -> dict[str, Any]:
    if door.role is None:
        return {"security": []}
    extra: dict[str, Any] = {"x-role": str(door.role), "x-scope": door.scope}
    if door.creates:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
                "description": "The same key with the same body gets the first answer again, for 24 hours.",
            }
        ]
    return extra


class GuardedRoute(APIRoute):
    """A route whose door is asked before its body is read: who, which role, from where; then it is done, and noted."""

    def get_route_handler(self) -> Handler:
        """The endpoint behind its door."""
        inner = super().get_route_handler()
        door: Door = vars(self.endpoint)["__door__"]

        async def handle(request: Request) -> Response:
            if door.role is None:
                return await inner(request)
            services: Services = request.app.state.services
            who = await doors.recognised(request, services)
            doors.expect_permitted(who, door.role, door.scope)
            request.state.principal = who
            if request.method not in CHANGES:
                return _unless_known(request, await inner(request))
            doors.expect_same_origin(request, who, services.rules)
            return await _noted(request, services, who, lambda: _once(request, services, who, door, inner))

        return handle


def _unless_known(request: Request, answer: Response) -> Response:
    """304 for whoever has this very answer already; what is streamed or a file has no such mark here."""
    body = getattr(answer, "body", b"")
    if answer.status_code != 200 or not body:
        return answer
    mark = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer.headers["ETag"] = mark
    known = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
    return Response(status_code=304, headers={"ETag": mark}) if known & {mark, "*"} else answer


async def _noted(
    request: Request, services: Services, who: Principal, change: Callable[[], Coroutine[Any, Any, Response]]
) -> Response:
    """Make a change between two lines of the audit log: the first stands there even if we die in between."""
    number = await services.access.audit.begin(
        who,
        address=doors.address_of(request),
        action=f"{request.method} {getattr(request.scope.get('route'), 'path', '')}",
        path=request.url.path,
        request_id=request.state.request_id,
        details=await _told(request),
    )
    status = 500
    try:
        answer = await change()
        status = answer.status_code
        return answer
    except Exception as error:
        status = problems.refusal_of(error).status
        raise
    finally:
        await services.access.audit.end(number, status)


async def _told(request: Request) -> object:
    """The body as the audit log keeps it: no secrets, and no more than a glance."""
    if "json" not in request.headers.get("content-type", ""):
        return None
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    return {str(key)[:100]: "•••" if key in NEVER_TOLD else _short(value) for key, value in list(given.items())[:50]}


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= LONGEST_TOLD else text[:LONGEST_TOLD] + "…"


async def _once(request: Request, services: Services, who: Principal, door: Door, inner: Handler) -> Response:
    """Do it, or give the answer of the first time when it is asked for again under the same key."""
    key = request.headers.get("idempotency-key")
    request.state.idempotency_key = None
    if not door.creates or key is None:
        return await inner(request)
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise Refusal(422, "invalid", f"Idempotency-Key takes 1 to {LONGEST_KEY} printable characters.")
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    digest = hashlib.sha256(asked).hexdigest()
    earlier = await services.access.answers.begin(who.key, key, digest)
    if earlier is not None:
        return _again(earlier, digest)
    request.state.idempotency_key = f"api:{hashlib.sha256(f'{who.key} {key} {digest}'.encode()).hexdigest()[:40]}"
    done = False
    try:
        answer = await inner(request)
        done = answer.status_code < 300
        if done:
            await services.access.answers.end(who.key, key, answer.status_code, bytes(answer.body).decode())
        return answer
    finally:
        if not done:
            await services.access.answers.forget(who.key, key)


def _again(earlier: Answer, digest: str) -> Response:
    if earlier.request_hash != digest:
        raise Refusal(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key stands for another request. Use a new one for this one.",
        )
    if earlier.status is None or earlier.body is None:
        raise Refusal(
            409,
            "in_progress",
            "The first request with this Idempotency-Key is still under way. Ask again in a moment.",
            headers={"Retry-After": "1"},
        )
    return Response(
        earlier.body, earlier.status, media_type=JSONResponse.media_type, headers={"Idempotent-Replayed": "true"}
    )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _job_key(request: Request) -> str | None:
    key: str | None = getattr(request.state, "idempotency_key", None)
    return key


Given = Annotated[Services, Depends(_services)]
Who = Annotated[Principal, Depends(_principal)]
JobKey = Annotated[str | None, Depends(_job_key)]
"""What makes the Jobs of this request the same ones when it is repeated after a crash; None without such a key."""
