"""Listings that we refuse, that the site refuses, and whose answer is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

LISTING = {
    "reference": "L-3",
    "title": "Enlarger with three lenses",
    "price": "140",
    "currency": "EUR",
    "category": "cameras",
    "condition": "good",
    "description": "An enlarger for black and white, with three lenses.",
    "location": "Lyon",
}
TOO_LARGE = 5 * 1024 * 1024 + 1


def _pairs(**changed: str) -> list[str]:
    return [word for key, value in {**LISTING, **changed}.items() for word in ("--set", f"{key}={value}")]


def _missing(_: Path) -> None:
    """Nobody made it."""


def _no_image(photo: Path) -> None:
    photo.write_text("Not a picture at all.")


def _too_large(photo: Path) -> None:
    Image.new("RGB", (64, 64)).save(photo)
    photo.write_bytes(photo.read_bytes().ljust(TOO_LARGE, b"\0"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, "no such photo in"),
        (_no_image, "not an image: save it again as JPEG or PNG"),
        (_too_large, "too large: 5.0 MB, at most 5 MB"),
    ],
    ids=["missing", "not an image", "too large"],
)
def test_a_photo_that_is_no_good_is_refused_before_the_site_gets_anything(
    farid: Any, attempts: Any, picture: Any, make: Any, words: str
) -> None:
    make(farid.folder / "front.jpg")

    done = farid.cli("run", "farid", "publish_listing", *_pairs(photos="front.jpg"))

    assert done.code == 1
    assert "front.jpg" in done.said
    assert words in done.said
    assert "Mend the listing's photos." in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["step"]) == ("failed", "validation", "check listing")
    assert tried["reason"] == "validation is never retried"
    assert farid.market.ledger("upload", "farid") == farid.market.ledger("listing_published", "farid") == []
    picture(tried["id"])


def test_a_photo_that_is_gone_since_the_import_is_named(farid: Any, attempts: Any) -> None:
    Image.new("RGB", (320, 240), "#203040").save(farid.folder / "front.jpg")
    table = farid.folder / "listings.csv"
    heads, values = zip(*LISTING.items(), strict=True)
    table.write_text(",".join((*heads, "photos")) + "\n" + ",".join(f'"{v}"' for v in (*values, "front.jpg")) + "\n")
    farid.cli("listings", "import", table, "--account", "farid")
    (farid.folder / "front.jpg").unlink()

    done = farid.cli("listings", "publish", "1")

    assert done.code == 1
    assert "0 of 1 succeeded, 1 failed" in done.said
    assert "no such photo" in done.said
    assert [each["kind"] for each in attempts()] == ["validation"]
    assert farid.cli("listings", "list", "--json").json["listings"][0]["state"] == "draft"
    assert farid.market.ledger("upload", "farid") == []


def test_a_photo_that_only_the_site_refuses_is_refused_in_its_words(farid: Any, attempts: Any, picture: Any) -> None:
    # Ours is a limit for the machine's sake, 100 million pixels; the site takes 60.
    Image.new("L", (9000, 8000)).save(farid.folder / "huge.png")

    done = farid.cli("run", "farid", "publish_listing", *_pairs(photos="huge.png"))

    assert done.code == 1
    assert "“huge.png” has too many pixels." in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["step"]) == ("failed", "validation", "add photo")
    assert farid.market.ledger("upload", "farid") == farid.market.ledger("listing_published", "farid") == []
    picture(tried["id"])


def test_a_listing_that_the_site_refuses_is_refused_in_its_words(
    farid: Any, attempts: Any, picture: Any, summary: Any
) -> None:
    done = farid.cli("run", "farid", "publish_listing", *_pairs(title="Lens", description="Good.", location="X"))

    assert done.code == 1
    words = (
        "title: The title needs 5 to 100 characters. Yours has 4. "
        "description: The description needs 20 to 10,000 characters. Yours has 5. "
        "location: The location needs 2 to 80 characters. Yours has 1."
    )
    assert f"farid publish_listing: failed. The site refused the listing: {words} Mend those fields" in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["wait_s"]) == ("failed", "validation", None)
    assert words in summary(tried["id"])
    assert farid.rows("select state from account") == [("active",)], "the data is wrong, not the account"
    assert farid.market.ledger("listing_published", "farid") == []
    picture(tried["id"])


def test_a_lost_answer_is_pictured_before_reading_back_leads_elsewhere(
    farid: Any, attempts: Any, picture: Any, evidence: Any
) -> None:
    farid.market.faults({"route": "POST /sell/*/publish", "effect": "status_after_commit", "status": 502, "count": 1})

    done = farid.cli("run", "farid", "publish_listing", *_pairs())

    assert done.code == 0, done.said
    assert len(farid.market.ledger("listing_published", "farid")) == 1
    (tried,) = attempts()
    assert tried["outcome"] == "succeeded"
    page, _ = evidence(tried["id"])["page"]
    assert "Something went wrong" in page.read_text(encoding="utf-8")
    picture(tried["id"])


def test_a_failed_submit_shows_the_page_that_answered_it(farid: Any, attempts: Any, evidence: Any) -> None:
    farid.market.faults({"route": "POST /sell/*/publish", "effect": "status", "status": 500, "count": 1})

    done = farid.cli("run", "farid", "publish_listing", *_pairs())

    assert done.code == 0, done.said
    first, second = attempts()
    assert (first["outcome"], first["kind"], second["outcome"]) == ("retried", "network", "succeeded")
    page, _ = evidence(first["id"])["page"]
    assert "Something went wrong" in page.read_text(encoding="utf-8")
    assert len(farid.market.ledger("listing_published", "farid")) == 1
