"""Promises for a tag, as an operator makes them and sees them broken."""

from __future__ import annotations

from typing import Any


def test_an_operator_promises_and_sees_what_is_late(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    shop.market.incoming("Hello, is anybody there?", "farid", counterpart="Ida")
    assert shop.cli("run", "farid", "read_inbox").code == 0
    # Nobody waits a minute in a test: it was written a while ago.
    shop.write("UPDATE message SET sent_at = sent_at - 600000000, first_seen_at = first_seen_at - 600000000")
    [number] = [
        each["id"] for each in shop.cli("inbox", "list", "--json").json["threads"] if each["counterpart"] == "Ida"
    ]
    nobody = shop.cli("inbox", "sla", "set", "vip", "--first-response", "1m", "--assign", "anna")
    assert (nobody.code, 'no operator "anna"' in nobody.said) == (2, True), nobody.said
    done = shop.cli("inbox", "sla", "set", "VIP", "--first-response", "1m", "--put-tag", "late")
    assert (done.code, done.out) == (
        0,
        "vip: answered within 1m of open time; what is late is tagged late\n",
    ), done.said
    assert "Nothing is overdue." in shop.cli("inbox", "list", "--overdue").said

    assert shop.cli("inbox", "tag", number, "vip").code == 0
    [late] = shop.cli("inbox", "list", "--overdue", "--json").json["threads"]
    assert (late["id"], late["due_for"], late["due_tag"], late["overdue"]) == (number, "first_response", "vip", True)
    assert "overdue" in shop.cli("inbox", "list").out
    assert "first response due:" in shop.cli("inbox", "show", number).out

    # Whatever works for farid next sees to it, and the next one does not do so again.
    for _ in range(2):
        assert shop.cli("run", "farid", "check_login").code == 0
    assert shop.rows("SELECT count(*) FROM event WHERE name = 'SlaBroken'") == [(1,)]
    assert shop.cli("inbox", "list", "--overdue", "--json").json["threads"][0]["tags"] == ["late", "vip"]

    assert shop.cli("inbox", "sla", "list").out.split("\n")[2].split() == ["vip", "1m", "–", "–", "late"]
    assert shop.cli("inbox", "sla", "remove", "vip").code == 0
    assert "Nothing is overdue." in shop.cli("inbox", "list", "--overdue").said
