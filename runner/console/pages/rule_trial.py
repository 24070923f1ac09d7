"""Dry run: which Rule would do what with messages that are there, or with a text, and why. Nothing is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import filters, meanings, naming, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.pages import inbox_why
from runner.console.pages.inbox_answers import small
from runner.console.pages.rules import TITLE, tabs

One = Mapping[str, Any]

LAST = {"20": "the last 20 messages", "100": "the last 100 messages", "500": "the last 500 messages"}
WAYS = {"last": "messages that have come", "message": "one message, by its number", "text": "a text that I type"}
MOST_SHOWN = 100
LONGEST_TOLD = 500
"""A text of more characters stays out of the address."""
NO_RULE = ""


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/rules/dry-run", TITLE, wide=True)
    async def dry_run(desk: Desk) -> None:
        tabs("/rules/dry-run")
        parts.tag("p", "What the rules, as they stand now, would do. Nothing is changed, and nothing is sent.").classes(
            "soft"
        )
        await Trial(desk).build(await naming.accounts(desk))
        if desk.may("agent"):
            with parts.tag("section").classes("across"):
                parts.button("Train the classifier", lambda: _train(desk), icon="school")
                parts.tag("span", "It learns what people have corrected; that takes seconds.").classes("soft")


class Trial:
    """One page on which Rules are tried."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._found: Sequence[One] = ()
        self._only: str | None = None

    async def build(self, accounts: Sequence[str]) -> None:
        """What to try them on, and under it what came of it."""
        asked = self._desk.filters
        given = next((name for name in ("message", "text") if asked.get(name)), "last")
        with parts.tag("section").classes("card-box stack"):
            with parts.tag("div").classes("filters"):
                self._way = _select(WAYS, given, "Try the rules on")
                self._last = _select(LAST, asked.get("last", "100"), "How many")
                self._message = ui.input("Number of the message", value=asked.get("message", ""))
                self._message.props("dense outlined").classes("filter")
                self._account = _select(
                    {"": "any account", **{each: each for each in accounts}}, asked.get("account", ""), "account"
                )
                self._first = ui.checkbox("It begins its thread", value=True).props("dense")
            self._text = ui.textarea("What somebody might write", value=asked.get("text", ""))
            self._text.props("dense outlined autogrow").classes("wide-field")
            for element, way in ((self._last, "last"), (self._message, "message"), (self._text, "text")):
                element.bind_visibility_from(self._way, "value", value=way)
            self._first.bind_visibility_from(self._way, "value", value="text")
            self._account.bind_visibility_from(self._way, "value", backward=lambda way: way != "message")
            with parts.tag("div").classes("across"):
                parts.button("Try them", self.run, icon="science", looks="main", key="d")
        self._place = parts.tag("div").classes("stack")
        if any(name in asked for name in ("last", "message", "text")):
            await self._try(self._asked())
        else:
            with self._place:
                parts.empty("Nothing was tried yet.", "Press “Try them”: it does nothing to any message.")

    async def run(self) -> None:
        """Ask the API, and show what it says; what was asked stands in the address."""
        asked = self._asked()
        told = {name: asked.get(name) for name in ("last", "message", "text", "account")}
        if len(told["text"] or "") > LONGEST_TOLD:
            told["text"] = None
        await self._desk.narrow(**told)
        await self._try(asked)

    async def _try(self, asked: Mapping[str, str]) -> None:
        try:
            self._found = await self._ask(asked)
        except Refused as refused:
            detail = refused.detail
            self._place.clear()
            with self._place:
                parts.tag("p", detail).classes("problem")
            return
        self._only = None
        self._show()

    def _asked(self) -> dict[str, str]:
        way, account = self._way.value, self._account.value
        if way == "message":
            return {"message": (self._message.value or "").strip()}
        rest = {"account": account} if account else {}
        if way == "text":
            return {"text": (self._text.value or "").strip(), **rest}
        return {"last": self._last.value, **rest}

    async def _ask(self, asked: Mapping[str, str]) -> Sequence[One]:
        api = self._desk.api
        if "text" in asked:
            body = {"text": asked["text"], "account": asked.get("account"), "first_contact": self._first.value}
            return [await api.post("/rules/imagine", body)]
        if "message" in asked:
            if not asked["message"].isascii() or not asked["message"].isdigit():
                raise Refused(422, "invalid", "The number of a message is made of digits; its thread's page has it.")
            found: Sequence[One] = await api.post("/rules/test", {"message_id": int(asked["message"])})
            return found
        found = await api.post("/rules/test", {"last": int(asked["last"]), "account": asked.get("account")})
        return found

    def _show(self) -> None:
        self._place.clear()
        with self._place:
            if not self._found:
                parts.empty("There is no message yet.", "Read an inbox first, or try a text that you type.")
            elif len(self._found) == 1:
                self._explained(self._found[0])
            else:
                self._counts()
                self._table()

    def _explained(self, found: One) -> None:
        with parts.tag("section").classes("card-box stack") as place:
            place.props["aria-label"] = "What the rules would do"
            place.props["role"] = "region"
            parts.tag("p", found["text"]).classes("quoted")
            with parts.tag("div").classes("across"):
                parts.chip(*meanings.verdict(found["verdict"]))
                parts.tag("span", _type(found))
            inbox_why.tried(found)

    def _counts(self) -> None:
        rules = Counter(each["rule"] or NO_RULE for each in self._found)
        parts.title("By rule", "none on top; press one to see its messages only")
        ordered = sorted(rules.items(), key=lambda each: (each[0] != NO_RULE, -each[1]))
        with parts.tag("div").classes("across"):
            if self._only is not None:
                parts.button("All", lambda: self._narrow(None))
            for name, count in ordered:
                self._count(name, count)

    def _count(self, name: str, count: int) -> None:
        looks = "main" if name == self._only else ""
        parts.button(f"{name or 'No rule'}: {count}", lambda: self._narrow(name), looks=looks)

    def _narrow(self, name: str | None) -> None:
        self._only = name
        self._show()

    def _table(self) -> None:
        rows = [each for each in self._found if self._only in (None, each["rule"] or NO_RULE)]
        columns = (
            parts.Column(name="Message", show=lambda row: row["message_id"]),
            parts.Column(name="Account", show=lambda row: row["account"]),
            parts.Column(name="Says", show=lambda row: _short(row["text"])),
            parts.Column(name="Wants", show=_type),
            parts.Column(name="Rule", show=lambda row: row["rule"] or "no\N{NO-BREAK SPACE}rule"),
            parts.Column(name="What would be done", show=_verdict),
            parts.Column(name="Reply", show=lambda row: _short(row["reply"] or "")),
            parts.Column(name="", show=self._why),
        )
        parts.table(rows[:MOST_SHOWN], columns, name="Dry run")
        if len(rows) > MOST_SHOWN:
            parts.tag("p", f"And {len(rows) - MOST_SHOWN} more.").classes("soft")

    def _why(self, row: One) -> None:
        def show() -> None:
            with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
                parts.tag("h2", f"Message {row['message_id']}")
                parts.tag("p", row["text"]).classes("quoted")
                inbox_why.tried(row)
                with parts.tag("div").classes("across"):
                    parts.button("Close", dialog.close)
            dialog.on("hide", dialog.delete)
            dialog.open()

        small("Why", show)


async def _train(desk: Desk) -> None:
    made = await desk.act(lambda: desk.api.post("/classifier/train"))
    if made is not None:
        corrections = parts.counted(made["corrections"], "correction")
        desk.say(f"Trained, with {corrections}: {made['classifier']} looks at what arrives from now on.")


def _select(options: Mapping[str, str], value: str, label: str) -> ui.select:
    known = options if value in options else {**options, value: value}
    field = ui.select(dict(known), value=value, label=label, with_input=len(known) > filters.MANY)
    return field.props("dense outlined options-dense").classes("filter")


def _verdict(row: One) -> None:
    with parts.tag("div"):
        parts.chip(*meanings.verdict(row["verdict"]))
        if more := meanings.more(row):
            parts.tag("div", more).classes("soft")


def _type(row: One) -> str:
    if row["type"] is None:
        return "not looked at yet"
    return f"{meanings.type_words(row['type'])}, {100 * (row['confidence'] or 0):.0f}\N{NO-BREAK SPACE}%"


def _short(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "…"
