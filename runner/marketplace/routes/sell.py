"""Selling something in three steps: details, photos, review."""

import asyncio
import sqlite3

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile

from runner.marketplace import listing_form, listings, photos, web
from runner.marketplace.photos import PhotoError

router = APIRouter()


def _draft(request: Request, draft_id: str) -> sqlite3.Row:
    account = web.signed_in(request)
    draft = listings.draft_of(web.market_of(request).db, account.slug, web.number_in_path(draft_id))
    if draft is None:
        raise web.PageMissingError
    return draft


@router.get("/sell")
async def new_listing(request: Request) -> Response:
    """Shows the empty details form, and the drafts that wait to be finished."""
    account = web.signed_in(request)
    values = dict.fromkeys(listing_form.NAMES, "") | {"currency": "EUR", "location": account.town}
    return _details(request, values)


def _details(
    request: Request, values: dict[str, str], errors: dict[str, str] | None = None, draft_id: int | None = None
) -> Response:
    drafts = [] if draft_id else listings.unfinished(web.market_of(request).db, web.signed_in(request).slug)
    return web.render(
        request,
        "sell-details",
        status=422 if errors else 200,
        values=values,
        errors=errors or {},
        action=f"/sell/{draft_id}" if draft_id else "/sell",
        drafts=drafts,
    )


@router.get("/sell/{draft_id}")
async def old_draft(request: Request, draft_id: str) -> Response:
    """Shows the details form of a saved draft."""
    draft = _draft(request, draft_id)
    return _details(request, listing_form.from_row(draft).as_form(), draft_id=draft["id"])


@router.post("/sell")
async def save_new(request: Request) -> Response:
    """Saves the details as a new draft."""
    return await _save(request, None)


@router.post("/sell/{draft_id}")
async def save_old(request: Request, draft_id: str) -> Response:
    """Saves the details of an old draft."""
    return await _save(request, _draft(request, draft_id))


async def _save(request: Request, draft: sqlite3.Row | None) -> Response:
    account, market = web.signed_in(request), web.market_of(request)
    form = await web.checked_form(request)
    values = listing_form.clean({name: web.text_of(form, name) for name in listing_form.NAMES})
    fields, errors = listing_form.check(values)
    old_id = None if draft is None else int(draft["id"])
    if fields is None:
        return _details(request, values, errors, old_id)
    draft_id = listings.save_draft(market.db, account.slug, fields, now=market.now(), draft_id=old_id)
    return web.redirect(f"/sell/{draft_id}/photos")


@router.get("/sell/{draft_id}/photos")
async def photos_page(request: Request, draft_id: str) -> Response:
    """Shows the draft's photos and takes more."""
    draft = _draft(request, draft_id)
    taken = listings.photos_of(web.market_of(request).db, draft=draft["id"])
    return web.render(request, "sell-photos", draft=draft, photos=taken, most_photos=listing_form.MOST_PHOTOS)


@router.post("/api/drafts/{draft_id}/photos")
async def upload_photo(request: Request, draft_id: str) -> Response:
    """Takes one photo into a draft."""
    draft, market = _draft(request, draft_id), web.market_of(request)
    form = await web.checked_form(request)
    upload = form.get("photo")
    if not isinstance(upload, UploadFile):
        return JSONResponse({"error": "validation", "message": "Choose a file first."}, status_code=422)
    name, content = upload.filename or "photo", await upload.read()
    try:
        stored = await asyncio.to_thread(photos.store, market.data_dir / "photos", name, content)
    except PhotoError as error:
        return JSONResponse({"error": "validation", "message": str(error)}, status_code=422)
    if len(listings.photos_of(market.db, draft=draft["id"])) >= listing_form.MOST_PHOTOS:
        message = f"A listing can have at most {listing_form.MOST_PHOTOS} photos."
        return JSONResponse({"error": "validation", "message": message}, status_code=422)
    request_id = web.visit_of(request).request_id
    photo_id = listings.add_photo(market.db, draft, name, stored, now=market.now(), request_id=request_id)
    body = {"id": str(photo_id), "url": f"/photos/{photo_id}-thumb.jpg", "name": name}
    return JSONResponse(body, status_code=201)


@router.post("/api/drafts/{draft_id}/photos/{photo_id}/remove")
async def remove_photo(request: Request, draft_id: str, photo_id: str) -> Response:
    """Takes a photo out of a draft again."""
    draft = _draft(request, draft_id)
    await web.checked_form(request)
    if not listings.remove_photo(web.market_of(request).db, draft["id"], web.number_in_path(photo_id)):
        raise web.PageMissingError
    return Response(status_code=204)


@router.get("/sell/{draft_id}/review")
async def review_page(request: Request, draft_id: str) -> Response:
    """Shows what would be published."""
    draft = _draft(request, draft_id)
    taken = listings.photos_of(web.market_of(request).db, draft=draft["id"])
    return web.render(request, "sell-review", draft=draft, photos=taken)


@router.post("/sell/{draft_id}/publish")
async def publish(request: Request, draft_id: str) -> Response:
    """Publishes a draft."""
    market = web.market_of(request)
    web.signed_in(request)
    await web.checked_form(request)
    draft = _draft(request, draft_id)
    listing_id = listings.publish(market.db, draft, now=market.now(), request_id=web.visit_of(request).request_id)
    return web.redirect(f"/item/{listing_id}?published=1")
