"""Templates and Rules as people write them, in a TOML or JSON file or over HTTP, and as they are shown again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from runner.domain.classification import MessageType
from runner.domain.durations import in_words, parse_duration
from runner.domain.hours import Hours
from runner.domain.listings import ListingState
from runner.domain.rules import Level, NewRule, Then, When
from runner.domain.templates import MOST_VARIANTS, NewTemplate
from runner.errors import SetupError
from runner.intake.report import excerpt

LARGEST_FILE_BYTES = 2_000_000


def _listed(value: Any) -> Any:
    """One value stands for a list of it: `type = "offer"`."""
    return value if isinstance(value, list | tuple) else [value]


Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[list[Word], BeforeValidator(_listed), Field(max_length=100)]
Texts = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1, max_length=MOST_VARIANTS)]
Price = Annotated[Decimal, Field(ge=0, le=10**12, allow_inf_nan=False)]


class Written(BaseModel):
    """What a person has written; a name that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplateWritten(Written):
    """A reply text, in one variant or several that take turns, and for which messages it is."""

    name: Word
    text: Texts = Field(description="The variants. {buyer_name} is filled in, {buyer_name|there} has a fall-back.")
    type: MessageType | None = None
    site: Word | None = None
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] | None = None
    account: Word | None = None

    def asked(self) -> NewTemplate:
        """As the domain has it. Raises SetupError."""
        given = {name: getattr(self, name) for name in ("name", "type", "site", "language", "account")}
        return NewTemplate(variants=tuple(self.text), **given)


class WhenWritten(Written):
    """The conditions of a rule; all that are given must be met."""

    type: Annotated[list[MessageType], BeforeValidator(_listed)] = Field(default_factory=list)
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    account: Words = Field(default_factory=list)
    tag: Words = Field(default_factory=list, description="Tags of the account.")
    listing_state: Annotated[list[ListingState], BeforeValidator(_listed)] = Field(default_factory=list)
    price_from: Price | None = Field(default=None, description="Of the listing, in whole units.")
    price_to: Price | None = None
    hours: str | None = Field(
        default=None, max_length=20, description="In the shop's time zone.", examples=["09:00-18:00"]
    )
    first_contact: bool | None = None
    words: Words = Field(default_factory=list, description="Any of them, as a whole word.")

    def asked(self) -> When:
        """As the domain has it. Raises SetupError."""
        return When(
            types=tuple(self.type),
            min_confidence=self.min_confidence,
            accounts=tuple(self.account),
            tags=tuple(self.tag),
            listing_states=tuple(self.listing_state),
            price_from=self.price_from,
            price_to=self.price_to,
            hours=None if self.hours is None else Hours.parse(self.hours),
            first_contact=self.first_contact,
            words=tuple(self.words),
        )


class ThenWritten(Written):
    """What a rule does: any of these together, or nothing."""

    reply: Word | None = Field(default=None, description="The name of a template.")
    assign: Word | None = Field(default=None, description="An operator's name.")
    snooze: str | None = Field(default=None, max_length=40, examples=["2h"])
    close: bool = False
    notify: bool = False
    enrol: Word | None = Field(default=None, description="The name of a sequence.")
    tag: Words = Field(default_factory=list, description="Tags to put on the thread.")

    def asked(self) -> Then:
        """As the domain has it. Raises SetupError."""
        snooze_s = None if self.snooze is None else parse_duration(self.snooze).total_seconds()
        given = {name: getattr(self, name) for name in ("reply", "assign", "close", "notify", "enrol")}
        return Then(snooze_s=snooze_s, tags=tuple(self.tag), **given)


class RuleWritten(Written):
    """When a message like this arrives, do that."""

    name: Word
    when: WhenWritten = Field(default_factory=WhenWritten)
    then: ThenWritten = Field(default_factory=ThenWritten)
    level: Level = Level.SUGGEST
    enabled: bool = True

    def asked(self, *, position: int | None = None) -> NewRule:
        """As the domain has it. Raises SetupError."""
        return NewRule(
            name=self.name,
            when=self.when.asked(),
            then=self.then.asked(),
            level=self.level,
            enabled=self.enabled,
            position=position,
        )


class RuleFile(Written):
    """A file of templates and rules; the rules stand in their order."""

    templates: list[TemplateWritten] = Field(default_factory=list, max_length=10_000)
    rules: list[RuleWritten] = Field(default_factory=list, max_length=1_000)


def rule_as_written(rule: NewRule) -> dict[str, Any]:
    """A rule as a file has it, with what is not asked for left out."""
    when, then = rule.when, rule.then
    conditions = {
        "type": [str(each) for each in when.types],
        "min_confidence": when.min_confidence,
        "account": list(when.accounts),
        "tag": list(when.tags),
        "listing_state": [str(each) for each in when.listing_states],
        "price_from": None if when.price_from is None else str(when.price_from),
        "price_to": None if when.price_to is None else str(when.price_to),
        "hours": str(when.hours) if when.hours else None,
        "first_contact": when.first_contact,
        "words": list(when.words),
    }
    actions = {
        "reply": then.reply,
        "assign": then.assign,
        "snooze": None if then.snooze_s is None else in_words(timedelta(seconds=then.snooze_s)),
        "close": then.close or None,
        "notify": then.notify or None,
        "enrol": then.enrol,
        "tag": list(then.tags) or None,
    }
    return {
        "name": rule.name,
        "level": str(rule.level),
        "enabled": rule.enabled,
        "when": {name: value for name, value in conditions.items() if value not in (None, [])},
        "then": {name: value for name, value in actions.items() if value is not None},
    }


def read_rules(path: Path) -> tuple[list[NewTemplate], list[NewRule]]:
    """Read a file of templates and rules. Raises SetupError that names the file and what is wrong where."""
    given = _document(path)
    try:
        found = RuleFile.model_validate(given)
    except ValidationError as error:
        problems = [f"{_where(given, each['loc'])}: {each['msg']}" for each in error.errors()[:5]]
        more = f"; and {error.error_count() - 5} more" if error.error_count() > 5 else ""
        raise SetupError(
            f"{path} cannot be read: {'; '.join(problems)}{more}.", cure="Nothing was stored. Mend that place."
        ) from error
    try:
        return [each.asked() for each in found.templates], [each.asked() for each in found.rules]
    except SetupError as error:
        raise SetupError(f"{path}: {error.what}", cure=f"Nothing was stored. {error.cure}") from error


def _document(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise SetupError(f"{path} has more than {LARGEST_FILE_BYTES:,} bytes.", cure="Split it.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}.", cure="Give a UTF-8 TOML or JSON file.") from error
    try:
        return json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise SetupError(f"{path} is not valid {kind}: {error}.", cure="Mend that place.") from error


def _where(given: Any, place: tuple[int | str, ...]) -> str:
    """Which entry, by its number and its name: `rules 2 "offers", when.type`."""
    if len(place) < 2 or not isinstance(place[1], int):
        return ".".join(map(str, place)) or "the file"
    entry = given[place[0]][place[1]]
    name = f' "{excerpt(entry["name"])}"' if isinstance(entry, Mapping) and "name" in entry else ""
    rest = ".".join(map(str, place[2:]))
    return f"{place[0]} {place[1] + 1}{name}" + (f", {rest}" if rest else "")
