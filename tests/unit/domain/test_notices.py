"""What of the Events is told to people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.domain.jobs import Event
from runner.domain.notices import EVENTS, NoticeKind, notice_of

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def happened(name: str, **data: Any) -> Event:
    return Event(id=1, at=AT, name=name, account="amy", job_id=None, attempt_id=None, batch_id=None, data=data)


def test_each_thread_that_is_followed_up_asks_for_itself() -> None:
    one, other = (notice_of(happened("PersonAsked", thread=number, words="no text")) for number in (3, 4))
    assert one is not None
    assert other is not None
    assert (one.subject, other.subject) == ("thread:3", "thread:4")
    assert one.link == "/inbox?thread=3"


@pytest.mark.parametrize(("name", "title"), [("SlaNear", "is soon due"), ("SlaBroken", "is overdue")])
def test_a_promise_that_is_not_kept_is_told_to_a_person(name: str, title: str) -> None:
    assert name in EVENTS
    found = notice_of(happened(name, thread=3, kind="first_response", tag="vip", due=AT.isoformat()))
    assert found is not None
    assert found.kind is NoticeKind.PERSON_NEEDED
    assert title in found.title
    assert "first response" in found.lines[0]
