"""The history of Threads as text, piece by piece: one JSON document, or CSV with a row for each message and note."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from runner.api import sheets
from runner.store.history import ThreadHistory

HEADINGS = (
    *("thread", "account", "counterpart", "listing", "status", "assignee", "tags"),
    *("kind", "at", "direction", "sender", "text", "type", "confidence", "verdict", "rule", "edited", "deleted"),
)


async def as_json(histories: AsyncIterator[ThreadHistory]) -> AsyncIterator[str]:
    """{"threads": [...]}, a Thread at a time."""
    first = True
    yield '{"threads": ['
    async for each in histories:
        yield ("\n" if first else ",\n") + json.dumps(dataclasses.asdict(each), default=_told, ensure_ascii=False)
        first = False
    yield "\n]}\n"


async def as_csv(histories: AsyncIterator[ThreadHistory], zone: ZoneInfo) -> AsyncIterator[str]:
    """A table in which no cell is a formula; times are those of `zone`."""
    yield "\ufeff" + sheets.csv_row(HEADINGS, zone)
    async for each in histories:
        for row in _rows(each):
            yield sheets.csv_row(row, zone)


def _rows(of: ThreadHistory) -> Iterator[Sequence[sheets.Cell]]:
    thread = of.thread
    whose = (
        *(thread.id, thread.account, thread.counterpart, thread.listing_title, thread.status, thread.assignee),
        ", ".join(thread.tags),
    )
    decided = {each.message_id: each for each in of.decided}
    for each in of.messages:
        what = decided.get(each.id)
        yield (
            *whose,
            *("message", each.sent_at or each.first_seen_at, each.direction, each.sender, each.text),
            *(each.type, each.confidence, what.verdict if what else None, what.rule if what else None),
            *(each.edited_at, each.deleted_at),
        )
    for note in of.notes:
        yield (*whose, "note", note.at, None, note.by, note.text, None, None, None, None, None, None)


def _told(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
