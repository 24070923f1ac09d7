from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.domain.listings import Listing, ListingState
from runner.errors import Conflict, NotFound
from runner.store.database import Database
from runner.store.events import Events
from runner.store.listings import Listings
from runner.store.saved import Saved

LAPTOP = Listing(
    reference="AMY-1",
    title="لابتوب ThinkPad <b>T480</b> 💻",
    price_minor=34900,
    currency="EUR",
    category="Computers",
    condition="used",
    description="x" * 10_000,
    location="Porto",
    photos=(Path("/photos/2.jpg"), Path("/photos/1.jpg")),
)


async def test_a_listing_comes_back_as_it_was_saved(db: Database) -> None:
    stored, saved = await Listings(db).save(LAPTOP, "amy")
    assert saved is Saved.ADDED
    assert (stored.listing, stored.account, stored.state) == (LAPTOP, "amy", ListingState.DRAFT)
    assert await Listings(db).get(stored.id) == stored == await Listings(db).by_reference("AMY-1", "amy")


@pytest.mark.parametrize("account", ["amy", None])
async def test_saving_twice_changes_nothing(db: Database, account: str | None) -> None:
    items = [(LAPTOP, account), (replace(LAPTOP, reference="AMY-2", photos=()), account)]
    first = await Listings(db).save_many(items)
    again = await Listings(db).save_many(items)
    assert [stored for stored, _ in again] == [stored for stored, _ in first]
    assert {saved for _, saved in again} == {Saved.UNCHANGED}
    assert len(await Listings(db).list_listings()) == 2


async def test_the_same_reference_of_two_accounts_makes_two_listings(db: Database) -> None:
    await Listings(db).save_many([(LAPTOP, "amy"), (LAPTOP, "bob"), (LAPTOP, None)])
    assert [stored.account for stored in await Listings(db).list_listings()] == ["amy", "bob", None]
    assert [stored.account for stored in await Listings(db).list_listings(account_name="bob")] == ["bob"]


async def test_a_text_that_no_database_can_hold_does_not_count_as_a_change(db: Database) -> None:
    odd = replace(LAPTOP, title="half an emoji \ud83d")
    await Listings(db).save(odd, "amy")
    assert (await Listings(db).save(odd, "amy"))[1] is Saved.UNCHANGED


async def test_a_draft_is_changed_a_published_listing_is_kept(db: Database) -> None:
    listings = Listings(db)
    draft, _ = await listings.save(LAPTOP, "amy")
    cheaper = replace(LAPTOP, price_minor=100, photos=(Path("/photos/3.jpg"),))
    changed, saved = await listings.save(cheaper, "amy")
    assert (saved, changed.id, changed.listing) == (Saved.CHANGED, draft.id, cheaper)
    await listings.set_published(draft.id, remote_id="77", url="http://127.0.0.1/77")
    kept, saved = await listings.save(LAPTOP, "amy")
    assert (saved, kept.listing, kept.state) == (Saved.KEPT, cheaper, ListingState.PUBLISHED)


async def test_an_unknown_account_stores_none_of_them(db: Database) -> None:
    with pytest.raises(NotFound, match="amy"):
        await Listings(db).save_many([(LAPTOP, "amy"), (LAPTOP, "ammy")])
    assert await Listings(db).list_listings() == []


async def test_published_is_recorded_once(db: Database, clock) -> None:
    listings = Listings(db)
    draft, _ = await listings.save(LAPTOP, "amy")
    published = await listings.set_published(draft.id, remote_id="77", url="http://127.0.0.1/77")
    assert (published.state, published.remote_id, published.published_at) == (
        ListingState.PUBLISHED,
        "77",
        clock.now(),
    )
    clock.forward(60)
    assert await listings.set_published(draft.id, remote_id="77", url="http://127.0.0.1/77") == published
    with pytest.raises(Conflict, match="published as 77 already, and now the site gives 78"):
        await listings.set_published(draft.id, remote_id="78", url="http://127.0.0.1/78")
    assert len(await Events(db).since(0, names=["ListingPublished"])) == 1
    assert await listings.list_listings(states=[ListingState.DRAFT]) == []


async def test_an_unknown_reference_comes_with_the_nearest(db: Database) -> None:
    await Listings(db).save(LAPTOP, "amy")
    with pytest.raises(NotFound, match='Did you mean "AMY-1"'):
        await Listings(db).by_reference("AMY1", "amy")
    with pytest.raises(NotFound):
        await Listings(db).get(4711)


async def test_relative_photos_are_stored_with_their_whole_path(db: Database) -> None:
    stored, _ = await Listings(db).save(replace(LAPTOP, photos=(Path("photos/a.jpg"),)), "amy")
    assert stored.listing.photos == (Path.cwd() / "photos" / "a.jpg",)
