"""The origin allowlist: enforced inside the browser's own resolver, and watched from outside.

Chromium resolves nothing but the allowed host and port pairs (`--host-resolver-rules`), whatever asks: page, frame,
worker, redirect, prefetch. That costs nothing and has no gap between two Playwright events; what Playwright shows
of the requests is only used to record what was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

BLOCKED_FAILURE = "net::ERR_NAME_NOT_RESOLVED"
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LOCAL_SCHEMES = frozenset({"about", "blob", "data", "chrome", "chrome-error", "chrome-untrusted", "devtools"})
"""Schemes that never leave the browser."""
_PAGE_SCHEME = {"ws": "http", "wss": "https"}

SWITCHES = (
    "--no-proxy-server",  # a proxy would resolve names for the browser, past the rules
    "--disable-quic",
    "--dns-prefetch-disable",
    # WebRTC opens sockets of its own: without a proxy this policy leaves it none.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--no-pings",
    "--deny-permission-prompts",
)
"""Chromium switches that keep the browser from talking to anybody by itself, or asking anybody anything."""


@dataclass(frozen=True, kw_only=True)
class BlockedRequest:
    """A request to an origin that is not allowed; it did not leave the machine."""

    url: str
    resource_type: str
    at: datetime


class Guard:
    """The allowlist of one Session, and what it has refused."""

    def __init__(self, origins: Iterable[str], on_blocked: Callable[[BlockedRequest], None] | None = None) -> None:
        self.origins = tuple(origins)
        self._allowed = {_key(urlsplit(origin)) for origin in self.origins}
        self._on_blocked = on_blocked
        self.blocked: list[BlockedRequest] = []
        self.count = 0

    def switches(self) -> tuple[str, ...]:
        """The Chromium switches that enforce this allowlist."""
        # First match wins, and a pattern with a port matches only that port.
        rules = [f"MAP {host}:{port} {host}:{port}" for _, host, port in sorted(self._allowed)]
        return (*SWITCHES, f"--host-resolver-rules={','.join([*rules, 'MAP * ~NOTFOUND'])}")

    def allows(self, url: str) -> bool:
        """Whether a request to this URL may leave the browser; a websocket counts as its page's origin."""
        parts = urlsplit(url)
        return parts.scheme in LOCAL_SCHEMES or _key(parts) in self._allowed

    def forget(self) -> None:
        """Begin the record anew: what was refused to another Attempt explains nothing of this one."""
        self.blocked.clear()
        self.count = 0

    def record(self, url: str, resource_type: str, at: datetime) -> None:
        """Remember a refused request: all are counted, the first few hundred kept."""
        refused = BlockedRequest(url=url, resource_type=resource_type, at=at)
        self.count += 1
        if len(self.blocked) < MOST_KEPT:
            self.blocked.append(refused)
        if self._on_blocked is not None:
            self._on_blocked(refused)


MOST_KEPT = 500


def _key(parts: SplitResult) -> tuple[str, str, int]:
    scheme = _PAGE_SCHEME.get(parts.scheme, parts.scheme)
    host = (parts.hostname or "").lower()
    try:
        port = parts.port or DEFAULT_PORTS.get(scheme, 0)
    except ValueError:
        port = -1  # a port that is no number belongs to no origin
    return scheme, f"[{host}]" if ":" in host else host, port
