"""What messages want, as a person at a terminal sees it."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.test_modes import all_in_one_process

CLASSIFIED = {"RUNNER_INBOX__CLASSIFY": "true"}
SCAM = "Text me at 555 0100. I will send a cashier's check for $100 over, my mover picks it up"
UNSURE = "SELECT id FROM message WHERE confidence < 0.97 ORDER BY id LIMIT 1"


def test_what_was_read_is_typed_explained_and_learnt_from_once_corrected(shop: Any) -> None:
    shop.configure(accounts=["farid"], extra="[inbox]\nthreshold = 0.97\n")
    thread = shop.market.incoming(SCAM, account="farid")["thread_id"]
    done = shop.cli("run", "farid", "read_inbox", env=CLASSIFIED)
    assert done.code == 0, done.err
    assert shop.rows("SELECT count(*) FROM message WHERE direction = 'inbound' AND type IS NULL") == [(0,)]
    assert shop.rows("SELECT count(*) FROM message WHERE direction = 'outbound' AND type IS NOT NULL") == [(0,)]
    told = shop.rows("SELECT count(*) FROM event WHERE name = 'MessageClassified'")
    assert told == shop.rows("SELECT count(*) FROM message WHERE direction = 'inbound'")

    [(number, type_)] = shop.rows("SELECT id, type FROM message WHERE text = ?", SCAM)
    [(ours,)] = shop.rows("SELECT id FROM thread WHERE remote_id = ?", thread)
    [(unsure,)] = shop.rows(UNSURE)
    lines = [
        f"inbox show {ours}",
        f"inbox explain {number} --limit 100",
        "inbox queue",
        f"inbox correct {unsure} item_details",
        "inbox queue",
        "inbox train",
        "inbox classify still-available? --first-contact",
        "inbox explain 4711",
        "inbox correct 4711 offer",
        "inbox correct 1 poetry",
    ]
    shown, explained, queue, _, left, trained, said, *wrong = all_in_one_process(shop, lines)

    assert type_ == "spam_or_scam"
    assert type_ in shown[1]
    explanation = json.loads(explained[1])
    assert explanation["classification"]["extracted"]["phones"] == ["555 0100"]
    assert any("cashier" in reason["text"] and reason["weight"] > 0 for reason in explanation["reasons"])
    waiting = {each["message_id"] for each in json.loads(queue[1])["messages"]}
    assert {each["message_id"] for each in json.loads(left[1])["messages"]} == waiting - {unsure}
    assert json.loads(trained[1])["corrections"] == 1
    assert (json.loads(said[1])["type"], json.loads(said[1])["first_contact"]) == ("availability_check", True)
    assert [code for code, _, _ in wrong] == [2, 2, 2]
    assert 'There is no message "4711"' in wrong[0][2]


def test_the_figures_are_those_that_are_promised(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    found = json.loads(shop.cli("inbox", "evaluate", "--json").out)
    assert found["macro_f1"] >= 0.87
    assert found["ece"] <= 0.05
    assert set(found["confusion"]) == set(found["types"])
