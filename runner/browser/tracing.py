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
        self.running = False

    async def start(self, attempt_id: int | None = None) -> None:
        """Begin to record; does nothing when it is recording already.

        With an Attempt's number, what was recorded outlives a runner that is killed (trace_folder).
        """
        self.running = True
        if self._survives is not None and attempt_id is not None:
            self._survives.begin(attempt_id)
        await self.resume()

    async def pause(self) -> None:
        """Record nothing from here on, and keep what was recorded."""
        if self._recording:
            self._recording = False
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="trace-", dir=self._temp_dir)
            part = Path(self._folder.name) / f"{len(self._parts)}.zip"
            self._parts.append(part)
            await self._tracing.stop(path=part)

    async def resume(self) -> None:
        """Go on after `pause`; does nothing for a trace that was never started."""
        if self.running and not self._recording:
            await self._tracing.start(screenshots=True, snapshots=True, sources=False)
            self._recording = True

    @contextlib.asynccontextmanager
    async def cut_out(self) -> AsyncIterator[None]:
        """Keep the body out of the trace."""
        await self.pause()
        yield
        await self.resume()

    async def stop(self, path: Path | None) -> bool:
        """End the trace and write it to `path`, None throws it away; False when nothing was recorded."""
        if not self.running:
            return False
        await self.pause()
        self.running = False
        parts, self._parts = [part for part in self._parts if part.exists()], []
        if path is not None and parts:
            await asyncio.to_thread(_join, parts, path, self._redactor)
        for part in parts:
            part.unlink()
        if self._survives is not None:
            self._survives.end()
        return path is not None and bool(parts)

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
