"""The port through which Notices leave: one way each for Apprise's services and for webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from runner.errors import Conflict


class NotDelivered(Conflict):
    """The receiver has not taken it; what is said here is stored and shown, so it holds nothing secret."""


@dataclass(frozen=True, kw_only=True)
class Enclosed:
    """A file that goes with a Notice."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A Notice as it leaves; `uid` is its name for the receiver, the same however often it is sent.

    `link` is a whole address, None where nobody has said how the console is reached. `html` is for those who can show
    it, in place of `lines`.
    """

    uid: str
    kind: str
    subject: str
    title: str
    lines: tuple[str, ...]
    account: str | None
    at: datetime
    recovers: bool = False
    repeats: int = 0
    link: str | None = None
    html: str | None = None
    files: tuple[Enclosed, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


class Sender(Protocol):
    """One way out."""

    async def send(self, parcel: Parcel, *, address: str | None, secret: str) -> None:
        """Give it to the receiver. Raises NotDelivered; may have been delivered all the same."""
        ...
