"""Webhooks: each Notice is one HTTP request, signed so that the receiver knows who sent it, and when.

    Runner-Notice-Id: the Notice's name, the same for every try
    Runner-Timestamp: seconds since 1970, when this try was made
    Runner-Signature: v1=hex(HMAC-SHA256(key, timestamp + "." + body))

A receiver checks the signature over the bytes that came, refuses a timestamp older than five minutes, which nobody can
replay, and passes over ids that it has seen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from runner.domain.clock import Clock
from runner.notices.interface import NotDelivered, Parcel


def signature(key: str, timestamp: int, body: bytes) -> str:
    """What stands in Runner-Signature."""
    signed = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


class Webhook:
    """Posts to an address that an admin has named; follows no redirects, and reads of an answer its status only."""

    def __init__(self, *, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._clock = clock

    async def send(self, parcel: Parcel, *, address: str | None, secret: str) -> None:
        """Post it. Raises NotDelivered."""
        # Most commands send nothing, and need not wait for it.
        import httpx

        assert address is not None
        body, timestamp = body_of(parcel), int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "runner",
            "Runner-Notice-Id": parcel.uid,
            "Runner-Timestamp": str(timestamp),
            "Runner-Signature": signature(secret, timestamp, body),
        }
        try:
            # Proxies of the environment are not asked: the address is where an admin says it goes.
            async with (
                httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", address, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered(f"The receiver cannot be reached: {type(error).__name__}.") from None
        if not 200 <= status < 300:
            raise NotDelivered(f"The receiver answered {status}.")


def body_of(parcel: Parcel) -> bytes:
    """The body of the request: one JSON document, the same for every try but for what has been counted meanwhile."""
    document: dict[str, Any] = {
        "id": parcel.uid,
        "kind": parcel.kind,
        "subject": parcel.subject,
        "title": parcel.title,
        "lines": list(parcel.lines),
        "account": parcel.account,
        "at": parcel.at.isoformat().replace("+00:00", "Z"),
        "recovers": parcel.recovers,
        "repeats": parcel.repeats,
        "link": parcel.link,
        "data": dict(parcel.data),
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
