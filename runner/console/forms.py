"""A form in a dialog: fields by the names that the API has for them, each with its own complaint under it.

The dialog stays open until the API has taken what was filled in, so nothing that was typed is lost to a mistake.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from runner.console import asking, filters, parts
from runner.console.client import Refused
from runner.errors import SetupError

Options = Mapping[str, str] | Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: `show` makes it with a value of the API's, `read` gives such a value back, None where it is empty.

    `read` raises SetupError for what can be seen to be wrong here already.
    """

    name: str
    show: Callable[[Any], Any]
    read: Callable[[Any], Any]


class Fields:
    """Fields that stand together; what is not among them stays as it was."""

    def __init__(self, fields: Sequence[Field], values: Mapping[str, Any]) -> None:
        names = {each.name for each in fields}
        self._rest = {name: value for name, value in values.items() if name not in names}
        self._made = [(each, each.show(values.get(each.name))) for each in fields]

    def read(self) -> dict[str, Any] | None:
        """What was filled in; None when something is wrong, and says so under its field."""
        found, fine = dict(self._rest), True
        for field, element in self._made:
            _complain(element, None)
            try:
                value = field.read(element.value)
            except SetupError as error:
                _complain(element, str(error))
                fine = False
                continue
            if value is not None:
                found[field.name] = value
        return found if fine else None

    def blame(self, name: str, message: str) -> bool:
        """Say under a field why the API refuses it; whether there is such a field."""
        for field, element in self._made:
            if field.name == name and isinstance(element, ValidationElement):
                _complain(element, message)
                return True
        return False


def text(name: str, label: str, *, hint: str = "", check: Callable[[str], Any] | None = None) -> Field:
    """A line; `check` raises SetupError for what it cannot be."""

    def read(value: str | None) -> str | None:
        said = (value or "").strip()
        if said and check is not None:
            check(said)
        return said or None

    return Field(name=name, show=lambda value: _line(label, value, hint), read=read)


def listed(name: str, label: str, *, hint: str = "several with commas between") -> Field:
    """Words, with commas between."""

    def read(value: str | None) -> list[str] | None:
        return [each.strip() for each in (value or "").split(",") if each.strip()] or None

    return Field(name=name, show=lambda value: _line(label, ", ".join(value or ()), hint), read=read)


def number(name: str, label: str, *, times: int = 1, hint: str = "") -> Field:
    """A number; shown so many `times` as large as the API has it: 100 for a share in percent."""

    def show(value: Any) -> Any:
        shown = None if value is None else round(float(value) * times, 2)
        made = ui.number(label, value=shown, min=0).props("outlined dense").classes("wide-field")
        made.props["hint"] = hint
        return made

    def read(value: float | None) -> float | None:
        if value is None:
            return None
        return value / times if times > 1 else int(value) if float(value).is_integer() else value

    return Field(name=name, show=show, read=read)


def some(name: str, label: str, options: Options) -> Field:
    """Any of several."""

    def show(value: Any) -> Any:
        known = _known(options, value or ())
        made = ui.select(known, value=list(value or ()), label=label, multiple=True, with_input=_long(known))
        return made.props("outlined dense options-dense use-chips").classes("wide-field")

    return Field(name=name, show=show, read=lambda value: list(value) or None)


def one(name: str, label: str, options: Options) -> Field:
    """One of several; "" among them stands for none."""

    def show(value: Any) -> Any:
        known = _known(options, () if value is None else (value,))
        first = next(iter(known), "")
        made = ui.select(known, value=first if value is None else value, label=label, with_input=_long(known))
        return made.props("outlined dense options-dense").classes("wide-field")

    return Field(name=name, show=show, read=lambda value: value or None)


def yes_or_no(name: str, label: str, yes: str, no: str) -> Field:
    """Whether, or no matter."""
    options = {"": "no matter", "yes": yes, "no": no}

    def show(value: Any) -> Any:
        chosen = "" if value is None else "yes" if value else "no"
        made = ui.select(options, value=chosen, label=label)
        return made.props("outlined dense options-dense").classes("wide-field")

    return Field(name=name, show=show, read={"": None, "yes": True, "no": False}.get)


def tick(name: str, label: str) -> Field:
    """Done, or not."""
    return Field(name=name, show=lambda value: ui.checkbox(label, value=bool(value)), read=lambda value: value or None)


async def asked(
    title: str,
    yes: str,
    build: Callable[[], Callable[[], Mapping[str, Any] | None]],
    send: Callable[[Mapping[str, Any]], Awaitable[bool]],
    blame: Callable[[str, str], bool],
) -> bool:
    """Ask until the API takes it, or the person leaves it; whether it was taken.

    `build` makes the fields and gives what reads them. `send` says whether it was sent; the person may have thought
    better of it. `blame` says under the field of a name what is wrong with it.
    """
    with ui.context.client.content, ui.dialog().props("persistent") as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", title)
        read = build()
        problem = parts.tag("p").classes("problem")
        problem.set_visibility(False)

        async def go() -> None:
            body = read()
            if body is None:
                return
            try:
                if not await send(body):
                    return
            except Refused as refused:
                left = [each["message"] for each in refused.errors if not blame(each["field"], each["message"])]
                words = [refused.detail] if not refused.errors else left
                problem.text = "\n".join(dict.fromkeys(words))
                problem.set_visibility(bool(words))
                return
            dialog.submit(True)

        with parts.tag("div").classes("across form-end"):
            parts.button(yes, go, looks="main")
            parts.button("Leave it", lambda: dialog.submit(False))
    done = bool(await dialog)
    asking.end(dialog)
    return done


def _line(label: str, value: Any, hint: str) -> ui.input:
    made = ui.input(label, value=value or "").props("outlined dense").classes("wide-field")
    made.props["hint"] = hint
    return made


def _known(options: Options, chosen: Sequence[str]) -> dict[str, str]:
    found = dict(options) if isinstance(options, Mapping) else {each: each for each in options}
    return found | {each: each for each in chosen if each not in found}


def _long(options: Mapping[str, str]) -> bool:
    return len(options) > filters.MANY


def _complain(element: Any, message: str | None) -> None:
    if isinstance(element, ValidationElement):
        element.error = message
