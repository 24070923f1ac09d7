"""Limits that nothing overruns, judged by the marketplace's own ledger, and hours in which nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

DAEMON = "[orchestrator]\nconcurrency = 1\ncycle_every_s = 3600\nflows = ['check_login']\nidle_poll_s = 0.2\n"


def zone() -> str:
    """A zone in which it is the middle of the day now, so that no midnight comes into a test."""
    ahead = 12 - datetime.now(UTC).hour
    return "UTC" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


@pytest.fixture
def farids(shop: Any) -> Any:
    """A shop with farid alone, who may send three messages a day."""
    extra = f'{DAEMON}[browser]\ntimezone = "{zone()}"\n[limits.messages]\nper_day = 3\n'
    shop.configure(accounts=["farid"], extra=extra)
    return shop


def sent(shop: Any) -> int:
    return len(shop.market.ledger("message_sent", "farid"))


def asked(shop: Any, count: int) -> None:
    for number in range(count):
        thread = shop.market.incoming(f"Is it still there? {number}", account="farid")["thread_id"]
        params = ("--set", f"thread={thread}", "--set", f"text=Yes, number {number}.")
        assert shop.cli("jobs", "submit", "farid", "send_message", *params).code == 0


def put_off(shop: Any) -> int:
    found = shop.rows("select count(*) from job where flow = 'send_message' and postponed is not null")
    return int(found[0][0])


def test_a_limit_holds_through_kills_and_what_is_left_is_done_once_it_is_raised(farids: Any, wait_for: Any) -> None:
    asked(farids, 6)
    for number in (1, 2):
        daemon = farids.start("daemon")
        wait_for(lambda number=number: sent(farids) >= number, what=f"message {number} to be sent", within_s=90)
        daemon.kill()
        daemon.communicate()
    daemon = farids.start("daemon")
    wait_for(lambda: put_off(farids) == 3, what="the other three to be put off", within_s=90)
    assert sent(farids) == 3

    listed = farids.cli("jobs", "list", "--state", "queued", "--json").json["jobs"]
    assert {job["postponed"] for job in listed} == {f"limit: 3 messages a day, used 3; again at 00:00 {zone()}"}
    shown = farids.cli("limits", "show", "farid", "--json").json["accounts"][0]
    assert [(each["used"], each["left"]) for each in shown["usage"]] == [(3, 0)]
    thread = farids.market.incoming("And now?", account="farid")["thread_id"]
    own = farids.cli("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=Now.")
    assert own.code == 1
    assert "is put off. limit: 3 messages a day, used 3; again at 00:00" in own.said
    assert farids.cli("run", "farid", "check_login").code == 0, "other work goes on"

    assert farids.cli("limits", "set", "farid", "messages", "--per-day", 5).code == 0
    wait_for(lambda: sent(farids) == 5, what="two more to be sent", within_s=90)
    wait_for(lambda: put_off(farids) == 2, what="the rest to be put off again", within_s=30)
    assert sent(farids) == 5
    near = farids.rows("select count(*) from event where name = 'LimitNear'")
    assert near == [(2,)], "once under each limit"


def test_sign_ins_and_page_loads_are_counted_before_they_happen(farids: Any) -> None:
    text = farids.config.read_text()
    farids.config.write_text(text + "\n[limits.sign_ins]\nper_day = 1\n[limits.page_loads]\nper_day = 6\n")
    assert farids.cli("run", "farid", "check_login").code == 0
    (first,) = farids.rows("select count(*) from rate_usage where kind = 'page_loads'")
    assert 0 < first[0] <= 6
    for _ in range(4):
        done = farids.cli("run", "farid", "check_login")
    assert done.code == 1
    assert "limit: 6 page loads a day, used 6" in done.said
    assert farids.rows("select count(*) from rate_usage where kind = 'page_loads'") == [(6,)]
    assert len(farids.market.ledger("sign_in", "farid")) == 1
    farids.cli("limits", "set", "farid", "page_loads", "--none")
    farids.cli("profiles", "reset", "farid", "--all", "--yes")
    done = farids.cli("run", "farid", "check_login")
    assert done.code == 1
    assert "limit: 1 sign-ins a day, used 1" in done.said
    assert len(farids.market.ledger("sign_in", "farid")) == 1
    assert farids.rows("select attempts from job order by id desc limit 1") == [(0,)], "it cost no attempt"


def test_outside_the_hours_a_reply_waits_and_a_person_does_not(farids: Any) -> None:
    shut = [f"--{day}=closed" for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")]
    assert farids.cli("hours", "set", "farid", *shut, "--sunday=closed").code == 0
    asked(farids, 1)
    done = farids.cli("cycle", "--flow", "check_login")
    assert "closed, and never opens" in done.said
    assert done.code == 1
    assert sent(farids) == 0
    thread = farids.market.incoming("And now?", account="farid")["thread_id"]
    assert farids.cli("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=Now.").code == 0
    assert farids.cli("hours", "clear", "farid").code == 0
    assert farids.cli("cycle", "--flow", "check_login").code == 0
    assert sent(farids) == 2


def test_a_reply_is_sent_at_a_moment_in_the_accounts_zone(farids: Any) -> None:
    farids.market.incoming("Is it still there?", account="farid")
    assert farids.cli("run", "farid", "read_inbox").code == 0
    ((thread,),) = farids.rows("select min(id) from thread")
    done = farids.cli("send", thread, "Yes.", "--at", "2099-12-01 09:00", "--json")
    ahead = 12 - datetime.now(UTC).hour
    assert (
        done.json["job"]["due_at"] == f"2099-12-01T{9 - ahead:02}:00:00Z" if ahead <= 9 else done.json["job"]["due_at"]
    )
    assert farids.cli("send", thread, "Yes.", "--at", "2020-12-01 09:00").code == 2
    assert farids.cli("send", thread, "Yes.", "--at", "tomorrow").code == 2
