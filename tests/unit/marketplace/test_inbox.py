import hashlib
import re
from typing import Any

import pytest


def thread_ids(page: str) -> list[str]:
    return re.findall(r'data-thread-id="(\d+)"', page)


def test_inbox_shows_every_thread_once_over_its_pages(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    pages = [thread_ids(visitor.get(f"/inbox?page={number}").text) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [20, 20, 6]
    assert len({thread for page in pages for thread in page}) == 46


@pytest.mark.parametrize("page", ["0", "4", "-1", "x", "999999999999999999999", ""])
def test_page_that_is_not_there_is_not_found(bazaar: Any, page: str) -> None:
    assert bazaar.signed_in().get(f"/inbox?page={page}").status_code == 404


def test_inbox_has_the_newest_activity_first(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    oldest = thread_ids(visitor.get("/inbox?page=3").text)[-1]
    written = bazaar.control.post("/_incoming", json={"account": "amy", "thread_id": oldest, "text": "Still there?"})
    assert written.status_code == 201
    page = visitor.get("/inbox").text
    assert thread_ids(page)[0] == oldest
    times = re.findall(r'data-last-activity="([^"]+)"', page)
    assert times == sorted(times, reverse=True)


def test_reading_a_thread_marks_it_read_and_is_written_down(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    made = bazaar.control.post("/_incoming", json={"account": "amy", "text": "Hello?", "counterpart": "Kim"}).json()
    assert f'data-thread-id="{made["thread_id"]}" data-unread="1"' in visitor.get("/inbox").text
    body = visitor.get(f"/api/threads/{made['thread_id']}").json()
    assert [(m["direction"], m["sender"], m["text"]) for m in body["messages"]] == [("in", "Kim", "Hello?")]
    assert f'data-thread-id="{made["thread_id"]}" data-unread="0"' in visitor.get("/inbox").text
    (entry,) = bazaar.ledger("thread_read")
    assert (entry["subject"], entry["detail"]) == (made["thread_id"], {"messages": 1, "unread": 1})


def test_loading_the_page_alone_does_not_mark_it_read(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    made = bazaar.control.post("/_incoming", json={"account": "amy", "text": "Hello?"}).json()
    visitor.get(f"/inbox/thread/{made['thread_id']}")
    assert f'data-thread-id="{made["thread_id"]}" data-unread="1"' in visitor.get("/inbox").text
    assert not bazaar.ledger("thread_read")


def test_sent_message_stands_in_the_thread_and_in_the_ledger(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    thread = thread_ids(visitor.get("/inbox").text)[3]
    sent = visitor.send(thread, "  Yes, it is.\r\nCome by! 🙂 ")
    assert sent.status_code == 201
    last = visitor.get(f"/api/threads/{thread}").json()["messages"][-1]
    assert last == sent.json()["message"]
    assert (last["direction"], last["text"]) == ("out", "Yes, it is.\nCome by! 🙂")
    (entry,) = bazaar.ledger("message_sent", account="amy")
    assert entry["subject"] == last["id"]
    assert entry["content_hash"] == hashlib.sha256("Yes, it is.\nCome by! 🙂".encode()).hexdigest()
    assert entry["request_id"] == sent.headers["x-request-id"]


def test_same_message_sent_twice_is_there_twice(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    thread = thread_ids(visitor.get("/inbox").text)[0]
    first, second = visitor.send(thread, "Hello"), visitor.send(thread, "Hello")
    assert first.json()["message"]["id"] != second.json()["message"]["id"]
    assert len(bazaar.ledger("message_sent")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [(" \n ", "Write something first."), ("x" * 10_001, "A message can have at most 10,000 characters.")],
)
def test_message_that_is_empty_or_too_long_is_refused(bazaar: Any, text: str, message: str) -> None:
    visitor = bazaar.signed_in()
    answer = visitor.send(thread_ids(visitor.get("/inbox").text)[0], text)
    assert answer.status_code == 422
    assert answer.json() == {"error": "validation", "message": message}
    assert not bazaar.ledger("message_sent")


def test_thread_of_another_account_is_not_found(bazaar: Any) -> None:
    thread = thread_ids(bazaar.signed_in("amy").get("/inbox").text)[0]
    other = bazaar.signed_in("ben")
    assert other.get(f"/inbox/thread/{thread}").status_code == 404
    assert other.get(f"/api/threads/{thread}").status_code == 404
    assert other.send(thread, "Not mine").status_code == 404
    assert not bazaar.ledger("message_sent")


def test_counterpart_cannot_write_markup(bazaar: Any) -> None:
    text, name = "<script>alert(1)</script> & <b>bold</b>", '"><img src=x onerror=alert(1)>'
    bazaar.control.post("/_incoming", json={"account": "amy", "text": text, "counterpart": name})
    page = bazaar.signed_in().get("/inbox").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_long_message_is_one_short_line_in_the_inbox(bazaar: Any) -> None:
    bazaar.control.post("/_incoming", json={"account": "amy", "text": "word\n" * 2000})
    excerpt = re.findall(r'data-field="excerpt" dir="auto">([^<]*)<', bazaar.signed_in().get("/inbox").text)[0]
    assert len(excerpt) <= 90
    assert excerpt.startswith("word word")
    assert excerpt.endswith("…")
