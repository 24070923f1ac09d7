"""The last things that a Session's page said and asked for: bounded, redacted as they come in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from runner.domain.pages import LastResponse
from runner.logs import Redactor

MOST_LINES = 300
MOST_BYTES = 512 * 1024
LONGEST_TEXT = 4000


@dataclass(frozen=True, kw_only=True)
class ConsoleLine:
    """A console line, page error, dialog or pop-up window; `source` is the script and line where one is known."""

    at: datetime
    level: str
    text: str
    source: str = ""

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return len(self.text) + len(self.source)


@dataclass(frozen=True, kw_only=True)
class NetworkLine:
    """A request that failed (`failure`), was refused by the site (`status` from 400) or by the guard (`blocked`)."""

    at: datetime
    method: str
    url: str
    resource_type: str
    status: int | None = None
    failure: str | None = None
    blocked: bool = False

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return len(self.url) + len(self.failure or "")


Line = TypeVar("Line", ConsoleLine, NetworkLine)


class Bounded(Generic[Line]):
    """Keeps the newest lines within a number and a size; `dropped` counts those that had to go."""

    def __init__(self, *, most: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self._lines: deque[Line] = deque()
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self.dropped = 0

    def add(self, line: Line) -> None:
        """Add the newest line."""
        self._lines.append(line)
        self._bytes += line.size_bytes
        while len(self._lines) > self._most or (self._bytes > self._most_bytes and len(self._lines) > 1):
            self._bytes -= self._lines.popleft().size_bytes
            self.dropped += 1

    def lines(self) -> list[Line]:
        """All that is kept, oldest first."""
        return list(self._lines)

    def forget(self) -> None:
        """Begin anew."""
        self._lines.clear()
        self._bytes = self.dropped = 0


class Ring:
    """What a Session's pages said (console) and what went wrong in asking (network), and the Site's last answer."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.console: Bounded[ConsoleLine] = Bounded()
        self.network: Bounded[NetworkLine] = Bounded()
        self.last_response: LastResponse | None = None
        self.last_document: LastResponse | None = None

    def forget(self) -> None:
        """Begin anew: another Attempt's lines explain nothing of this one."""
        self.console.forget()
        self.network.forget()
        self.last_response = self.last_document = None

    def say(self, at: datetime, level: str, text: str, source: str = "") -> None:
        """Keep a console line, page error, dialog or pop-up."""
        self.console.add(ConsoleLine(at=at, level=level, text=self._clean(text), source=self._clean(source)))

    def request(
        self,
        at: datetime,
        method: str,
        url: str,
        resource_type: str,
        *,
        status: int | None = None,
        failure: str | None = None,
        blocked: bool = False,
    ) -> None:
        """Keep a request that did not go well."""
        self.network.add(
            NetworkLine(
                at=at,
                method=method,
                url=self._clean(url),
                resource_type=resource_type,
                status=status,
                failure=failure,
                blocked=blocked,
            )
        )

    def answer(self, response: LastResponse, *, document: bool) -> None:
        """Keep the Site's last answer."""
        self.last_response = response
        if document:
            self.last_document = response

    def _clean(self, text: str) -> str:
        # Redacted before it is cut: half a secret would not be recognised.
        text = self._redactor.text(text)
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"
