"""Answers by rule, as an operator sets them up; judged by the marketplace's ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

RULES = """
[[templates]]
name = "still-there"
text = "Hi {buyer_name|there}, {listing_title|it} is still available."

[[templates]]
name = "price"
text = ["It is {price}.", "Thank you, {buyer_name}, {price|the price in the listing} is firm."]

[[rules]]
name = "available"
when = { type = "availability_check", account = "farid" }
then = { reply = "still-there", close = true, tag = "answered" }
level = "automatic"

[[rules]]
name = "offers"
when = { type = ["offer", "price_inquiry"], price_to = 5000 }
then = { reply = "price" }

[[rules]]
name = "no nonsense"
when = { type = "spam_or_scam", words = ["cheque"] }
then = { close = true }
level = "automatic"

[[rules]]
name = "whatever else"
when = { type = "general_inquiry" }
then = { reply = "still-there", assign = "ada" }
"""


def numbers(shop: Any, *texts: str) -> list[int]:
    """The messages with these texts."""
    return [shop.rows("SELECT id FROM message WHERE text = ?", text)[0][0] for text in texts]


def sent(shop: Any, thread: str) -> list[str]:
    """What the marketplace got for a thread."""
    entries = shop.market.ledger("message_sent", "farid")
    return [each["detail"]["text"] for each in entries if each["detail"]["thread"] == thread]


def test_each_message_is_answered_once_and_not_when_somebody_has_written_since(
    shop: Any, wait_for: Callable[..., Any]
) -> None:
    shop.configure(accounts=("farid",), extra='[orchestrator]\nflows = ["check_login"]\nidle_poll_s = 0.2\n')
    (shop.folder / "rules.toml").write_text(RULES, encoding="utf-8")
    stored = shop.cli("rules", "import", "rules.toml")
    assert (stored.code, 'There is no operator "ada"' in stored.said) == (2, True)
    assert shop.cli("operators", "link", "ada").code == 0
    stored = shop.cli("rules", "import", "rules.toml")
    assert "Stored 2 template(s) and 4 rule(s)" in stored.said
    automatic = shop.market.incoming("Is it there?", "farid", counterpart="Ida {price}")["thread_id"]
    overtaken = shop.market.incoming("What is this?", "farid", counterpart="Bo")["thread_id"]
    unsure = shop.market.incoming("hm", "farid", counterpart="Cy")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    there, what, hm = numbers(shop, "Is it there?", "What is this?", "hm")
    for number, type_ in ((there, "availability_check"), (what, "general_inquiry")):
        assert shop.cli("inbox", "correct", number, type_).code == 0
    unsaid = "UPDATE message SET type = 'offer', confidence = 0.3, classified_at = first_seen_at WHERE id = ?"
    shop.write(unsaid, hm)

    tested = shop.cli("rules", "test", there)
    assert "✓ available" in tested.said
    assert "+ account: it was written to farid" in tested.said
    assert "Hi Ida {price}, it is still available." in tested.said
    assert shop.rows("SELECT count(*) FROM job WHERE flow = 'send_message'") == [(0,)], "a dry run"

    # Two processes look at once; and while one draft waits for its click, somebody writes.
    daemons = [shop.start("daemon"), shop.start("daemon")]
    (draft,) = wait_for(lambda: shop.cli("inbox", "drafts", "--json").json["drafts"], what="the draft", within_s=60)
    assert (draft["rule"], draft["message_id"]) == ("whatever else", what)
    wait_for(lambda: sent(shop, automatic), what="the automatic reply", within_s=60)
    closed = "SELECT 1 FROM thread WHERE status = 'closed' AND remote_id = ?"
    wait_for(lambda: shop.rows(closed, automatic), what="what else the rule does, once it is sent", within_s=60)
    assert "answered" in shop.cli("inbox", "list").said
    shop.market.incoming("Never mind.", "farid", thread_id=overtaken)
    job = shop.cli("inbox", "send", draft["id"], "--json").json["draft"]["job_id"]
    shop.cli("inbox", "send", draft["id"])  # clicked twice: the same job, or too late already
    ended = "SELECT state, json_extract(result, '$.not_sent') FROM job WHERE id = ? AND ended_at IS NOT NULL"
    found = wait_for(lambda: shop.rows(ended, job), what="the job's end", within_s=60)
    assert found == [("succeeded", "not sent: the counterpart has written since")]
    for daemon in daemons:
        daemon.terminate()
        daemon.communicate(timeout=30)

    assert sent(shop, automatic) == ["Hi Ida {price}, it is still available."]
    assert shop.rows("SELECT count(*) FROM job WHERE flow = 'send_message'") == [(2,)]
    assert (sent(shop, overtaken), sent(shop, unsure)) == ([], [])
    (outdated,) = shop.cli("inbox", "drafts", "--state", "outdated", "--json").json["drafts"]
    assert (outdated["id"], outdated["detail"]) == (draft["id"], "not sent: the counterpart has written since")
    assert shop.rows("SELECT verdict FROM decision WHERE message_id = ?", hm) == [("queued",)]
    assert "hm" in shop.cli("inbox", "queue").said


def test_a_reply_of_ones_own_and_a_rule_that_is_off_stop_what_is_queued(shop: Any) -> None:
    """Nothing performs the replies while the daemon is down; the first to come up must find out by itself."""
    shop.configure(accounts=("farid",), extra='[orchestrator]\nflows = ["check_login"]\nidle_poll_s = 0.2\n')
    (shop.folder / "rules.toml").write_text(RULES, encoding="utf-8")
    assert shop.cli("operators", "link", "ada").code == 0
    assert shop.cli("rules", "import", "rules.toml").code == 0
    by_hand = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    switched_off = shop.market.incoming("Still there?", "farid", counterpart="Bo")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    for number in numbers(shop, "Is it there?", "Still there?"):
        assert shop.cli("inbox", "correct", number, "availability_check").code == 0
    # A process that only looks decides about both, and performs nothing of it.
    assert shop.cli("run", "farid", "check_login").code == 0
    assert shop.rows("SELECT state FROM job WHERE flow = 'send_message'") == [("queued",)] * 2
    assert shop.rows("SELECT status FROM thread WHERE remote_id = ?", by_hand) == [("open",)], "nothing was sent yet"

    mine = shop.cli("run", "farid", "send_message", "--set", f"thread={by_hand}", "--set", "text=I am at it.")
    assert mine.code == 0, mine.said
    assert shop.cli("rules", "disable", "available").code == 0
    assert shop.cli("cycle").code == 0

    assert (sent(shop, by_hand), sent(shop, switched_off)) == (["I am at it."], [])
    found = {each["state"]: each["detail"] for each in _drafts(shop, "outdated", "waiting")}
    assert found == {
        "outdated": "a reply of your own takes its place",
        "waiting": 'not sent: the rule "available" does not act by itself any more',
    }


def test_a_reply_by_rule_waits_while_one_that_was_killed_at_its_click_is_in_doubt(
    shop: Any, wait_for: Callable[..., Any]
) -> None:
    """Killed between arming and the answer: it may still arrive, and two replies would be one too many."""
    unbounded = "[sites.mock.options]\ncommit_latency_s = 'unbounded'\n"
    shop.configure(accounts=("farid",), extra="[orchestrator]\nidle_poll_s = 0.2\n" + unbounded)
    (shop.folder / "rules.toml").write_text(RULES, encoding="utf-8")
    assert shop.cli("operators", "link", "ada").code == 0
    assert shop.cli("rules", "import", "rules.toml").code == 0
    thread = shop.market.incoming("Can you hold it?", "farid", counterpart="Ida")["thread_id"]
    shop.market.faults({"route": "POST /api/threads/*/messages", "effect": "hang", "count": 1})
    killed = shop.start("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=Gladly.")
    armed = "SELECT 1 FROM effect WHERE state = 'armed'"
    wait_for(lambda: shop.database.exists() and shop.rows(armed), what="the click", within_s=60)
    killed.kill()
    killed.communicate()

    shop.market.incoming("And is it there?", "farid", thread_id=thread)
    shop.start("daemon")
    there = "SELECT id FROM message WHERE text = 'And is it there?'"
    ((number,),) = wait_for(lambda: shop.rows(there), what="the second question is read", within_s=90)
    assert shop.cli("inbox", "correct", number, "availability_check").code == 0
    waiting = "SELECT message_id, detail FROM draft WHERE state = 'waiting'"
    found = wait_for(lambda: shop.rows(waiting), what="the reply comes back", within_s=90)

    assert sent(shop, thread) == []
    assert shop.rows("SELECT state FROM effect WHERE armed_at IS NOT NULL") == [("unknown",)]
    assert found == [(number, "not sent: nobody can tell yet whether another reply in this thread was sent")]


def _drafts(shop: Any, *states: str) -> list[dict[str, Any]]:
    given = [word for state in states for word in ("--state", state)]
    found: list[dict[str, Any]] = shop.cli("inbox", "drafts", *given, "--json").json["drafts"]
    return found


def test_templates_and_rules_are_kept_by_hand_and_say_what_is_wrong_with_them(shop: Any) -> None:
    misspelt = shop.cli("templates", "add", "hi", "--text", "{bayer_name}").said
    assert "error: There is no placeholder {bayer_name}. Did you mean {buyer_name}?" in misspelt
    assert shop.cli("templates", "add", "hi", "--text", "Hi {buyer_name}", "--text", "Hello {price}").code == 0
    assert shop.cli("templates", "add", "hi", "--text", "Again").code == 1, "one for the same messages is there"
    unknown = shop.cli("rules", "add", "x", "--type", "offer", "--reply", "hj")
    assert (unknown.code, 'Did you mean "hi"?' in unknown.said) == (2, True)
    given = ("--type", "offer", "--hours", "22:00-06:00", "--price-to", "12.5", "--reply", "hi", "--snooze", "2h")
    given = (*given, "--put-tag", "Night owl")
    assert shop.cli("rules", "add", "nights", *given).code == 0
    listed = shop.cli("rules", "list").said
    assert "type offer" in listed
    assert "reply hi, snooze 2h, tag" in listed
    assert "is what these rules reply with: nights" in shop.cli("templates", "remove", "hi").said
    assert shop.cli("rules", "disable", "nights").code == 0
    (rule,) = shop.cli("rules", "list", "--json").json["rules"]
    assert rule["then"] == {"reply": "hi", "snooze": "2h", "tag": ["night owl"]}
    assert (rule["enabled"], rule["when"]["hours"], rule["when"]["price_to"]) == (False, "22:00-06:00", "12.5")
    wrong = {"rules": [{"name": "a"}, {"name": "b", "when": {"tipe": "offer"}}]}
    (shop.folder / "wrong.json").write_text(json.dumps(wrong), encoding="utf-8")
    refused = shop.cli("rules", "import", "wrong.json")
    assert (refused.code, 'rules 2 "b", when.tipe' in refused.said) == (2, True)
    assert len(shop.cli("rules", "list", "--json").json["rules"]) == 1, "nothing was stored"
