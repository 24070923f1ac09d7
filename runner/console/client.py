"""The console's way to the API: the routes that programs use, called in this process, as the person who is looking.

So there is one list of what may be done, by which role, and one audit log: the console can do nothing that the API
cannot, and nothing that its operator may not.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/v1"
TIMEOUT_S = 30.0


class Refused(Exception):
    """The API did not do it. `detail` is for the person; `errors` says which values were wrong, `status` is HTTP's."""

    def __init__(self, status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors


class Api:
    """Calls the API for one person. `headers` are those of the person's own request: cookie, host, user agent."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str], address: str) -> None:
        async def inside(scope: Scope, receive: Receive, send: Send) -> None:
            # Not counted against the limit of requests: a page that keeps itself up to date asks often.
            scope["state"] = {"inside": True}
            await app(scope, receive, send)

        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=inside, client=(address, 0)),
            base_url=f"http://{headers.get('host', 'localhost')}{PREFIX}",
            headers={
                "cookie": headers.get("cookie", ""),
                "user-agent": headers.get("user-agent", "console"),
                "sec-fetch-site": "same-origin",
            },
            timeout=TIMEOUT_S,
        )

    async def get(self, path: str, **params: Any) -> Any:
        """Read; parameters that are None, empty or an empty list are left out. Raises Refused."""
        asked = {key: value for key, value in params.items() if value not in (None, "", [], ())}
        return await self._ask("GET", path, params=asked)

    async def post(self, path: str, body: Any = None, *, creates: bool = False) -> Any:
        """Change. One that `creates` carries a key of its own, so that it is done once. Raises Refused."""
        headers = {"idempotency-key": secrets.token_hex(16)} if creates else {}
        return await self._ask("POST", path, json=body, headers=headers)

    async def put(self, path: str, body: Any = None) -> Any:
        """Set. Raises Refused."""
        return await self._ask("PUT", path, json=body)

    async def delete(self, path: str) -> Any:
        """Remove. Raises Refused."""
        return await self._ask("DELETE", path)

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        answer = await self._client.request(method, path, **given)
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            problem = cast("dict[str, Any]", answer.json())
        except ValueError:
            problem = {}
        raise Refused(
            answer.status_code,
            problem.get("code", "internal"),
            problem.get("detail", "The runner could not answer; its log says more."),
            problem.get("errors", ()),
        )
