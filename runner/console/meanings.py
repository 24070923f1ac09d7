"""What answering by rule calls things, in plain words: types, verdicts, levels, and who said what a Message wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TYPES = {
    "price_inquiry": "asks for the price",
    "offer": "makes an offer",
    "availability_check": "asks whether it is still there",
    "item_details": "asks about the item",
    "pickup_delivery": "about pickup or delivery",
    "payment": "about payment",
    "complaint": "complains",
    "closing": "closes the exchange",
    "spam_or_scam": "spam or a scam",
    "general_inquiry": "asks something else",
}
"""The ten types of a Message."""

VERBS = ("asks", "makes", "complains", "closes")

VERDICTS = {
    "drafted": ("a draft waits for a click", "wary"),
    "answered": ("a reply goes out by itself", "good"),
    "done": ("done without a reply", "good"),
    "nothing": ("left alone", "plain"),
    "queued": ("for a person: nobody is sure enough", "wary"),
    "no_text": ("for a person: no reply could be written", "wary"),
    "no_rule": ("no rule matches", "plain"),
    "overtaken": ("somebody had written after it", "plain"),
    "crossed": ("for a person: it crossed our answer to an earlier one", "wary"),
    "too_old": ("too old to be answered by rule", "plain"),
}
"""What was decided about a Message, and how that looks."""

LEVELS = {
    "off": "Off: it is passed over",
    "suggest": "Suggest: a draft waits for one click",
    "automatic": "Automatic: it acts by itself",
}
LEVEL_LOOKS = {"off": "plain", "suggest": "busy", "automatic": "good"}
CONDITIONS = {
    "type": "type",
    "min_confidence": "how sure",
    "account": "account",
    "tag": "tag",
    "listing_state": "listing",
    "price": "price",
    "hours": "time of day",
    "first_contact": "first contact",
    "words": "words",
    "level": "level",
    "threshold": "how sure",
}
MACHINE = "local-"
"""How the classifier that ships with the runner signs."""


def type_words(name: str | None) -> str:
    """A type of a Message as people say it."""
    return "not looked at yet" if name is None else TYPES.get(name, name.replace("_", " "))


def wants(name: str | None) -> str:
    """The same after the word "it": asks for the price; is spam or a scam."""
    words = type_words(name)
    return words if words.split()[0] in VERBS else f"is {words}"


def verdict(name: str) -> tuple[str, str]:
    """A verdict in words, and how it looks."""
    return VERDICTS.get(name, (name.replace("_", " "), "plain"))


def more(found: Mapping[str, Any]) -> str:
    """What a verdict says beyond its own words; often nothing."""
    return str(found["words"]) if found["verdict"] in ("queued", "no_text", "crossed") else ""


def reason(each: Mapping[str, Any]) -> str:
    """A condition with what was found."""
    words = str(each["words"])
    if each["condition"] == "type":
        words = f"it {wants(words.removeprefix('it is '))}" if words.removeprefix("it is ") in TYPES else words
    return f"{CONDITIONS.get(each['condition'], each['condition'].replace('_', ' '))}: {words}"


def by_person(message: Mapping[str, Any]) -> bool:
    """Whether a person has said what a Message wants."""
    by = message["classified_by"]
    return bool(by) and not str(by).startswith(MACHINE) and message["confidence"] == 1.0


def spoke(each: Mapping[str, Any]) -> str:
    """A part of a text as the classifier has seen it: a word, some letters, or an idea that it has a name for."""
    said = str(each["text"]).replace("_", " ")
    return {"words": f"“{said}”", "letters": f"…{said.strip()}…"}.get(each["view"], f"idea: {said}")


def sure(message: Mapping[str, Any]) -> str:
    """How sure its type is, and who said so."""
    if message["type"] is None:
        return "nobody knows yet"
    if by_person(message):
        return f"says {message['classified_by']}"
    return f"{100 * (message['confidence'] or 0):.0f} % sure, says the classifier"


def conditions(when: Mapping[str, Any]) -> str:
    """The conditions of a Rule as one sentence; one that is not known here is told by its name."""
    told = [WHEN[name](value) if name in WHEN else _plain(name, value) for name, value in when.items()]
    return "; ".join(told) or "any message"


def actions(then: Mapping[str, Any]) -> str:
    """What a Rule does."""
    told = [THEN[name](value) if name in THEN else _plain(name, value) for name, value in then.items()]
    return "; ".join(told) or "nothing: the message is left alone, and no other rule is asked"


def used(uses: Mapping[str, int]) -> str:
    """How often a Rule or a Template has written a Draft, and what became of those."""
    if not uses["drafts"]:
        return "never yet"
    ends = [f"{uses[name]} {name}" for name in ("waiting", "sent", "dismissed", "outdated") if uses.get(name)]
    return f"{uses['drafts']:,} " + ("reply" if uses["drafts"] == 1 else "replies") + f": {', '.join(ends)}"


def _plain(name: str, value: Any) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is True else str(value)
    return f"{name.replace('_', ' ')} {said}".strip()


def _any(values: Any) -> str:
    return " or ".join(map(str, values))


WHEN: Mapping[str, Callable[[Any], str]] = {
    "type": lambda value: f"it {_any(map(wants, value))}",
    "min_confidence": lambda value: f"at least {100 * value:.0f} % sure",
    "account": lambda value: f"written to {_any(value)}",
    "tag": lambda value: f"the account is tagged {_any(value)}",
    "listing_state": lambda value: f"the listing is {_any(value)}",
    "price_from": lambda value: f"the listing costs {value} or more",
    "price_to": lambda value: f"the listing costs {value} or less",
    "hours": lambda value: f"between {str(value).replace('-', ' and ')}",
    "first_contact": lambda value: "it begins its thread" if value else "it does not begin its thread",
    "words": lambda value: f"it says {_any(f'“{each}”' for each in value)}",
}
THEN: Mapping[str, Callable[[Any], str]] = {
    "reply": lambda value: f"reply with “{value}”",
    "assign": lambda value: f"assign it to {value}",
    "snooze": lambda value: f"put it away for {value}",
    "tag": lambda value: f"tag the thread {', '.join(map(str, value))}",
    "enrol": lambda value: f"follow it up with “{value}”",
    "close": lambda value: "close the thread",
    "notify": lambda value: "tell a person",
}
