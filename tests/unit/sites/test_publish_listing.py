"""Photos are looked at before the site is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from runner.domain.listings import Listing
from runner.errors import Rejected
from runner.sites.flows import publish_listing


def listing(*photos: Path) -> Listing:
    return Listing(
        reference="R1",
        title="Road bike",
        price_minor=100,
        currency="EUR",
        category="bikes",
        condition="good",
        description="A road bike.",
        location="Gent",
        photos=photos,
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "bike.jpg")
    return tmp_path / "bike.jpg"


async def test_good_photos_pass(photo: Path) -> None:
    await publish_listing.check_photos(listing(photo))


async def test_a_missing_photo_is_named(photo: Path) -> None:
    with pytest.raises(Rejected, match=r"bikes\.jpg: no such photo.*Did you mean bike\.jpg"):
        await publish_listing.check_photos(listing(photo, photo.with_name("bikes.jpg")))


async def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("hello")
    with pytest.raises(Rejected, match=r"notes\.jpg: not an image"):
        await publish_listing.check_photos(listing(tmp_path / "notes.jpg"))


@pytest.fixture
def large(photo: Path) -> Path:
    photo.write_bytes(photo.read_bytes() + b"\0" * 6 * 1024 * 1024)
    return photo


async def test_a_photo_that_is_too_large_is_named(large: Path) -> None:
    with pytest.raises(Rejected, match=r"bike\.jpg: too large: 6\.0 MB"):
        await publish_listing.check_photos(listing(large))


async def test_an_eleventh_photo_is_refused(photo: Path) -> None:
    with pytest.raises(Rejected, match="11 photos; a listing takes at most 10"):
        await publish_listing.check_photos(listing(*[photo] * 11))


def test_the_payload_changes_with_every_field(photo: Path) -> None:
    one = publish_listing.payload(listing(photo))
    assert one == publish_listing.payload(listing(photo))
    assert one != publish_listing.payload(listing())
    assert '"price_minor":100' in one
