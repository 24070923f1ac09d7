"""Which replies still stand beside the messages of a thread, and until when a thread is put away."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.console.pages.inbox_thread import pending
from runner.console.pages.inbox_tools import SNOOZES

BERLIN = ZoneInfo("Europe/Berlin")
EARLY, LATE = "2026-11-22T12:00:00Z", "2026-11-22T12:05:00.5Z"


def message(effect: str | None = None, text: str = "yes", seen: str = LATE) -> dict[str, Any]:
    return {"effect_id": effect, "text": text, "direction": "outbound", "first_seen_at": seen}


def reply(effect: str | None, delivery: str, text: str = "yes") -> dict[str, Any]:
    return {"effect_id": effect, "delivery": delivery, "text": text, "created_at": EARLY}


def test_a_reply_that_has_become_a_message_is_not_shown_again() -> None:
    assert pending([message("7")], [reply("7", "sent")]) == []
    assert len(pending([message(None, "other")], [reply("7", "sent")])) == 1


def test_the_same_words_seen_since_are_the_reply_where_a_site_gives_no_ids() -> None:
    assert pending([message(None)], [reply("7", "sent")]) == []
    before = message(None, seen="2026-11-22T11:59:59Z")
    assert len(pending([before], [reply("7", "sent")])) == 1
    assert len(pending([message(None)], [reply(None, "on_its_way")])) == 1


def test_two_requests_for_one_effect_are_shown_once_the_newest() -> None:
    newest, older = reply("7", "on_its_way", "newest"), reply("7", "on_its_way", "older")
    assert pending([], [newest, older]) == [newest]
    assert len(pending([], [reply(None, "not_sent"), reply(None, "not_sent")])) == 2


@pytest.mark.parametrize(
    ("words", "now", "until"),
    [
        ("For an hour", (2026, 11, 22, 23, 30), (2026, 11, 23, 0, 30)),
        ("Until 18:00", (2026, 11, 22, 17, 59), (2026, 11, 22, 18, 0)),
        ("Until 18:00", (2026, 11, 22, 18, 0), (2026, 11, 23, 18, 0)),
        ("Until tomorrow, 9:00", (2026, 12, 31, 8, 0), (2027, 1, 1, 9, 0)),
        ("Until Monday, 9:00", (2026, 11, 22, 8, 0), (2026, 11, 23, 9, 0)),
        ("Until Monday, 9:00", (2026, 11, 23, 8, 0), (2026, 11, 30, 9, 0)),
        ("Until tomorrow, 9:00", (2026, 10, 24, 12, 0), (2026, 10, 25, 9, 0)),
    ],
)
def test_a_thread_is_put_away_until_a_moment_of_the_shops_own_day(
    words: str, now: tuple[int, ...], until: tuple[int, ...]
) -> None:
    # Five numbers each: datetime would take a sixth for seconds.
    year, month, day, hour, minute = until
    moment = SNOOZES[words](datetime(*now, tzinfo=BERLIN))  # type: ignore[misc]  # because the tuples are of one length
    assert moment == datetime(year, month, day, hour, minute, tzinfo=BERLIN)
