"""Playwright's trace of a Session, with sign-ins cut out: a filled password would stand in it as typed."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import BrowserContext

from runner.browser import cookie_masks
from runner.logs import Redactor

if TYPE_CHECKING:
    from runner.browser.trace_folder import TraceFolder

PICTURES = (".jpeg", ".jpg", ".png", ".webp", ".gif", ".woff2", ".mp4")
"""Entries of a trace that hold no text."""


class Trace:
    """Records what happens in a context: `start`, `stop(path)`, and nothing of what stands inside `cut_out`.

    Pausing ends Playwright's recording altogether and resuming begins another: its chunks would not do, because
    requests are recorded between chunks too, and the form of a sign-in is such a request.
    """

    def __init__(
        self, context: BrowserContext, redactor: Redactor, temp_dir: Path, *, folder: TraceFolder | None = None
    ) -> None:
        self._tracing = context.tracing
        self._survives = folder
        self._redactor = redactor
        self._temp_dir = temp_dir
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._parts: list[Path] = []
        self._recording = False
        self._pauses = 0
        self.running = False

    async def start(self, attempt_id: int | None = None) -> None:
        """Begin to record, or as soon as nothing pauses it; does nothing when it is recording already.

        With an Attempt's number, what was recorded outlives a runner that is killed (trace_folder).
        """
        self.running = True
        if self._survives is not None and attempt_id is not None:
            self._survives.begin(attempt_id)
        await self._record()

    async def pause(self) -> None:
        """Record nothing until `resume`, even when it is started meanwhile, and keep what was recorded; pauses nest."""
        self._pauses += 1
        try:
            await self._halt()
        except BaseException:
            self._pauses -= 1
            raise

    async def resume(self) -> None:
        """End a `pause`; with the last one a trace that was started is recorded again."""
        self._pauses -= 1
        await self._record()

    @contextlib.asynccontextmanager
    async def cut_out(self) -> AsyncIterator[None]:
        """Keep the body out of the trace."""
        await self.pause()
        yield
        await self.resume()

    async def stop(self, path: Path | None) -> bool:
        """End the trace and write it to `path`, None throws it away; False when nothing was recorded.

        Nothing is kept of one whose end failed.
        """
        if not self.running:
            return False
        try:
            await self._halt(keep=path is not None)
            parts = [part for part in self._parts if part.exists()]
            if path is not None and parts:
                await asyncio.to_thread(_join, parts, path, self._redactor)
        finally:
            self._discard()
        return path is not None and bool(parts)

    async def _record(self) -> None:
        if not self.running or self._recording or self._pauses:
            return
        try:
            await self._tracing.start(screenshots=True, snapshots=True, sources=False)
        except BaseException:
            self._discard()
            raise
        self._recording = True

    async def _halt(self, *, keep: bool = True) -> None:
        if not self._recording:
            return
        self._recording = False
        if not keep:
            await self._tracing.stop()
            return
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="trace-", dir=self._temp_dir)
        part = Path(self._folder.name) / f"{len(self._parts)}.zip"
        self._parts.append(part)
        await self._tracing.stop(path=part)

    def _discard(self) -> None:
        self.running = False
        parts, self._parts = self._parts, []
        for part in parts:
            part.unlink(missing_ok=True)
        if self._survives is not None:
            self._survives.end()

    def forget(self) -> None:
        """Remove what was kept on disk; the trace cannot be used after it."""
        if self._folder is not None:
            self._folder.cleanup()
        if self._survives is not None:
            self._survives.remove()
            self._survives = None


def _join(parts: Iterable[Path], path: Path, redactor: Redactor) -> None:
    """Write the parts as one trace, which Playwright's viewer shows one after the other, without known secrets."""
    whole = path.with_name(path.name + ".part")
    written: set[str] = set()
    try:
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
            for number, part in enumerate(parts):
                with zipfile.ZipFile(part) as recorded:
                    for name in recorded.namelist():
                        target = name if "/" in name else f"{number}-{name}"
                        if target not in written:
                            written.add(target)
                            out.writestr(target, clean(name, recorded.read(name), redactor))
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def clean(name: str, data: bytes, redactor: Redactor) -> bytes:
    """An entry of a trace without known secrets; pictures are as they are."""
    if name.endswith(PICTURES):
        return data
    text = data.decode("utf-8", "surrogateescape")
    if name.endswith(".network"):
        text = cookie_masks.masked(text)
    return redactor.text(text).encode("utf-8", "surrogateescape")
