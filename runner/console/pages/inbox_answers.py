"""What answering by rule has made of a Thread: what each Message wants, and the Drafts that wait for a click."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import asking, meanings, parts
from runner.console.desk import Desk
from runner.console.pages import inbox_why

One = Mapping[str, Any]

ENDED = {"outdated": "not sent", "dismissed": "dismissed"}


def understood(desk: Desk, message: One) -> None:
    """What an inbound Message wants, how sure that is, and who said so; with the ways to correct and to explain."""
    with parts.tag("div").classes("bubble-foot understood"):
        parts.chip(meanings.type_words(message["type"]), "plain" if message["type"] is None else "busy")
        parts.tag("span", meanings.sure(message))
        with parts.tag("span"):
            if message["type"] is not None:
                small("Why", lambda: inbox_why.explain(desk, message))
            if desk.may("agent"):
                small("Correct", lambda: _correct(desk, message))


def small(text: str, on_click: Callable[[], Any]) -> None:
    """A button that is no more than a word."""
    button = parts.tag("button", text).classes("plain word").on("click", on_click)
    button.props["type"] = "button"


async def _correct(desk: Desk, message: One) -> None:
    first = message["type"] if message["type"] in meanings.TYPES else next(iter(meanings.TYPES))
    answers = {first: meanings.TYPES[first], **meanings.TYPES}
    question = f"What does this message of {message['sender']} want?"
    right = await asking.choice(question, answers, label="It", yes="That is it")
    if right is None:
        return
    path = f"/messages/{message['id']}/correct"
    words = "Noted, and kept for the next training. The rules are asked once more, unless something was sent."
    await desk.act(lambda: desk.api.post(path, {"type": right}), words)


def by_job(drafts: Sequence[One]) -> dict[str, One]:
    """Those that were sent, by their Jobs."""
    return {each["job_id"]: each for each in drafts if each["job_id"]}


def loose(drafts: Sequence[One], replies: Sequence[One]) -> list[One]:
    """Those that no reply stands for."""
    shown = {each["job_id"] for each in replies}
    return [each for each in drafts if each["job_id"] not in shown]


def written(draft: One | None) -> None:
    """Who wrote a reply, under it."""
    if draft is not None:
        with parts.tag("div").classes("bubble-foot"):
            _writers(draft)
            if draft["state"] == "outdated" and draft["detail"]:
                parts.tag("span", draft["detail"])


def draft(desk: Desk, each: One) -> None:
    """A Draft as a reply that waits, or one that was not sent."""
    state = str(each["state"])
    waits = state == "waiting"
    with parts.tag("article").classes("bubble outbound pending" if waits else "bubble outbound pending over") as place:
        place.props["aria-label"] = "Draft"
        with parts.tag("div").classes("bubble-head soft"):
            parts.tag("strong", "Draft")
            parts.when(each["created_at"], desk.timezone)
            parts.chip("waits for a click" if waits else ENDED.get(state, state), _looks(state))
        parts.tag("div", each["text"]).classes("bubble-text")
        with parts.tag("div").classes("bubble-foot"):
            _writers(each)
            if each["by"]:
                parts.tag("span", f"{'changed' if waits else each['state']} by {each['by']}")
            if each["detail"]:
                parts.tag("span", each["detail"])
            if each["job_id"]:
                parts.link(f"/jobs/{each['job_id']}", f"Job {each['job_id']}")
                parts.chip(each["job_state"] or "gone")
        if waits and desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Send it", lambda: _send(desk, each), icon="send", looks="main")
                parts.button("Edit", lambda: _edit(desk, each), icon="edit")
                parts.button("Dismiss", lambda: _dismiss(desk, each), icon="close")


def _looks(state: str) -> str:
    return {"waiting": "wary", "sent": "busy", "outdated": "bad"}.get(state, "plain")


def _writers(each: One) -> None:
    parts.tag("span", f"by rule “{each['rule']}” with template “{each['template']}”")


async def _send(desk: Desk, each: One) -> None:
    await desk.act(lambda: desk.api.post(f"/drafts/{each['id']}/send"), "It is on its way.")


async def _dismiss(desk: Desk, each: One) -> None:
    words = "Dismissed: it is not sent, and no rule answers this message again."
    await desk.act(lambda: desk.api.post(f"/drafts/{each['id']}/dismiss"), words)


async def _edit(desk: Desk, each: One) -> None:
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", f"Reply to {each['counterpart']}")
        parts.tag("p", each["question"]).classes("soft quoted")
        field = ui.textarea("The reply", value=each["text"]).props("outlined dense autogrow").classes("wide-field")
        with parts.tag("div").classes("across"):
            parts.button("Send it", lambda: dialog.submit((field.value, True)), icon="send", looks="main")
            parts.button("Keep for later", lambda: dialog.submit((field.value, False)))
            parts.button("Leave it", lambda: dialog.submit(None))
    answer = await dialog
    asking.end(dialog)
    if answer is None:
        return
    text, goes = answer

    async def change() -> None:
        if text != each["text"]:
            await desk.api.put(f"/drafts/{each['id']}/text", {"text": text})
        if goes:
            await desk.api.post(f"/drafts/{each['id']}/send")

    await desk.act(change, "It is on its way." if goes else "Kept; it waits for a click.")
