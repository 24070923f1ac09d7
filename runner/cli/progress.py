"""Live progress of running Jobs: one line per Account on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.cli import output
from runner.domain.jobs import Event
from runner.store.events import Events

STYLES = {
    "JobSucceeded": "green",
    "JobFailed": "red",
    "JobParked": "yellow",
    "JobUnknown": "yellow",
    "JobRetryScheduled": "yellow",
}
SHOWN = frozenset({"StepStarted", "JobClaimed", "SessionStarted", *STYLES, "JobCancelled", "JobRequeued"})


class Progress:
    """Follows the Events of one Job or one Batch while it is open; writes to stderr only."""

    def __init__(
        self, events: Events, *, job_id: int | None = None, batch_id: int | None = None, total: int = 1
    ) -> None:
        self._events = events
        self._job_id = job_id
        self._batch_id = batch_id
        self._total = total
        self._ended = 0
        self._lines: dict[str, Text] = {}
        self._live = Live(console=output.err, refresh_per_second=8, transient=True) if output.err.is_terminal else None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._live is not None:
            self._live.stop()
        if not self._task.cancelled():
            self._task.result()

    async def _follow(self) -> None:
        with self._events.subscribe() as feed:
            async for event in feed:
                if self._concerns(event):
                    self._show(event)

    def _concerns(self, event: Event) -> bool:
        if event.name not in SHOWN:
            return False
        if self._job_id is not None:
            return event.job_id == self._job_id
        return self._batch_id is None or event.batch_id == self._batch_id

    def _show(self, event: Event) -> None:
        line = Text.assemble((f"{event.account or ''}", "bold"), f"  {_words(event)}", style=STYLES.get(event.name, ""))
        if event.name in ("JobSucceeded", "JobFailed", "JobParked", "JobUnknown", "JobCancelled"):
            self._ended += 1
        if self._live is None:
            if event.name != "StepStarted":
                output.err.print(line)
            return
        self._lines[event.account or ""] = line
        grid = Table.grid()
        for each in self._lines.values():
            grid.add_row(each)
        if self._total > 1:
            grid.add_row(
                Text(f"{self._ended} of {self._total} jobs ({100 * self._ended // self._total}%)", style="dim")
            )
        self._live.update(grid)


def _words(event: Event) -> str:
    data = {key: output.plain(value) for key, value in event.data.items()}
    flow = data.get("flow", "")
    match event.name:
        case "StepStarted":
            detail = data.get("detail", "–")
            return f"{flow} · {data.get('step', '')}" + (f" ({detail})" if detail != "–" else "")
        case "JobClaimed":
            return f"{flow} · chosen: {data.get('reason', '')}"
        case "JobSucceeded":
            return f"{flow} · done"
        case "JobRetryScheduled":
            return f"{flow} · {data.get('error', '')} Again in {data.get('wait_s', '?')} s."
        case "JobFailed" | "JobParked" | "JobUnknown":
            return f"{flow} · {event.name[3:].lower()}: {data.get('error', '')}"
        case _:
            return f"{flow} · {event.name}"
