"""E-mail, Slack, Telegram and a hundred other services, by Apprise.

An Apprise URL holds passwords and tokens, and Apprise logs what it is given: its log goes nowhere, and what is said of
a failure is in our words, with the service's status where there is one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from typing import Any

from runner.notices.interface import NotDelivered, Parcel

STATUS = re.compile(r"\b(?:error|status|code)\W{0,3}([1-5]\d\d)\b")


class Services:
    """Sends by an Apprise URL, which is the Channel's secret."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def send(self, parcel: Parcel, *, address: str | None, secret: str) -> None:
        """Send it. Raises NotDelivered."""
        try:
            async with asyncio.timeout(self._timeout_s):
                why = await _in_a_thread(lambda: _notify(secret, parcel))
        except TimeoutError:
            raise NotDelivered(f"The service did not take it within {self._timeout_s:g} s.") from None
        if why is not None:
            raise NotDelivered(why)


def _notify(url: str, parcel: Parcel) -> str | None:
    """Blocks. Why it was not sent; None when it was."""
    # It takes half a second, which commands that tell nobody anything need not spend.
    import apprise
    from apprise.attachment.memory import AttachMemory

    with _Listener() as heard:
        # Apprise forgives nearly everything, and says in its log what is wrong.
        service = apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True)
        if service is None:
            return "Its address is no Apprise URL that could be read, or the service is not known."
        wants_html = service.notify_format == apprise.NotifyFormat.HTML
        html = parcel.html if wants_html else None
        # Apprise brings no types for this one.
        memory: Any = AttachMemory
        enclosed = [memory(content=each.content, name=each.name, mimetype=each.media_type) for each in parcel.files]
        sender = apprise.Apprise()
        sender.add(service)
        sent = sender.notify(
            title=parcel.title,
            body=html or _text(parcel),
            body_format=apprise.NotifyFormat.HTML if html else apprise.NotifyFormat.TEXT,
            notify_type=apprise.NotifyType.SUCCESS if parcel.recovers else apprise.NotifyType.INFO,
            attach=enclosed or None,
        )
    return None if sent else heard.why()


def _text(parcel: Parcel) -> str:
    lines = [*parcel.lines, *([parcel.link] if parcel.link else [])]
    return "\n".join(lines) or parcel.title


class _Listener(logging.Handler):
    """Takes Apprise's log lines, of this thread, so that nobody else does: only a status is ever read from them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._status: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status that a service answered with."""
        if record.thread == self._thread and (found := STATUS.search(record.getMessage())):
            self._status = found[1]

    def why(self) -> str:
        """What is told of a failure."""
        if self._status is not None:
            return f"The service answered {self._status}."
        return "The service refused it or cannot be reached."

    def __enter__(self) -> _Listener:
        log = logging.getLogger("apprise")
        log.addHandler(self)
        # Not to the root logger, whose last resort is stderr.
        log.propagate = False
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("apprise").removeHandler(self)


async def _in_a_thread(work: Callable[[], str | None]) -> str | None:
    """In a thread that nobody waits for in the end: a service that hangs must not keep the runner from stopping."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    answer: list[str | None] = []

    def run() -> None:
        try:
            answer.append(work())
        except Exception as error:  # noqa: BLE001 — a service's own code; its words may hold what is secret
            answer.append(f"The service failed: {type(error).__name__}.")
        try:
            loop.call_soon_threadsafe(done.set)
        except RuntimeError:
            return  # the runner has ended meanwhile

    threading.Thread(target=run, name="notice", daemon=True).start()
    await done.wait()
    return answer[0]
