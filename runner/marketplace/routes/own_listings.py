"""An account's own listings: the list, edit, renew, delete."""

import sqlite3

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runner.marketplace import listing_form, listings, web

router = APIRouter()
NOTICES = {"renewed": "was renewed.", "deleted": "was deleted."}


def _listing(request: Request, listing_id: str) -> sqlite3.Row:
    account = web.signed_in(request)
    number = web.number_in_path(listing_id)
    try:
        return listings.listing_of(web.market_of(request).db, number, account.slug)
    except LookupError as error:
        raise web.PageMissingError from error


@router.get("/listings")
async def own_listings(request: Request) -> Response:
    """Lists an account's own listings, newest first."""
    account, market = web.signed_in(request), web.market_of(request)
    words = request.query_params.get("q", "").strip()
    _, total = listings.find(market.db, account=account.slug, words=words, limit=0)
    place = web.paging(request, total, words)
    rows, _ = listings.find(market.db, account=account.slug, words=words, offset=place.offset, limit=web.PER_PAGE)
    shown = [{"listing": row, "status": listings.status(row, market.seed)} for row in rows]
    return web.render(request, "listings", rows=shown, paging=place, notice=_notice(request), words=words)


def _notice(request: Request) -> str:
    for name, words in NOTICES.items():
        listing_id = request.query_params.get(name, "")
        if listing_id.isdecimal():
            account = web.signed_in(request)
            row = web.market_of(request).db.first(
                "SELECT title FROM listing WHERE id = ? AND account = ?", int(listing_id[:15]), account.slug
            )
            return f"“{row['title']}” {words}" if row is not None else ""
    return ""


@router.get("/listings/{listing_id}/edit")
async def edit_page(request: Request, listing_id: str) -> Response:
    """Shows the form with a listing's fields."""
    listing = _listing(request, listing_id)
    values = listing_form.from_row(listing).as_form()
    return web.render(request, "listing-edit", listing=listing, values=values, errors={})


@router.post("/listings/{listing_id}/edit")
async def edit(request: Request, listing_id: str) -> Response:
    """Saves a listing's changed fields."""
    web.signed_in(request)
    form = await web.checked_form(request)
    listing, market = _listing(request, listing_id), web.market_of(request)
    values = listing_form.clean({name: web.text_of(form, name) for name in listing_form.NAMES})
    fields, errors = listing_form.check(values)
    if fields is None:
        return web.render(request, "listing-edit", status=422, listing=listing, values=values, errors=errors)
    listings.edit(market.db, listing, fields, now=market.now(), request_id=web.visit_of(request).request_id)
    return web.redirect(f"/item/{listing['id']}?edited=1")


@router.post("/listings/{listing_id}/renew")
async def renew(request: Request, listing_id: str) -> Response:
    """Begins a listing's thirty days anew."""
    web.signed_in(request)
    await web.checked_form(request)
    listing, market = _listing(request, listing_id), web.market_of(request)
    listings.renew(market.db, listing, now=market.now(), request_id=web.visit_of(request).request_id)
    return web.redirect(f"/listings?renewed={listing['id']}")


@router.get("/listings/{listing_id}/delete")
async def delete_page(request: Request, listing_id: str) -> Response:
    """Asks whether a listing is really to be deleted."""
    return web.render(request, "listing-delete", listing=_listing(request, listing_id))


@router.post("/listings/{listing_id}/delete")
async def delete(request: Request, listing_id: str) -> Response:
    """Deletes a listing."""
    web.signed_in(request)
    await web.checked_form(request)
    listing, market = _listing(request, listing_id), web.market_of(request)
    listings.delete(market.db, listing, now=market.now(), request_id=web.visit_of(request).request_id)
    return web.redirect(f"/listings?deleted={listing['id']}")
