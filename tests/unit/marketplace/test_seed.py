import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from runner.marketplace import photos, seed


def test_one_seed_gives_the_same_world_twice() -> None:
    assert seed.build(7) == seed.build(7)


def test_another_seed_gives_another_world() -> None:
    assert seed.build(7).messages != seed.build(8).messages


@pytest.mark.parametrize("number", [0, 7, 42])
def test_world_has_the_promised_size(number: int) -> None:
    world = seed.build(number)
    assert len(seed.catalogue()["accounts"]) == 6
    assert len(world.listings) == 40
    assert len(world.threads) >= 150
    assert len(world.messages) >= 800


@pytest.mark.parametrize("number", [0, 7, 42])
def test_inbound_messages_have_the_promised_shares(number: int) -> None:
    topics = Counter(row[5] for row in seed.build(number).messages if row[2] == "in")
    total = sum(topics.values())
    for topic, share in {"price": 0.35, "availability": 0.25, "general": 0.25, "first_contact": 0.15}.items():
        assert topics[topic] / total == pytest.approx(share, abs=0.01)


def test_inbound_first_contact_only_ever_opens_a_thread() -> None:
    opened = set()
    for _, thread, direction, _, _, topic in seed.build(7).messages:
        if direction == "in":
            assert topic != "first_contact" or thread not in opened
            opened.add(thread)


def test_messages_of_a_thread_rise_in_time_with_their_ids() -> None:
    last: dict[object, str] = {}
    for _, thread, _, _, at, _ in seed.build(7).messages:
        assert str(at) > last.get(thread, "")
        last[thread] = str(at)


def test_seeded_history_lies_in_the_past() -> None:
    assert max(str(row[4]) for row in seed.build(7).threads) < datetime.now(UTC).isoformat()


def test_ledger_row_names_the_message_that_it_tells_of() -> None:
    world = seed.build(7)
    texts = {str(row[0]): row[3] for row in world.messages}
    assert world.ledger
    for row in world.ledger:
        assert json.loads(str(row[6]))["text"] == texts[str(row[5])]


def test_photos_of_different_listings_differ() -> None:
    drawn = {photos.draw(seed.seed_of_photo(listing, 1), "computers") for listing in range(1_200_001, 1_200_009)}
    assert len(drawn) == 8


def test_a_seeded_photo_is_drawn_alike_each_time() -> None:
    assert photos.draw(12_000_011, "bikes") == photos.draw(12_000_011, "bikes")
