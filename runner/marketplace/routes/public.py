"""What everybody can see: the home page, listings, sellers, their feeds, photos."""

import asyncio
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from runner.marketplace import accounts, listing_form, listings, photos, web

router = APIRouter()
NOTICES = {"published": "Your listing is published.", "edited": "Your changes are saved."}


@router.get("/")
async def home(request: Request) -> Response:
    """Shows the latest listings, or those that fit a search."""
    words = request.query_params.get("q", "").strip()[:100]
    category = request.query_params.get("category", "")
    category = category if category in listing_form.CATEGORIES else ""
    rows, total = listings.find(web.market_of(request).db, words=words, category=category, sort="renewed", limit=24)
    return web.render(request, "home", rows=rows, total=total, words=words, category=category)


@router.get("/item/{listing_id}")
async def item(request: Request, listing_id: str) -> Response:
    """Shows one listing to everybody."""
    market = web.market_of(request)
    try:
        listing = listings.listing_of(market.db, web.number_in_path(listing_id))
    except LookupError as error:
        raise web.PageMissingError from error
    visitor = web.visit_of(request).account
    owned = visitor is not None and visitor.slug == listing["account"]
    if not owned:
        listings.count_view(market.db, listing["id"])
    notice = next((text for name, text in NOTICES.items() if name in request.query_params), "")
    return web.render(
        request,
        "item",
        listing=listing,
        photos=listings.photos_of(market.db, listing=listing["id"]),
        owned=owned,
        status_word=listings.status(listing, market.seed),
        notice=notice if owned else "",
    )


@router.get("/seller/{slug}")
async def seller(request: Request, slug: str) -> Response:
    """Shows a seller and all that they sell."""
    db = web.market_of(request).db
    account = accounts.by_slug(db, slug)
    if account is None:
        raise web.PageMissingError
    _, total = listings.find(db, account=slug, limit=0)
    place = web.paging(request, total)
    rows, _ = listings.find(db, account=slug, offset=place.offset, limit=web.PER_PAGE)
    return web.render(request, "seller", seller=account, rows=rows, paging=place)


@router.get("/seller/{slug}/feed.xml")
async def feed(request: Request, slug: str) -> Response:
    """Serves a seller's listings as RSS 2.0, the newest fifty."""
    db = web.market_of(request).db
    account = accounts.by_slug(db, slug)
    if account is None:
        raise web.PageMissingError
    root = str(request.base_url).rstrip("/")
    rows, _ = listings.find(db, account=slug, limit=50)
    items = []
    for row in rows:
        link = f"{root}/item/{row['id']}"
        published = format_datetime(datetime.fromisoformat(row["published_at"]))
        price = f"{web.plain_money(row['price_cents'])} {row['currency']}"
        items.append(
            f"<item><title>{_xml(row['title'])}</title><link>{link}</link>"
            f'<guid isPermaLink="true">{link}</guid><pubDate>{published}</pubDate>'
            f"<category>{_xml(row['category'])}</category>"
            f"<description>{_xml(price + ' — ' + row['description'])}</description></item>"
        )
    body = (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{_xml(account.name)} on Bazaar</title><link>{root}/seller/{slug}</link>"
        f"<description>{_xml(account.tagline)}</description>{''.join(items)}</channel></rss>"
    )
    return Response(body, media_type="application/rss+xml")


def _xml(text: str) -> str:
    """Escapes a text for XML and leaves out the control characters that XML forbids."""
    return escape("".join(letter for letter in text if letter >= " " or letter in "\t\n"))


@router.get("/photos/{name}")
async def photo(request: Request, name: str) -> Response:
    """Serves a photo, `ID.jpg`, or its thumbnail, `ID-thumb.jpg`."""
    market = web.market_of(request)
    stem = name.removesuffix(".jpg")
    photo_id = web.number_in_path(stem.removesuffix("-thumb"))
    row = market.db.first("SELECT * FROM photo WHERE id = ?", photo_id)
    if row is None or not name.endswith(".jpg"):
        raise web.PageMissingError
    folder, thumb = market.data_dir / "photos", stem.endswith("-thumb")
    path, media_type = await asyncio.to_thread(photos.file_of, folder, row, thumb=thumb)
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})
