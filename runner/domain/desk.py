"""What people keep about a Thread: notes, how it was settled, how long it took, and who answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.errors import SetupError

LONGEST_NOTE = 10_000


class Satisfaction(StrEnum):
    """How the counterpart left, as a person marks it when a Thread is closed."""

    GOOD = "good"  # content
    NEUTRAL = "neutral"  # neither, or nobody can tell
    BAD = "bad"  # annoyed, or let down


class AnsweredBy(StrEnum):
    """Who wrote one of our own Messages."""

    RULE = "rule"  # by itself
    DRAFT = "draft"  # a Rule wrote it, a person sent it
    SEQUENCE = "sequence"  # a follow-up
    PERSON = "person"  # written and sent through the runner
    ELSEWHERE = "elsewhere"  # at the Site itself: no Effect of ours


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a person wrote about a Thread for other people; it is never sent."""

    id: int
    thread_id: int
    at: datetime
    by: str
    text: str

    def __post_init__(self) -> None:
        expect_note(self.text)


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """One time that a Thread was open until it was closed; `closed_at` is None for one that was opened again and is."""

    id: int
    thread_id: int
    opened_at: datetime
    closed_at: datetime | None
    by: str | None
    satisfaction: Satisfaction | None
    satisfaction_by: str | None

    @property
    def took_s(self) -> float | None:
        """From open to closed, in seconds."""
        return None if self.closed_at is None else max(0.0, (self.closed_at - self.opened_at).total_seconds())


@dataclass(frozen=True, kw_only=True)
class FirstResponse:
    """A Message of the counterpart's after silence, and what we answered first; None where nobody has yet."""

    asked_at: datetime
    answered_at: datetime | None
    by: AnsweredBy | None

    @property
    def took_s(self) -> float | None:
        """Until the answer, in seconds."""
        return None if self.answered_at is None else (self.answered_at - self.asked_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Handling:
    """How a Thread was handled: its first response, and every time that it was settled, the oldest first."""

    first: FirstResponse | None
    resolutions: Sequence[Resolution]


def expect_note(text: str) -> str:
    """The text of a note, without what is blank around it. Raises SetupError."""
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise SetupError("A note has a text.", cure=f"Write something, {LONGEST_NOTE} characters at most.")
    return text.strip()
