"""The inbox, a thread's page, and the JSON that its script fetches."""

import sqlite3
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from runner.marketplace import inbox, web

router = APIRouter()


@router.get("/inbox")
async def inbox_page(request: Request) -> Response:
    """Lists an account's threads."""
    account = web.signed_in(request)
    db = web.market_of(request).db
    place = web.paging(request, db.number("SELECT count(*) FROM thread WHERE account = ?", account.slug))
    threads = inbox.page(db, account.slug, offset=place.offset, limit=web.PER_PAGE)
    return web.render(request, "inbox", threads=threads, paging=place)


def _thread(request: Request, thread_id: str) -> sqlite3.Row:
    account = web.signed_in(request)
    row = inbox.thread_of(web.market_of(request).db, account.slug, web.number_in_path(thread_id))
    if row is None:
        raise web.PageMissingError
    return row


@router.get("/inbox/thread/{thread_id}")
async def thread_page(request: Request, thread_id: str) -> Response:
    """Shows a thread's page; its messages are fetched by the page's script."""
    return web.render(request, "thread", thread=_thread(request, thread_id))


@router.get("/api/threads/{thread_id}")
async def thread_json(request: Request, thread_id: str) -> Response:
    """Serves a thread's messages and marks it read."""
    thread, market, request_id = _thread(request, thread_id), web.market_of(request), web.visit_of(request).request_id
    messages = inbox.read(
        market.db, thread, own_name=web.signed_in(request).name, now=market.now(), request_id=request_id
    )
    for text in market.due_interjections(thread["id"]):
        inbox.write(market.db, thread, "in", text, now=market.now(), request_id=request_id)
    listing = None
    if thread["title"] is not None:
        listing = {"id": str(thread["listing_id"]), "title": thread["title"], "url": f"/item/{thread['listing_id']}"}
    body = {"id": str(thread["id"]), "counterpart": thread["counterpart"], "listing": listing, "messages": messages}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@router.post("/api/threads/{thread_id}/messages")
async def send_message(request: Request, thread_id: str) -> Response:
    """Sends a message to the thread's counterpart."""
    account, market = web.signed_in(request), web.market_of(request)
    form = await web.checked_form(request)
    thread = _thread(request, thread_id)
    # A page without its script sends the form itself and wants to be led back.
    as_page = "application/json" not in request.headers.get("accept", "")
    try:
        text = inbox.clean(web.text_of(form, "text"))
    except inbox.MessageError as error:
        if as_page:
            return web.redirect(f"/inbox/thread/{thread['id']}?refused={quote(str(error))}")
        return JSONResponse({"error": "validation", "message": str(error)}, status_code=422)
    request_id = web.visit_of(request).request_id
    message_id = inbox.write(market.db, thread, "out", text, now=market.now(), request_id=request_id)
    if as_page:
        return web.redirect(f"/inbox/thread/{thread['id']}")
    message = inbox.as_json(inbox.message(market.db, message_id), account.name)
    return JSONResponse({"message": message}, status_code=201)
