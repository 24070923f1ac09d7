"""Publishes one Listing, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from runner.domain.effects import EffectKind
from runner.domain.listings import Listing, RemoteListing
from runner.errors import Conflict, Rejected
from runner.intake.photos import MAX_PHOTOS, NotAPhoto, PhotoFolder
from runner.intake.prices import NotAPrice, read_currency, read_price
from runner.sites.flow import Flow, Stage
from runner.sites.interface import BeforeSubmit
from runner.sites.params import Params, folder_of


class PublishListingParams(Params):
    """A stored Listing, or all of its fields."""

    INLINE: ClassVar = ("title", "price", "currency", "category", "condition", "description", "location")

    listing: int | None = Field(None, description="Number of a stored listing, as `runner listings list` shows it.")
    reference: str = Field("", description="Your own reference, visible at the site.")
    title: str | None = Field(None, description="Title of the listing.")
    price: str | None = Field(None, description="Price such as 499.95.", coerce_numbers_to_str=True)
    currency: str | None = Field(None, description="Currency code such as EUR.")
    category: str | None = Field(None, description="Category, by the name that the site uses.")
    condition: str | None = Field(None, description="Condition, by the name that the site uses.")
    description: str | None = Field(None, description="The text of the listing.")
    location: str | None = Field(None, description="Where the item is.")
    photos: tuple[Path, ...] = Field(
        (), description="Up to 10 picture files, in order; with --set, separated by commas."
    )

    @field_validator("price")
    @classmethod
    def _is_a_price(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                read_price(value)
            except NotAPrice as error:
                raise ValueError(str(error)) from error
        return value

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, value: str | None) -> str | None:
        try:
            return None if value is None else read_currency(value)
        except NotAPrice as error:
            raise ValueError(str(error)) from error

    @field_validator("photos", mode="before")
    @classmethod
    def _many_in_one_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator("photos", mode="after")
    @classmethod
    def _found_from_the_folder(cls, value: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        # Absolute, because a Job may be performed by a daemon that was started somewhere else.
        return tuple(folder_of(info) / photo.expanduser() for photo in value)

    @model_validator(mode="after")
    def _stored_or_inline(self) -> PublishListingParams:
        given = [name for name in (*self.INLINE, "reference", "photos") if getattr(self, name)]
        if self.listing is not None and given:
            raise ValueError(f'give either "listing" or the fields, not both (also given: {", ".join(given)})')
        missing = [name for name in self.INLINE if getattr(self, name) is None]
        if self.listing is None and missing:
            raise ValueError(f'give "listing", or the fields that are missing: {", ".join(missing)}')
        return self

    def inline(self) -> Listing:
        """The Listing that the fields make."""
        return Listing(
            reference=self.reference,
            title=self.title or "",
            price_minor=read_price(self.price or "").minor,
            currency=self.currency or "",
            category=self.category or "",
            condition=self.condition or "",
            description=self.description or "",
            location=self.location or "",
            photos=self.photos,
        )


class PublishListing(Flow[PublishListingParams]):
    """The Effect's natural key is the Listing's own: reference, title and body hash."""

    name = "publish_listing"
    summary = "Publishes a listing, with all its fields and photos."
    changes = True
    Params = PublishListingParams

    def repeated(self, params: Mapping[str, Any], natural_keys: Sequence[str]) -> Mapping[str, Any]:
        """A stored Listing may have been changed since, and would be published beside what it was."""
        if natural_keys and params.get("listing") is not None:
            raise Conflict(
                f"Listing {params['listing']} may be another by now than the one that this job was about.",
                cure="Publish it as it is today: runner listings publish",
            )
        return params

    async def perform(self, stage: Stage[PublishListingParams]) -> Mapping[str, Any]:
        """Result: `listing` (the Site's id), `url`, `already_there`. Raises Rejected, with the Site's own words."""
        async with stage.step("check listing"):
            listing = await _listing(stage)
            await check_photos(listing)
        made = await stage.effects.made(EffectKind.PUBLISH_LISTING)
        if made is not None and made.natural_key != listing.natural_key:
            # The stored Listing was changed after it went out: published again it would stand beside what it was.
            return {"listing": made.remote_id, "url": "", "already_there": True}
        seen: dict[str, RemoteListing] = {}

        async def find() -> list[str]:
            found = await stage.site.find_listing(listing)
            seen.update({remote.remote_id: remote for remote in found})
            return [remote.remote_id for remote in found]

        async def fire(before_submit: BeforeSubmit) -> str:
            remote = await stage.site.publish(listing, before_submit=before_submit)
            seen[remote.remote_id] = remote
            return remote.remote_id

        remote_id, fired = await stage.effects.perform(
            EffectKind.PUBLISH_LISTING, listing.natural_key, payload(listing), find=find, fire=fire
        )
        if remote_id not in seen:
            async with stage.step("find listing", remote_id):
                await stage.repeats.repeatable("finding the listing", find)
        # A Listing confirmed long ago may be deleted at the Site by now: then nobody knows its address.
        remote = seen.get(remote_id) or RemoteListing(
            remote_id=remote_id, url="", reference=listing.reference, title=listing.title
        )
        await stage.listings.published(listing, remote, listing_id=stage.params.listing)
        return {"listing": remote.remote_id, "url": remote.url, "already_there": not fired}


def payload(listing: Listing) -> str:
    """Everything that is submitted, as canonical JSON; the journal keeps its hash."""
    fields = {
        name: getattr(listing, name) for name in ("reference", "title", "price_minor", *PublishListingParams.INLINE[2:])
    }
    photos = [photo.name for photo in listing.photos]
    return json.dumps({**fields, "photos": photos}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def check_photos(listing: Listing) -> None:
    """Raises Rejected naming the first photo that is missing, too large or no picture, before the Site is touched."""
    if len(listing.photos) > MAX_PHOTOS:
        raise Rejected(
            f'"{listing.title}" has {len(listing.photos)} photos; a listing takes at most {MAX_PHOTOS}.',
            cure="Leave some out.",
        )
    for photo in listing.photos:
        try:
            await asyncio.to_thread(PhotoFolder(photo.parent).find, photo.name)
        except NotAPhoto as error:
            raise Rejected(
                f"The photo {photo}: {str(error).rstrip('.')}.", cure="Mend the listing's photos."
            ) from error


async def _listing(stage: Stage[PublishListingParams]) -> Listing:
    if stage.params.listing is None:
        return stage.params.inline()
    return (await stage.listings.get(stage.params.listing)).listing
