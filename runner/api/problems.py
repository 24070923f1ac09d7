"""RFC 9457: every refusal is one problem document. The one place where our errors become statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from runner.errors import (
    AttemptError,
    Conflict,
    NotFound,
    RunnerError,
    SetupError,
    StaleLease,
    StoreBusy,
    StoreUnusable,
)

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
CODES: tuple[tuple[type[RunnerError], int, str], ...] = (
    (StoreBusy, 503, "store_busy"),
    (StoreUnusable, 503, "store_unusable"),
    (NotFound, 404, "not_found"),
    (StaleLease, 409, "conflict"),
    (Conflict, 409, "conflict"),
    (SetupError, 422, "invalid"),
    (AttemptError, 409, "conflict"),
)


class FieldProblem(BaseModel):
    """What is wrong with one value of a request."""

    field: str = Field(description="Where it stands: query.limit, body.account, header.last-event-id.")
    message: str = Field(description="Why it is refused.")


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(default="about:blank", description="Always about:blank: `code` tells problems apart.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="What a program goes by: not_found, conflict, invalid, scope_missing, …")
    detail: str = Field(description="For a person: what happened, and what to do now.")
    errors: list[FieldProblem] = Field(default_factory=list, description="Every wrong value, when there are such.")
    request_id: str = Field(description="The same as in the log and in the header X-Request-Id.")


class Refusal(Exception):
    """A request that is not carried out, as a problem document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors, headers or {}


def document(refusal: Refusal, request_id: str) -> JSONResponse:
    """The answer to a request that is refused."""
    problem = Problem(
        title=_title(refusal.status),
        status=refusal.status,
        code=refusal.code,
        detail=refusal.detail,
        errors=list(refusal.errors),
        request_id=request_id,
    )
    headers = {**refusal.headers, "Cache-Control": "no-store"}
    return JSONResponse(problem.model_dump(), refusal.status, media_type=MEDIA_TYPE, headers=headers)


def refusal_of(error: Exception) -> Refusal:
    """What a client is told about an error; one that nobody foresaw says nothing but its request id."""
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException(status_code=400):
            # What cannot even be read (bytes that are no JSON, half a form) is wrong data like any other.
            return Refusal(422, "invalid", str(error.detail))
        case HTTPException():
            code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
            return Refusal(error.status_code, code, str(error.detail), headers=error.headers)
        case RunnerError():
            return _of_ours(error)
        case _:
            return Refusal(500, "internal", "Something went wrong in the runner; its log says more under this id.")


def _of_ours(error: RunnerError) -> Refusal:
    for kind, status, code in CODES:
        if isinstance(error, kind):
            errors = [FieldProblem(field="body", message=each) for each in getattr(error, "problems", ())]
            headers = {"Retry-After": "2"} if status == 503 else {}
            return Refusal(status, code, str(error), errors=errors, headers=headers)
    return Refusal(500, "internal", str(error))


def _invalid(error: RequestValidationError) -> Refusal:
    found = [
        FieldProblem(field=".".join(_shown(part) for part in each["loc"]), message=_shown(each["msg"]))
        for each in error.errors()
    ]
    return Refusal(422, "invalid", "; ".join(f"{each.field}: {each.message}" for each in found[:5]), errors=found)


def _shown(part: Any) -> str:
    # What a client sent may hold half an emoji, which no JSON document can carry.
    return str(part).encode("utf-8", "replace").decode()[:300]


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


def install(app: FastAPI) -> None:
    """Make every error of a route one of these documents."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return document(refusal_of(error), getattr(request.state, "request_id", ""))

    for kind in (Refusal, RequestValidationError, HTTPException, RunnerError, Exception):
        app.add_exception_handler(kind, handle)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of refusals."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _title(status), "content": content} for status in statuses}
