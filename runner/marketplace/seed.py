"""The seeded world: accounts, listings, threads and messages, all drawn from one number: two starts are alike."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from runner.marketplace.database import Database, Value, iso
from runner.marketplace.ledger import Kind, text_hash

CATALOGUE_FILE = Path(__file__).parent / "data" / "catalogue.json"
# The first ids: numbers as a grown site would show them, different per noun so that a mix-up cannot go unseen.
FIRST_LISTING, FIRST_PHOTO, FIRST_THREAD, FIRST_MESSAGE = 1_200_001, 90_001, 50_001, 700_001
INBOUND_SHARES = {"price": 0.35, "availability": 0.25, "general": 0.25, "first_contact": 0.15}
HISTORY = timedelta(days=30)


@dataclass
class World:
    """Rows by table, ready for `insert_many`, and the ledger's rows of what counterparts wrote."""

    listings: list[tuple[Value, ...]] = field(default_factory=list)
    photos: list[tuple[Value, ...]] = field(default_factory=list)
    threads: list[tuple[Value, ...]] = field(default_factory=list)
    messages: list[tuple[Value, ...]] = field(default_factory=list)
    ledger: list[tuple[Value, ...]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A seeded listing as the makers of messages need it."""

    id: int
    account: str
    seller: str
    title: str
    price: int


@cache
def catalogue() -> dict[str, Any]:
    """Returns the words that the world is made of."""
    loaded: dict[str, Any] = json.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    return loaded


def epoch(seed: int) -> datetime:
    """Returns the moment at which the seeded history ends: always in the past, so that new messages come last."""
    return datetime(2026, 9, 1, 18, 0, tzinfo=UTC) + timedelta(days=seed % 28)


def build(seed: int) -> World:
    """Draws the whole world of one seed."""
    rng = random.Random(seed)  # noqa: S311 (made to be repeated, not to be secret)
    world, end = World(), epoch(seed)
    offers = _listings(world, rng, end)
    plan = _thread_plan(rng, offers)
    topics = _topics(rng, plan)
    for number, (offer, inbound_count) in enumerate(plan):
        _thread(world, rng, end, number, offer, [next(topics[number]) for _ in range(inbound_count)])
    _renumber_by_time(world)
    return world


def _listings(world: World, rng: random.Random, end: datetime) -> dict[str, list[Offer]]:
    offers: dict[str, list[Offer]] = {}
    for account in catalogue()["accounts"]:
        for order, entry in enumerate(catalogue()["listings"][account["slug"]]):
            title, price, category, condition, text = entry
            listing_id = FIRST_LISTING + len(world.listings)
            published = end - timedelta(days=31 + order * 0.9, minutes=rng.randrange(600))
            # Most were renewed once; the oldest of a large shop were not, and have expired.
            renewed = published + timedelta(days=30) if order < 20 else published
            reference = f"{account['prefix']}-{1001 + order}"
            row = (listing_id, account["slug"], reference, title, price * 100, "EUR", category, condition, text)
            world.listings.append((*row, account["town"], iso(published), iso(renewed), rng.randrange(8, 400)))
            for photo_number in range(1, rng.randint(2, 4)):
                photo_id = FIRST_PHOTO + len(world.photos)
                name, file = f"photo-{photo_number}.jpg", f"drawn-{seed_of_photo(listing_id, photo_number)}.jpg"
                art = seed_of_photo(listing_id, photo_number)
                world.photos.append((photo_id, listing_id, name, file, "image/jpeg", art, category))
            offer = Offer(id=listing_id, account=account["slug"], seller=account["name"], title=title, price=price)
            offers.setdefault(account["slug"], []).append(offer)
    return offers


def seed_of_photo(listing_id: int, photo_number: int) -> int:
    """Returns the number from which a seeded photo is drawn, different for each photo."""
    return listing_id * 10 + photo_number


def _thread_plan(rng: random.Random, offers: dict[str, list[Offer]]) -> list[tuple[Offer, int]]:
    """Returns for each thread its listing and how many messages its counterpart writes (1 to 7)."""
    plan = []
    for account in catalogue()["accounts"]:
        for _ in range(account["threads"]):
            plan.append((rng.choice(offers[account["slug"]]), rng.choices(range(1, 8), (14, 24, 25, 17, 10, 6, 4))[0]))
    return plan


def _topics(rng: random.Random, plan: list[tuple[Offer, int]]) -> list[Any]:
    """Deals out the topics by their exact shares: a first contact opens a thread, the rest comes as it comes."""
    total = sum(count for _, count in plan)
    firsts = min(round(total * INBOUND_SHARES["first_contact"]), len(plan))
    openers = set(rng.sample(range(len(plan)), firsts))
    prices, availabilities = round(total * INBOUND_SHARES["price"]), round(total * INBOUND_SHARES["availability"])
    rest = ["price"] * prices + ["availability"] * availabilities
    rest += ["general"] * (total - firsts - len(rest))
    rng.shuffle(rest)
    dealt = iter(rest)
    hands = []
    for number, (_, count) in enumerate(plan):
        opening = ["first_contact"] if number in openers else []
        hands.append(iter(opening + [next(dealt) for _ in range(count - len(opening))]))
    return hands


def _thread(world: World, rng: random.Random, end: datetime, number: int, offer: Offer, topics: list[str]) -> None:
    words = catalogue()
    first = rng.choice(words["first_names"])
    counterpart = f"{first} {rng.choice(words['last_names'])}"
    if number % 31 == 7:
        counterpart = first = words["odd_names"][number // 31 % len(words["odd_names"])]
    thread_id = FIRST_THREAD + number
    # Skewed to the end: an inbox has more of yesterday than of last month.
    at = end - HISTORY * (rng.random() ** 2.2) - timedelta(minutes=rng.randrange(60))
    answered = len(topics) if rng.random() < 0.62 else rng.randrange(len(topics))
    unread = 0
    moments = iter(_moments(rng, at, 2 * len(topics) + 1))
    last = at
    for order, topic in enumerate(topics):
        fill = _filling(rng, offer, first)
        last = next(moments)
        _message(world, offer, thread_id, "in", rng.choice(words["inbound"][topic]).format(**fill), last, topic)
        unread += 1
        if order < answered:
            last, unread = next(moments), 0
            _message(world, offer, thread_id, "out", rng.choice(words["outbound"][topic]).format(**fill), last, topic)
    if unread and rng.random() < 0.35:
        unread = 0  # seen, not answered
    world.threads.append((thread_id, offer.account, counterpart, offer.id, iso(last), unread))


def _moments(rng: random.Random, last: datetime, count: int) -> list[datetime]:
    """Returns rising times that end at `last`, minutes to half a day apart."""
    moments = [last]
    while len(moments) < count:
        moments.append(
            moments[-1] - timedelta(minutes=rng.choice((2, 7, 18, 45, 130, 400, 700)), seconds=rng.randrange(60))
        )
    return moments[::-1]


def _filling(rng: random.Random, offer: Offer, first: str) -> dict[str, object]:
    low = max(int(offer.price * rng.uniform(0.6, 0.9)), 5)
    return {
        "short": offer.title.split(",")[0],
        "seller": offer.seller,
        "first": first,
        "price": offer.price,
        "currency": "EUR",
        "offer": low,
        "middle": (low + offer.price) // 2,
        "day": rng.choice(catalogue()["days"]),
        "place": rng.choice(catalogue()["places"]),
    }


def _message(world: World, offer: Offer, thread: int, direction: str, text: str, at: datetime, topic: str) -> None:
    world.messages.append((0, thread, direction, text, iso(at), topic))
    if direction == "in":
        detail = {"thread": str(thread), "text": text, "topic": topic, "seeded": True}
        row = (iso(at), offer.account, Kind.MESSAGE_RECEIVED, "seed", text_hash(text))
        world.ledger.append((*row, "", json.dumps(detail, ensure_ascii=False)))


def _renumber_by_time(world: World) -> None:
    """Gives messages their ids in the order of time, as a site's counter would, and the ledger its order too."""
    world.messages.sort(key=lambda row: (str(row[4]), str(row[1])))
    world.messages = [(FIRST_MESSAGE + place, *row[1:]) for place, row in enumerate(world.messages)]
    inbound = [row for row in world.messages if row[2] == "in"]
    world.ledger.sort(key=lambda row: (str(row[0]), json.loads(str(row[6]))["thread"]))
    world.ledger = [(*row[:5], str(message[0]), row[6]) for row, message in zip(world.ledger, inbound, strict=True)]


def fill(db: Database, seed: int) -> None:
    """Writes the world of one seed into an emptied database that holds its accounts; call it inside a transaction."""
    world = build(seed)
    listing = "id account reference title price_cents currency category condition description location published_at"
    db.insert_many("listing", [*listing.split(), "renewed_at", "views"], world.listings)
    photo = "id listing_id name file media_type art_seed art_category"
    db.insert_many("photo", photo.split(), world.photos)
    db.insert_many("thread", ["id", "account", "counterpart", "listing_id", "last_at", "unread"], world.threads)
    db.insert_many("message", ["id", "thread_id", "direction", "text", "at", "topic"], world.messages)
    db.insert_many("ledger", ["at", "account", "kind", "request_id", "content_hash", "subject", "detail"], world.ledger)
