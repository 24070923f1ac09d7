"""What a person does with the open Thread: close, snooze, assign, mark, answer.

All of it stands outside of regions, so that an open menu and half a sentence survive what happens meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from nicegui import ui

from runner.console import parts
from runner.console.desk import Desk

MORNING, EVENING = time(9), time(18)
MONDAY = 0


def in_an_hour(now: datetime) -> datetime:
    """An hour from now."""
    return now + timedelta(hours=1)


def this_evening(now: datetime) -> datetime:
    """The next 18:00."""
    today = datetime.combine(now.date(), EVENING, now.tzinfo)
    return today if today > now else datetime.combine(now.date() + timedelta(days=1), EVENING, now.tzinfo)


def tomorrow(now: datetime) -> datetime:
    """9:00 of the day after this one."""
    return datetime.combine(now.date() + timedelta(days=1), MORNING, now.tzinfo)


def next_monday(now: datetime) -> datetime:
    """9:00 of the Monday after this day."""
    ahead = (MONDAY - now.weekday()) % 7 or 7
    return datetime.combine(now.date() + timedelta(days=ahead), MORNING, now.tzinfo)


SNOOZES: Mapping[str, Callable[[datetime], datetime]] = {
    "For an hour": in_an_hour,
    "Until 18:00": this_evening,
    "Until tomorrow, 9:00": tomorrow,
    "Until Monday, 9:00": next_monday,
}


class Tools:
    """The buttons over the messages and the box under them; they fit the Thread that `fit` was given last."""

    def __init__(self, desk: Desk, names: Sequence[str]) -> None:
        self._desk, self._names = desk, names
        self._thread: Mapping[str, Any] | None = None
        self._answering: Mapping[str, Any] | None = None
        self._drafts: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self._built = False

    def bar(self) -> None:
        """Make the buttons, for those who may."""
        if not self._desk.may("agent"):
            return
        with parts.tag("div").classes("across thread-tools") as self._bar:
            self._close = parts.button("Close", self._turn_status, icon="done", key="e")
            with parts.button("Snooze", lambda: None, icon="snooze"), ui.menu():
                for words, until in SNOOZES.items():
                    ui.menu_item(words, lambda until=until: self._snooze(until))
            with parts.button("Assign", lambda: None, icon="person_add"), ui.menu():
                self._assignees()
            parts.button("Tags", self._show_tags, icon="sell", key="#")
            self._mark = parts.button("Mark unread", self._turn_mark, icon="mark_email_unread", key="u")

    def box(self) -> None:
        """Make the place to write an answer, for those who may."""
        if not self._desk.may("agent"):
            return
        with parts.tag("div").classes("reply-box") as self._box:
            self._field = ui.textarea("Your reply").props("outlined dense autogrow data-press=r input-class=reply-text")
            self._field.on("keydown.ctrl.enter", self._send)
            with parts.tag("div").classes("across"):
                self._send_button = parts.button("Send", self._send, icon="send", looks="main")
                self._send_button.props["title"] = "Send (Ctrl+Enter)"
                self._hint = parts.tag("span").classes("soft grow reply-hint")
        self._tag_dialog()

    def note_box(self) -> None:
        """Make the place to write a note, for those who may; the last of the parts."""
        if not self._desk.may("agent"):
            return
        with parts.tag("div").classes("reply-box") as self._noting:
            self._note = ui.textarea("A note for your colleagues").props(
                "outlined dense autogrow input-class=reply-text"
            )
            with parts.tag("div").classes("across"):
                parts.button("Add note", self._add_note, icon="note_add")
        self._built = True

    async def _add_note(self) -> None:
        text, thread = (self._note.value or "").strip(), self._thread
        if not text or thread is None:
            return
        body = {"text": text}
        if await self._desk.act(
            lambda: self._desk.api.post(f"/threads/{thread['id']}/notes", body, creates=True),
            "Noted; it is never sent.",
        ):
            self._note.value = ""

    def leave(self) -> None:
        """Keep what was written for the Thread that is left."""
        if self._built and self._thread is not None:
            self._drafts[self._thread["id"]] = self._field.value or ""
            self._notes[self._thread["id"]] = self._note.value or ""

    def fit(self, thread: Mapping[str, Any] | None, messages: Sequence[Mapping[str, Any]] | None) -> None:
        """Fit the open Thread; hide when none is open."""
        before, self._thread = self._thread, thread
        inbound = [each for each in messages or () if each["direction"] == "inbound"]
        self._answering = inbound[-1] if inbound else None
        if not self._built:
            return
        self._bar.set_visibility(thread is not None)
        self._box.set_visibility(thread is not None)
        self._noting.set_visibility(thread is not None)
        if thread is None:
            return
        self._say(self._close, "Close" if thread["status"] == "open" else "Reopen", "e")
        self._say(self._mark, "Mark read" if thread["unread"] else "Mark unread", "u")
        self._hint.text = (
            "Ctrl+Enter sends" if self._answering else "Nothing to answer: the counterpart has not written"
        )
        if before is None or before["id"] != thread["id"]:
            self._field.value = self._drafts.get(thread["id"], "")
            self._note.value = self._notes.get(thread["id"], "")

    def _say(self, button: ui.button, words: str, key: str) -> None:
        if button.text != words:
            button.text = words
            button.props["title"] = f"{words} ({key})"

    def _assignees(self) -> None:
        if self._desk.who["via"] == "session":
            ui.menu_item("Me", lambda: self._assign(self._desk.who["name"]))
        for name in self._names:
            if name != self._desk.who["name"]:
                ui.menu_item(name, lambda name=name: self._assign(name))
        if not self._names:
            ui.label("No operators yet: runner operators link NAME").classes("menu-note soft")
        ui.menu_item("Nobody", lambda: self._assign(None))

    def _tag_dialog(self) -> None:
        with ui.dialog() as self._tagging, ui.card().classes("tag-card"):
            parts.tag("h2", "Tags of this thread")
            self._tags = ui.input_chips("Tags", new_value_mode="add-unique").props("outlined dense autofocus")
            parts.tag("span", "Enter adds a word; the small cross takes one away.").classes("soft")
            with parts.tag("div").classes("across"):
                parts.button("Save tags", self._save_tags, looks="main")
                parts.button("Leave as it was", self._tagging.close)

    def _show_tags(self) -> None:
        if self._thread is not None:
            self._tags.value = list(self._thread["tags"])
            self._tagging.open()

    async def _save_tags(self) -> None:
        if (thread := self._thread) is None:
            return
        body = {"tags": list(self._tags.value or ())}
        if await self._desk.act(lambda: self._desk.api.put(f"/threads/{thread['id']}/tags", body), "Tags saved."):
            self._tagging.close()

    async def _change(self, what: str, body: Any, done: str) -> None:
        if self._thread is not None:
            number = self._thread["id"]
            await self._desk.act(lambda: self._desk.api.post(f"/threads/{number}/{what}", body), done)

    async def _turn_status(self) -> None:
        if self._thread is not None and self._thread["status"] == "open":
            await self._change("status", {"status": "closed"}, "Closed, until the counterpart writes.")
        else:
            await self._change("status", {"status": "open"}, "Open again.")

    async def _snooze(self, until: Callable[[datetime], datetime]) -> None:
        moment = until(datetime.now(self._desk.timezone))
        words = f"Snoozed until {moment:%A %d %B, %H:%M}, or until the counterpart writes."
        await self._change("status", {"status": "snoozed", "until": moment.isoformat()}, words)

    async def _assign(self, name: str | None) -> None:
        await self._change("assign", {"assignee": name}, f"Assigned to {name}." if name else "It is nobody's now.")

    async def _turn_mark(self) -> None:
        unread = self._thread is not None and self._thread["unread"]
        await self._change("read" if unread else "unread", None, "Marked as read." if unread else "Marked as unread.")

    async def _send(self) -> None:
        text, thread = (self._field.value or "").strip(), self._thread
        if not text or thread is None or not self._send_button.enabled:
            return
        body = {"text": text, "answering": self._answering["key"] if self._answering else None}
        self._send_button.disable()
        try:
            answer = await self._desk.act(
                lambda: self._desk.api.post(f"/threads/{thread['id']}/reply", body, creates=True)
            )
        finally:
            self._send_button.enable()
        if answer is None:
            return
        self._drafts.pop(thread["id"], None)
        if self._thread is not None and self._thread["id"] == thread["id"]:
            self._field.value = ""
