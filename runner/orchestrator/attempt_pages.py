"""Makes the pages of Attempts: from their Evidence, and from what the store knows by the time they are made."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from PIL import Image

from runner.browser import known
from runner.browser.evidence import FILE_NAMES
from runner.browser.summary import WHAT_IT_SHOWS
from runner.browser.trail import FOLDER as STEPS_FOLDER
from runner.domain import signatures
from runner.domain.jobs import Attempt, EvidenceFile, Job, Step
from runner.domain.states import EvidenceKind, JobState, Outcome
from runner.engine.interface import JobEngine
from runner.errors import ErrorKind, NotFound
from runner.logs import Redactor
from runner.orchestrator import attempt_page
from runner.orchestrator.attempt_page import AttemptPage, Line, OtherAttempt, StepLine
from runner.orchestrator.evidence import place_of
from runner.orchestrator.records import Records

MOST_STEPS = 60
MOST_LINES = 50
LONGEST_LINE = 1_000
SMALL_PX = 288
LARGE_PX = (1280, 4000)
MOST_PIXELS = 80_000_000
"""A picture with more is left as a file: to read it would take the memory of a whole browser."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What the store knows of an Attempt."""

    attempt: Attempt
    job: Job
    siblings: Sequence[Attempt]
    steps: Sequence[Step]


class AttemptPages:
    """`build` makes or renews a page in its Attempt's folder; what `secrets_of` its Account gives stands in no text."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        records: Records,
        folder: Path,
        secrets_of: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        self._engine = engine
        self._records = records
        self._folder = folder
        self._secrets_of = secrets_of

    async def build(self, attempt_id: int) -> Path:
        """Make the page anew and return its file. Raises NotFound for an Attempt that left no Evidence."""
        attempt = await self._records.attempts.get(attempt_id)
        place = self._folder / place_of(attempt)
        if not place.is_dir():
            raise NotFound("evidence of attempt", str(attempt_id), ())
        stored = _Stored(
            attempt=attempt,
            job=await self._engine.get(attempt.job_id),
            siblings=await self._records.attempts.of_job(attempt.job_id),
            steps=await self._records.steps.of_attempt(attempt.id),
        )
        clean = Redactor(await self._secrets_of(attempt.account))
        path = await asyncio.to_thread(self._write, stored, place, clean)
        rows = await self._records.evidence.list_evidence(attempt_id=attempt.id, kinds=[EvidenceKind.ATTEMPT_PAGE])
        if not rows:
            shown = EvidenceFile(
                kind=EvidenceKind.ATTEMPT_PAGE,
                path=str(path.relative_to(self._folder)),
                size_bytes=path.stat().st_size,
            )
            await self._records.evidence.add(attempt, [shown])
        return path

    async def renew(self, attempt: Attempt) -> None:
        """The pages of an Attempt that has ended and of the one before it, which now has a sequel. Never raises."""
        siblings = await self._records.attempts.of_job(attempt.job_id)
        for each in siblings:
            if each.number in (attempt.number - 1, attempt.number) and (self._folder / place_of(each)).is_dir():
                try:
                    await self.build(each.id)
                except Exception as problem:  # noqa: BLE001 — a page explains a failure and must never become one
                    log.warning("the attempt's page could not be made", attempt=each.id, error=str(problem))

    def _write(self, stored: _Stored, place: Path, clean: Redactor) -> Path:
        path = place / FILE_NAMES[EvidenceKind.ATTEMPT_PAGE]
        text = attempt_page.render(self._page(stored, place, clean))
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8", errors="replace")
        part.replace(path)
        return path

    def _page(self, stored: _Stored, place: Path, clean: Redactor) -> AttemptPage:
        attempt, job = stored.attempt, stored.job
        told = known.read(place) or known.Known()
        picture, file, words = _large_picture(place, attempt)
        return AttemptPage(
            account=attempt.account,
            flow=attempt.flow,
            attempt_id=attempt.id,
            number=attempt.number,
            job_id=job.id,
            job_state=str(job.state),
            outcome=_outcome(attempt),
            kind=str(attempt.kind) if attempt.kind else None,
            what=told.what or clean.text(attempt.error or _without_error(attempt)),
            cure=told.cure or (signatures.cure(attempt.kind, locator=attempt.locator) if attempt.kind else ""),
            then=clean.text(_then(attempt, job)),
            started_at=attempt.started_at,
            seconds=(attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else None,
            step=attempt.step,
            facts=[(name, text) for name, text in _facts(told) if text],
            params=told.params or clean.value(dict(job.params)),
            locator=told.locator or attempt.locator,
            instead=told.instead,
            steps=_steps(stored, place, clean),
            steps_left_out=max(0, len(stored.steps) - MOST_STEPS),
            picture=picture,
            picture_file=file,
            picture_words=words,
            console=[_console(line) for line in _lines(place / FILE_NAMES[EvidenceKind.CONSOLE])],
            requests=[_request(line) for line in _lines(place / FILE_NAMES[EvidenceKind.NETWORK])],
            attempts=[self._other(each, stored.attempt, place, clean) for each in stored.siblings],
            group=attempt.signature,
            has_trace=(place / FILE_NAMES[EvidenceKind.TRACE]).exists(),
            files=[(name, WHAT_IT_SHOWS.get(kind, "")) for kind, name in FILE_NAMES.items() if _there(place, name)],
            notes=told.notes,
        )

    def _other(self, each: Attempt, this: Attempt, place: Path, clean: Redactor) -> OtherAttempt:
        there = self._folder / place_of(each)
        page = None
        if each.id != this.id and there.is_dir():
            page = f"../../../{place_of(each).as_posix()}/{FILE_NAMES[EvidenceKind.ATTEMPT_PAGE]}"
        words = f"{each.outcome or 'running'}" + (f" ({each.kind})" if each.kind else "")
        words += f": {each.error}" if each.error else ""
        return OtherAttempt(
            id=each.id,
            number=each.number,
            started_at=each.started_at,
            words=clean.text(words),
            is_this=each.id == this.id,
            page=page,
        )


def _there(place: Path, name: str) -> bool:
    return (place / name).exists() and name != FILE_NAMES[EvidenceKind.ATTEMPT_PAGE]


def _outcome(attempt: Attempt) -> str:
    match attempt.outcome:
        case Outcome.SUCCEEDED:
            return "succeeded"
        case Outcome.INTERRUPTED | Outcome.CANCELLED:
            return f"was {attempt.outcome}"
        case _:
            return "failed"


def _without_error(attempt: Attempt) -> str:
    if attempt.outcome is Outcome.INTERRUPTED:
        return "The runner ended in the middle of it; what the browser had been seen to do until then was salvaged."
    return ""


def _then(attempt: Attempt, job: Job) -> str:
    """What came of it, in words."""
    why = f" ({attempt.reason})" if attempt.reason else ""
    match attempt.outcome:
        case Outcome.RETRIED:
            return f"It was tried again{why}. Today the job is {job.state}."
        case Outcome.PARKED:
            resume = (
                f" To settle it, and the same job goes on: runner handoff {attempt.account}."
                f" When it is settled already: runner accounts resume {attempt.account}"
            )
            return f"The job waits for a person{why}." + (resume if job.state is JobState.PARKED else "")
        case Outcome.UNKNOWN:
            return f"Nobody can tell whether it happened{why}: runner effects list --state unknown"
        case Outcome.INTERRUPTED:
            return f"It went back to the queue at no cost{why}. Today the job is {job.state}."
        case Outcome.FAILED:
            return f"The job failed{why}. Try it again: runner jobs retry {job.id}"
        case _:
            return f"The job is {job.state}."


def _facts(told: known.Known) -> list[tuple[str, str]]:
    return [
        ("Step", told.step or ""),
        ("Address", told.address),
        ("Title", told.title),
        ("Last answer", told.last_answer),
        ("Browser", told.browser),
    ]


def _steps(stored: _Stored, place: Path, clean: Redactor) -> list[StepLine]:
    attempt = stored.attempt
    end = attempt.ended_at or max((step.ended_at or step.started_at for step in stored.steps), default=None)
    whole_s = (end - attempt.started_at).total_seconds() if end else 0.0
    kept = {path.name.partition("-")[0]: path for path in sorted((place / STEPS_FOLDER).glob("*.html"))}
    pictures = {path.name.partition("-")[0]: path for path in sorted((place / STEPS_FOLDER).glob("*.jpg"))}
    lines = []
    for step in stored.steps[-MOST_STEPS:]:
        number = f"{step.ordinal:02d}"
        picture = _data_address(pictures.get(number), (SMALL_PX, SMALL_PX * 2), 60)
        if picture is None and step.ok is False and step.name == attempt.step:
            shot = next((place / name for name in _picture_names() if (place / name).exists()), None)
            picture = _data_address(shot, (SMALL_PX, SMALL_PX), 60)
        page = kept.get(number)
        start_s = (step.started_at - attempt.started_at).total_seconds()
        seconds = (step.ended_at - step.started_at).total_seconds() if step.ended_at else None
        lines.append(
            StepLine(
                ordinal=step.ordinal,
                name=clean.text(step.name),
                detail=clean.text(step.detail or ""),
                seconds=seconds,
                ok=step.ok,
                offset=_share(start_s, whole_s),
                length=max(0.7, _share(seconds or 0.0, whole_s)),
                picture=picture,
                html=f"{STEPS_FOLDER}/{page.name}" if page else None,
            )
        )
    return lines


def _share(part_s: float, whole_s: float) -> float:
    return round(min(99.3, max(0.0, 100 * part_s / whole_s)), 1) if whole_s > 0 else 0.0


def _picture_names() -> tuple[str, str]:
    return FILE_NAMES[EvidenceKind.SCREENSHOT], FILE_NAMES[EvidenceKind.LAST_PICTURE]


def _large_picture(place: Path, attempt: Attempt) -> tuple[str | None, str | None, str]:
    whole, last = _picture_names()
    if (place / whole).exists():
        return _data_address(place / whole, LARGE_PX, 75), whole, "The whole page at the moment when it failed."
    if (place / last).exists():
        taken = datetime.fromtimestamp((place / last).stat().st_mtime, UTC)
        words = f"The page did not answer any more: this is the last picture of it (kept at {taken:%H:%M:%S} UTC)."
        return _data_address(place / last, LARGE_PX, 75), last, words
    if attempt.kind is ErrorKind.INTERRUPTED or attempt.outcome is Outcome.INTERRUPTED:
        return None, None, ""
    return None, None, "There is no picture."


def _data_address(path: Path | None, size: tuple[int, int], quality: int) -> str | None:
    """A picture as an address that holds all of it, no larger than `size`; None where it cannot be read."""
    if path is None:
        return None
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            shown = picture.convert("RGB")
            wide, tall = size
            # The top of a tall page is what tells one from another; squeezed into a line it would tell nothing.
            shown = shown.crop((0, 0, shown.width, min(shown.height, shown.width * tall // wide)))
            shown.thumbnail(size)
            written = io.BytesIO()
            shown.save(written, "JPEG", quality=quality)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"


def _lines(path: Path) -> list[Mapping[str, Any]]:
    try:
        rows = path.read_text(encoding="utf-8").splitlines()[-MOST_LINES:]
        return [json.loads(row) for row in rows]
    except (OSError, ValueError):
        return []


def _at(line: Mapping[str, Any]) -> str:
    return str(line.get("at", ""))[11:19]


def _console(line: Mapping[str, Any]) -> Line:
    level = str(line.get("level", ""))
    source = f" ({line['source']})" if line.get("source") else ""
    text = f"{line.get('text', '')}{source}"[:LONGEST_LINE]
    return Line(at=_at(line), head=level, text=text, bad=level in ("error", "pageerror"))


def _request(line: Mapping[str, Any]) -> Line:
    outcome = "blocked by the allowlist" if line.get("blocked") else line.get("failure") or line.get("status")
    return Line(
        at=_at(line), head=str(outcome), text=f"{line.get('method')} {line.get('url')}"[:LONGEST_LINE], bad=True
    )
