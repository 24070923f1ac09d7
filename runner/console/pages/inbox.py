"""Inbox: the Threads of all Accounts, one of them open beside what is known of it, and the place to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import filters, naming, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.pages import inbox_also, inbox_notes, inbox_thread
from runner.console.pages.inbox_tools import Tools

PAGE_SIZE = 50
MESSAGES_SHOWN = 200
NOBODY = "(nobody)"
WAITS = {"": "all threads", "click": "Waiting for a click", "person": "For a person"}
STATUS = {"": "open", "snoozed": "snoozed", "closed": "closed", "all": "any status"}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/inbox", "Inbox", wide=True)
    async def inbox(desk: Desk) -> None:
        accounts = await naming.accounts(desk)
        names = (await desk.api.get("/operators/names"))["names"]
        if desk.who["via"] == "session":
            names = list(dict.fromkeys([desk.who["name"], *names]))  # oneself first
        tags = await desk.api.get("/threads/tags")
        await Inbox(desk, names).build(accounts, [each["name"] for each in tags["items"]])


class Inbox:
    """The three panes of one open page; `thread` is the one that is open."""

    def __init__(self, desk: Desk, names: list[str]) -> None:
        self._desk = desk
        self._names = names
        self._open: dict[str, Any] | None = None
        self._tools = Tools(desk, names)

    @property
    def number(self) -> str:
        """The id of the open Thread; empty when none is."""
        given = self._desk.filters.get("thread", "")
        return given if given.isascii() and given.isdigit() else ""

    async def build(self, accounts: list[str], tags: list[str]) -> None:
        """Make the page."""
        self._box = parts.tag("div")
        self._arrange()
        with self._box:
            with parts.tag("div").classes("filters inbox-filters"):
                self._filters(accounts, tags)
            with parts.tag("section").classes("pane threads") as pane:
                pane.props["aria-label"] = "Threads"
                await self._desk.region(self._read_threads, self._show_threads)
            with parts.tag("section").classes("pane thread") as pane:
                pane.props["aria-label"] = "Messages"
                await self._thread_pane()
            with parts.tag("section").classes("pane about") as pane:
                pane.props["aria-label"] = "About this thread"
                with parts.tag("div").classes("across narrow-only"):
                    parts.button("Messages", lambda: self._go(pane=None), icon="arrow_back")
                await self._desk.region(self._read_about, self._show_about)
                self._tools.note_box()
        self._fit()

    def _filters(self, accounts: list[str], tags: list[str]) -> None:
        filters.words(self._desk, "q", "Search messages, names and titles")
        filters.choice(self._desk, "status", "status", STATUS)
        filters.choice(self._desk, "waits", "waiting", WAITS)
        filters.choice(self._desk, "account", "account", accounts)
        filters.choice(self._desk, "assignee", "assignee", {NOBODY: "nobody", **{each: each for each in self._names}})
        if tags or "tag" in self._desk.filters:
            filters.choice(self._desk, "tag", "tag", {each: each for each in tags})
        filters.flag(self._desk, "unread", "Unread only")
        filters.flag(self._desk, "overdue", "Overdue only")
        _exports()

    async def _thread_pane(self) -> None:
        with parts.tag("div").classes("across narrow-only thread-ways"):
            parts.button("All threads", lambda: self._go(thread=None, pane=None), icon="arrow_back").classes(
                "phone-only"
            )
            parts.button("About", lambda: self._go(pane="about"), icon="info")
        await self._desk.region(self._read_open, self._show_heading)
        self._tools.bar()
        with parts.tag("div").classes("messages"), parts.tag("div").classes("stack"):
            await self._desk.region(self._read_said, self._show_said)
        self._tools.box()

    def _fit(self) -> None:
        if self._open is None:
            self._tools.fit(None, None)
        else:
            self._tools.fit(self._open["thread"], self._open["messages"])

    def _arrange(self) -> None:
        # On a phone one pane is seen at a time; which one stands in the address.
        if not self.number:
            self._box.classes(replace="inbox sees-threads")
        elif self._desk.filters.get("pane") == "about":
            self._box.classes(replace="inbox sees-about")
        else:
            self._box.classes(replace="inbox sees-thread")

    async def _go(self, **changed: str | None) -> None:
        self._tools.leave()
        await self._desk.narrow(**changed)
        self._arrange()

    async def _read_threads(self) -> Any:
        asked = self._desk.filters
        status, assignee = asked.get("status", "open"), asked.get("assignee")
        found = await self._desk.api.get(
            "/threads",
            q=asked.get("q"),
            account=asked.get("account"),
            tag=asked.get("tag"),
            unread=asked.get("unread"),
            overdue=asked.get("overdue"),
            status=None if status == "all" else status,
            waits=asked.get("waits"),
            assignee=[""] if assignee == NOBODY else assignee,
            cursor=asked.get("cursor"),
            limit=PAGE_SIZE,
        )
        return {**found, "here": self.number, "asked": asked}

    def _show_threads(self, found: dict[str, Any]) -> None:
        if not found["items"]:
            self._nothing()
        for thread in found["items"]:
            self._row(thread)
        filters.more(self._desk, found["next_cursor"])

    def _nothing(self) -> None:
        if set(self._desk.filters) - {"thread", "pane"}:
            parts.empty("Nothing matches.", "Take a filter away.", address="/inbox", action="Show all open threads")
        else:
            parts.empty(
                "No open threads.",
                "Threads appear when an inbox has been read: start a cycle, or read one account's inbox.",
                address="/",
                action="To the cycle",
            )

    def _row(self, thread: Mapping[str, Any]) -> None:
        here = thread["id"] == self.number
        address = self._desk.address(**{**self._desk.filters, "thread": thread["id"]})
        with parts.link(address, classes="row-link thread-row") as row:
            row.classes("unread" if thread["unread"] else "read").on(
                "click.prevent", lambda: self._go(thread=thread["id"], pane=None)
            )
            if here:
                row.classes("here").props["aria-current"] = "true"
            with parts.tag("span").classes("thread-line"):
                parts.tag("strong", thread["counterpart"])
                parts.when(thread["last_at"], self._desk.timezone, none="").classes("soft")
            parts.tag("span", thread["listing_title"] or "").classes("thread-about")
            parts.tag("span", thread["excerpt"]).classes("thread-excerpt soft")
            self._tags(thread)
            with parts.tag("span").classes("thread-line"):
                parts.tag("span", " · ".join(filter(None, (thread["account"], thread["assignee"])))).classes("soft")
                with parts.tag("span").classes("across"):
                    if thread["overdue"]:
                        parts.chip("overdue", "bad")
                    if thread["status"] != "open":
                        parts.chip(thread["status"])
                    if thread["unread"]:
                        parts.chip(f"{thread['unread']} new", "busy")

    @staticmethod
    def _tags(thread: Mapping[str, Any]) -> None:
        if thread["tags"]:
            with parts.tag("span").classes("thread-tags"):
                for each in thread["tags"]:
                    parts.tag("span", each).classes("tag")

    async def _read_open(self) -> Any:
        self._open = None
        if number := self.number:  # another one may be chosen while this one is read
            try:
                thread = await self._desk.api.get(f"/threads/{number}")
                said = await self._desk.api.get(f"/threads/{number}/messages", sort="-sent_at", limit=MESSAGES_SHOWN)
                replies = await self._desk.api.get(f"/threads/{number}/replies")
                notes = await self._desk.api.get(f"/threads/{number}/notes")
                also_in = await self._desk.api.get(f"/threads/{number}/also-in")
                handling = await self._desk.api.get(f"/threads/{number}/handling")
                drafts = await self._desk.api.get("/drafts", thread_id=number, limit=PAGE_SIZE)
            except Refused:
                self._tools.leave()  # what was begun to be written is kept for when it can be read again
                self._tools.fit(None, None)
                raise
            self._open = {"thread": thread, "messages": said["items"][::-1], "replies": replies["items"]}
            self._open |= {"notes": notes["items"], "handling": handling, "also_in": also_in["items"]}
            self._open["drafts"] = drafts["items"]
            self._open["more"] = said["next_cursor"] is not None
        self._fit()
        return self._open and self._open["thread"]

    # These two read nothing themselves: regions are read in order, and the heading's has just read all of it.
    async def _read_said(self) -> Any:
        return self._open

    async def _read_about(self) -> Any:
        return self._open and {name: each for name, each in self._open.items() if name != "messages"}

    def _show_heading(self, thread: dict[str, Any] | None) -> None:
        if thread is None:
            return
        with parts.tag("div").classes("title thread-heading"):
            parts.tag("h2", thread["counterpart"])
            parts.tag("span", thread["listing_title"] or "").classes("soft")

    def _show_said(self, opened: dict[str, Any] | None) -> None:
        if opened is None:
            parts.empty("No thread is open.", "Choose one from the list: j and k walk through it, Enter opens.")
            return
        if opened["more"]:
            ui.label(f"The newest {MESSAGES_SHOWN} messages; older ones stand at the site.").classes("soft")
        inbox_thread.said(self._desk, opened["messages"], opened["replies"], opened["drafts"])

    def _show_about(self, opened: dict[str, Any] | None) -> None:
        if opened is not None:
            inbox_thread.about(self._desk, opened["thread"], opened["replies"], opened["handling"])
            inbox_also.also_in(self._desk, opened["thread"], opened["also_in"])
            inbox_notes.notes(self._desk, opened["thread"], opened["notes"])


def _exports() -> None:
    """The history of all threads as a file, whatever is chosen beside it."""
    with parts.tag("span").classes("across"):
        parts.tag("span", "All threads as").classes("soft")
        for kind in ("CSV", "JSON"):
            link = parts.link(f"/api/v1/exports/threads.{kind.lower()}", kind, label=f"All threads as {kind}")
            link.props["download"] = f"threads.{kind.lower()}"
