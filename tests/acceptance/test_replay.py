"""`runner replay`: the same failure again, its faults included; nothing twice; all as before in the end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

RULE = {"route": "GET /inbox/thread/*", "account": "amy", "effect": "status", "status": 503, "count": 2}
OTHER = {"route": "GET /listings*", "account": "ben", "effect": "status", "status": 503, "count": 5}

LISTING = {
    "reference": "R-1",
    "title": "A lamp that is replayed",
    "price": "12.00",
    "currency": "EUR",
    "category": "computers",
    "condition": "good",
    "description": "It shines on every desk that it stands on.",
    "location": "Porto",
}


def rules(shop: Any) -> list[dict[str, Any]]:
    return shop.market.client.get("/_faults").json()["rules"]


def test_a_failure_is_replayed_with_its_faults_and_the_present_ones_are_set_again(shop: Any) -> None:
    shop.configure(max_attempts=1, fast_reads=False)
    shop.market.faults(RULE)
    assert shop.cli("run", "amy", "read_inbox").code == 1
    shop.market.faults(OTHER)

    replayed = shop.cli("replay", 1)

    assert replayed.code == 1, "it fails as it did"
    assert "The site says that something went wrong (503)." in replayed.said
    assert "The site's faults are set as they were then: 1." in replayed.said
    assert "again what they were before the replay" in replayed.said
    assert rules(shop) == [{**OTHER, "fired": 0}]
    (first, second) = shop.rows("select id, key, pinned_to, flow, params from job order by id")
    assert (second[1], second[3:]) == (None, first[3:])
    (one, two) = shop.rows("select id, signature, evidence_dir from attempt order by id")
    assert one[1] == two[1], "the same error group"
    assert (shop.folder / "screenshots" / two[2] / "trace.zip").exists(), "a replay is traced"


def doctored(shop: Any) -> list[dict[str, Any]]:
    """What `runner doctor` says of replays."""
    return [fact for fact in shop.cli("doctor", "--json").json["facts"] if fact["name"] == "replay"]


def test_a_replay_that_is_stopped_or_killed_leaves_no_faults_behind_for_long(
    shop: Any, wait_for: Callable[..., Any]
) -> None:
    shop.configure(navigation_s=1, action_s=1, max_attempts=1, fast_reads=False)
    hanging = {"route": "GET /inbox", "account": "amy", "effect": "hang", "count": 50}
    shop.market.faults(hanging)
    assert shop.cli("run", "amy", "read_inbox").code == 1
    before = [{**OTHER, "fired": 0}]

    for number in (signal.SIGTERM, signal.SIGKILL):
        shop.market.faults(OTHER)
        process = shop.start("replay", 1)
        wait_for(lambda: [rule for rule in rules(shop) if rule["effect"] == "hang" and rule["fired"]], what="the fault")
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert (rules(shop) == before) is (number is not signal.SIGKILL), said

    assert [fact["level"] for fact in doctored(shop)] == ["warning"]
    none = shop.cli("replay", 999)
    assert (none.code, "they are again what they were before" in none.said) == (2, True)
    assert rules(shop) == before
    assert doctored(shop) == []


def test_a_replay_after_the_mending_succeeds_when_the_faults_are_left_out(shop: Any) -> None:
    shop.configure(max_attempts=1, fast_reads=False)
    shop.market.faults(RULE)
    assert shop.cli("run", "amy", "read_inbox").code == 1
    shop.market.faults()
    (evidence,) = shop.rows("select evidence_dir from attempt")
    (shop.folder / "screenshots" / evidence[0] / "conditions.json").unlink()

    replayed = shop.cli("replay", 1, "--json")

    assert (replayed.code, replayed.json["state"]) == (0, "succeeded")


def test_rules_that_were_partly_used_up_go_on_where_they_were(shop: Any) -> None:
    shop.configure(max_attempts=1, fast_reads=False)
    shop.market.faults({**RULE, "count": 1})
    assert shop.cli("run", "amy", "read_inbox").code == 1
    assert [rule["fired"] for rule in rules(shop)] == [1]

    assert shop.cli("replay", 1).code == 1

    assert rules(shop) == [], "what had fired as often as it may does not come back"


def test_what_was_published_is_not_published_again(shop: Any) -> None:
    params = [word for key, value in LISTING.items() for word in ("--set", f"{key}={value}")]
    shop.market.faults({"route": "GET /sell*", "account": "amy", "effect": "status", "status": 503, "count": 1})
    assert shop.cli("run", "amy", "publish_listing", *params).code == 0, "the second attempt publishes it"
    assert len(shop.market.ledger("listing_published")) == 1

    replayed = shop.cli("replay", 1)

    assert "Done already, and not done again: publish_listing" in replayed.said
    assert len(shop.market.ledger("listing_published")) == 1


def test_an_attempt_that_does_not_exist_is_said(shop: Any) -> None:
    none = shop.cli("replay", 999)

    assert (none.code, "no attempt" in none.said) == (2, True)


def incoming(shop: Any, text: str, thread: int | None = None) -> int:
    """A buyer writes to amy; the id of the thread."""
    body = {"account": "amy", "text": text, **({"thread_id": thread} if thread else {})}
    return int(shop.market.client.post("/_incoming", json=body).raise_for_status().json()["thread_id"])


def test_a_reply_is_not_sent_again_to_a_message_that_came_later(shop: Any) -> None:
    shop.configure(max_attempts=3, fast_reads=False)
    thread = incoming(shop, "Is it there?")
    shop.market.faults({"route": "GET /inbox*", "account": "amy", "effect": "status", "status": 503, "count": 1})
    sent = shop.cli("run", "amy", "send_message", "--set", f"thread={thread}", "--set", "text=Yes, it is.")
    assert sent.code == 0, sent.said
    incoming(shop, "Thank you!", thread)
    (evidence,) = shop.rows("select evidence_dir from attempt where evidence_dir is not null")
    (shop.folder / "screenshots" / evidence[0] / "conditions.json").unlink()

    replayed = shop.cli("replay", 1)

    assert replayed.code == 0, replayed.said
    assert len(shop.market.ledger("message_sent")) == 1


def test_what_a_replay_has_answered_the_old_job_does_not_answer_once_more(shop: Any) -> None:
    shop.configure(accounts=("amy",), max_attempts=1, extra='[orchestrator]\nflows = ["check_login"]\n')
    thread = incoming(shop, "Is it there?")
    shop.market.faults({**RULE, "count": 1})
    answer = ("--set", f"thread={thread}", "--set", "text=Yes, it is.")
    assert shop.cli("run", "amy", "send_message", *answer).code == 1
    (evidence,) = shop.rows("select evidence_dir from attempt")
    (shop.folder / "screenshots" / evidence[0] / "conditions.json").unlink()
    assert shop.cli("replay", 1).code == 0
    assert "It is a replay of job 1." in shop.cli("jobs", "show", 2).said
    incoming(shop, "Thank you!", thread)

    assert shop.cli("jobs", "retry", 1).code == 0
    cycle = shop.cli("cycle")
    assert cycle.code == 0, cycle.said

    (retried,) = shop.rows("select state from job where id = 1")
    assert retried == ("succeeded",)
    (sent,) = shop.market.ledger("message_sent")
    assert sent["detail"]["text"] == "Yes, it is."


def test_what_may_still_go_on_is_not_replayed_where_it_changes_something(shop: Any) -> None:
    shop.configure(max_attempts=1, fast_reads=False)
    thread = incoming(shop, "Is it there?")
    shop.market.faults({"route": "GET /inbox*", "account": "amy", "effect": "captcha"})
    assert shop.cli("run", "amy", "send_message", "--set", f"thread={thread}", "--set", "text=Yes.").code == 3
    shop.market.faults()
    assert shop.cli("accounts", "resume", "amy").code == 0

    replayed = shop.cli("replay", 1)

    assert replayed.code == 1
    assert "Job 1 is queued: it changes something at the site, and may still do so itself." in replayed.said
    assert shop.market.ledger("message_sent") == []
