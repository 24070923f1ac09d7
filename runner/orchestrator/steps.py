"""Steps as they run: timed, recorded, and shown live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from runner.domain.jobs import Attempt
from runner.store.steps import Steps as StepRows


class Recorder:
    """Records the Steps of one Attempt; `current` is the innermost open one, `failed_in` the one an error left."""

    def __init__(self, rows: StepRows, attempt: Attempt) -> None:
        self._rows = rows
        self._attempt = attempt
        self._open: list[str] = []
        self._ordinal = 0
        self.failed_in: str | None = None

    @property
    def current(self) -> str | None:
        """The innermost open Step."""
        return self._open[-1] if self._open else None

    @asynccontextmanager
    async def step(self, name: str, detail: str = "") -> AsyncIterator[None]:
        """Run the body as a Step. The innermost Step that an error leaves is the one that failed."""
        self._ordinal += 1
        step_id = await self._rows.start(self._attempt, ordinal=self._ordinal, name=name, detail=detail or None)
        self._open.append(name)
        ok = False
        try:
            yield
            ok = True
            self.failed_in = None
        finally:
            if not ok and self.failed_in is None:
                self.failed_in = name
            self._open.pop()
            await self._rows.end(step_id, ok=ok)


class StepRelay:
    """What a Site calls: passes on to the Recorder of the Attempt that uses the Site now."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None

    def __call__(self, name: str, detail: str = "") -> AbstractAsyncContextManager[None]:
        """Open a Step in the running Attempt."""
        if self.recorder is None:
            raise RuntimeError("a Site was used outside an Attempt")
        return self.recorder.step(name, detail)
