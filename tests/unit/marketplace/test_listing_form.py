import hashlib
import json

import pytest

from runner.marketplace import listing_form

GOOD = {
    "reference": "AC-77",
    "title": "ThinkPad T14",
    "price": "499",
    "currency": "EUR",
    "category": "computers",
    "condition": "good",
    "description": "Quick and quiet, new battery.",
    "location": "Leiden",
}


@pytest.mark.parametrize(
    ("text", "cents"), [("499", 49900), ("499.9", 49990), ("499,95", 49995), (" 0.05 ", 5), ("1000000", 100_000_000)]
)
def test_price_is_read_as_people_write_it(text: str, cents: int) -> None:
    assert listing_form.parse_price(text) == cents


@pytest.mark.parametrize("text", ["", "free", "-5", "1.234,00", "12.345", "1e3", "٣", "NaN"])
def test_price_that_is_no_price_is_refused(text: str) -> None:
    assert listing_form.parse_price(text) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("title", "Four", "The title needs 5 to 100 characters. Yours has 4."),
        ("title", "x" * 101, "The title needs 5 to 100 characters. Yours has 101."),
        ("price", "0", "The price must be more than 0."),
        ("price", "1000000.01", "The price can be 1,000,000 at most."),
        ("price", "cheap", "Enter a price such as 499 or 499.95."),
        ("currency", "BTC", "Choose a currency."),
        ("category", "", "Choose a category."),
        ("condition", "shiny", "Choose a condition."),
        ("description", "Too short.", "The description needs 20 to 10,000 characters. Yours has 10."),
        ("description", "x" * 10_001, "The description needs 20 to 10,000 characters. Yours has 10,001."),
        ("location", "L", "The location needs 2 to 80 characters. Yours has 1."),
        ("reference", "x" * 41, "The reference can have 40 characters at most, in one line."),
    ],
)
def test_wrong_field_is_refused_by_name(name: str, value: str, message: str) -> None:
    fields, errors = listing_form.check(listing_form.clean(GOOD | {name: value}))
    assert fields is None
    assert errors == {name: message}


@pytest.mark.parametrize("title", ["Emoji 💻 and more", "מחשב נייד", "<b>Bold</b> & co", "x" * 100, "12345"])
def test_any_script_is_welcome_in_a_title(title: str) -> None:
    fields, errors = listing_form.check(listing_form.clean(GOOD | {"title": title}))
    assert errors == {}
    assert fields is not None
    assert fields.title == title


def test_content_hash_is_that_of_the_visible_fields() -> None:
    fields, _ = listing_form.check(listing_form.clean(GOOD))
    assert fields is not None
    expected = json.dumps(GOOD | {"price": "499.00"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert fields.content_hash() == hashlib.sha256(expected.encode()).hexdigest()
