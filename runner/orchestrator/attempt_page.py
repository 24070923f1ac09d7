"""attempt.html: all that is known of one Attempt on one page that needs nothing else to be read.

Values in, text out. Whatever came from a page is escaped by the template engine, in this one place; the page has no
script, loads nothing, and says so to the browser (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """A Step in the timeline; `offset` and `length` are its share of the Attempt, from 0 to 100."""

    ordinal: int
    name: str
    detail: str
    seconds: float | None
    ok: bool | None
    offset: float = 0.0
    length: float = 0.0
    picture: str | None = None
    """A data: address, or None."""
    html: str | None = None
    """The name of the file with the page at its end, relative to the page; None where none was kept."""


@dataclass(frozen=True, kw_only=True)
class OtherAttempt:
    """Another Attempt at the same Job; `page` is the relative address of its page, where it has one."""

    id: int
    number: int
    started_at: datetime
    words: str
    is_this: bool
    page: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A console line or a failed request; `bad` is shown as such."""

    at: str
    head: str
    text: str
    bad: bool = False


@dataclass(frozen=True, kw_only=True)
class AttemptPage:
    """All that stands on the page. Texts are plain; pictures are data: addresses; files are relative to the page."""

    account: str
    flow: str
    attempt_id: int
    number: int
    job_id: int
    job_state: str
    outcome: str
    kind: str | None
    what: str
    cure: str
    then: str
    started_at: datetime
    seconds: float | None
    step: str | None
    facts: Sequence[tuple[str, str]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    locator: str | None = None
    instead: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[StepLine] = ()
    steps_left_out: int = 0
    picture: str | None = None
    picture_file: str | None = None
    picture_words: str = ""
    console: Sequence[Line] = ()
    requests: Sequence[Line] = ()
    attempts: Sequence[OtherAttempt] = ()
    group: str | None = None
    has_trace: bool = False
    files: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


def render(page: AttemptPage) -> str:
    """The page as HTML."""
    # Here and not above: every command would wait for it, and only a failure needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style = (TEMPLATES / "attempt.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("attempt.html").render(page=page, style=style, digest=digest)
