"""Whether the process lives, whether work goes on, and the pages that explain the API."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from pydantic import BaseModel

from runner.api.problems import Problem, Refusal
from runner.api.routing import PREFIX, Given, Routes

routes = Routes("health", prefix="")

STATIC = Path(__file__).parents[1] / "static"
PAGES = {"/docs": "api-docs.html", "/sign-in": "sign-in.html"}
ASSETS = {
    "/assets/api-docs.js": ("api-docs.js", "text/javascript"),
    "/assets/sign-in.js": ("sign-in.js", "text/javascript"),
    "/assets/api.css": ("api.css", "text/css"),
    "/assets/icon.svg": ("icon.svg", "image/svg+xml"),
}


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Ready(BaseModel):
    """Work goes on, or there is none."""

    status: str = "ready"


@routes.get("/healthz", role=None)
async def healthz() -> Alive:
    """Whether the process lives."""
    return Alive()


@routes.get("/readyz", role=None)
async def readyz(given: Given) -> Ready:
    """Whether work goes on: fails when something is due for long and nothing was begun meanwhile."""
    stuck = await given.queue.stuck(given.rules.stuck_after)
    if stuck.due_since is None:
        return Ready()
    since = stuck.silent_since.isoformat() if stuck.silent_since else "ever"
    raise Refusal(
        503,
        "stuck",
        f"Work is due since {stuck.due_since.isoformat()} and none was begun since {since}. Is a daemon running?",
    )


def _file(name: str, media_type: str) -> Response:
    return FileResponse(STATIC / name, media_type=media_type)


async def _openapi(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


def install(app: FastAPI) -> None:
    """The pages that are no part of the API: explained in the README, not in the document that they show."""
    app.router.add_route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"])
    for path, name in PAGES.items():
        app.router.add_route(path, partial(_page, name), methods=["GET"])
    for path, (name, kind) in ASSETS.items():
        app.router.add_route(path, partial(_asset, name, kind), methods=["GET"])


async def _page(name: str, request: Request) -> Response:
    return HTMLResponse((STATIC / name).read_text(encoding="utf-8"))


async def _asset(name: str, kind: str, request: Request) -> Response:
    return _file(name, kind)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: what FastAPI makes of the routes, with how to sign in, and the problem document."""
    document: dict[str, Any] = FastAPI.openapi(app)
    parts = document.setdefault("components", {})
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "runner tokens add NAME"},
        "session": {"type": "apiKey", "in": "cookie", "name": "runner_session"},
    }
    document["security"] = [{"token": []}, {"session": []}]
    schemas = parts.setdefault("schemas", {})
    problem = json.loads(json.dumps(Problem.model_json_schema(ref_template="#/components/schemas/{model}")))
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document
