"""`runner run ACCOUNT FLOW`, as an operator types it."""

from __future__ import annotations

from typing import Any

from PIL import Image


def test_reading_an_inbox_takes_every_thread_past_the_paging(shop: Any) -> None:
    done = shop.cli("run", "amy", "read_inbox", "--json")

    assert done.code == 0, done.said
    read = {entry["subject"] for entry in shop.market.ledger("thread_read")}
    assert done.json["result"]["threads"] == len(read) == shop.market.account()["threads"] > 40
    assert shop.rows("select count(*) from message")[0][0] == done.json["result"]["messages"]


def test_reading_twice_opens_no_thread_again_and_changes_nothing(shop: Any) -> None:
    shop.cli("run", "ben", "read_inbox")
    before = shop.rows("select * from message"), shop.market.ledger("thread_read", "ben")

    again = shop.cli("run", "ben", "read_inbox", "--json")

    assert again.json["result"]["threads_opened"] == 0
    assert (shop.rows("select * from message"), shop.market.ledger("thread_read", "ben")) == before
    assert len(shop.market.ledger("sign_in", "ben")) == 1, "the profile keeps the login"


def test_only_the_thread_that_changed_is_opened(shop: Any) -> None:
    shop.cli("run", "ben", "read_inbox")
    came = shop.market.incoming("Is it still there?", account="ben")

    again = shop.cli("run", "ben", "read_inbox", "--json")

    assert (again.json["result"]["threads_opened"], again.json["result"]["new_messages"]) == (1, 1)
    assert shop.market.ledger("thread_read", "ben")[-1]["subject"] == came["thread_id"]


def test_publishing_a_listing_with_photos_twice_makes_one(shop: Any) -> None:
    photo = shop.folder / "desk.jpg"
    Image.new("RGB", (320, 240), "#8d6748").save(photo)
    fields = {
        "reference": "D-1",
        "title": "Oak desk, 140 cm",
        "price": "120.50",
        "currency": "EUR",
        "category": "furniture",
        "condition": "good",
        "description": "A desk of oak, with one drawer and a few scratches.",
        "location": "Porto",
        "photos": "desk.jpg",
    }
    pairs = [word for key, value in fields.items() for word in ("--set", f"{key}={value}")]

    first = shop.cli("run", "amy", "publish_listing", *pairs, "--json")
    second = shop.cli("run", "amy", "publish_listing", *pairs, "--json")

    assert (first.code, second.code) == (0, 0), first.said + second.said
    (published,) = shop.market.ledger("listing_published")
    assert published["subject"] == first.json["result"]["listing"] == second.json["result"]["listing"]
    assert (published["detail"]["price"], published["detail"]["photos"]) == ("120.50", 1)
    assert (first.json["result"]["already_there"], second.json["result"]["already_there"]) == (False, True)


def test_answering_the_same_message_twice_sends_one(shop: Any) -> None:
    thread = shop.market.incoming("Does it come with a charger?")["thread_id"]
    words = ("run", "amy", "send_message", "--set", f"thread={thread}", "--set", "text=Yes, it does.", "--json")

    first, second = shop.cli(*words), shop.cli(*words)

    assert (first.code, second.code) == (0, 0), first.said + second.said
    (sent,) = shop.market.ledger("message_sent")
    assert sent["detail"]["text"] == "Yes, it does."


def test_unknown_names_are_answered_with_the_nearest(shop: Any) -> None:
    account, flow = shop.cli("run", "amyy", "read_inbox"), shop.cli("run", "amy", "read_inbx")

    assert (account.code, flow.code) == (2, 2)
    assert 'There is no account "amyy". Did you mean "amy"?' in account.said
    assert 'There is no flow "read_inbx". Did you mean "read_inbox"?' in flow.said
