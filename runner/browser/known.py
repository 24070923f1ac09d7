"""attempt.json: what only the moment of the failure knew, for whoever makes the attempt's page from it later."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.browser.look_alikes import LookAlike
from runner.browser.session import LiveSession
from runner.browser.summary import AttemptFacts

FILE_NAME = "attempt.json"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What attempt.json holds; texts are cleaned of secrets already."""

    what: str = ""
    cure: str = ""
    kind: str = ""
    step: str | None = None
    locator: str | None = None
    address: str = ""
    title: str = ""
    last_answer: str = ""
    browser: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    instead: list[dict[str, Any]] = field(default_factory=list)


def as_json(
    facts: AttemptFacts,
    session: LiveSession | None,
    *,
    title: str,
    notes: Sequence[str],
    instead: Sequence[LookAlike],
    clean: Callable[[Any], Any],
) -> str:
    """The file's text; `clean` takes secrets out of strings, however deep."""
    last = session.ring.last_response if session else None
    known = Known(
        what=facts.what,
        cure=facts.cure,
        kind=str(facts.kind),
        step=facts.step,
        locator=facts.locator,
        address=session.redactor.text(session.page.url) if session else "",
        title=title,
        last_answer=f"{last.status} from {last.url}" if last else "",
        browser=session.browser_version if session else "",
        params=dict(facts.params),
        notes=list(notes),
        instead=[dataclasses.asdict(each) for each in instead],
    )
    return json.dumps(clean(dataclasses.asdict(known)), ensure_ascii=False, indent=1, default=str) + "\n"


def read(folder: Path) -> Known | None:
    """What an evidence folder's attempt.json says; None where there is none, or none that can be read."""
    try:
        stored = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        names = {each.name for each in dataclasses.fields(Known)}
        return Known(**{name: value for name, value in stored.items() if name in names})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
