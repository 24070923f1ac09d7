"""Parameters of Flows, as a person gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import SetupError
from runner.sites import params
from runner.sites.flows import catalog
from runner.sites.params import BadParams

INLINE = {
    "title": "Road bike",
    "price": "499,95",
    "currency": "€",
    "category": "bikes",
    "condition": "good",
    "description": "A road bike, ridden for two summers.",
    "location": "Gent",
}


def refused(flow: str, given: dict[str, Any]) -> BadParams:
    with pytest.raises(BadParams) as refusal:
        catalog.flow_named(flow).parse(given)
    return refusal.value


def test_assignments_keep_everything_after_the_first_sign() -> None:
    assert params.assignments(["text=a=b = c", " thread =7"]) == {"text": "a=b = c", "thread": "7"}


@pytest.mark.parametrize("pair", ["title", "=bike", " =bike"])
def test_an_assignment_without_a_key_shows_how_to_write_it(pair: str) -> None:
    with pytest.raises(BadParams, match=r"is not key=value.*--set title="):
        params.assignments([pair])


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(BadParams, match='"title" is given twice'):
        params.assignments(["title=a", "title=b"])


def test_an_unknown_parameter_names_the_nearest() -> None:
    error = refused("send_message", {"thread": "1", "text": "Hi", "anwsering": "x"})
    assert error.problems == ('there is no parameter "anwsering", did you mean answering',)
    assert str(error).endswith("send_message takes: thread, text, answering, unless_written_since, follows, not_after.")


def test_every_problem_is_reported_at_once() -> None:
    error = refused("send_message", {"txet": "Hi"})
    assert len(error.problems) == 3
    assert '"thread" is missing' in str(error)


def test_a_flow_without_parameters_says_so() -> None:
    assert "check_login takes no parameters" in str(refused("check_login", {"account": "amy"}))


def test_a_thread_may_be_given_as_a_number() -> None:
    assert catalog.flow_named("send_message").parse({"thread": 50012, "text": "Hi"}).thread == "50012"


@pytest.mark.parametrize("text", ["", "   \n"])
def test_an_empty_message_is_refused(text: str) -> None:
    assert '"text" cannot be' in str(refused("send_message", {"thread": "1", "text": text}))


def test_a_listing_is_stored_or_inline_and_not_both() -> None:
    assert "not both (also given: title)" in str(refused("publish_listing", {"listing": "3", "title": "Bike"}))


def test_the_fields_that_an_inline_listing_lacks_are_named() -> None:
    error = refused("publish_listing", {"title": "Bike", "price": "10"})
    assert "currency, category, condition, description, location" in str(error)


def test_an_inline_listing_is_read_with_its_price() -> None:
    listing = catalog.flow_named("publish_listing").parse(INLINE).inline()
    assert (listing.price_minor, listing.currency, listing.title) == (49_995, "EUR", "Road bike")


@pytest.mark.parametrize("price", ["free", "-5", "1.299"])
def test_a_price_that_is_none_says_why(price: str) -> None:
    error = refused("publish_listing", {**INLINE, "price": price})
    assert f'"price" cannot be "{price}"' in str(error)


def test_a_listing_number_that_is_none_is_refused() -> None:
    assert '"listing" cannot be "three"' in str(refused("publish_listing", {"listing": "three"}))


@pytest.mark.parametrize("photos", ["a.jpg, b.jpg", '["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]])
def test_photos_are_found_from_the_folder_that_is_named(photos: Any, tmp_path: Path) -> None:
    parsed = catalog.flow_named("publish_listing").parse({**INLINE, "photos": photos}, folder=tmp_path)
    assert parsed.photos == (tmp_path / "a.jpg", tmp_path / "b.jpg")


def test_what_a_job_stores_is_read_again_as_the_same(tmp_path: Path) -> None:
    flow = catalog.flow_named("publish_listing")
    parsed = flow.parse({**INLINE, "photos": "a.jpg"}, folder=tmp_path)
    stored = json.loads(json.dumps(parsed.model_dump(mode="json")))
    assert flow.parse(stored, folder=Path("/elsewhere")) == parsed


def test_photos_that_are_broken_json_are_refused_with_words() -> None:
    assert '"photos" cannot be' in str(refused("publish_listing", {**INLINE, "photos": '["a.jpg"'}))


@pytest.mark.parametrize(("name", "text"), [("p.json", '{"thread": "7"}'), ("p.toml", 'thread = "7"')])
def test_parameters_are_read_from_json_and_toml(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert params.from_file(tmp_path / name) == {"thread": "7"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("p.json", '{"thread": 7,\n,}', "line 2"), ("p.toml", "thread = ", "TOML"), ("p.json", "[1]", "no object")],
)
def test_a_file_that_is_wrong_is_named_with_its_place(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SetupError, match=words) as error:
        params.from_file(tmp_path / name)
    assert name in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"gone\.json cannot be read"):
        params.from_file(tmp_path / "gone.json")
