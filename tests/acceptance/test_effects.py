"""Nothing twice: submits that break in every way, judged by the marketplace's own ledger."""

from __future__ import annotations

from typing import Any

import pytest

LISTING = {
    "reference": "D-7",
    "title": "Pine shelf with five boards",
    "price": "35",
    "currency": "EUR",
    "category": "furniture",
    "condition": "good",
    "description": "A shelf of pine, with five boards, as good as new.",
    "location": "Porto",
}
PAIRS = [word for key, value in LISTING.items() for word in ("--set", f"{key}={value}")]

BROKEN = (
    {"effect": "status_after_commit", "status": 500},
    {"effect": "status_after_commit", "status": 408},
    {"effect": "drop_after_commit"},
)


@pytest.mark.parametrize("fault", BROKEN, ids=["500 after commit", "408 after commit", "dropped after commit"])
def test_a_listing_whose_answer_is_lost_is_published_once(shop: Any, fault: dict[str, Any]) -> None:
    shop.market.faults({"route": "POST /sell/*/publish", "count": 1, **fault})

    done = shop.cli("run", "farid", "publish_listing", *PAIRS, "--json")

    assert done.code == 0, done.said
    (published,) = shop.market.ledger("listing_published", "farid")
    assert done.json["result"]["listing"] == published["subject"]
    assert shop.rows("select state, remote_id from effect") == [("confirmed", published["subject"])]


@pytest.mark.parametrize("fault", BROKEN, ids=["500 after commit", "408 after commit", "dropped after commit"])
def test_a_reply_whose_answer_is_lost_is_sent_once(shop: Any, fault: dict[str, Any]) -> None:
    thread = shop.market.incoming("Can you hold it until Friday?", account="farid")["thread_id"]
    shop.market.faults({"route": "POST /api/threads/*/messages", "count": 1, **fault})

    done = shop.cli("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=Gladly.", "--json")

    assert done.code == 0, done.said
    (sent,) = shop.market.ledger("message_sent", "farid")
    assert done.json["result"]["message"] == sent["subject"]


def test_a_submit_that_fails_before_the_commit_is_made_again_once_it_is_surely_absent(shop: Any) -> None:
    shop.market.faults({"route": "POST /sell/*/publish", "effect": "status", "status": 503, "count": 1})

    done = shop.cli("run", "farid", "publish_listing", *PAIRS, "--json")

    assert done.code == 0, done.said
    assert len(shop.market.ledger("listing_published", "farid")) == 1
    assert [row[0] for row in shop.rows("select outcome from attempt order by id")] == ["retried", "succeeded"]


@pytest.fixture
def shop(shop: Any) -> Any:
    shop.configure(accounts=["farid"])
    return shop


def test_a_doubt_waits_for_a_person_and_goes_on_from_their_word(shop: Any) -> None:
    """The site gives no bound for late commits and never answers: nothing is fired again before somebody has looked."""
    shop.configure(
        accounts=["farid"],
        extra="[sites.mock.options]\ncommit_latency_s = 'unbounded'\n",
        navigation_s=3,
        max_attempts=1,
    )
    shop.market.faults({"route": "POST /sell/*/publish", "effect": "hang", "count": 1})

    doubtful = shop.cli("run", "farid", "publish_listing", *PAIRS, "--json")
    said = shop.cli("effects", "list").said
    listed = shop.cli("effects", "list", "--state", "unknown", "--json").json["effects"]
    shown = shop.cli("effects", "show", listed[0]["id"])
    settled = shop.cli("effects", "settle", listed[0]["id"], "not_done", "--why", "not among my listings")

    assert (doubtful.code, doubtful.json["state"]) == (3, "unknown")
    assert "1 of them waits for a person" in said
    assert f"runner effects settle {listed[0]['id']} not_done" in shown.said
    assert "screenshot:" in shown.said or "last_picture:" in shown.said
    assert "is not_done; its job 1 is queued" in settled.said, settled.said
    assert shop.market.ledger("listing_published", "farid") == []
