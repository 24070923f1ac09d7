"""What a person does about a failure, and how it is shown."""

from __future__ import annotations

from runner.console import parts
from runner.domain import signatures
from runner.errors import ErrorKind


def cure_of(kind: str | None) -> str:
    """What to do about this kind of error; nothing for a kind that is not known here."""
    return signatures.cure(ErrorKind(kind)) if kind in set(ErrorKind) else ""


def failure(error: str, kind: str | None, *, step: str | None = None, state: str = "") -> None:
    """What went wrong, where, and the cure."""
    with parts.tag("div").classes("card-box failure"):
        with parts.tag("div").classes("across"):
            if kind:
                parts.chip(kind, "wary" if state in ("queued", "parked", "unknown", "retried") else "bad")
            if step:
                parts.tag("span", f"in step: {step}").classes("soft")
        parts.tag("p", error).classes("said")
        if cure_of(kind):
            with parts.tag("p"):
                parts.tag("strong", "What to do: ")
                parts.tag("span", cure_of(kind))
