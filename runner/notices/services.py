"""E-mail, Slack, Telegram and a hundred other services, by Apprise.

An Apprise URL holds passwords and tokens, and Apprise logs what it is given: its log goes nowhere, and what is said of
a failure is in our words, with the service's status where there is one.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from typing import Any

from runner.notices.apart import apart
from runner.notices.interface import NotDelivered, Parcel

CALLS = re.compile(r"(?<=(?<!\w)@)(?=everyone\b|here\b|channel\b|all\b)|(?<=<)(?=[!@#])", re.IGNORECASE)
"""Where the words begin with which chats (Discord, Slack and their like) call everybody in a room."""

STATUS = re.compile(r"\b(?:error|status|code)\W{0,3}([1-5]\d\d)\b")


class Services:
    """Sends by an Apprise URL, which is the Channel's secret."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def send(self, parcel: Parcel, *, address: str | None, secret: str) -> None:
        """Send it. Raises NotDelivered."""
        # Its first use loads a hundred services, which is not the receiver's fault.
        await asyncio.to_thread(importlib.import_module, "apprise")
        try:
            async with asyncio.timeout(self._timeout_s):
                why = await apart(lambda: _tried(secret, parcel))
        except TimeoutError:
            raise NotDelivered(f"The service did not take it within {self._timeout_s:g} s.") from None
        if why is not None:
            raise NotDelivered(why)


def _tried(url: str, parcel: Parcel) -> str | None:
    try:
        return _notify(url, parcel)
    except Exception as error:  # noqa: BLE001 — a service's own code; its words may hold what is secret
        return f"The service failed: {type(error).__name__}."


def _notify(url: str, parcel: Parcel) -> str | None:
    """Blocks. Why it was not sent; None when it was."""
    # It takes half a second, which commands that tell nobody anything need not spend.
    import apprise
    from apprise.attachment.memory import AttachMemory

    _shut_up("apprise", "urllib3", "requests")
    # Apprise forgives nearly everything, and says in its log what is wrong.
    service = apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True)
    if service is None:
        return "What is kept for it is no Apprise URL that could be read, or the service is not known."
    # A mail can show the page; others that know some HTML would make a mess of it.
    html = parcel.html if service.protocol == "mailto" else None
    # Apprise brings no types for this one.
    memory: Any = AttachMemory
    enclosed = [memory(content=each.content, name=each.name, mimetype=each.media_type) for each in parcel.files]
    sender = apprise.Apprise()
    sender.add(service)
    result = sender.notify(
        title=_calls_nobody(parcel.title),
        body=html or _calls_nobody(_text(parcel)),
        body_format=apprise.NotifyFormat.HTML if html else apprise.NotifyFormat.TEXT,
        notify_type=apprise.NotifyType.SUCCESS if parcel.recovers else apprise.NotifyType.INFO,
        attach=enclosed or None,
    )
    return None if result else _why(result)


def _text(parcel: Parcel) -> str:
    lines = [*parcel.lines, *([parcel.link] if parcel.link else [])]
    return "\n".join(lines) or parcel.title


def _calls_nobody(text: str) -> str:
    """The same to the eye, but a counterpart who writes @everyone wakes nobody with it."""
    return CALLS.sub("\u200b", text)


def _why(result: Any) -> str:
    """What is told of a failure: of what Apprise has noted about it, which may hold anything, a status only."""
    noted = " ".join(entry.message for service in result.results for entry in service.logs())
    found = STATUS.search(noted)
    return f"The service answered {found[1]}." if found else "The service refused it or cannot be reached."


def _shut_up(*names: str) -> None:
    """Have these logs written nowhere: not to the root logger, whose last resort is stderr."""
    for name in names:
        log = logging.getLogger(name)
        log.propagate = False
        if not log.handlers:
            log.addHandler(logging.NullHandler())
