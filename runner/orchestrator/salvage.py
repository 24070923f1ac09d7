"""Salvages the traces of Attempts whose runner was killed: joined, cleaned, and put with the Attempt's Evidence."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from runner.browser import trace_folder
from runner.browser.evidence import FILE_NAMES
from runner.browser.trace_folder import Abandoned
from runner.domain.jobs import Attempt, EvidenceFile
from runner.domain.states import EvidenceKind
from runner.errors import NotFound
from runner.logs import Redactor
from runner.orchestrator.attempt_pages import AttemptPages
from runner.orchestrator.evidence import place_of
from runner.orchestrator.records import Records

log = structlog.get_logger()


class Salvage:
    """Looks below `folder` for what killed runners have recorded; what is of an unsettled Attempt is left for later."""

    def __init__(
        self,
        *,
        records: Records,
        pages: AttemptPages,
        folder: Path,
        secrets_of: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        self._records = records
        self._pages = pages
        self._folder = folder
        self._secrets_of = secrets_of

    async def __call__(self) -> None:
        """Salvage all there is. Never raises but a cancellation: nothing rests on it."""
        for found in trace_folder.abandoned(self._folder / trace_folder.ROOT):
            try:
                settled = await self._settled(found)
            except Exception as problem:  # noqa: BLE001 — a trace that is lost must not keep a runner from starting
                log.warning("a trace could not be salvaged", attempt=found.attempt_id, error=str(problem))
                settled = True
            if settled:
                await asyncio.to_thread(found.folder.remove)
            else:
                trace_folder.let_go(found)

    async def _settled(self, found: Abandoned) -> bool:
        """Whether the folder may go: its trace is in its place, or nobody will ever want it."""
        if found.attempt_id is None:
            return True
        try:
            attempt = await self._records.attempts.get(found.attempt_id)
        except NotFound:
            return True
        if attempt.ended_at is None:
            return False
        secrets = await self._secrets_of(attempt.account)
        files = await asyncio.to_thread(self._write, found, attempt, Redactor(secrets))
        if files:
            await self._records.evidence.add(attempt, files)
            await self._records.attempts.found_evidence(attempt, str(place_of(attempt)))
            await self._pages.renew(attempt)
            log.info("a trace was salvaged", attempt=attempt.id, account=attempt.account)
        return True

    def _write(self, found: Abandoned, attempt: Attempt, redactor: Redactor) -> list[EvidenceFile]:
        place = self._folder / place_of(attempt)
        trace, picture = (place / FILE_NAMES[kind] for kind in (EvidenceKind.TRACE, EvidenceKind.LAST_PICTURE))
        if trace.exists() or not found.join(trace, redactor):
            return []
        files = [self._file(EvidenceKind.TRACE, trace)]
        frame = found.last_frame()
        if frame is not None and attempt.ended_at is not None and not picture.exists():
            shutil.copyfile(frame, picture)
            age_s = max(0.0, attempt.ended_at.timestamp() - frame.stat().st_mtime)
            files.append(self._file(EvidenceKind.LAST_PICTURE, picture, age_s=age_s))
        return files

    def _file(self, kind: EvidenceKind, path: Path, age_s: float | None = None) -> EvidenceFile:
        size_bytes = path.stat().st_size
        return EvidenceFile(kind=kind, path=str(path.relative_to(self._folder)), size_bytes=size_bytes, age_s=age_s)
