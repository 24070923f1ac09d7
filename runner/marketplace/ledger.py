"""The ledger: an append-only record of all that happened to the marketplace, kept apart from what its pages show."""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from runner.marketplace.database import Database, iso


class Kind(StrEnum):
    """What a ledger entry tells of."""

    SIGN_IN = "sign_in"  # the right password was given, a session began
    SIGN_IN_FAILED = "sign_in_failed"  # unknown name, wrong password, or a locked account
    SIGN_OUT = "sign_out"  # the account ended its session
    MESSAGE_SENT = "message_sent"  # the account wrote to a counterpart
    MESSAGE_EDITED = "message_edited"  # its words were changed; detail.before has the old ones
    MESSAGE_DELETED = "message_deleted"  # it was taken out of its thread; detail.text has its words
    MESSAGE_RECEIVED = "message_received"  # a counterpart wrote; seeded ones carry detail.seeded
    LISTING_PUBLISHED = "listing_published"  # a listing went public
    LISTING_EDITED = "listing_edited"  # a listing's fields changed
    LISTING_RENEWED = "listing_renewed"  # a listing's thirty days began anew
    LISTING_DELETED = "listing_deleted"  # a listing was taken down
    UPLOAD = "upload"  # a photo was accepted into a draft
    THREAD_READ = "thread_read"  # a thread's messages were served to its account
    CHALLENGE_PASSED = "challenge_passed"  # a person answered a challenge rightly


def text_hash(text: str) -> str:
    """Returns the sha256 hex digest of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def append(
    db: Database,
    kind: Kind,
    *,
    at: datetime,
    account: str | None,
    request_id: str,
    subject: int | str | None = None,
    content_hash: str | None = None,
    **detail: Any,
) -> None:
    """Adds one entry; call it inside the transaction of the change that it tells of."""
    db.insert(
        "ledger",
        at=iso(at),
        account=account,
        kind=kind,
        request_id=request_id,
        content_hash=content_hash,
        subject=None if subject is None else str(subject),
        detail=json.dumps(detail, ensure_ascii=False),
    )


def last_seq(db: Database) -> int:
    """Returns the number of the newest entry, 0 when there is none."""
    return db.number("SELECT max(seq) FROM ledger")


def entries(db: Database, *, kind: Kind | None, account: str | None, since: int) -> list[dict[str, Any]]:
    """Returns the entries after number `since`, oldest first, of one kind and one account where these are given."""
    rows = db.all(
        "SELECT * FROM ledger WHERE seq > ? AND (? IS NULL OR kind = ?) AND (? IS NULL OR account = ?) ORDER BY seq",
        since,
        kind,
        kind,
        account,
        account,
    )
    return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]
