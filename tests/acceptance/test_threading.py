"""Messages that are edited, deleted or written in one second at the real marketplace: each stays the one it is."""

from __future__ import annotations

import json
from typing import Any


def read(shop: Any) -> dict[str, Any]:
    done = shop.cli("run", "farid", "read_inbox", "--json")
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


def shown(shop: Any, number: int) -> list[dict[str, Any]]:
    done = shop.cli("inbox", "show", str(number), "--json")
    assert done.code == 0, done.err
    return list(json.loads(done.out)["messages"])


def test_an_edit_is_no_new_message_and_a_deletion_takes_nothing_from_our_books(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    market = shop.market
    first = market.incoming("I giv you 20 for it", "farid", counterpart="Uma Edit")
    more = [market.incoming(f"number {n}", "farid", thread_id=first["thread_id"]) for n in range(3)]
    read(shop)
    [thread] = [
        each
        for each in json.loads(shop.cli("inbox", "list", "--json").out)["threads"]
        if each["remote_id"] == first["thread_id"]
    ]
    before = shown(shop, thread["id"])
    assert [each["text"] for each in before] == ["I giv you 20 for it", "number 0", "number 1", "number 2"]

    for path, body in (
        ("/_edit", {"message_id": first["message_id"], "text": "I give you 200 for it"}),
        ("/_delete", {"message_id": more[-1]["message_id"]}),
    ):
        assert market.client.post(path, json=body).is_success
    told = read(shop)
    after = shown(shop, thread["id"])
    assert (told["result"]["threads_opened"], told["result"]["new_messages"]) == (1, 0)
    assert [each["id"] for each in after] == [each["id"] for each in before]
    assert (after[0]["text"], after[0]["former_texts"]) == ("I give you 200 for it", ["I giv you 20 for it"])
    assert [each["deleted_at"] is not None for each in after] == [False, False, False, True]
    # What was understood of it stays: nothing is classified, decided or answered once more because of an edit.
    known = ("type", "confidence", "classified_at")
    assert [[each[name] for name in known] for each in after] == [[each[name] for name in known] for each in before]
    entries = market.client.get("/_ledger").json()
    kinds = [each["kind"] for each in (entries["entries"] if isinstance(entries, dict) else entries)]
    assert (kinds.count("message_edited"), kinds.count("message_deleted")) == (1, 1)
