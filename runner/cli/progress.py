"""Live progress of running Jobs: a line per Account and a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from runner import logs
from runner.browser.sandbox import sandbox_mode
from runner.cli import output
from runner.config.settings import Settings
from runner.domain.jobs import Event
from runner.logs import Redactor
from runner.store.events import Events

BAR_WIDTH = 40
LEAST_ROWS = 3
SHOWN = frozenset({"JobClaimed", "StepStarted", "JobRequeued", "JobRetryScheduled"})
ENDINGS = {
    "JobSucceeded": ("✓", "green"),
    "JobFailed": ("✗", "red"),
    "JobParked": ("!", "yellow"),
    "JobUnknown": ("?", "yellow"),
    "JobCancelled": ("–", "dim"),
}
TROUBLE = frozenset({"JobRetryScheduled", "JobFailed", "JobParked", "JobUnknown"})


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is shown of one Account now; without a mark it is at work."""

    words: str
    mark: str = ""
    style: str = ""


def instead_of_logs(settings: Settings, redactor: Redactor) -> None:
    """Where progress is drawn, it tells what log lines would tell; `log.level = "debug"` asks for both."""
    if not output.err.is_terminal or settings.log.level == "debug":
        return
    logs.configure(level="error", style=settings.log.format, redactor=redactor)
    if warning := sandbox_mode(setting=settings.browser.sandbox, is_root=os.geteuid() == 0).warning:
        output.note(warning)


class Progress:
    """Follows the Events of one Job or one Batch while it is open; writes to stderr only.

    `lines` writes each Step as a line, where a person types beside it.
    """

    def __init__(
        self,
        events: Events,
        *,
        job_id: int | None = None,
        batch_id: int | None = None,
        total: int = 1,
        lines: bool = False,
    ) -> None:
        self._events = events
        self._job_id = job_id
        self._steps = lines
        self._batch_id = batch_id
        self._total = total
        self._ended: set[int] = set()
        self._flows: dict[int, str] = {}
        self._lines: dict[str, Line] = {}
        self._spinners: dict[str, Spinner] = {}
        self._live = (
            Live(console=output.err, refresh_per_second=8, transient=True, get_renderable=self._drawn)
            if output.err.is_terminal and not lines
            else None
        )
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
        if event.name not in SHOWN and event.name not in ENDINGS:
            return False
        if self._job_id is not None:
            return event.job_id == self._job_id
        return self._batch_id is None or event.batch_id == self._batch_id

    def _show(self, event: Event) -> None:
        account, job = event.account or "", event.job_id or 0
        if "flow" in event.data:
            self._flows[job] = output.plain(event.data["flow"])
        if event.name in ENDINGS:
            self._ended.add(job)
        line = _line(event, self._flows.get(job, ""))
        # Whoever worked last stands last, so that on a low terminal the quiet ones are left out first.
        self._lines.pop(account, None)
        self._lines[account] = line
        if self._live is None:
            if self._steps or event.name != "StepStarted":
                output.err.print(self._plain(event, account, line), soft_wrap=True)
        elif event.name in TROUBLE and not (self._job_id and event.name in ENDINGS):  # `run` itself tells its job's end
            # The live picture is gone at the end; what went wrong stays on the terminal.
            output.err.print(Text.assemble((account, "bold"), "  ", line.words, style=line.style))

    def _plain(self, event: Event, account: str, line: Line) -> Text:
        count = f"[{len(self._ended)} of {self._total}] " if self._total > 1 and event.name in ENDINGS else ""
        return Text.assemble(count, (account, "bold"), f"  {line.words}", style=line.style)

    def _drawn(self) -> RenderableType:
        shown = list(self._lines)[-max(LEAST_ROWS, output.err.height - 4) :]
        # Of fixed width, or a long text would squeeze the names out of a narrow terminal.
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1)
        grid.add_column(style="bold", no_wrap=True, overflow="ellipsis", width=min(20, max(map(len, shown), default=1)))
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for account in sorted(shown):
            line = self._lines[account]
            mark = Text(line.mark, style=line.style) if line.mark else self._spinner(account)
            grid.add_row(mark, account, Text(line.words, style=line.style))
        return Group(grid, self._bar()) if self._total > 1 else grid

    def _spinner(self, account: str) -> Spinner:
        if account not in self._spinners:
            self._spinners[account] = Spinner("dots", style="cyan")
        return self._spinners[account]

    def _bar(self) -> Table:
        done = len(self._ended)
        row = Table.grid(padding=(0, 1))
        row.add_column(width=min(BAR_WIDTH, output.err.width // 2))
        row.add_column(no_wrap=True)
        words = Text(f"{done} of {self._total} jobs, {100 * done // max(1, self._total)}%")
        row.add_row(
            ProgressBar(total=self._total, completed=done, complete_style="cyan", finished_style="green"), words
        )
        return row


def _line(event: Event, flow: str) -> Line:
    data = {key: output.plain(value) for key, value in event.data.items()}
    mark, style = ENDINGS.get(event.name, ("", ""))
    match event.name:
        case "StepStarted":
            detail = data.get("detail", "–")
            return Line(words=f"{flow} · {data.get('step', '')}" + (f" ({detail})" if detail != "–" else ""))
        case "JobClaimed":
            return Line(words=f"{flow} · chosen: {data.get('reason', '')}")
        case "JobRequeued":
            why = f": {data['reason']}" if "due_at" in data else ""
            return Line(words=f"{flow} · back in the queue{why}", mark="·", style="dim")
        case "JobRetryScheduled":
            words = f"{flow} · {data.get('error', '')} Next attempt in {data.get('wait_s', '?')} s."
            return Line(words=words, mark="↻", style="yellow")
        case "JobSucceeded":
            return Line(words=f"{flow} · {_done(event.data.get('result') or {})}", mark=mark, style=style)
        case "JobCancelled":
            return Line(words=f"{flow} · cancelled", mark=mark, style=style)
        case _:
            return Line(words=f"{flow} · {event.name[3:].lower()}: {data.get('error', '')}", mark=mark, style=style)


def _done(result: dict[str, Any]) -> str:
    """What came of it, in a few words; a Flow that this page does not know is simply done."""
    if "new_messages" in result:
        return f"done: {result.get('threads', 0)} threads, {result['new_messages']} new messages"
    if result.get("already_there"):
        return "done: it was there already"
    return "done"
