"""Limits that nothing overruns, judged by the marketplace's own ledger, and hours in which nothing is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.test_modes import all_in_one_process

DAEMON = "[orchestrator]\nconcurrency = 1\ncycle_every_s = 3600\nflows = ['check_login']\nidle_poll_s = 0.2\n"


@pytest.fixture
def zone() -> str:
    """A zone in which it was the middle of the day as the test began, so that no midnight comes into it."""
    ahead = 12 - datetime.now(UTC).hour
    return "UTC" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


@pytest.fixture
def farids(shop: Any, zone: str) -> Any:
    """A shop with farid alone, who may send three messages a day."""
    extra = f'{DAEMON}[browser]\ntimezone = "{zone}"\n[limits.messages]\nper_day = 3\n'
    shop.configure(accounts=["farid"], extra=extra)
    return shop


def sent(shop: Any) -> int:
    return len(shop.market.ledger("message_sent", "farid"))


def asked(shop: Any, count: int) -> None:
    threads = [shop.market.incoming(f"Is it still there? {n}", account="farid")["thread_id"] for n in range(count)]
    submit = "jobs submit farid send_message --set thread={} --set text=Yes,{}."
    told = all_in_one_process(shop, [submit.format(thread, number) for number, thread in enumerate(threads)])
    assert [code for code, _, _ in told] == [0] * count


def put_off(shop: Any) -> int:
    found = shop.rows("select count(*) from job where flow = 'send_message' and postponed is not null")
    return int(found[0][0])


def test_a_limit_holds_through_kills_and_what_is_left_is_done_once_it_is_raised(
    farids: Any, zone: str, wait_for: Any
) -> None:
    asked(farids, 6)
    for number in (1, 2):
        daemon = farids.start("daemon")
        wait_for(lambda number=number: sent(farids) >= number, what=f"message {number} to be sent", within_s=90)
        daemon.kill()
        daemon.communicate()
    daemon = farids.start("daemon")
    wait_for(lambda: put_off(farids) == 3, what="the other three to be put off", within_s=90)
    assert sent(farids) == 3

    thread = farids.market.incoming("And now?", account="farid")["thread_id"]
    lines = (
        "jobs list --state queued",
        "limits show farid",
        f"run farid send_message --set thread={thread} --set text=Now",
    )
    listed, shown, own = all_in_one_process(farids, [*lines])
    reasons = {job["postponed"] for job in json.loads(listed[1])["jobs"]}
    assert reasons == {f"limit: 3 messages a day, used 3; again at 00:00 {zone}"}
    assert [(each["used"], each["left"]) for each in json.loads(shown[1])["accounts"][0]["usage"]] == [(3, 0)]
    assert own[0] == 1
    assert "is put off. limit: 3 messages a day, used 3; again at 00:00" in " ".join(own[2].split())
    looked = farids.rows("select distinct state from job where flow = 'check_login'")
    assert looked == [("succeeded",)], "other work goes on"

    assert farids.cli("limits", "set", "farid", "messages", "--per-day", 5).code == 0
    wait_for(lambda: sent(farids) == 5, what="two more to be sent", within_s=90)
    wait_for(lambda: put_off(farids) == 2, what="the rest to be put off again", within_s=60)
    assert sent(farids) == 5
    near = farids.rows("select count(*) from event where name = 'LimitNear'")
    assert near == [(1,)], "once on a day"


def test_sign_ins_and_page_loads_are_counted_before_they_happen(farids: Any) -> None:
    text = farids.config.read_text()
    farids.config.write_text(text + "\n[limits.sign_ins]\nper_day = 1\n[limits.page_loads]\nper_day = 6\n")
    look = "run farid check_login"
    *looks, last = all_in_one_process(farids, [look] * 5)
    assert looks[0][0] == 0
    assert last[0] == 1
    assert "limit: 6 page loads a day, used 6" in " ".join(last[2].split())
    assert farids.rows("select count(*) from rate_usage where kind = 'page_loads'") == [(6,)]
    assert len(farids.market.ledger("sign_in", "farid")) == 1
    lines = ("limits set farid page_loads --none", "profiles reset farid --all", look)
    *_, last = all_in_one_process(farids, [*lines])
    assert last[0] == 1
    assert "limit: 1 sign-ins a day, used 1" in " ".join(last[2].split())
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
    assert farids.cli("cycle", "--flow", "read_inbox").code == 0, "the reply is the longer due"
    assert sent(farids) == 2


def test_a_reply_is_sent_at_a_moment_in_the_accounts_zone(farids: Any, zone: str) -> None:
    farids.market.incoming("Is it still there?", account="farid")
    assert farids.cli("run", "farid", "read_inbox").code == 0
    ((thread,),) = farids.rows("select min(id) from thread")
    done = farids.cli("send", thread, "Yes.", "--at", "2099-12-01 09:00", "--json")
    due_at = datetime(2099, 12, 1, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert datetime.fromisoformat(done.json["job"]["due_at"]) == due_at
    assert farids.cli("send", thread, "Yes.", "--at", "2020-12-01 09:00").code == 2
    assert farids.cli("send", thread, "Yes.", "--at", "tomorrow").code == 2
