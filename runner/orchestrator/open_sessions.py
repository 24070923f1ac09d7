"""The Sessions that are open in this process, for whoever wants to watch one."""

from __future__ import annotations

from dataclasses import dataclass

from runner.browser.session import LiveSession
from runner.domain.jobs import Session
from runner.orchestrator.takeovers import Control


@dataclass(frozen=True, kw_only=True)
class Watchable:
    """An open Session as a live view needs it."""

    row: Session
    live: LiveSession
    control: Control


class OpenSessions:
    """Filled and emptied by Visits; `address` is where the live view of this process is served, None when it is not."""

    def __init__(self, *, address: str | None = None) -> None:
        self.address = address
        self._open: dict[int, Watchable] = {}

    def __len__(self) -> int:
        return len(self._open)

    def url_of(self, session_id: int) -> str | None:
        """Where this Session can be watched."""
        return f"{self.address}/live/{session_id}" if self.address else None

    def add(self, opened: Watchable) -> None:
        """A Session has opened."""
        self._open[opened.row.id] = opened

    def remove(self, session_id: int) -> None:
        """A Session has ended."""
        self._open.pop(session_id, None)

    def get(self, session_id: int) -> Watchable | None:
        """One Session, None when it is not open here."""
        return self._open.get(session_id)

    def all(self) -> list[Watchable]:
        """All that are open, the newest first."""
        return sorted(self._open.values(), key=lambda each: -each.row.id)
