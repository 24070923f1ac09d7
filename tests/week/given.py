"""What the shop of the week is given: accounts, zones, templates and rules. The judge goes by the same values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.week.pace import Allowed

THRESHOLD = 0.6

ZONES = {
    "amy": "Europe/Berlin",
    "ben": "Europe/Berlin",
    "carla": "America/New_York",
    "dev": "Asia/Kolkata",
    "elena": "America/Sao_Paulo",
    "farid": "Australia/Sydney",
}
_WORKDAY = ((8 * 60, 12 * 60 + 30), (13 * 60 + 30, 19 * 60))
WINDOWS = {**dict.fromkeys(range(5), _WORKDAY), 5: ((10 * 60, 16 * 60),)}
DUSSEHRA = date(2026, 10, 20)
"""The shop keeps the holidays of India."""

ALLOWED = {
    name: Allowed(zone=zone, per_minute=2, per_hour=8, per_day=20, windows=WINDOWS, days_off=frozenset({DUSSEHRA}))
    for name, zone in ZONES.items()
}
SIGN_INS = {name: Allowed(zone=zone, per_hour=6) for name, zone in ZONES.items()}


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the one sequence: its family of templates, and the least that lies between it and what it follows."""

    family: str
    after: timedelta = timedelta(0)
    working_days: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule as the judge reads it; `reply` is the family of its templates."""

    name: str
    automatic: bool = True
    types: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    first_contact: bool | None = None
    reply: str | None = None
    then: dict[str, Any] = field(default_factory=dict)

    def as_written(self) -> dict[str, Any]:
        """As a rule file has it."""
        when = {"type": list(self.types), "words": list(self.words), "first_contact": self.first_contact}
        then = {**self.then, **({"reply": self.reply} if self.reply else {})}
        return {
            "name": self.name,
            "when": {name: value for name, value in when.items() if value not in ([], None)},
            "then": then,
            "level": "automatic" if self.automatic else "suggest",
        }

    def fits(self, *, type_: str | None, text: str, first_contact: bool) -> bool:
        """Whether it is about such a message."""
        said = " ".join(text.casefold().split())
        spoken = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) for word in self.words)
        return (
            (not self.types or type_ in self.types)
            and (not self.words or spoken)
            and self.first_contact in (None, first_contact)
        )


RULES = (
    Rule(name="leave them in peace", words=("unsubscribe",), then={"close": True}),
    Rule(name="no nonsense", types=("spam_or_scam",), then={"close": True}),
    Rule(name="complaints are Ada's", types=("complaint",), then={"assign": "ada", "notify": True}),
    Rule(name="it is over", types=("closing",), then={"snooze": "1d"}),
    Rule(name="available", types=("availability_check",), reply="still-there", then={"enrol": "nudge"}),
    Rule(name="price", types=("price_inquiry",), reply="price"),
    Rule(name="offers", types=("offer",), reply="offer", automatic=False),
    Rule(name="pickup", types=("pickup_delivery",), reply="pickup"),
    Rule(name="payment", types=("payment",), reply="payment", automatic=False),
    Rule(name="first details", types=("item_details",), first_contact=True, reply="details"),
    Rule(name="anything", types=("general_inquiry",), reply="general", automatic=False),
)

TEMPLATES: dict[str, dict[str | None, list[str]]] = {
    "still-there": {
        None: ["Hi {buyer_name}, {listing_title|it} is still available.", "Hello {buyer_name}, yes, it is still here."],
        "es": ["Hola {buyer_name}, sigue disponible."],
        "fr": ["Bonjour {buyer_name}, c'est toujours disponible."],
    },
    "price": {
        None: [
            "{buyer_name}, the price is {price|the one in the listing}.",
            "It is as listed, {buyer_name}, and firm.",
        ],
        "es": ["{buyer_name}, el precio es el del anuncio."],
        "fr": ["{buyer_name}, le prix est celui de l'annonce."],
    },
    "offer": {
        None: [
            "Thank you for the offer, {buyer_name}. I will think about it.",
            "{buyer_name}, that is a bit low for me.",
        ],
        "es": ["Gracias por la oferta, {buyer_name}."],
    },
    "pickup": {
        None: [
            "{buyer_name}, you can collect it any evening.",
            "Pick-up is in {pickup_place|town}, {buyer_name}, after six.",
        ],
        "fr": ["{buyer_name}, vous pouvez passer le soir."],
    },
    "payment": {None: ["Cash or transfer, {buyer_name}, as you like."]},
    "details": {
        None: ["All that I know stands in the listing, {buyer_name}.", "{buyer_name}, it is as in the pictures."]
    },
    "general": {None: ["Thank you for writing, {buyer_name}."]},
    "nudge": {None: ["{buyer_name}, are you still interested?", "Hi {buyer_name}, shall I keep it for you?"]},
    "last-call": {None: ["{buyer_name}, this is the last time that I ask."]},
}

SEQUENCE = ("nudge", ("3h:nudge", "1wd:last-call"))
STEPS = (Step(family="nudge", after=timedelta(hours=3)), Step(family="last-call", working_days=1))


def rule_file(templates: dict[str, dict[str | None, list[str]]] | None = None) -> dict[str, Any]:
    """Templates and rules as `runner rules import` takes them."""
    families = TEMPLATES if templates is None else templates
    written = [
        {"name": name, "text": texts, **({"language": language} if language else {})}
        for name, by_language in families.items()
        for language, texts in by_language.items()
    ]
    return {"templates": written, "rules": [rule.as_written() for rule in RULES]}


def family_of(text: str, counterpart: str, families: dict[str, Sequence[str]]) -> str | None:
    """The family of templates that a text was written with, for this counterpart; None when none could have."""
    for name, variants in families.items():
        if any(re.fullmatch(_pattern(variant, counterpart), text, re.DOTALL) for variant in variants):
            return name
    return None


def families(templates: dict[str, dict[str | None, list[str]]]) -> dict[str, Sequence[str]]:
    """Every variant of each family, whatever its language."""
    return {name: [text for texts in each.values() for text in texts] for name, each in templates.items()}


def _pattern(variant: str, counterpart: str) -> str:
    parts = re.split(r"(\{[^{}]*\})", variant)
    return "".join(
        re.escape(counterpart) if part.startswith("{buyer_name") else ".+" if part.startswith("{") else re.escape(part)
        for part in parts
    )
