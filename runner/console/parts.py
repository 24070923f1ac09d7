"""The parts that pages are made of.

What comes from a site reaches a page as text of an element or as the value of one attribute, never as markup, never in
`.props("…")` or `.classes("…")`, whose text NiceGUI parses and may even run: a house rule looks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

OnClick = Callable[[], Awaitable[Any] | Any]

TONES = {
    "good": ("succeeded", "confirmed", "active", "published", "healthy", "good", "open", "sent"),
    "busy": ("running", "queued", "armed", "prepared", "planned", "publishing", "snoozed"),
    "wary": ("parked", "paused", "unknown", "expiring", "stale", "snoozed", "held", "waiting", "unchecked"),
    "bad": ("failed", "rejected", "duplicated", "locked", "expired", "signed_out", "not_done"),
}


def tag(name: str, text: str = "", **attributes: Any) -> TextElement:
    """An HTML element with text in it; attributes by name, with _ for -."""
    element = TextElement(tag=name, text=text)
    for key, value in attributes.items():
        element.props[key.rstrip("_").replace("_", "-")] = value
    return element


def link(address: str, text: str = "", *, classes: str = "", label: str = "", new_tab: bool = False) -> TextElement:
    """A link to a page of ours; `label` is what a screen reader says in place of the text."""
    element = tag("a", text, href=address).classes(classes)
    if label:
        element.props["aria-label"] = label
    if new_tab:
        element.props["target"] = "_blank"
    return element


def title(text: str, soft: str = "") -> None:
    """What stands over a part of a page."""
    with tag("div").classes("title"):
        tag("h2", text)
        if soft:
            tag("span", soft).classes("soft")


def tone(state: str) -> str:
    """How a state looks: good, busy, wary, bad or plain."""
    return next((name for name, states in TONES.items() if state in states), "plain")


def chip(state: str, looks: str | None = None) -> TextElement:
    """A state as a small label."""
    return tag("span", state.replace("_", " ")).classes(f"chip {looks or tone(state)}")


def when(moment: str | None, zone: ZoneInfo, *, none: str = "never") -> TextElement:
    """A moment as people say it (3 min ago), which keeps itself right; pointing at it shows it in the shop's zone."""
    if moment is None:
        return tag("span", none).classes("soft")
    return tag("ago-time", at=moment, zone=str(zone))


def empty(what: str, cure: str, *, address: str = "", action: str = "") -> None:
    """Nothing is here: why, and what to do next."""
    with tag("div").classes("empty"):
        tag("strong", what)
        tag("p", cure)
        if address:
            link(address, action, classes="button")


def button(text: str, on_click: OnClick, *, icon: str | None = None, looks: str = "", key: str = "") -> ui.button:
    """A button; `looks` is main, danger or nothing; `key` is the key that presses it."""
    made = ui.button(text, on_click=on_click, icon=icon, color=None).props("unelevated no-caps").classes(f"act {looks}")
    if key:
        made.props["data-press"] = key
        made.props["title"] = f"{text} ({key})"
    return made


def figure(name: str, value: str, *, hint: str = "", address: str = "", looks: str = "") -> None:
    """One number with its name; a link when it has an address."""
    outer = link(address, classes="figure") if address else tag("div").classes("figure")
    with outer.classes(looks or "plain"):
        tag("span", name).classes("figure-name")
        tag("strong", value).classes("figure-value")
        tag("span", hint).classes("soft figure-hint")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: its heading, and what it shows of a row: text, or elements that it builds itself."""

    name: str
    show: Callable[[Mapping[str, Any]], str | None]
    sort: str = ""
    """The field by which the API sorts; nothing when it does not."""
    numeric: bool = False


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    address: Callable[[Mapping[str, Any]], str] | None = None,
    name: str = "",
) -> None:
    """A table that becomes cards on a phone. The first column links to `address` of the row; J and K walk the rows."""
    with tag("div").classes("table-box"), tag("table") as whole:
        whole.props["aria-label"] = name
        with tag("thead"), tag("tr"):
            for column in columns:
                tag("th", column.name, scope="col").classes("number" if column.numeric else "")
        with tag("tbody"):
            for row in rows:
                _row(row, columns, address(row) if address else "")


def _row(row: Mapping[str, Any], columns: Sequence[Column], address: str) -> None:
    with tag("tr").classes("row"):
        for place, column in enumerate(columns):
            with tag("td").classes("number" if column.numeric else "") as cell:
                cell.props["data-name"] = column.name
                if place == 0 and address:
                    with link(address, classes="row-link"):
                        _cell(column, row)
                else:
                    _cell(column, row)


def _cell(column: Column, row: Mapping[str, Any]) -> None:
    text = column.show(row)
    if text is not None:
        tag("span", text)


def picture(evidence_id: str | None, words: str, *, classes: str = "") -> None:
    """A picture from the evidence, small; nothing when there is none."""
    if evidence_id:
        tag("img", src=f"/api/v1/evidence/{evidence_id}/file", alt=words, loading="lazy").classes(f"shot {classes}")


def share(value: float | None, *, none: str = "—") -> str:
    """A share from 0 to 1 in percent."""
    return none if value is None else f"{100 * value:.0f} %"


def duration(seconds: float | None, *, none: str = "—") -> str:
    """A length of time as people say it."""
    if seconds is None:
        return none
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def words(name: str) -> str:
    """An event's or a flow's name in words: JobSucceeded is job succeeded."""
    spaced = "".join(f" {each.lower()}" if each.isupper() else each for each in name)
    return spaced.replace("_", " ").strip()
