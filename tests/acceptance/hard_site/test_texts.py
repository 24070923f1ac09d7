"""Names and texts as people and their programs write them, all the way round; judged by the marketplace's ledger."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

ODD = {
    "emoji": "👩‍👩‍👧‍👦 Family tent ⛺ 🇵🇹, 4 places",
    "right-to-left": "כיסא עץ ישן – كرسي خشبي قديم (1952)",
    "html": "<script>alert(1)</script> & <b>bold</b> \"quoted\" 'chair'",
    "combining": "Café table e\u0301 Zo\u0308e ﬁ ½",
    "formula": '=HYPERLINK("http://x";"y") +1 -1 @x',
    "braces": "{0} %s ${HOME} {{ x }} \\n [red]markup[/red]",
}
LONG = "".join(f"{number:04d} tent, τέντα, خيمة, 帐篷 ⛺.\n" for number in range(1000))[:9_990].strip() + " the end"
STEERING = "Before\x1b[31m\x1b]0;title\x07\u202eafter\x08\x7f\u2066 end."


def test_listings_are_published_as_they_were_written(farid: Any) -> None:
    items = [
        {
            "title": title,
            "description": LONG if name == "emoji" else f"{title}\n\n  {title}  {title}",
            "reference": f"{number} {title}"[:30].strip(),
            **{"price": "12", "currency": "EUR", "category": "furniture", "condition": "good"},
            "location": "Évora 🏛",
        }
        for number, (name, title) in enumerate(ODD.items(), start=1)
    ]
    table = farid.folder / "listings.json"
    table.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    numbers = range(1, len(items) + 1)

    imported = farid.cli("listings", "import", table, "--account", "farid")
    first, second = (farid.cli("listings", "publish", *numbers, "--json") for _ in range(2))

    assert (imported.code, first.code, second.code) == (0, 0, 0), imported.said + first.said + second.said
    published = farid.market.ledger("listing_published", "farid")
    fields = ("title", "description", "reference", "location")
    sent = [{field: entry["detail"][field] for field in fields} for entry in published]
    assert sorted(sent, key=str) == sorted(({field: item[field] for field in fields} for item in items), key=str)
    there = {entry["subject"] for entry in published}
    for done in (first, second):
        assert {job["result"]["listing"] for job in done.json["jobs"]} == there, "read back by its own words"
    stored = farid.cli("listings", "list", "--json").json["listings"]
    assert {each["listing"]["description"] for each in stored} == {item["description"] for item in items}


def test_an_inbox_is_read_as_it_was_written(farid: Any) -> None:
    for name, text in [*((title, title) for title in ODD.values()), ("Long", LONG), ("Steering", STEERING)]:
        farid.market.incoming(text, account="farid", counterpart=name)
    written = {entry["subject"]: entry["detail"]["text"] for entry in farid.market.ledger("message_received", "farid")}

    done = farid.cli("run", "farid", "read_inbox")

    assert done.code == 0, done.said
    stored = dict(farid.rows("select key, text from message"))
    assert {subject: stored[f"id:{subject}"] for subject in written} == written
    threads = farid.cli("inbox", "list", "--json", "--limit", "100").json["threads"]
    assert {*ODD.values(), "Long", "Steering"} <= {thread["counterpart"] for thread in threads}


def test_texts_from_a_page_never_steer_the_terminal(farid: Any) -> None:
    farid.market.incoming(STEERING, account="farid", counterpart="\x1b[2J\x1b[HMallory")
    farid.cli("run", "farid", "read_inbox")
    (thread,) = [t for t in farid.cli("inbox", "list", "--json").json["threads"] if "Mallory" in t["counterpart"]]

    shown, listed = farid.cli("inbox", "show", thread["id"]), farid.cli("inbox", "list")
    exact = farid.cli("inbox", "show", thread["id"], "--json")

    assert exact.json["messages"][0]["text"] == STEERING
    assert "Mallory" in shown.out
    assert "end." in shown.out
    for text in (shown.out, listed.out):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"} == set()
        assert {c for c in text if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"} == set()


def test_a_reply_of_ten_thousand_characters_arrives_whole(farid: Any) -> None:
    thread = farid.market.incoming("Tell me everything.", account="farid")["thread_id"]
    params = farid.folder / "reply.json"
    params.write_text(json.dumps({"thread": thread, "text": LONG}), encoding="utf-8")

    done = farid.cli("run", "farid", "send_message", "--file", params)
    again = farid.cli("run", "farid", "send_message", "--file", params)

    assert (done.code, again.code) == (0, 0), done.said + again.said
    (sent,) = farid.market.ledger("message_sent", "farid")
    assert sent["detail"]["text"] == LONG
