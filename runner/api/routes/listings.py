"""Listings: items for sale, imported and published."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import File, Form, Path, Query, UploadFile
from fastapi.responses import FileResponse
from pydantic import Field

from runner.api import files
from runner.api.problems import Refusal
from runner.api.routing import PREFIX, Given, JobKey, Routes
from runner.api.shapes import (
    Asked,
    BatchOut,
    Cursor,
    Id,
    Limit,
    ListingOut,
    Number,
    PageOut,
    Shape,
    Sort,
    Word,
    page,
    wish,
)
from runner.domain.access import Role
from runner.domain.listings import Listing, ListingState, StoredListing
from runner.errors import SetupError
from runner.intake.listings import NewListing, read_listings
from runner.intake.report import Intake
from runner.orchestrator import decisions
from runner.store.pages import after_number, order_of, page_of

routes = Routes("listings")

ListingId = Annotated[Number, Path(description="The Listing's id.")]
LARGEST_IMPORT_BYTES = 200_000_000
MOST_PHOTOS = 500
TABLES = frozenset({".csv", ".xlsx", ".json", ".tsv"})


class PublishIn(Asked):
    """Which Listings, and by whom: each by its own Account, or all of them by each of these."""

    listings: list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]] = Field(min_length=1, max_length=1000)
    accounts: list[Word] = Field(
        default_factory=list, max_length=100, description="Not given: each Listing by the Account that it has."
    )


class RowOut(Shape):
    """What is wrong with a row, or what a person should know of it."""

    line: int | None
    column: str | None
    reason: str


class ImportOut(Shape):
    """What an import did."""

    rows: int
    dry_run: bool
    ready: int = Field(description="How many Listings the good rows make, one for each of their Accounts.")
    counts: dict[str, int] = Field(description="How many were added, changed, unchanged or kept; empty in a dry run.")
    listings: list[Id]
    problems: list[RowOut]
    warnings: list[RowOut]


@routes.get("/listings", role=Role.VIEWER)
async def list_listings(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    state: Annotated[list[ListingState] | None, Query(description="Only these; may be repeated.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[ListingOut]:
    """The Listings, the oldest first. Sorts by id."""
    asked = wish(limit, cursor, sort)
    _, down = order_of(asked, ("id",), "id")
    found = await given.records.listings.list_listings(
        account_name=account, states=state or (), limit=limit + 1, after_id=after_number(asked) or 0, newest_first=down
    )
    return page(page_of(found, asked, lambda each: each.id), _out)


@routes.get("/listings/{listing_id}", role=Role.VIEWER)
async def get_listing(given: Given, listing_id: ListingId) -> ListingOut:
    """One Listing."""
    return _out(await given.records.listings.get(listing_id))


@routes.get(
    "/listings/{listing_id}/photos/{ordinal}",
    role=Role.VIEWER,
    response_class=FileResponse,
    responses={200: {"description": "The photo.", "content": {"image/jpeg": {}, "image/png": {}}}},
)
async def get_photo(given: Given, listing_id: ListingId, ordinal: Annotated[int, Path(ge=0, le=100)]) -> FileResponse:
    """One photo of a Listing, counted from 0."""
    photos = (await given.records.listings.get(listing_id)).listing.photos
    if ordinal >= len(photos) or photos[ordinal].suffix.lower() not in files.PICTURES:
        raise Refusal(404, "not_found", f"Listing {listing_id} has no photo {ordinal} that can be shown.")
    return await asyncio.to_thread(files.sent, photos[ordinal], name=f"listing-{listing_id}-{ordinal}")


@routes.post("/listings/publish", role=Role.AGENT, creates=True, status_code=201)
async def publish(given: Given, asked: PublishIn, key: JobKey) -> BatchOut:
    """Publish Listings as one Batch; what is at the site already stays as it is."""
    found = [await given.records.listings.get(int(number)) for number in asked.listings]
    if asked.accounts:
        found = [await _of(given, each, name) for each in found for name in asked.accounts]
    jobs = decisions.publishing(found, max_attempts=given.rules.max_attempts)
    if key is not None:
        jobs = [replace(job, key=f"{key}:{number}") for number, job in enumerate(jobs)]
    number, stored = await given.engine.submit_batch("publish", jobs)
    # The Jobs of an earlier request that died before its answer: theirs is the Batch that counts.
    first = next((job.batch_id for job in stored if job.batch_id is not None), number)
    return BatchOut.model_validate(await given.engine.batch(first))


@routes.post("/listings/import", role=Role.AGENT, status_code=201, max_body_size=LARGEST_IMPORT_BYTES)
async def import_listings(
    given: Given,
    file: Annotated[UploadFile, File(description="CSV, XLSX or JSON, as runner listings import takes it.")],
    photos: Annotated[list[UploadFile] | None, File(description="The photos that the rows name.")] = None,
    account: Annotated[str | None, Form(max_length=200, description="Who publishes rows that name nobody.")] = None,
    strict: Annotated[bool, Form(description="Import nothing when any row is wrong.")] = False,
    dry_run: Annotated[bool, Form(description="Only say what is wrong with which row.")] = False,
) -> ImportOut:
    """Import Listings with their photos; importing the same again changes nothing."""
    if account is not None:
        await given.records.accounts.by_name(account)
    known = [each.name for each in await given.records.accounts.list_accounts()]
    folder = given.rules.uploads_dir / secrets.token_hex(8)
    kept = False
    try:
        table = await asyncio.to_thread(_unpack, folder, file, photos or [])
        intake = await asyncio.to_thread(read_listings, table, photos_dir=None, known_accounts=known)
        new = _new(intake, account) if not (strict and intake.problems) else []
        saved = [] if dry_run else await given.records.listings.save_many(new)
        kept = bool(saved)
    finally:
        if not kept:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return ImportOut(
        rows=intake.rows,
        dry_run=dry_run,
        ready=len(new),
        counts=dict(Counter(what.value for _, what in saved)),
        listings=[str(stored.id) for stored, _ in saved],
        problems=[RowOut(line=each.line, column=each.column, reason=str(each)) for each in intake.problems],
        warnings=[RowOut(line=each.line, column=each.column, reason=each.reason) for each in intake.warnings],
    )


def _new(intake: Intake[NewListing], account: str | None) -> list[tuple[Listing, str | None]]:
    new: list[tuple[Listing, str | None]] = []
    for _, each in intake.items:
        names: Sequence[str | None] = each.accounts or [account]
        new += [(each.listing, name) for name in names]
    return new


def _unpack(folder: FilePath, file: UploadFile, photos: Sequence[UploadFile]) -> FilePath:
    """Put what was sent into a folder of its own; names are cut down to what cannot leave it."""
    if len(photos) > MOST_PHOTOS:
        raise SetupError(f"More than {MOST_PHOTOS} photos at once.", cure="Send them in parts.")
    ending = PurePosixPath(file.filename or "").suffix.lower()
    if ending not in TABLES:
        raise SetupError("The file is no table.", cure="Send one whose name ends with .csv, .xlsx or .json.")
    (folder / "photos").mkdir(parents=True, mode=0o700)
    table = folder / f"listings{ending}"
    for target, upload in [(table, file), *((folder / "photos" / _name(each), each) for each in photos)]:
        with contextlib.suppress(OSError):
            upload.file.seek(0)
        with target.open("wb") as written:
            shutil.copyfileobj(upload.file, written)
    return table


def _name(upload: UploadFile) -> str:
    name = re.split(r"[/\\]", upload.filename or "")[-1]
    cleaned = re.sub(r"[^\w .()-]", "_", name).strip(". ")[:120]
    if PurePosixPath(cleaned).suffix.lower() not in files.PICTURES:
        raise SetupError("One of the photos is no picture by its name.", cure="Send .jpg, .png or .webp.")
    return cleaned


async def _of(given: Given, stored: StoredListing, account: str) -> StoredListing:
    """The same Listing as that Account has it, copied to it when it does not have it yet."""
    if stored.account == account:
        return stored
    copied, _ = await given.records.listings.save(stored.listing, account)
    return copied


def _out(found: StoredListing) -> ListingOut:
    item = found.listing
    own: dict[str, Any] = {"photos": [f"{PREFIX}/listings/{found.id}/photos/{n}" for n in range(len(item.photos))]}
    inner = {name: getattr(item, name) for name in ListingOut.model_fields if hasattr(item, name) and name != "photos"}
    outer = ("id", "account", "state", "remote_id", "url", "published_at")
    return ListingOut(**inner, **{name: getattr(found, name) for name in outer}, **own)
