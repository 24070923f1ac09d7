"""The levers behind the scenes: ledger, faults, state, clock, reset, and counterparts who write. Loopback only."""

import difflib
import json
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from runner.marketplace import accounts, challenges, inbox, ledger, seed, web
from runner.marketplace.faults import FaultError
from runner.marketplace.ledger import Kind
from runner.marketplace.market import Interjection, utc_now

router = APIRouter()
SLUGS = tuple(account["slug"] for account in seed.catalogue()["accounts"])


class ControlError(ValueError):
    """A control request cannot be understood; the message says which key and what would be valid."""


def refused(_request: Request, error: Exception) -> Response:
    """Answers a control request that cannot be understood."""
    return JSONResponse({"error": str(error)}, status_code=422)


async def _json(request: Request) -> Any:
    body = await request.body()
    if not body:
        return {}
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error


def _object(given: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ControlError("expected a JSON object")
    for key in given:
        if key not in keys:
            raise ControlError(f'unknown key "{key}"; {_nearest(key, keys)}')
    return given


def _nearest(name: str, valid: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else "valid are " + ", ".join(valid)


def _account(slug: object) -> str:
    if slug not in SLUGS:
        raise ControlError(f'key "account": unknown {slug!r}; {_nearest(str(slug), SLUGS)}')
    return str(slug)


@router.get("/_ledger")
async def read_ledger(request: Request) -> Response:
    """Returns the ledger's entries after `since`, of one kind and account where these are given."""
    query = request.query_params
    kind, account, since = query.get("kind") or None, query.get("account") or None, query.get("since") or "0"
    if kind is not None and kind not in list(Kind):
        raise ControlError(f'key "kind": unknown {kind!r}; {_nearest(kind, tuple(Kind))}')
    if not since.isdecimal():
        raise ControlError(f'key "since": expected a sequence number, got {since!r}')
    db = web.market_of(request).db
    found = ledger.entries(
        db, kind=Kind(kind) if kind else None, account=_account(account) if account else None, since=int(since)
    )
    return JSONResponse({"entries": found, "last_seq": ledger.last_seq(db)})


@router.get("/_faults")
async def list_faults(request: Request) -> Response:
    """Returns the rules in force, each with how often it has fired."""
    return JSONResponse({"rules": web.market_of(request).faults.described()})


@router.put("/_faults")
async def replace_faults(request: Request) -> Response:
    """Puts new rules in the place of all old ones."""
    faults = web.market_of(request).faults
    try:
        faults.replace(await _json(request), SLUGS)
    except FaultError as error:
        raise ControlError(str(error)) from error
    return JSONResponse({"rules": faults.described()})


@router.get("/_state")
async def state(request: Request) -> Response:
    """Returns counts per account, and the open challenges with their answers."""
    market = web.market_of(request)
    rows = market.db.all(
        """SELECT slug AS account, name, email, lock_reason IS NOT NULL AS locked,
             (SELECT count(*) FROM thread WHERE account = slug) AS threads,
             (SELECT count(*) FROM message JOIN thread ON thread.id = thread_id WHERE account = slug) AS messages,
             (SELECT coalesce(sum(unread), 0) FROM thread WHERE account = slug) AS unread,
             (SELECT count(*) FROM listing WHERE account = slug AND deleted_at IS NULL) AS listings,
             (SELECT count(*) FROM session WHERE account = slug) AS sessions
           FROM account ORDER BY slug"""
    )
    body = {
        "seed": market.seed,
        "accounts": [{**dict(row), "locked": bool(row["locked"])} for row in rows],
        "challenges": challenges.all_open(market.db),
        "ledger_last_seq": ledger.last_seq(market.db),
    }
    return JSONResponse(body)


@router.post("/_reset")
async def reset(request: Request) -> Response:
    """Makes everything as it was at the first start, from the same seed or another."""
    given = _object(await _json(request), ("seed",))
    number = given.get("seed")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise ControlError(f'key "seed": expected a whole number, got {number!r}')
    market = web.market_of(request)
    market.reset(number)
    return JSONResponse({"seed": market.seed})


@router.post("/_unlock")
async def unlock(request: Request) -> Response:
    """Lifts an account's lock and closes its challenges."""
    slug = _account(_object(await _json(request), ("account",)).get("account"))
    market = web.market_of(request)
    with market.db.transaction():
        accounts.unlock(market.db, slug, market.now())
    return JSONResponse({"account": slug})


@router.get("/_clock")
async def read_clock(request: Request) -> Response:
    """Returns what time it is here, and how far that is ahead of the machine's time."""
    market = web.market_of(request)
    return JSONResponse({"now": market.now().isoformat(), "ahead_s": market.clock.ahead / timedelta(seconds=1)})


@router.post("/_clock")
async def set_clock(request: Request) -> Response:
    """Sets the clock of ledger, messages and sessions to a moment (`now`), or so far ahead of the machine's."""
    given = _object(await _json(request), ("now", "ahead_s"))
    if len(given) != 1:
        raise ControlError('expected one of the keys "now" and "ahead_s"')
    clock = web.market_of(request).clock
    clock.ahead = _until(given["now"]) if "now" in given else _span(given["ahead_s"])
    return await read_clock(request)


def _until(given: object) -> timedelta:
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise ControlError(f'key "now": {error}') from error
    if moment.tzinfo is None:
        raise ControlError(f'key "now": {given!r} has no time zone; write it like 2026-10-19T08:00:00Z')
    return moment - utc_now()


def _span(given: object) -> timedelta:
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return timedelta(seconds=given)
    except (OverflowError, ValueError):
        pass
    raise ControlError(f'key "ahead_s": expected seconds, got {given!r}')


@router.post("/_incoming")
async def incoming(request: Request) -> Response:
    """Lets a counterpart write, into a thread that is there or a new one; `after_readings` says when, else now.

    With it the message comes right after the thread was served to its account so many more times.
    """
    keys = ("account", "text", "thread_id", "counterpart", "listing_id", "after_readings")
    given = _object(await _json(request), keys)
    slug, market = _account(given.get("account")), web.market_of(request)
    try:
        text = inbox.clean(str(given.get("text", "")))
    except inbox.MessageError as error:
        raise ControlError(f'key "text": {error}') from error
    if given.get("thread_id") is None:
        listing = given.get("listing_id")
        counterpart = str(given.get("counterpart") or "Robin Fielding")
        listing_id = None if listing is None else _own_listing(request, slug, listing)
        thread_id = inbox.new_thread(market.db, slug, counterpart, listing_id, market.now())
    else:
        thread_id = _number("thread_id", given["thread_id"])
    thread = inbox.thread_of(market.db, slug, thread_id)
    if thread is None:
        raise ControlError(f'key "thread_id": {slug} has no thread {thread_id}')
    if given.get("after_readings") is not None:
        readings = _number("after_readings", given["after_readings"])
        market.interjections.append(Interjection(thread_id=thread_id, readings=readings, text=text))
        return JSONResponse({"thread_id": str(thread_id), "message_id": None}, status_code=202)
    request_id = web.visit_of(request).request_id
    message_id = inbox.write(market.db, thread, "in", text, now=market.now(), request_id=request_id)
    return JSONResponse({"thread_id": str(thread_id), "message_id": str(message_id)}, status_code=201)


@router.post("/_edit")
async def edit(request: Request) -> Response:
    """Lets whoever wrote a message change its words."""
    given = _object(await _json(request), ("message_id", "text"))
    number, market = _number("message_id", given.get("message_id")), web.market_of(request)
    try:
        text = inbox.clean(str(given.get("text", "")))
        inbox.edit(market.db, number, text, now=market.now(), request_id=web.visit_of(request).request_id)
    except inbox.MessageError as error:
        raise ControlError(f'key "text": {error}') from error
    except LookupError as error:
        raise ControlError(f'key "message_id": {error}') from error
    return JSONResponse({"message_id": str(number)})


@router.post("/_delete")
async def delete(request: Request) -> Response:
    """Lets whoever wrote a message take it away."""
    given = _object(await _json(request), ("message_id",))
    number, market = _number("message_id", given.get("message_id")), web.market_of(request)
    try:
        inbox.delete(market.db, number, now=market.now(), request_id=web.visit_of(request).request_id)
    except LookupError as error:
        raise ControlError(f'key "message_id": {error}') from error
    return JSONResponse({"message_id": str(number)})


def _number(key: str, given: object) -> int:
    if not str(given).isdecimal():
        raise ControlError(f'key "{key}": expected an id, got {given!r}')
    return int(str(given))


def _own_listing(request: Request, slug: str, given: object) -> int:
    number = _number("listing_id", given)
    if web.market_of(request).db.first("SELECT 1 FROM listing WHERE id = ? AND account = ?", number, slug) is None:
        raise ControlError(f'key "listing_id": {slug} has no listing {number}')
    return number
