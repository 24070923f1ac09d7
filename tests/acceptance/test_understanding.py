"""What messages want, as a person at a terminal sees it."""

from __future__ import annotations

import json
from typing import Any

CLASSIFIED = {"RUNNER_INBOX__CLASSIFY": "true"}
SCAM = "Text me at 555 0100. I will send a cashier's check for $100 over, my mover picks it up"


def test_what_was_read_is_typed_explained_queued_and_corrected(shop: Any) -> None:
    shop.configure(accounts=["farid"], extra="[inbox]\nthreshold = 0.97\n")
    thread = shop.market.incoming(SCAM, account="farid")["thread_id"]
    done = shop.cli("run", "farid", "read_inbox", env=CLASSIFIED)
    assert done.code == 0, done.err
    assert shop.rows("SELECT count(*) FROM message WHERE direction = 'inbound' AND type IS NULL") == [(0,)]
    assert shop.rows("SELECT count(*) FROM message WHERE direction = 'outbound' AND type IS NOT NULL") == [(0,)]
    [(number, type_)] = shop.rows("SELECT id, type FROM message WHERE text = ?", SCAM)
    assert type_ == "spam_or_scam"
    [(told,)] = shop.rows("SELECT count(*) FROM event WHERE name = 'MessageClassified'")
    assert [(told,)] == shop.rows("SELECT count(*) FROM message WHERE direction = 'inbound'")

    [(ours,)] = shop.rows("SELECT id FROM thread WHERE remote_id = ?", thread)
    assert "spam_or_scam" in shop.cli("inbox", "show", ours).out
    explained = json.loads(shop.cli("inbox", "explain", number, "--limit", 100, "--json").out)
    assert explained["classification"]["extracted"]["phones"] == ["555 0100"]
    assert any("cashier" in reason["text"] and reason["weight"] > 0 for reason in explained["reasons"])

    queue = json.loads(shop.cli("inbox", "queue", "--json").out)
    assert queue["threshold"] == 0.97
    waiting = queue["messages"][0]["message_id"]
    assert "Message" in shop.cli("inbox", "correct", waiting, "item_details").out
    left = json.loads(shop.cli("inbox", "queue", "--json").out)["messages"]
    assert [each["message_id"] for each in left] == [each["message_id"] for each in queue["messages"][1:]]
    trained = json.loads(shop.cli("inbox", "train", "--json").out)
    assert trained["corrections"] == 1


def test_a_text_can_be_classified_without_a_message_and_a_wrong_number_is_told(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    said = json.loads(shop.cli("inbox", "classify", "would you take 250?", "--first-contact", "--json").out)
    assert (said["type"], said["first_contact"], said["extracted"]["amounts"][0]["value"]) == ("offer", True, "250")
    missing = shop.cli("inbox", "explain", "4711")
    assert missing.code == 2
    assert 'There is no message "4711"' in missing.err
    assert shop.cli("inbox", "correct", "4711", "offer").code == 2
    assert shop.cli("inbox", "correct", "4711", "poetry").code == 2


def test_the_figures_are_those_that_are_promised(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    found = json.loads(shop.cli("inbox", "evaluate", "--json").out)
    assert found["macro_f1"] >= 0.90
    assert found["ece"] <= 0.05
    assert set(found["confusion"]) == set(found["types"])
