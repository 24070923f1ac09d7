"""Keeps the Evidence of Attempts: the files in the evidence folder, and their rows in the store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.browser import evidence
from runner.browser.session import LiveSession
from runner.domain.clock import Clock
from runner.domain.jobs import Attempt, EvidenceFile
from runner.errors import AttemptError
from runner.orchestrator import conditions as conditions_of
from runner.store.evidence import EvidenceFiles, thread_folder


class EvidenceKeeper:
    """Files go to `<folder>/<date>/<account>/<attempt>/`; gathering takes at most `budget_s` seconds."""

    def __init__(
        self, *, folder: Path, rows: EvidenceFiles, budget_s: float, clock: Clock, threads: bool = True
    ) -> None:
        self.keeps_threads = threads
        self._folder = folder
        self._rows = rows
        self._budget_s = budget_s
        self._clock = clock

    def place(self, attempt: Attempt) -> Path:
        """The Attempt's folder, relative to the evidence folder."""
        return place_of(attempt)

    async def keep(
        self,
        attempt: Attempt,
        live: LiveSession | None,
        error: AttemptError,
        *,
        step: str | None,
        secrets: Sequence[str],
        params: Mapping[str, Any] | None = None,
        group: str | None = None,
        thin: bool = False,
    ) -> str | None:
        """Gather and record what a failed Attempt saw, `secrets` masked in pictures and removed from texts.

        `group` is its error group; `thin` keeps picture and summary only.

        Returns the folder, None when nothing could be written.
        """
        facts = evidence.AttemptFacts(
            account=attempt.account,
            flow=attempt.flow,
            job_id=attempt.job_id,
            attempt_number=attempt.number,
            step=step,
            kind=error.kind,
            what=error.what,
            cure=error.cure,
            locator=error.locator,
            started_at=attempt.started_at,
            failed_at=self._clock.now(),
            params=params or {},
            signature=group,
            thin=thin,
        )
        place = self.place(attempt)
        files = await evidence.capture(
            live,
            self._folder / place,
            facts=facts,
            secrets=secrets,
            budget_s=self._budget_s,
            relative_to=self._folder,
        )
        await self._rows.add(attempt, files)
        return str(place) if files else None

    async def keep_conditions(self, attempt: Attempt, conditions: Mapping[str, Any]) -> None:
        """Put what the Site says of its own circumstances beside the rest, for a replay."""
        if conditions:
            await asyncio.to_thread(conditions_of.write, self._folder / self.place(attempt), conditions)

    def sink(self, attempt: Attempt, live: LiveSession, secrets: Sequence[str]) -> Sink:
        """Where a Flow keeps pages that it was asked to capture."""
        return Sink(keeper=self, attempt=attempt, live=live, secrets=secrets)

    async def keep_page(self, sink: Sink, label: str) -> Sequence[EvidenceFile]:
        """A screenshot and the HTML of the page that is open now, in a folder of their own."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.") or "page"
        files = await evidence.keep_page(
            sink.live,
            self._folder / self.place(sink.attempt) / name[:60],
            secrets=sink.secrets,
            budget_s=self._budget_s,
            relative_to=self._folder,
        )
        await self._rows.add(sink.attempt, files)
        return files

    async def keep_thread(self, sink: Sink, remote_id: str) -> None:
        """A picture of the Thread that is open now, where its Messages are looked up by `thread_folder`."""
        if not self.keeps_threads:
            return
        files = await evidence.keep_thread(
            sink.live,
            self._folder / self.place(sink.attempt) / thread_folder(remote_id),
            secrets=sink.secrets,
            budget_s=self._budget_s,
            relative_to=self._folder,
        )
        await self._rows.add(sink.attempt, files)


def place_of(attempt: Attempt) -> Path:
    """Where an Attempt's files are, relative to the evidence folder."""
    return Path(attempt.started_at.strftime("%Y-%m-%d"), attempt.account, str(attempt.id))


@dataclass(frozen=True, kw_only=True)
class Sink:
    """EvidenceSink of one Attempt."""

    keeper: EvidenceKeeper
    attempt: Attempt
    live: LiveSession
    secrets: Sequence[str]

    @property
    def keeps_threads(self) -> bool:
        """Whether pictures of Threads are kept."""
        return self.keeper.keeps_threads

    async def keep_page(self, page: object, label: str) -> Sequence[EvidenceFile]:
        """Store a full-page screenshot and the HTML of what is open now."""
        return await self.keeper.keep_page(self, label)

    async def keep_thread(self, remote_id: str) -> None:
        """Store a picture of the Thread that is open now."""
        await self.keeper.keep_thread(self, remote_id)
