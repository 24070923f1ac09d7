"""Rules: when a Message like this arrives, do that. First match wins, and every decision says why.

Pure: what is known of a Message, the Rules and a moment go in, a Decision comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from decimal import Decimal
from enum import StrEnum

from runner.domain.classification import MessageType, needs_person
from runner.domain.hours import Hours
from runner.domain.languages import guess
from runner.domain.listings import ListingState
from runner.domain.tags import tag_names
from runner.domain.templates import Placeholder
from runner.errors import SetupError

LONGEST_SNOOZE_S = 366 * 86_400.0


class Level(StrEnum):
    """How far a Rule may go."""

    OFF = "off"  # it is passed over
    SUGGEST = "suggest"  # a Draft waits for one click
    AUTOMATIC = "automatic"  # it acts by itself


@dataclass(frozen=True, kw_only=True)
class When:
    """Which Messages: those that meet every condition given. Of several values in one condition any is enough.

    Prices are those of the Listing, in whole units of its currency. `words` are looked for as whole words, whatever
    their case. `hours` are in the shop's time zone.
    """

    types: tuple[MessageType, ...] = ()
    min_confidence: float | None = None
    accounts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    listing_states: tuple[ListingState, ...] = ()
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    hours: Hours | None = None
    first_contact: bool | None = None
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.price_from is not None and self.price_to is not None and self.price_from > self.price_to:
            raise SetupError("The lowest price is above the highest one.", cure="Exchange them.")
        if any(not word.strip() for word in self.words):
            raise SetupError("A word to look for is empty.", cure="Leave it out.")


@dataclass(frozen=True, kw_only=True)
class Then:
    """What to do: any of these together, or nothing at all. Raises SetupError for what makes no sense.

    `reply` names a family of Templates, `enrol` a Sequence, `tags` are put on the Thread.
    """

    reply: str | None = None
    assign: str | None = None
    snooze_s: float | None = None
    close: bool = False
    notify: bool = False
    enrol: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tag_names(self.tags))
        if self.close and self.enrol is not None:
            raise SetupError("Nobody follows up a closed thread.", cure="Leave out close, or enrol.")
        if self.close and self.snooze_s is not None:
            raise SetupError("A thread cannot be closed and snoozed together.", cure="Give one of them.")
        if self.snooze_s is not None and not 0 < self.snooze_s <= LONGEST_SNOOZE_S:
            raise SetupError("A snooze lasts more than nothing and at most a year.", cure="Give another span.")

    @property
    def changes_thread(self) -> bool:
        """Whether it does anything to our own Thread."""
        named = self.assign is not None or self.enrol is not None
        return named or self.close or self.snooze_s is not None or bool(self.tags)


@dataclass(frozen=True, kw_only=True)
class NewRule:
    """A Rule as it is asked for; without a `position` it comes last. Raises SetupError for what makes no sense."""

    name: str
    when: When = field(default_factory=When)
    then: Then = field(default_factory=Then)
    level: Level = Level.SUGGEST
    enabled: bool = True
    position: int | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable():
            raise SetupError("A rule needs a name.", cure="A few words say what it is for.")
        if self.level is Level.SUGGEST and self.then.reply is None and self.then != Then():
            raise SetupError(
                f'Rule "{self.name}" suggests, but it has no reply that could wait for a click.',
                cure="Give it a reply, or make it automatic.",
            )


@dataclass(frozen=True, kw_only=True)
class Rule(NewRule):
    """A stored Rule; they are asked in the order of their positions."""

    id: int
    position: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Goods:
    """The Listing that a Thread is about, as far as it is surely known which one it is."""

    title: str
    reference: str
    price_minor: int
    currency: str
    condition: str
    location: str
    state: ListingState


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known of an inbound Message. `overtaken`: somebody, of either side, has written after it, or is about to.

    `history`: nobody knows when it was written, and it was there already when the inbox was read for the first time.
    `answered_earlier`: our newest Message of the Thread stands after it, but was sent in answer to one before it.
    `there_first`: it was there, whenever it was written, when the inbox was read for the first time.
    """

    message_id: int
    thread_id: int
    key: str
    thread_remote_id: str
    account: str
    site: str
    tags: tuple[str, ...]
    counterpart: str
    text: str
    written_at: datetime
    type: MessageType | None
    confidence: float | None
    first_contact: bool
    listing_title: str | None
    goods: Goods | None
    overtaken: bool
    history: bool = False
    answered_earlier: bool = False
    there_first: bool = False

    @property
    def language(self) -> str | None:
        """As its words say."""
        return guess(self.text)

    @property
    def values(self) -> dict[Placeholder, str | None]:
        """What a Template may say of it."""
        goods = self.goods
        return {
            Placeholder.BUYER_NAME: self.counterpart,
            Placeholder.LISTING_TITLE: self.listing_title,
            Placeholder.PRICE: _price(goods) if goods else None,
            Placeholder.CONDITION: goods.condition if goods else None,
            Placeholder.PICKUP_PLACE: goods.location if goods else None,
            Placeholder.REFERENCE: goods.reference if goods else None,
            Placeholder.ACCOUNT: self.account,
            Placeholder.SITE: self.site,
        }


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A condition of a Rule that spoke for it, or against, in words."""

    condition: str
    met: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A Rule that was asked, in its turn."""

    rule: str
    matched: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be done about a Message: the first Rule that matches, and why, and why not the ones before it.

    `for_person`: the Rule would act by itself, but nobody is sure enough what the Message wants.
    """

    rule: Rule | None
    for_person: bool
    why: tuple[Reason, ...]
    tried: tuple[Tried, ...]

    @property
    def action(self) -> Then:
        """What to do; nothing where no Rule matches or a person is asked."""
        return Then() if self.rule is None or self.for_person else self.rule.then


def decide(situation: Situation, rules: Iterable[Rule], now: datetime, *, zone: tzinfo, threshold: float) -> Decision:
    """Ask the Rules in their order. Below the threshold no Rule acts by itself: the Message is for a person."""
    tried: list[Tried] = []
    unsure = situation.type is None or needs_person(situation.type, situation.confidence, threshold=threshold)
    for rule in sorted(rules, key=lambda each: (each.position, each.id)):
        reasons = tuple(_reasons(rule, situation, now.astimezone(zone).time()))
        matched = all(reason.met for reason in reasons)
        tried.append(Tried(rule=rule.name, matched=matched, reasons=reasons))
        if matched:
            asks = unsure and rule.level is Level.AUTOMATIC
            why = (*reasons, _unsure(situation, threshold)) if asks else reasons
            return Decision(rule=rule, for_person=asks, why=why, tried=tuple(tried))
    why = (_unsure(situation, threshold),) if unsure else ()
    return Decision(rule=None, for_person=unsure, why=why, tried=tuple(tried))


def _unsure(situation: Situation, threshold: float) -> Reason:
    sure = "nobody knows" if situation.type is None else f"{situation.confidence or 0:.0%} sure"
    return Reason(condition="threshold", met=False, words=f"{sure} what it wants; {threshold:.0%} are needed")


def _reasons(rule: Rule, of: Situation, at: time) -> Iterable[Reason]:
    """One for each condition that the Rule has; a Rule that is off needs no other."""
    if not rule.enabled or rule.level is Level.OFF:
        yield Reason(condition="level", met=False, words="the rule is off" if rule.enabled else "the rule is disabled")
        return
    when = rule.when
    checks: tuple[tuple[str, bool, Callable[[], tuple[bool, str]]], ...] = (
        ("type", bool(when.types), lambda: (of.type in when.types, f"it is {of.type or 'of no type yet'}")),
        ("min_confidence", when.min_confidence is not None, lambda: _confidence(when, of)),
        ("account", bool(when.accounts), lambda: (of.account in when.accounts, f"it was written to {of.account}")),
        ("tag", bool(when.tags), lambda: _tags(when.tags, of)),
        ("listing_state", bool(when.listing_states), lambda: _state(when, of)),
        ("price", not (when.price_from is when.price_to is None), lambda: _in_range(when, of)),
        ("hours", when.hours is not None, lambda: _in_hours(when, at)),
        ("first_contact", when.first_contact is not None, lambda: _first(when, of)),
        ("words", bool(when.words), lambda: _said(when.words, of.text)),
    )
    for condition, given, met in checks:
        if given:
            ok, words = met()
            yield Reason(condition=condition, met=ok, words=words)


def _confidence(when: When, of: Situation) -> tuple[bool, str]:
    least = when.min_confidence or 0.0
    return (of.confidence or 0.0) >= least, f"{of.confidence or 0.0:.0%} sure of its type, {least:.0%} are asked for"


def _tags(tags: Sequence[str], of: Situation) -> tuple[bool, str]:
    return bool(set(tags) & set(of.tags)), f"account {of.account} has the tags {', '.join(of.tags) or '(none)'}"


def _state(when: When, of: Situation) -> tuple[bool, str]:
    if of.goods is None:
        return False, "it is not known which listing it is about"
    return of.goods.state in when.listing_states, f"the listing is {of.goods.state}"


def _in_range(when: When, of: Situation) -> tuple[bool, str]:
    if of.goods is None:
        return False, "the price is not known"
    price = Decimal(of.goods.price_minor) / 100
    high_enough = when.price_from is None or price >= when.price_from
    return high_enough and (when.price_to is None or price <= when.price_to), f"the price is {_price(of.goods)}"


def _in_hours(when: When, at: time) -> tuple[bool, str]:
    hold = when.hours is None or when.hours.hold(at)
    return hold, f"it is {at:%H:%M}, {'within' if hold else 'outside'} {when.hours}"


def _first(when: When, of: Situation) -> tuple[bool, str]:
    said = "it is the first message of its thread" if of.first_contact else "it is not the first message of its thread"
    return of.first_contact == when.first_contact, said


def _said(words: Sequence[str], text: str) -> tuple[bool, str]:
    folded = " ".join(text.casefold().split())
    for word in words:
        wanted = re.escape(" ".join(word.casefold().split()))
        if re.search(rf"(?<!\w){wanted}(?!\w)", folded):
            return True, f'it says "{word}"'
    return False, "it says none of: " + ", ".join(words)


def _price(goods: Goods) -> str:
    whole, cents = divmod(goods.price_minor, 100)
    return f"{whole:,}.{cents:02} {goods.currency}" if cents else f"{whole:,} {goods.currency}"
