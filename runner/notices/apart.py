"""Work that may block for ever, in a thread that nobody waits for in the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def apart(work: Callable[[], T]) -> T:
    """Do it beside the loop; what hangs in it keeps the runner from stopping no more than whoever awaits this does.

    What `work` raises is raised here. When the wait is cancelled, the work goes on, and nobody hears of its end.
    """
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 — raised again where it is awaited
            errors.append(error)
        try:
            loop.call_soon_threadsafe(done.set)
        except RuntimeError:
            return  # the runner has ended meanwhile

    threading.Thread(target=run, name="notice", daemon=True).start()
    await done.wait()
    if errors:
        raise errors[0]
    return results[0]
