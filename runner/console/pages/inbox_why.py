"""Why: which words spoke for a Message's type, what the Rules decided about it, and which of them were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import meanings, parts
from runner.console.client import Refused
from runner.console.desk import Desk

One = Mapping[str, Any]

MOST_SPOKE = 6


async def explain(desk: Desk, message: One) -> None:
    """Open the explanation of one inbound Message."""
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", "Why")
        parts.tag("p", message["text"]).classes("soft quoted")
        places = [parts.tag("div").classes("stack") for _ in range(3)]
        with places[0]:
            parts.tag("p", "Looking at its words …").classes("soft")
        with parts.tag("div").classes("across"):
            parts.button("Close", dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()
    number = message["id"]
    # The words come last: their classifier takes seconds when it is asked for the first time.
    if (decided := await _asked(desk.api.get(f"/messages/{number}/decision"))) is not None and not dialog.is_deleted:
        with places[1]:
            _decided(desk, decided)
    now = await _asked(desk.api.post("/rules/test", {"message_id": int(number)}))
    if now and not dialog.is_deleted:
        with places[2]:
            tried(now[0])
    words = await _asked(desk.api.get(f"/messages/{number}/explanation", type=message["type"]))
    if not dialog.is_deleted:
        places[0].clear()
        with places[0]:
            _wants(message, words)


async def _asked(question: Any) -> Any:
    """The answer, or None where there is none: the other parts are shown all the same."""
    try:
        return await question
    except Refused:
        return None


def _wants(message: One, found: One | None) -> None:
    parts.tag("h3", "What it wants")
    parts.tag("p", f"It {meanings.wants(message['type'])}: {meanings.sure(message)}.")
    if found is None:
        return
    if meanings.by_person(message):
        said = f"The classifier would have said: {meanings.type_words(found['type'])}, {_percent(found['confidence'])}."
        parts.tag("p", said).classes("soft")
    rest = [f"{meanings.type_words(each['type'])} {_percent(each['probability'])}" for each in found["top"][1:]]
    parts.tag("p", f"Then, in its eyes: {', '.join(rest)}.").classes("soft")
    spoke(found)
    facts = _facts(found["extracted"])
    if facts:
        parts.tag("p", facts).classes("soft")


def spoke(found: One) -> None:
    """Which words spoke for a type, and which against."""
    about = f"“{meanings.type_words(found['explained'])}”"
    for words, looks, chosen in (
        (f"Spoke for {about}", "good", [each for each in found["reasons"] if each["weight"] > 0]),
        ("Spoke against it", "bad", [each for each in found["reasons"] if each["weight"] < 0]),
    ):
        if not chosen:
            continue
        with parts.tag("div").classes("across tight") as line:
            line.props["aria-label"] = words
            line.props["role"] = "group"
            parts.tag("span", f"{words}:")
            for each in chosen[:MOST_SPOKE]:
                chip = parts.chip(meanings.spoke(each), looks)
                chip.props["title"] = f"{each['view']}, {each['weight']:+.2f}"


def _facts(found: One) -> str:
    amounts = [f"{each['text']}" for each in found["amounts"]]
    named = {"amounts": amounts, **{name: found[name] for name in ("dates", "times", "places", "phones", "links")}}
    told = "; ".join(f"{name}: {', '.join(values)}" for name, values in named.items() if values)
    return f"In it: {told}." if told else ""


def _decided(desk: Desk, found: One) -> None:
    parts.tag("h3", "What was decided")
    with parts.tag("div").classes("across tight"):
        parts.chip(*meanings.verdict(found["verdict"]))
        if found["rule"]:
            parts.tag("span", f"by rule “{found['rule']}”")
        parts.when(found["at"], desk.timezone).classes("soft")
    if more := meanings.more(found):
        parts.tag("p", more)
    reasons(found["why"])


def tried(found: One) -> None:
    """Which Rules are asked about a Message, in their turn, and why each matches or does not."""
    parts.tag("h3", "The rules, as they stand now")
    if not found["tried"]:
        with parts.tag("p").classes("soft"):
            parts.tag("span", "There is no rule yet. ")
            parts.link("/rules", "Add one")
        return
    for each in found["tried"]:
        with parts.tag("div").classes("tried") as place:
            place.props["aria-label"] = f"Rule {each['rule']}"
            place.props["role"] = "group"
            with parts.tag("div").classes("across tight"):
                parts.chip("matches" if each["matched"] else "does not match", "good" if each["matched"] else "plain")
                parts.tag("strong", each["rule"])
            reasons(each["reasons"])
    words, _ = meanings.verdict(found["verdict"])
    more = meanings.more(found)
    parts.tag("p", f"So, if it arrived now: {words}{': ' + more if more else ''}.")
    if found["reply"]:
        parts.tag("p", found["reply"]).classes("quoted")


def reasons(found: Sequence[One]) -> None:
    """Conditions that spoke for a Rule, and against."""
    if not found:
        return
    with parts.tag("ul").classes("reasons"):
        for each in found:
            with parts.tag("li").classes("met" if each["met"] else "unmet"):
                parts.tag("span", "✓ " if each["met"] else "✗ ", aria_hidden="true")
                parts.tag("span", meanings.reason(each))


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
