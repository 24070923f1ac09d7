"""summary.md: what happened in a failed Attempt, for a person, in one page.

Text from the site is never markup: it stands in code spans and indented blocks only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.browser.ring import ConsoleLine, NetworkLine
from runner.browser.session import LiveSession
from runner.domain.jobs import EvidenceFile
from runner.domain.states import EvidenceKind
from runner.errors import ErrorKind

LAST_LINES = 10
LONGEST = 300
WORRYING = frozenset({"error", "warning", "pageerror", "dialog", "window"})

WHAT_IT_SHOWS = {
    EvidenceKind.SCREENSHOT: "the whole page when it failed",
    EvidenceKind.LAST_PICTURE: "the last picture that was seen",
    EvidenceKind.PAGE: "the page's HTML",
    EvidenceKind.CONSOLE: "console lines, page errors, dialogs and windows",
    EvidenceKind.NETWORK: "requests that failed or were refused",
    EvidenceKind.TRACE: "Playwright's trace: every action with what the page looked like",
    EvidenceKind.SUMMARY: "what happened, in words",
    EvidenceKind.ATTEMPT_PAGE: "all of it on one page",
}


@dataclass(frozen=True, kw_only=True)
class AttemptFacts:
    """What the evidence is about; `what`, `cure`, `kind` and `locator` are those of the error."""

    account: str
    flow: str
    job_id: int
    attempt_number: int
    started_at: datetime
    failed_at: datetime
    step: str | None
    kind: ErrorKind
    what: str
    cure: str = ""
    locator: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """What the Flow was given."""
    signature: str | None = None
    thin: bool = False
    """Only picture and summary are kept: one of many alike in a short time."""


def write(
    facts: AttemptFacts,
    session: LiveSession | None,
    *,
    title: str,
    files: Sequence[EvidenceFile],
    notes: Iterable[str],
    clean: Callable[[str], str],
) -> str:
    """The whole summary as Markdown; `clean` takes secrets out of texts before they are shortened."""
    facts = _cleaned(facts, clean)
    blocks = [
        f"# {facts.account}: {facts.flow} failed ({facts.kind})",
        f"**What happened:** {_code(facts.what)}",
        f"**What to do now:** {facts.cure}" if facts.cure else "",
        _table(_rows(facts, session, clean(title))),
        _list("## Files", [_file(file) for file in files]),
        _list("## Notes", [_code(note) for note in notes]),
    ]
    if session is not None:
        lines = [line for line in session.ring.console.lines() if line.level in WORRYING]
        requests = session.ring.network.lines()
        blocks += [
            _block("## Last console errors", [_flat(clean(_console(line))) for line in lines[-LAST_LINES:]]),
            _block("## Last failed requests", [_flat(clean(_network(line))) for line in requests[-LAST_LINES:]]),
        ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _cleaned(facts: AttemptFacts, clean: Callable[[str], str]) -> AttemptFacts:
    return dataclasses.replace(
        facts,
        what=clean(facts.what),
        cure=clean(facts.cure),
        step=facts.step and clean(facts.step),
        locator=facts.locator and clean(facts.locator),
    )


def _rows(facts: AttemptFacts, session: LiveSession | None, title: str) -> list[tuple[str, str]]:
    took_s = (facts.failed_at - facts.started_at).total_seconds()
    rows = [
        ("Job, attempt", f"{facts.job_id}, number {facts.attempt_number}"),
        ("Step", _code(facts.step) if facts.step else "none had begun"),
        ("Missing element", _code(facts.locator) if facts.locator else ""),
        ("Error group", f"{facts.signature}: `runner errors show {facts.signature}`" if facts.signature else ""),
        ("Started", f"{facts.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Failed", f"{facts.failed_at:%Y-%m-%d %H:%M:%S} UTC, {took_s:.1f} s later"),
    ]
    if session is None:
        return [*rows, ("Browser", "none was open")]
    last = session.ring.last_response
    return [
        *rows,
        ("Address", _code(session.redactor.text(session.page.url))),
        ("Title", _code(title) if title else ""),
        ("Last answer", f"{last.status} from {_code(last.url)}" if last else "the site has not answered"),
        ("Browser", f"{session.browser_version}, open since {session.started_at:%H:%M:%S} UTC"),
        ("Blocked requests", str(session.guard.count) if session.guard.count else ""),
    ]


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows if value]
    return "\n".join(["| | |", "|---|---|", *lines])


def _list(heading: str, items: Sequence[str]) -> str:
    return "\n".join([heading, "", *(f"- {item}" for item in items)]) if items else ""


def _block(heading: str, lines: Sequence[str]) -> str:
    return "\n".join([heading, "", *(f"    {line}" for line in lines)]) if lines else ""


def _file(file: EvidenceFile) -> str:
    age = f", {file.age_s:.1f} s old" if file.age_s is not None else ""
    name = file.path.rpartition("/")[2]
    return f"[{name}]({name}): {WHAT_IT_SHOWS[file.kind]}{age}"


def _console(line: ConsoleLine) -> str:
    return f"{line.at:%H:%M:%S} {line.level}: {line.text}" + (f" ({line.source})" if line.source else "")


def _network(line: NetworkLine) -> str:
    outcome = "blocked: the origin is not allowed" if line.blocked else line.failure or str(line.status)
    return f"{line.at:%H:%M:%S} {line.method} {line.url} {outcome}"


def _flat(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST else f"{one_line[:LONGEST]}…"


def _code(text: str) -> str:
    """A code span; a backtick inside would end it, and no Markdown escape works there."""
    return f"`{_flat(text).replace('`', 'ʼ')}`"
