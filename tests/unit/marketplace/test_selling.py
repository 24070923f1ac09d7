import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

SaveDraft = Callable[..., str]


def picture(kind: str = "JPEG", side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, kind)
    return out.getvalue()


def upload(visitor: Any, draft_id: str, content: bytes, name: str = "front.jpg") -> tuple[int, dict[str, str]]:
    answer = visitor.post(f"/api/drafts/{draft_id}/photos", files={"photo": (name, content)})
    return answer.status_code, answer.json()


def test_listing_is_published_as_it_was_written(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    content = picture()
    assert upload(visitor, draft_id, content)[0] == 201
    answer = visitor.post(f"/sell/{draft_id}/publish")
    (listing_id,) = re.findall(r"^/item/(\d+)\?published=1$", answer.headers["location"])
    page = bazaar.visitor().get(f"/item/{listing_id}").text
    for part in ("ThinkPad T14, 16 GB", 'data-price="499.50"', "AC-77", 'data-value="computers"', "Quick and quiet"):
        assert part in page
    assert len(re.findall("data-photo-id", page)) == 1
    (entry,) = bazaar.ledger("listing_published")
    assert (entry["account"], entry["subject"], entry["detail"]["photos"]) == ("amy", listing_id, 1)
    (uploaded,) = bazaar.ledger("upload")
    assert uploaded["content_hash"] == hashlib.sha256(content).hexdigest()


def test_publishing_a_draft_twice_makes_two_listings(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    places = {visitor.post(f"/sell/{draft_id}/publish").headers["location"] for _ in range(2)}
    assert len(places) == 2
    first, second = bazaar.ledger("listing_published")
    assert first["content_hash"] == second["content_hash"]


def test_refused_details_keep_what_was_typed_and_say_what_is_wrong(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    answer = visitor.post("/sell", {"title": "Four", "price": "free", "description": "<b>short</b>"})
    assert answer.status_code == 422
    named = re.findall(r'data-error-for="(\w+)"', answer.text)
    assert set(named) == {"title", "price", "currency", "category", "condition", "description", "location"}
    assert 'role="alert" data-errors' in answer.text
    assert 'value="Four"' in answer.text
    assert "&lt;b&gt;short&lt;/b&gt;" in answer.text


def test_draft_can_be_changed_before_it_is_published(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    assert f'href="/sell/{draft_id}"' in visitor.get("/sell").text
    form = visitor.get(f"/sell/{draft_id}").text
    assert 'value="499.50"' in form
    fields = {"title": "ThinkPad T14, 32 GB", "price": "550", "currency": "EUR", "category": "computers"}
    more = {"condition": "good", "description": "Now with twice the memory.", "location": "Leiden"}
    assert visitor.post(f"/sell/{draft_id}", fields | more).status_code == 303
    assert "ThinkPad T14, 32 GB" in visitor.get(f"/sell/{draft_id}/review").text


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_picture_is_served_as_it_was_uploaded(bazaar: Any, draft: SaveDraft, kind: str) -> None:
    visitor = bazaar.signed_in()
    content = picture(kind)
    _, body = upload(visitor, draft(visitor), content, f"photo.{kind.lower()}")
    answer = visitor.get(f"/photos/{body['id']}.jpg")
    assert answer.content == content
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert visitor.get(body["url"]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"not a picture", "x.txt", "“x.txt” is not a picture that we can read. Use JPEG, PNG or WebP."),
        (b"", "empty.jpg", "“empty.jpg” is not a picture that we can read. Use JPEG, PNG or WebP."),
        (picture()[:200], "half.jpg", "“half.jpg” is not a picture that we can read. Use JPEG, PNG or WebP."),
        (picture("GIF"), "old.gif", "“old.gif” is not a picture that we can read. Use JPEG, PNG or WebP."),
        (picture() + b"\0" * 5_300_000, "big.jpg", "“big.jpg” is larger than 5 MB."),
    ],
    ids=["text", "empty", "cut off", "gif", "too large"],
)
def test_file_that_is_no_fit_picture_is_refused(
    bazaar: Any, draft: SaveDraft, content: bytes, name: str, message: str
) -> None:
    visitor = bazaar.signed_in()
    assert upload(visitor, draft(visitor), content, name) == (422, {"error": "validation", "message": message})
    assert not bazaar.ledger("upload")


def test_eleventh_photo_is_refused(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    content = picture()
    assert [upload(visitor, draft_id, content)[0] for _ in range(11)] == [201] * 10 + [422]
    assert len(bazaar.ledger("upload")) == 10


def test_removed_photo_is_not_published(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    _, body = upload(visitor, draft_id, picture())
    assert visitor.post(f"/api/drafts/{draft_id}/photos/{body['id']}/remove").status_code == 204
    visitor.post(f"/sell/{draft_id}/publish")
    assert bazaar.ledger("listing_published")[0]["detail"]["photos"] == 0


def test_draft_of_another_account_is_not_found(bazaar: Any, draft: SaveDraft) -> None:
    draft_id = draft(bazaar.signed_in("amy"))
    other = bazaar.signed_in("ben")
    assert other.get(f"/sell/{draft_id}/review").status_code == 404
    assert other.post(f"/sell/{draft_id}/publish").status_code == 404
    assert not bazaar.ledger("listing_published")


def test_edited_listing_shows_its_new_price(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    form = visitor.get("/listings/1200001/edit").text
    fields = dict(re.findall(r'<input id="\w+" name="(\w+)" value="([^"]*)"', form)) | {"price": "650"}
    more = {"currency": "EUR", "category": "computers", "condition": "good", "description": "Light and quick, again."}
    assert visitor.post("/listings/1200001/edit", fields | more).headers["location"] == "/item/1200001?edited=1"
    page = visitor.get("/item/1200001?edited=1").text
    assert 'data-price="650.00"' in page
    assert "Your changes are saved." in page
    assert bazaar.ledger("listing_edited")[0]["detail"]["price"] == "650.00"


def test_expired_listing_is_active_again_when_renewed(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    row = re.compile(r'data-listing-id="1200022".*?data-field="status" class="status (\w+)"', re.DOTALL)
    assert row.findall(visitor.get("/listings?page=2").text) == ["expired"]
    assert visitor.post("/listings/1200022/renew").headers["location"] == "/listings?renewed=1200022"
    assert row.findall(visitor.get("/listings?page=2").text) == ["active"]
    assert [entry["subject"] for entry in bazaar.ledger("listing_renewed")] == ["1200022"]


def test_deleted_listing_is_gone_for_everybody(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    assert "Delete this listing?" in visitor.get("/listings/1200001/delete").text
    target = visitor.post("/listings/1200001/delete").headers["location"]
    assert "was deleted." in visitor.get(target).text
    assert bazaar.visitor().get("/item/1200001").status_code == 404
    assert "/item/1200001<" not in bazaar.visitor().get("/seller/amy/feed.xml").text
    assert [entry["subject"] for entry in bazaar.ledger("listing_deleted")] == ["1200001"]


def test_listing_of_another_account_cannot_be_touched(bazaar: Any) -> None:
    other = bazaar.signed_in("ben")
    assert other.get("/listings/1200001/edit").status_code == 404
    assert other.post("/listings/1200001/delete").status_code == 404
    assert bazaar.visitor().get("/item/1200001").status_code == 200


def test_own_listings_are_paged_and_found_by_reference(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    pages = [len(re.findall("<tr data-listing-id", visitor.get(f"/listings?page={n}").text)) for n in (1, 2)]
    assert pages == [20, 2]
    found = visitor.get("/listings", params={"q": "AC-1003"}).text
    assert re.findall(r'<tr data-listing-id="(\d+)"', found) == ["1200003"]


@pytest.mark.parametrize("reference", ["R&D/7 ü", "ÅÄÖ-1", "מס 12", "50% + <x>", "🦩"])
@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_listing_is_found_by_any_reference(
    bazaar: Any, draft: SaveDraft, reference: str, change: Callable[[str], str]
) -> None:
    visitor = bazaar.signed_in()
    visitor.post(f"/sell/{draft(visitor, reference=reference)}/publish")
    found = visitor.get("/listings", params={"q": change(reference)}).text
    assert re.findall(r'<tr data-listing-id="(\d+)"', found) == ["1200041"]


def test_feed_lists_a_new_listing_first_and_escapes_it(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    visitor.post(f"/sell/{draft(visitor, title='Fast & <light>')}/publish")
    feed = bazaar.visitor().get("/seller/amy/feed.xml")
    assert feed.headers["content-type"].startswith("application/rss+xml")
    titles = re.findall(r"<item><title>([^<]*)</title>", feed.text)
    assert titles[0] == "Fast &amp; &lt;light&gt;"
    assert len(titles) == 23


def test_views_count_visitors_but_not_the_owner(bazaar: Any) -> None:
    owner = bazaar.signed_in()

    def views() -> int:
        rows = re.compile(r'data-listing-id="1200001".*?data-field="views">(\d+)<', re.DOTALL)
        return int(rows.findall(owner.get("/listings").text)[0])

    before = views()
    owner.get("/item/1200001")
    assert views() == before
    bazaar.visitor().get("/item/1200001")
    assert views() == before + 1
