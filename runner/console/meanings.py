"""What answering by rule calls things, in plain words: types, verdicts, levels, and who said what a Message wants."""

from __future__ import annotations

from collections.abc import Mapping
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

VERDICTS = {
    "drafted": ("a draft waits for a click", "wary"),
    "answered": ("a reply goes out by itself", "good"),
    "done": ("done without a reply", "good"),
    "nothing": ("left alone", "plain"),
    "queued": ("for a person: nobody is sure enough", "wary"),
    "no_text": ("for a person: no reply could be written", "wary"),
    "no_rule": ("no rule matches", "plain"),
    "overtaken": ("somebody had written after it", "plain"),
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
VIEWS = {"words": "words", "letters": "letters", "ideas": "idea"}
MACHINE = "local-"
"""How the classifier that ships with the runner signs."""


def type_words(name: str | None) -> str:
    """A type of a Message as people say it."""
    return "not looked at yet" if name is None else TYPES.get(name, name.replace("_", " "))


def verdict(name: str) -> tuple[str, str]:
    """A verdict in words, and how it looks."""
    return VERDICTS.get(name, (name.replace("_", " "), "plain"))


def condition(name: str) -> str:
    """What a condition looks at."""
    return CONDITIONS.get(name, name.replace("_", " "))


def by_person(message: Mapping[str, Any]) -> bool:
    """Whether a person has said what a Message wants."""
    by = message["classified_by"]
    return bool(by) and not str(by).startswith(MACHINE) and message["confidence"] == 1.0


def sure(message: Mapping[str, Any]) -> str:
    """How sure its type is, and who said so."""
    if message["type"] is None:
        return "nobody knows yet"
    if by_person(message):
        return f"says {message['classified_by']}"
    return f"{100 * (message['confidence'] or 0):.0f} % sure, says the classifier"
