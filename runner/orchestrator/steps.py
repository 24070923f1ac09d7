"""Steps as they run: timed, recorded, and shown live."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog

from runner.browser.trail import Trail
from runner.domain.jobs import Attempt
from runner.orchestrator.takeovers import Control
from runner.store.steps import Mark
from runner.store.steps import Steps as StepRows

log = structlog.get_logger()

TOGETHER_S = 0.25
"""Steps within this time are written together: a person who watches sees no difference, the processor does."""


class Recorder:
    """Records the Steps of one Attempt; `current` is the innermost open one, `failed_in` the one an error left.

    They are written behind the Flow's back, together with whatever else has come meanwhile: a Flow that waited for each
    would spend a tenth of its time on that. `written` waits for all of them, and an Attempt awaits it before it ends.
    """

    def __init__(self, rows: StepRows, attempt: Attempt) -> None:
        self._rows = rows
        self._attempt = attempt
        self._open: list[str] = []
        self._ordinal = 0
        self._waiting: list[Mark] = []
        self._writing: asyncio.Task[None] | None = None
        self._at_once = asyncio.Event()
        self.failed_in: str | None = None
        self.control: Control | None = None
        self.trail: Trail | None = None
        """Where each Step leaves what the page showed at its end; set once there is a page."""

    @property
    def current(self) -> str | None:
        """The innermost open Step."""
        return self._open[-1] if self._open else None

    @asynccontextmanager
    async def step(self, name: str, detail: str = "") -> AsyncIterator[None]:
        """Run the body as a Step. The innermost Step that an error leaves is the one that failed."""
        if self.control is not None:
            await self.control.before_step(name)
        self._ordinal += 1
        mark = Mark(ordinal=self._ordinal, name=name, detail=detail or None, started_at=self._rows.now())
        self._note(mark)
        self._open.append(name)
        ok, ended_at = False, None
        try:
            yield
            ok, ended_at = True, self._rows.now()
            self.failed_in = None
            if self.trail is not None:
                await self.trail.leave(mark.ordinal, name, mark.started_at)
        finally:
            if not ok and self.failed_in is None:
                self.failed_in = name
            self._open.pop()
            self._note(dataclasses.replace(mark, ended_at=ended_at or self._rows.now(), ok=ok))

    async def written(self) -> None:
        """Wait until every Step so far is in the store. Raises what stands in the way; may be asked again then."""
        self._at_once.set()
        while self._waiting or self._is_writing():
            if not self._is_writing():
                self._begin_writing()
            assert self._writing is not None
            await asyncio.wait({self._writing})
            self._writing.result()

    async def close(self) -> None:
        """Leave nothing running; for an Attempt that ended without `written`, its last Steps may be missing."""
        self._at_once.set()
        if self._writing is not None:
            await asyncio.wait({self._writing})
            self._tell_of_failure(self._writing)

    def _note(self, mark: Mark) -> None:
        self._waiting.append(mark)
        if not self._is_writing():
            self._begin_writing()

    def _is_writing(self) -> bool:
        return self._writing is not None and not self._writing.done()

    def _begin_writing(self) -> None:
        if self._writing is not None:
            self._tell_of_failure(self._writing)
        self._writing = asyncio.create_task(self._write(), name=f"steps of attempt {self._attempt.id}")

    async def _write(self) -> None:
        while self._waiting:
            await self._for_more()
            marks = list(self._waiting)
            await self._rows.write(self._attempt, marks)
            del self._waiting[: len(marks)]

    async def _for_more(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER_S):
                await self._at_once.wait()

    def _tell_of_failure(self, writing: asyncio.Task[None]) -> None:
        """A flow goes on without its Steps: what it does to the outside world is journaled elsewhere, and waits."""
        if error := writing.exception():
            log.warning("steps cannot be recorded yet", attempt=self._attempt.id, error=str(error))


class Unrecorded:
    """Steps outside an Attempt, of which nothing is kept: a look at the login, say, when a person waits."""

    def step(self, name: str, detail: str = "") -> AbstractAsyncContextManager[None]:
        """A Step that leaves no trace."""
        del name, detail
        return contextlib.nullcontext()


class StepRelay:
    """What a Site calls: passes on to the Recorder of the Attempt that uses the Site now."""

    def __init__(self) -> None:
        self.recorder: Recorder | Unrecorded | None = None

    def __call__(self, name: str, detail: str = "") -> AbstractAsyncContextManager[None]:
        """Open a Step in the running Attempt."""
        if self.recorder is None:
            raise RuntimeError("a Site was used outside an Attempt")
        return self.recorder.step(name, detail)
