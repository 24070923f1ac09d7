"""Listings by reference: what is for sale, and how far each Account is with it; and a table to begin an import with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from runner.api.routes.listings import told
from runner.api.routing import Given, Routes
from runner.api.shapes import Cursor, Id, ListingOut, PageOut, Shape, page, wish
from runner.domain.access import Role
from runner.domain.listing_groups import ListingGroup, ListingQuestion
from runner.domain.listings import ListingState
from runner.domain.states import JobState
from runner.errors import ErrorKind

routes = Routes("listings")

TEMPLATE = """\
reference,title,price,currency,category,condition,description,location,photos,accounts
BIKE-1,Red city bike,120.00,EUR,Bikes,good,"Rides well, new tyres.",Lisbon,,
"""
"""Every column that an import knows; reference, title and price are compulsory."""


class PublishJobOut(Shape):
    """The newest Job that was to publish it and has not done so (yet)."""

    id: Id
    state: JobState
    error_kind: ErrorKind | None
    error: str | None


class ListingCopyOut(ListingOut):
    """A Listing as one Account has it."""

    job: PublishJobOut | None = Field(description="Null once it is published, or when nobody has asked for it.")


class ListingGroupOut(Shape):
    """The Listings of one reference; title, price and photo are those of the newest."""

    reference: str
    title: str
    price_minor: int
    currency: str
    photo: str | None = Field(description="Where its first photo is read from.")
    newest_id: Id
    copies: Sequence[ListingCopyOut] = Field(description="One for each account that has it.")


@routes.get("/listings/groups", role=Role.VIEWER)
async def list_groups(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    state: ListingState | None = None,
    reference: Annotated[str | None, Query(max_length=500, description="Only this one.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the title or of the reference.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 24,
    cursor: Cursor = None,
) -> PageOut[ListingGroupOut]:
    """Listings by reference, those with the newest first; each with all its accounts, whichever matched."""
    which = ListingQuestion(account=account, state=state, reference=reference, text=q)
    return page(await given.listing_groups.groups(which, wish(limit, cursor)), _group)


@routes.get(
    "/listings/template",
    role=Role.VIEWER,
    response_class=Response,
    responses={200: {"description": "A CSV file.", "content": {"text/csv": {}}}},
)
async def get_template() -> Response:
    """A table with all columns that an import takes, and one row to be replaced."""
    named = {"Content-Disposition": 'attachment; filename="listings.csv"'}
    return Response(TEMPLATE, media_type="text/csv; charset=utf-8", headers=named)


def _group(found: ListingGroup) -> ListingGroupOut:
    newest = told(found.newest)
    copies = [
        ListingCopyOut(
            **told(each.stored).model_dump(), job=None if each.job is None else PublishJobOut.model_validate(each.job)
        )
        for each in found.copies
    ]
    shown: dict[str, Any] = {name: getattr(newest, name) for name in ("reference", "title", "price_minor", "currency")}
    photo = next((each.photos[0] for each in (newest, *copies) if each.photos), None)
    return ListingGroupOut(**shown, photo=photo, newest_id=newest.id, copies=copies)
