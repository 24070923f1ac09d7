"""The form of a Rule: its conditions and what it does, one line here for each that the API knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.console import asking, forms, meanings, naming, parts
from runner.console.desk import Desk
from runner.domain.durations import parse_duration
from runner.domain.hours import Hours
from runner.domain.listings import ListingState

MOST = 500
STATES = tuple(map(str, ListingState))
AUTOMATIC = (
    "Its replies go out without a click, to every message that matches from now on and whose type is sure enough. "
    "Look at a dry run first."
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a Rule may name."""

    accounts: Sequence[str]
    tags: Sequence[str]
    templates: Sequence[str]
    operators: Sequence[str]
    sequences: Sequence[str]


async def known(desk: Desk) -> Known:
    """What there is to be named."""
    accounts = await naming.accounts(desk)
    tags = await desk.api.get("/tags")
    templates = await desk.api.get("/templates", limit=MOST)
    operators = await desk.api.get("/operators/names")
    sequences = await desk.api.get("/sequences", limit=MOST)
    return Known(
        accounts=accounts,
        tags=[each["name"] for each in tags["items"]],
        templates=list(dict.fromkeys(each["name"] for each in templates["items"])),
        operators=operators["names"],
        sequences=[each["name"] for each in sequences["items"]],
    )


def conditions(there: Known) -> list[forms.Field]:
    """When: all that are given must be met."""
    return [
        forms.some("type", "It wants one of these", meanings.TYPES),
        forms.number("min_confidence", "Its type is at least so sure, in %", times=100),
        forms.listed("words", "It says one of these", hint="whole words, with commas between"),
        forms.yes_or_no("first_contact", "It begins its thread", "it begins it", "it does not"),
        forms.some("account", "It was written to", there.accounts),
        forms.some("tag", "The account has one of these tags", there.tags),
        forms.some("listing_state", "The listing is", STATES),
        forms.number("price_from", "The listing costs at least"),
        forms.number("price_to", "The listing costs at most"),
        forms.text("hours", "It is between", hint="09:00-18:00, or 22:00-06:00 for a night", check=Hours.parse),
    ]


def actions(there: Known) -> list[forms.Field]:
    """Then: all that are given are done."""
    return [
        forms.one("reply", "Reply with the template", {"": "no reply", **{each: each for each in there.templates}}),
        forms.one("assign", "Assign the thread to", {"": "nobody", **{each: each for each in there.operators}}),
        forms.text("snooze", "Put the thread away for", hint="2h, 3d, 1h30m", check=parse_duration),
        forms.listed("tag", "Tag the thread", hint="with commas between"),
        forms.one("enrol", "Follow up with", {"": "no sequence", **{each: each for each in there.sequences}}),
        forms.tick("close", "Close the thread"),
        forms.tick("notify", "Tell a person"),
    ]


async def edit(desk: Desk, rule: Mapping[str, Any] | None) -> None:
    """Add a Rule, or change one."""
    there = await known(desk)
    before = rule or {"name": "", "level": "suggest", "enabled": True, "when": {}, "then": {}}
    places: dict[str, forms.Fields] = {}

    def build() -> Any:
        places["body"] = forms.Fields([forms.text("name", "Name: what it is for")], {"name": before["name"]})
        parts.tag("h3", "When a message arrives and …")
        parts.tag("p", "Leave empty what does not matter.").classes("soft")
        with parts.tag("div").classes("form-grid"):
            places["when"] = forms.Fields(conditions(there), before["when"])
        parts.tag("h3", "… then")
        with parts.tag("div").classes("form-grid"):
            places["then"] = forms.Fields(actions(there), before["then"])
        parts.tag("h3", "How far it may go")
        places["level"] = forms.Fields([forms.one("level", "Level", meanings.LEVELS)], {"level": before["level"]})
        return read

    def read() -> dict[str, Any] | None:
        found = {name: fields.read() for name, fields in places.items()}
        if not all(each is not None for each in found.values()):
            return None
        body, level = found["body"] or {}, found["level"] or {}
        return {"name": "", **body, **level, "when": found["when"], "then": found["then"], "enabled": before["enabled"]}

    async def send(body: Mapping[str, Any]) -> bool:
        if body["level"] == "automatic" != before["level"] and not await automatic(body["name"]):
            return False
        if rule is None:
            await desk.api.post("/rules", body, creates=True)
        else:
            await desk.api.put(parts.inside("rules", rule["name"]), body)
        return True

    title = "Add a rule" if rule is None else f"Change {rule['name']}"
    done = await forms.asked(
        title, "Add it" if rule is None else "Keep it", build, send, lambda *at: blame(places, *at)
    )
    if done:
        desk.say("It is asked about messages that arrive from now on.")
        await desk.update()


def blame(places: Mapping[str, forms.Fields], at: str, message: str) -> bool:
    """Say at its field what the API refuses: body.when.hours is `hours` among the conditions."""
    way = at.split(".")
    group = way[1] if len(way) > 2 and way[1] in places else "level" if way[1:2] == ["level"] else "body"
    name = way[2] if group in ("when", "then") else way[1] if len(way) > 1 else ""
    return places[group].blame(name, message)


async def automatic(name: str) -> bool:
    """Whether the person means it."""
    return await asking.sure(f"Make {name} automatic?", "Make it automatic", more=AUTOMATIC)
