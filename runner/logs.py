"""structlog set-up: JSON or console on stderr, bound ids, secrets masked."""

from __future__ import annotations

import base64
import html
import json
import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO, cast
from urllib.parse import quote, quote_plus

import structlog

MASK = "•••"
SHORTEST_SECRET = 4
"""Shorter secrets are left in: masking every "a" would destroy the text and protect nothing."""


class Redactor:
    """Replaces known secrets, plain and in the encodings in which pages and requests carry them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Learn further secrets."""
        forms = set(self._forms)
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                forms |= _encodings(secret)
        # Longest first, so that no form is left in halves by a shorter one that stands inside it.
        self._forms = sorted(forms, key=len, reverse=True)

    @property
    def known(self) -> tuple[str, ...]:
        """Every form in which a known secret may stand somewhere; for comparing, never for showing."""
        return tuple(self._forms)

    def text(self, text: str) -> str:
        """The text with every known secret replaced."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def value(self, value: Any) -> Any:
        """The same for strings anywhere inside a JSON-like value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a structlog processor."""
        for key, item in event.items():
            event[key] = self.value(item)
        return event


def _encodings(secret: str) -> set[str]:
    forms = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), json.dumps(secret)[1:-1]}
    forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    forms.add(base64.b64encode(secret.encode()).decode())
    forms.add(base64.urlsafe_b64encode(secret.encode()).decode())
    return forms


class _Stderr:
    """Whatever sys.stderr is at the time of writing: live progress takes it over, and its lines must not be torn."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure(
    *,
    level: str = "info",
    style: Literal["console", "json", "auto"] = "auto",
    redactor: Redactor | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send log lines to `stream` (stderr); `auto` is console on a terminal and JSON elsewhere."""
    out: TextIO = stream or cast(TextIO, _Stderr())
    console = style == "console" or (style == "auto" and out.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=out.isatty()) if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # As text, and before the redaction: left to itself the console renderer draws the local variables of
            # every frame, after it.
            structlog.processors.format_exc_info,
            redactor or Redactor(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
