"""Drafts and listings: saving, publishing, changing, finding."""

import sqlite3
from datetime import datetime, timedelta

from runner.marketplace import ledger, listing_form, seed
from runner.marketplace.database import Database, Value, iso
from runner.marketplace.ledger import Kind
from runner.marketplace.listing_form import Fields
from runner.marketplace.photos import Stored

LIFETIME = timedelta(days=30)
SORTS = {"published": "published_at DESC, id DESC", "renewed": "renewed_at DESC, id DESC"}


def save_draft(db: Database, account: str, fields: Fields, *, now: datetime, draft_id: int | None = None) -> int:
    """Saves a new draft, or the fields of an old one; returns its id."""
    with db.transaction():
        if draft_id is None:
            return db.insert("draft", account=account, saved_at=iso(now), **fields.columns())
        _set_fields(db, "draft", draft_id, fields)
        return draft_id


def _set_fields(db: Database, table: str, row_id: int, fields: Fields) -> None:
    columns = fields.columns()
    assignments = ", ".join(f"{name} = ?" for name in columns)
    db.run(f"UPDATE {table} SET {assignments} WHERE id = ?", *columns.values(), row_id)  # noqa: S608 (names are our own)


def draft_of(db: Database, account: str, draft_id: int) -> sqlite3.Row | None:
    """Returns an account's draft, published or not."""
    return db.first("SELECT * FROM draft WHERE id = ? AND account = ?", draft_id, account)


def unfinished(db: Database, account: str) -> list[sqlite3.Row]:
    """Returns an account's drafts that have not been published, newest first, ten at most."""
    return db.all("SELECT * FROM draft WHERE account = ? AND published = 0 ORDER BY id DESC LIMIT 10", account)


def photos_of(db: Database, *, draft: int | None = None, listing: int | None = None) -> list[sqlite3.Row]:
    """Returns the photos of a draft or of a listing, in their order."""
    if draft is not None:
        return db.all("SELECT * FROM photo WHERE draft_id = ? ORDER BY id", draft)
    return db.all("SELECT * FROM photo WHERE listing_id = ? ORDER BY id", listing)


def add_photo(db: Database, draft: sqlite3.Row, name: str, stored: Stored, *, now: datetime, request_id: str) -> int:
    """Adds an uploaded photo to a draft; returns the photo's id."""
    with db.transaction():
        photo_id = db.insert("photo", draft_id=draft["id"], name=name, file=stored.file, media_type=stored.media_type)
        ledger.append(
            db,
            Kind.UPLOAD,
            at=now,
            account=draft["account"],
            request_id=request_id,
            subject=photo_id,
            content_hash=stored.content_hash,
            draft=str(draft["id"]),
            name=name,
            size_bytes=stored.size_bytes,
        )
    return photo_id


def remove_photo(db: Database, draft_id: int, photo_id: int) -> bool:
    """Takes a photo out of a draft; says whether it was there."""
    with db.transaction():
        return db.run("DELETE FROM photo WHERE id = ? AND draft_id = ?", photo_id, draft_id) > 0


def publish(db: Database, draft: sqlite3.Row, *, now: datetime, request_id: str) -> int:
    """Publishes a draft and returns the listing's id.

    Publishing the same draft again makes a second listing, as on a site without idempotency keys.
    """
    fields = listing_form.from_row(draft)
    at = iso(now)
    with db.transaction():
        listing_id = db.insert("listing", account=draft["account"], published_at=at, renewed_at=at, **fields.columns())
        db.run(
            "INSERT INTO photo (listing_id, name, file, media_type)"
            " SELECT ?, name, file, media_type FROM photo WHERE draft_id = ? ORDER BY id",
            listing_id,
            draft["id"],
        )
        db.run("UPDATE draft SET published = published + 1 WHERE id = ?", draft["id"])
        listing = listing_of(db, listing_id)
        _write_down(db, Kind.LISTING_PUBLISHED, listing, now=now, request_id=request_id, draft=str(draft["id"]))
    return listing_id


def _write_down(
    db: Database, kind: Kind, listing: sqlite3.Row, *, now: datetime, request_id: str, **more: Value
) -> None:
    fields = listing_form.from_row(listing)
    ledger.append(
        db,
        kind,
        at=now,
        account=listing["account"],
        request_id=request_id,
        subject=listing["id"],
        content_hash=fields.content_hash(),
        photos=db.number("SELECT count(*) FROM photo WHERE listing_id = ?", listing["id"]),
        **fields.as_form(),
        **more,
    )


def listing_of(db: Database, listing_id: int, account: str | None = None) -> sqlite3.Row:
    """Returns a listing that has not been deleted, of one account where it is given; raises LookupError."""
    row = db.first(
        "SELECT listing.*, account.name AS seller FROM listing JOIN account ON account.slug = listing.account"
        " WHERE id = ? AND deleted_at IS NULL AND (? IS NULL OR account = ?)",
        listing_id,
        account,
        account,
    )
    if row is None:
        raise LookupError(f"listing {listing_id} is not there")
    return row


def edit(db: Database, listing: sqlite3.Row, fields: Fields, *, now: datetime, request_id: str) -> None:
    """Changes a listing's fields."""
    with db.transaction():
        _set_fields(db, "listing", listing["id"], fields)
        changed = listing_of(db, listing["id"])
        _write_down(db, Kind.LISTING_EDITED, changed, now=now, request_id=request_id)


def renew(db: Database, listing: sqlite3.Row, *, now: datetime, request_id: str) -> None:
    """Begins a listing's thirty days anew."""
    with db.transaction():
        db.run("UPDATE listing SET renewed_at = ? WHERE id = ?", iso(now), listing["id"])
        _write_down(db, Kind.LISTING_RENEWED, listing, now=now, request_id=request_id)


def delete(db: Database, listing: sqlite3.Row, *, now: datetime, request_id: str) -> None:
    """Takes a listing down."""
    with db.transaction():
        db.run("UPDATE listing SET deleted_at = ? WHERE id = ?", iso(now), listing["id"])
        _write_down(db, Kind.LISTING_DELETED, listing, now=now, request_id=request_id)


def count_view(db: Database, listing_id: int) -> None:
    """Counts that a visitor looked at a listing."""
    with db.transaction():
        db.run("UPDATE listing SET views = views + 1 WHERE id = ?", listing_id)


def status(listing: sqlite3.Row, seed_number: int) -> str:
    """Says whether a listing is `active` or `expired`.

    Time stands still for this at the end of the seeded history, or the whole shop would expire with the calendar.
    """
    renewed = datetime.fromisoformat(listing["renewed_at"])
    return "expired" if renewed < seed.epoch(seed_number) - LIFETIME else "active"


def find(
    db: Database,
    *,
    account: str | None = None,
    words: str = "",
    category: str = "",
    sort: str = "published",
    offset: int = 0,
    limit: int = 20,
) -> tuple[list[sqlite3.Row], int]:
    """Returns one page of the listings that fit, each with `cover` (a photo's id or None), and how many fit in all."""
    conditions, values = ["deleted_at IS NULL"], list[Value]()
    if account is not None:
        conditions.append("account = ?")
        values.append(account)
    if category:
        conditions.append("category = ?")
        values.append(category)
    for word in words.split():
        conditions.append("instr(fold(title || ' ' || reference), fold(?))")
        values.append(word)
    where = " AND ".join(conditions)
    # The conditions are chosen from the fixed texts above; all that a visitor typed is bound.
    total = db.number(f"SELECT count(*) FROM listing WHERE {where}", *values)  # noqa: S608 because values are bound
    rows = db.all(
        "SELECT listing.*, (SELECT min(photo.id) FROM photo WHERE listing_id = listing.id) AS cover"  # noqa: S608 because values are bound
        f" FROM listing WHERE {where} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",
        *values,
        limit,
        offset,
    )
    return rows, total
