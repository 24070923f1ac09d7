"""Questions to the person who is looking: is it meant, and what is to be said about it.

They hang on the page itself, not on the region in which a button was pressed: that may be drawn anew meanwhile.
"""

from __future__ import annotations

from nicegui import ui

from runner.console import parts


async def sure(question: str, yes: str, *, more: str = "", looks: str = "danger") -> bool:
    """Whether the person means it; `yes` is what the button says that does it."""
    with ui.context.client.content, ui.dialog() as dialog, ui.card():
        parts.tag("h2", question)
        if more:
            parts.tag("p", more).classes("soft")
        with parts.tag("div").classes("across"):
            parts.button(yes, lambda: dialog.submit(True), looks=looks)
            parts.button("Leave it", lambda: dialog.submit(False))
    answer = await dialog
    end(dialog)
    return bool(answer)


async def choice(question: str, answers: dict[str, str], *, label: str, yes: str) -> str | None:
    """Which of these (what is sent, and how it reads); None when the person leaves it."""
    first = next(iter(answers), None)
    with ui.context.client.content, ui.dialog() as dialog, ui.card():
        parts.tag("h2", question)
        field = ui.select(answers, value=first, label=label, with_input=len(answers) > 12).classes("wide-field")
        field.props("outlined dense options-dense")
        with parts.tag("div").classes("across"):
            parts.button(yes, lambda: dialog.submit(field.value), looks="main")
            parts.button("Leave it", lambda: dialog.submit(None))
    answer = await dialog
    end(dialog)
    return None if answer is None else str(answer)


def end(dialog: ui.dialog) -> None:
    """Take a dialog away that was answered, or whose page was left meanwhile."""
    if not dialog.is_deleted:
        dialog.delete()


def picture(address: str, words: str) -> None:
    """One picture as large as the window; a click or Esc closes it."""
    with ui.context.client.content, ui.dialog() as dialog:
        dialog.props("maximized")
        dialog.on("hide", dialog.delete)
        with parts.tag("div").classes("enlarged") as place:
            place.on("click", dialog.close)
            parts.tag("img", src=address, alt=words)
            parts.tag("span", f"{words} · Esc closes it").classes("soft")
    dialog.open()
