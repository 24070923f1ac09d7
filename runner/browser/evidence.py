"""Evidence of a failed Attempt: what the browser showed and said, gathered in a few seconds whatever state it is in.

Nothing in here raises but a cancellation: the error that is being explained must never be hidden by the explaining.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from playwright.async_api import Error as PlaywrightError

from runner.browser import known, look_alikes, masks, summary
from runner.browser.ring import ConsoleLine, NetworkLine
from runner.browser.session import LiveSession
from runner.browser.summary import AttemptFacts
from runner.domain.jobs import EvidenceFile
from runner.domain.states import EvidenceKind
from runner.logs import Redactor

BUDGET_S = 5.0
WRITING_S = 0.4
"""Kept back for writing down what is in memory, whatever the browser does."""
ANSWER_S = 1.2
"""A page that has not answered by then is taken for hung."""
TALLEST_PX = 10_000
MOST_HTML = 5_000_000
THIN = "Many failures like this one came in a short time: only the picture and this summary are kept of it."

FILE_NAMES = {
    EvidenceKind.SCREENSHOT: "screenshot.png",
    EvidenceKind.LAST_PICTURE: "last_picture.jpg",
    EvidenceKind.PAGE: "page.html",
    EvidenceKind.CONSOLE: "console.jsonl",
    EvidenceKind.NETWORK: "network.jsonl",
    EvidenceKind.TRACE: "trace.zip",
    EvidenceKind.SUMMARY: "summary.md",
    EvidenceKind.ATTEMPT_PAGE: "attempt.html",
    EvidenceKind.THREAD: "thread.png",
}

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Gathered:
    """What has been gathered so far, and what could not be."""

    folder: Path
    until: float
    files: list[EvidenceFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    title: str = ""
    instead: list[look_alikes.LookAlike] = field(default_factory=list)

    def left_s(self, most: float = BUDGET_S) -> float:
        """How long the next part may take."""
        return max(0.05, min(most, self.until - time.monotonic()))

    def write(self, kind: EvidenceKind, data: bytes, *, age_s: float | None = None) -> None:
        """Write one file whole or not at all."""
        path = self.folder / FILE_NAMES[kind]
        try:
            path.write_bytes(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self.add(kind, age_s=age_s)

    def add(self, kind: EvidenceKind, *, age_s: float | None = None) -> None:
        """Count a file that has been written."""
        path = self.folder / FILE_NAMES[kind]
        self.files.append(EvidenceFile(kind=kind, path=path.name, size_bytes=path.stat().st_size, age_s=age_s))

    def has(self, kind: EvidenceKind) -> bool:
        """Whether a file of this kind was written."""
        return any(file.kind is kind for file in self.files)


async def capture(
    session: LiveSession | None,
    folder: Path,
    *,
    facts: AttemptFacts,
    secrets: Sequence[str] = (),
    budget_s: float = BUDGET_S,
    relative_to: Path | None = None,
) -> list[EvidenceFile]:
    """Write what can be had into `folder` (made here) within `budget_s`, the most telling first.

    `session` is None where no browser came up; `secrets` are masked in pictures and removed from text. The files'
    paths are relative to `relative_to`, or to the folder. Never raises: what could not be had stands in summary.md.
    """
    redactor = Redactor(secrets)
    got = Gathered(folder=folder, until=time.monotonic() + max(0.1, budget_s - WRITING_S))
    await _part(got, redactor, "the folder", lambda: _make(folder))
    if session is not None and facts.thin:
        got.notes.append(THIN)
        await _picture(session, got, redactor, secrets)
    elif session is not None:
        await _from_the_browser(session, got, redactor, secrets, locator=facts.locator)
        await _part(got, redactor, "the steps", lambda: asyncio.to_thread(_steps, session, got, redactor))
        await _part(got, redactor, "the console", lambda: _lines(got, session.ring.console.lines(), redactor))
        await _part(got, redactor, "the network", lambda: _lines(got, session.ring.network.lines(), redactor))
    await _part(got, redactor, "what is known", lambda: _known(got, session, facts, redactor))
    await _part(got, redactor, "the summary", lambda: _summarise(got, session, facts, redactor))
    if not got.has(EvidenceKind.SUMMARY):
        log.warning("evidence_incomplete", account=facts.account, folder=str(folder), notes=got.notes)
    root = relative_to or folder
    prefix = folder.relative_to(root)
    return [dataclasses.replace(file, path=str(prefix / file.path)) for file in got.files]


async def keep_page(
    session: LiveSession, folder: Path, *, secrets: Sequence[str] = (), budget_s: float = BUDGET_S, relative_to: Path
) -> list[EvidenceFile]:
    """Write a full-page screenshot and the HTML of what is open now into `folder`, masked as after an error.

    For pages that were asked for: unlike `capture` it raises what stood in the way, for there is no error to hide.
    """
    await _make(folder)
    got = Gathered(folder=folder, until=time.monotonic() + budget_s)
    async with asyncio.timeout(budget_s):
        await _screenshot(session, got, secrets)
        await _page(session, got, Redactor(secrets))
    prefix = folder.relative_to(relative_to)
    return [dataclasses.replace(file, path=str(prefix / file.path)) for file in got.files]


async def keep_thread(
    session: LiveSession, folder: Path, *, secrets: Sequence[str] = (), budget_s: float = BUDGET_S, relative_to: Path
) -> list[EvidenceFile]:
    """Write a picture of the Thread that is open now into `folder`; nothing when there is none to be had in time.

    A Message that was read is worth more than its picture: what stands in the way is logged, and the reading goes on.
    """
    got = Gathered(folder=folder, until=time.monotonic() + budget_s)
    try:
        await _make(folder)
        async with asyncio.timeout(budget_s):
            await _screenshot(session, got, secrets, kind=EvidenceKind.THREAD)
    except (OSError, TimeoutError, PlaywrightError) as problem:
        log.warning("a message was read without a picture", folder=str(folder), error=str(problem))
    prefix = folder.relative_to(relative_to)
    return [dataclasses.replace(file, path=str(prefix / file.path)) for file in got.files]


async def _from_the_browser(
    session: LiveSession, got: Gathered, redactor: Redactor, secrets: Sequence[str], *, locator: str | None
) -> None:
    async def page() -> None:
        await _part(got, redactor, "the page", lambda: _page(session, got, redactor))

    async def instead() -> None:
        if locator is not None:
            await _part(got, redactor, "what matched instead", lambda: _instead(session, got, locator))

    await _picture(session, got, redactor, secrets, beside=(page, instead))
    if session.trace.running:
        await _part(got, redactor, "the trace", lambda: _trace(session, got))


async def _picture(
    session: LiveSession,
    got: Gathered,
    redactor: Redactor,
    secrets: Sequence[str],
    *,
    beside: Sequence[Callable[[], Awaitable[None]]] = (),
) -> None:
    """The screenshot, or else the last picture; a page that answers is asked for what comes `beside`, too."""
    if session.gone.is_set():
        got.notes.append(f"The browser could not be asked: {session.crashed_reason}.")
    else:
        answers, _ = await asyncio.gather(_answers(session, got), session.picture.renew())
        if answers:
            await asyncio.gather(
                _part(got, redactor, "the screenshot", lambda: _screenshot(session, got, secrets)),
                *(take() for take in beside),
            )
        else:
            got.notes.append(f"The page hangs: it gave no answer within {ANSWER_S:g} s.")
    if not got.has(EvidenceKind.SCREENSHOT):
        await _part(got, redactor, "the last picture", lambda: _last_picture(session, got))


async def _part(got: Gathered, redactor: Redactor, name: str, take: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(max(got.left_s(), WRITING_S)):
            await take()
    except TimeoutError:
        got.notes.append(f"There was no time for {name}.")
    except Exception as problem:  # noqa: BLE001 - evidence must never hide the error that it is about
        first = (str(problem).splitlines() or [type(problem).__name__])[0]
        got.notes.append(redactor.text(f"{name[0].upper()}{name[1:]} could not be had: {first}"))


async def _make(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)


async def _answers(session: LiveSession, got: Gathered) -> bool:
    try:
        async with asyncio.timeout(got.left_s(ANSWER_S)):
            got.title = await session.page.title()
    except TimeoutError:
        return False
    except Exception as problem:  # noqa: BLE001 - as above; a page in mid-navigation may still be shown
        got.notes.append(f"The title could not be had: {str(problem).splitlines()[0]}")
    return True


async def _screenshot(
    session: LiveSession, got: Gathered, secrets: Sequence[str], *, kind: EvidenceKind = EvidenceKind.SCREENSHOT
) -> None:
    page = session.page
    size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    clip = None
    if size[1] > TALLEST_PX:
        clip = {"x": 0.0, "y": 0.0, "width": float(size[0]), "height": float(TALLEST_PX)}
        got.notes.append(f"The page is {size[1]} pixels tall; the screenshot shows the first {TALLEST_PX}.")
    # A failure is always looked at twice; of a Thread there may be hundreds, and most hold nothing to hide.
    plain = kind is EvidenceKind.THREAD and not await masks.needed(page, secrets)
    async with contextlib.nullcontext(None) if plain else masks.marked(page, secrets) as locators:
        png = await page.screenshot(
            full_page=True,
            clip=clip,  # type: ignore[arg-type]  # Playwright's FloatRect is not exported
            mask=locators,
            animations="disabled",
            caret="initial",  # hiding it would leave an attribute behind on the field
            timeout=got.left_s() * 1000,
        )
    got.write(kind, png)


async def _page(session: LiveSession, got: Gathered, redactor: Redactor) -> None:
    html = masks.lifeless(redactor.text(masks.without_passwords(await session.page.content())))
    if len(html) > MOST_HTML:
        got.notes.append(f"The page's HTML has {len(html)} characters; the first {MOST_HTML} were kept.")
    got.write(EvidenceKind.PAGE, html[:MOST_HTML].encode())


async def _last_picture(session: LiveSession, got: Gathered) -> None:
    picture = session.picture.latest
    if picture is None:
        got.notes.append("There is no picture: the page never showed anything.")
        return
    age_s = max(0.0, (session.clock.now() - picture.at).total_seconds())
    got.write(EvidenceKind.LAST_PICTURE, picture.jpeg, age_s=age_s)
    got.notes.append(f"The picture is the last one that was seen, {age_s:.1f} s before this, at {picture.url}")


async def _instead(session: LiveSession, got: Gathered, locator: str) -> None:
    got.instead = await look_alikes.find(session.page, locator, got.left_s(ANSWER_S))


def _steps(session: LiveSession, got: Gathered, redactor: Redactor) -> None:
    session.trail.write(got.folder, redactor.text)


async def _known(got: Gathered, session: LiveSession | None, facts: AttemptFacts, redactor: Redactor) -> None:
    text = known.as_json(facts, session, title=got.title, notes=got.notes, instead=got.instead, clean=redactor.value)
    (got.folder / known.FILE_NAME).write_text(text, encoding="utf-8", errors="replace")


async def _trace(session: LiveSession, got: Gathered) -> None:
    if await session.trace.stop(got.folder / FILE_NAMES[EvidenceKind.TRACE]):
        got.add(EvidenceKind.TRACE)


async def _lines(got: Gathered, lines: Sequence[ConsoleLine] | Sequence[NetworkLine], redactor: Redactor) -> None:
    if not lines:
        return
    kind = EvidenceKind.CONSOLE if isinstance(lines[0], ConsoleLine) else EvidenceKind.NETWORK
    rows = (json.dumps(_row(line), ensure_ascii=False) for line in lines)
    got.write(kind, redactor.text("".join(f"{row}\n" for row in rows)).encode())


def _row(line: ConsoleLine | NetworkLine) -> dict[str, Any]:
    return {**dataclasses.asdict(line), "at": line.at.isoformat()}


async def _summarise(got: Gathered, session: LiveSession | None, facts: AttemptFacts, redactor: Redactor) -> None:
    text = summary.write(facts, session, title=got.title, files=got.files, notes=got.notes, clean=redactor.text)
    got.write(EvidenceKind.SUMMARY, redactor.text(text).encode())


__all__ = ["AttemptFacts", "capture", "keep_page"]
