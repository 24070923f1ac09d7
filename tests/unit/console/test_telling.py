"""Events in words."""

from __future__ import annotations

from typing import Any

import pytest

from runner.console.telling import WORDS, gathered, told


def event(name: str, **fields: Any) -> dict[str, Any]:
    known = {"account": "amy", "job_id": "7", "attempt_id": None, "batch_id": None, "data": {}}
    return {"name": name, **known, **fields}


@pytest.mark.parametrize("name", sorted(WORDS))
def test_every_event_is_told_whatever_its_data_lack(name: str) -> None:
    assert told(event(name)).words


def test_what_is_told_leads_to_where_more_is_said() -> None:
    failed = told(event("JobFailed", data={"flow": "read_inbox", "error": "The site is down."}))
    assert (failed.words, failed.looks, failed.address) == ("read inbox failed: The site is down.", "bad", "/jobs/7")
    assert told(event("AttemptStarted", attempt_id="9")).address == "/attempts/9"
    received = told(event("MessagesReceived", job_id=None, data={"thread": 3, "counterpart": "<b>", "count": 2}))
    assert (received.words, received.address) == ("2 messages with <b>", "/inbox?thread=3")


def test_what_is_received_in_a_row_is_told_once() -> None:
    def received(account: str, count: int) -> dict[str, Any]:
        return event("MessagesReceived", account=account, job_id=None, data={"thread": 1, "count": count})

    row = [received("amy", 1), received("ben", 2), received("amy", 3), event("JobSucceeded"), received("amy", 4)]
    said = [f"{each['account']} {told(each).words}" for each in gathered(row)]
    assert said[:2] == ["amy 8 messages in 3 threads", "ben 2 messages with somebody"]
    assert len(said) == 3
