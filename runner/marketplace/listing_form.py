"""The listing form: its choices, its rules, and the words with which it refuses."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass

CATEGORIES = {
    "computers": "Computers",
    "phones": "Phones",
    "audio": "Audio and hi-fi",
    "cameras": "Cameras",
    "bikes": "Bikes",
    "furniture": "Furniture",
    "kids": "Kids",
    "home": "Home and garden",
    "other": "Other",
}
CONDITIONS = {"new": "New", "like_new": "Like new", "good": "Good", "fair": "Fair", "for_parts": "For parts"}
CURRENCIES = ("EUR", "GBP", "USD")
NAMES = ("reference", "title", "price", "currency", "category", "condition", "description", "location")
MOST_CENTS = 1_000_000_00
MOST_PHOTOS = 10


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The checked fields of a draft or a listing."""

    reference: str
    title: str
    price_cents: int
    currency: str
    category: str
    condition: str
    description: str
    location: str

    @property
    def price(self) -> str:
        """The price as `1299.00`."""
        return f"{self.price_cents // 100}.{self.price_cents % 100:02d}"

    def as_form(self) -> dict[str, str]:
        """Returns the fields as a form would send them."""
        return {name: str(getattr(self, name)) for name in NAMES}

    def columns(self) -> dict[str, str | int]:
        """Returns the fields as the tables store them."""
        return asdict(self)

    def content_hash(self) -> str:
        """Returns the sha256 of the fields as compact JSON with sorted keys."""
        compact = json.dumps(self.as_form(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(compact.encode("utf-8")).hexdigest()


def from_row(row: sqlite3.Row) -> Fields:
    """Reads the fields of a stored draft or listing."""
    return Fields(**{name: row[name] for name in Fields.__dataclass_fields__})


def parse_price(text: str) -> int | None:
    """Returns cents for `499`, `499.95` or `499,95`, None for anything else."""
    match = re.fullmatch(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?", text.strip())
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def clean(values: dict[str, str]) -> dict[str, str]:
    """Returns the sent values with line ends made alike and outer white space gone."""
    return {name: values.get(name, "").replace("\r\n", "\n").strip() for name in NAMES}


def _length(name: str, least: int, most: int) -> Callable[[str], str | None]:
    span = f"{least:,} to {most:,}"
    return lambda text: (
        None if least <= len(text) <= most else f"The {name} needs {span} characters. Yours has {len(text):,}."
    )


def _choice(name: str, valid: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda text: None if text in valid else f"Choose a {name}."


def _price(text: str) -> str | None:
    cents = parse_price(text)
    if cents is None:
        return "Enter a price such as 499 or 499.95."
    if cents == 0:
        return "The price must be more than 0."
    return "The price can be 1,000,000 at most." if cents > MOST_CENTS else None


def _reference(text: str) -> str | None:
    return (
        None if len(text) <= 40 and "\n" not in text else "The reference can have 40 characters at most, in one line."
    )


CHECKS: dict[str, Callable[[str], str | None]] = {
    "reference": _reference,
    "title": _length("title", 5, 100),
    "price": _price,
    "currency": _choice("currency", CURRENCIES),
    "category": _choice("category", tuple(CATEGORIES)),
    "condition": _choice("condition", tuple(CONDITIONS)),
    "description": _length("description", 20, 10_000),
    "location": _length("location", 2, 80),
}


def check(values: dict[str, str]) -> tuple[Fields | None, dict[str, str]]:
    """Checks cleaned values and returns the fields, or None and a message per refused field."""
    errors = {name: error for name, test in CHECKS.items() if (error := test(values[name])) is not None}
    if errors:
        return None, errors
    rest = {name: value for name, value in values.items() if name != "price"}
    return Fields(price_cents=parse_price(values["price"]) or 0, **rest), {}
