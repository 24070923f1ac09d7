"""What a Message wants: its types, how sure a classifier is, and the facts that stand in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class MessageType(StrEnum):
    """What a counterpart's Message wants most; where two apply, the earlier one wins."""

    SPAM_OR_SCAM = "spam_or_scam"  # to lure off the site, phish, advertise, overpay
    COMPLAINT = "complaint"  # something went or is wrong after a deal or a visit
    OFFER = "offer"  # names a price, or a swap, that they would give
    PRICE_INQUIRY = "price_inquiry"  # the price, or whether it is negotiable, without naming one
    PAYMENT = "payment"  # how to pay
    PICKUP_DELIVERY = "pickup_delivery"  # where, when and how to get it
    AVAILABILITY_CHECK = "availability_check"  # whether it is still there, how many, another size or colour
    ITEM_DETAILS = "item_details"  # condition, specifications, photos, reason for selling
    CLOSING = "closing"  # to end: thanks, found another, confirmed
    GENERAL_INQUIRY = "general_inquiry"  # anything else


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Money as it stands in a text; `currency` is an ISO code, None where none is named."""

    text: str
    value: Decimal
    currency: str | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What stands in a Message, each as it was written and in its order; links are marked and never opened."""

    amounts: tuple[Amount, ...] = ()
    dates: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Likely:
    """A type and its probability, from 0 to 1."""

    type: MessageType
    probability: float


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a classifier says of one Message; `top` holds the three likeliest types, the likeliest first."""

    type: MessageType
    confidence: float
    top: tuple[Likely, ...]
    first_contact: bool
    extracted: Facts = field(default_factory=Facts)
    by: str
    """Which classifier said so, with its version."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a classifier is asked about: a text, and whether it is the first Message of its Thread."""

    text: str
    first_contact: bool = False


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A person's word on a Message; it is kept when the Message is pruned."""

    id: int
    message_id: int
    text: str
    type: MessageType
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A Message that waits for a person, because no classifier is sure enough what it wants."""

    message_id: int
    thread_id: int
    account: str
    counterpart: str
    listing_title: str | None
    text: str
    sent_at: datetime | None
    type: MessageType
    confidence: float


def needs_person(type_: MessageType | None, confidence: float | None, *, threshold: float) -> bool:
    """Whether nobody may answer automatically: it is classified, and not surely enough."""
    return type_ is not None and (confidence or 0.0) < threshold
