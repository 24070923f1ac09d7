import re
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

SaveDraft = Callable[..., str]
PUBLISH = "POST /sell/*/publish"


def timed(action: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return action(), time.monotonic() - began


def test_drop_after_commit_publishes_and_answers_nothing(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    bazaar.faults({"route": PUBLISH, "effect": "drop_after_commit"})
    with pytest.raises(httpx.RemoteProtocolError):
        visitor.post(f"/sell/{draft_id}/publish")
    (entry,) = bazaar.ledger("listing_published")
    assert entry["detail"]["draft"] == draft_id


def test_reset_after_commit_publishes_and_resets_the_connection(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    bazaar.faults({"route": PUBLISH, "effect": "reset_after_commit"})
    with pytest.raises(httpx.ReadError, match=r"[Rr]eset"):
        visitor.post(f"/sell/{draft_id}/publish")
    assert len(bazaar.ledger("listing_published")) == 1


def test_drop_after_commit_of_a_message_keeps_the_message(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "POST /api/threads/*/messages", "effect": "drop_after_commit", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        visitor.send("50001", "Once only")
    assert [entry["detail"]["text"] for entry in bazaar.ledger("message_sent")] == ["Once only"]
    assert visitor.get("/api/threads/50001").json()["messages"][-1]["text"] == "Once only"


def test_what_is_late_is_done_even_when_nobody_waits_for_it_any_more(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    bazaar.faults({"route": PUBLISH, "effect": "latency_ms", "ms": 400})
    with pytest.raises(httpx.ReadTimeout):
        visitor.post(f"/sell/{draft_id}/publish", timeout=0.1)
    assert bazaar.ledger("listing_published") == []
    until = time.monotonic() + 10
    while not bazaar.ledger("listing_published"):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_status_after_commit_publishes_and_answers_an_error(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    bazaar.faults({"route": PUBLISH, "effect": "status_after_commit", "status": 504})
    answer = visitor.post(f"/sell/{draft_id}/publish")
    assert answer.status_code == 504
    assert "Something went wrong" in answer.text
    assert "location" not in answer.headers
    assert len(bazaar.ledger("listing_published")) == 1


def test_status_answers_an_error_and_does_nothing(bazaar: Any, draft: SaveDraft) -> None:
    visitor = bazaar.signed_in()
    draft_id = draft(visitor)
    bazaar.faults({"route": PUBLISH, "effect": "status", "status": 500, "count": 1})
    assert visitor.post(f"/sell/{draft_id}/publish").status_code == 500
    assert not bazaar.ledger("listing_published")
    visitor.get("/sell")
    assert visitor.post(f"/sell/{draft_id}/publish").status_code == 303


def test_status_on_a_script_answers_json(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/api/*", "effect": "status"})
    answer = visitor.get("/api/threads/50001")
    assert (answer.status_code, answer.json()) == (503, {"error": "server"})


def test_rate_limit_names_the_wait(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": "rate_limit", "retry_after_s": 17})
    answer = visitor.get("/inbox")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")
    assert "Please wait 17 seconds and try again." in answer.text


def test_latency_delays_the_answer(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": "latency_ms", "ms": 300})
    answer, seconds = timed(lambda: visitor.get("/inbox"))
    assert answer.status_code == 200
    assert seconds >= 0.3


def test_slow_image_sends_its_head_before_the_wait(bazaar: Any) -> None:
    bazaar.faults({"route": "*", "effect": "slow_image", "ms": 300})
    began = time.monotonic()
    with bazaar.visitor().client.stream("GET", "/photos/90001-thumb.jpg") as answer:
        assert answer.status_code == 200
        assert len(answer.read()) > 1000
    assert time.monotonic() - began >= 0.3


def test_hanging_request_gets_no_answer_and_holds_up_nobody_else(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": "hang"})
    with pytest.raises(httpx.ReadTimeout):
        visitor.get("/inbox", timeout=0.3)
    assert visitor.get("/listings").status_code == 200


def test_locked_account_can_neither_go_on_nor_sign_in(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": "lock_account", "account": "amy", "count": 1})
    for answer in (visitor.get("/inbox"), visitor.get("/listings"), bazaar.visitor().sign_in()):
        assert answer.status_code == 403
        assert "Your account is locked" in answer.text
    assert visitor.get("/api/threads/50001").json() == {"error": "locked"}
    assert bazaar.ledger("sign_in_failed")[-1]["detail"] == {"reason": "locked"}
    bazaar.control.post("/_unlock", json={"account": "amy"}).raise_for_status()
    assert visitor.get("/inbox").status_code == 200


@pytest.mark.parametrize(
    ("effect", "title"),
    [
        ("captcha", "Are you human?"),
        ("two_factor", "Enter your security code"),
        ("terms", "We have updated our terms"),
    ],
)
def test_challenge_stands_before_every_page_until_a_person_answers(bazaar: Any, effect: str, title: str) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": effect, "count": 1})
    target = visitor.get("/inbox").headers["location"]
    assert target == "/challenge?next=/inbox"
    assert title in visitor.get(target).text
    assert visitor.get("/listings").headers["location"] == "/challenge?next=/listings"
    assert visitor.get("/api/threads/50001").json()["kind"] == effect
    assert 'role="alert"' in visitor.post("/challenge", {"answer": "wrong", "next": "/inbox"}).text
    (challenge,) = bazaar.state()["challenges"]
    assert (challenge["account"], challenge["kind"]) == ("amy", effect)
    assert visitor.post("/challenge", {"answer": challenge["answer"], "next": "/inbox"}).headers["location"] == "/inbox"
    assert visitor.get("/inbox").status_code == 200
    assert bazaar.state()["challenges"] == []
    assert bazaar.ledger("challenge_passed")[0]["detail"] == {"challenge": effect}


def test_challenge_at_sign_in_waits_behind_the_right_password(bazaar: Any) -> None:
    bazaar.faults({"route": "POST /sign-in", "effect": "two_factor", "account": "ben"})
    assert bazaar.signed_in("amy").get("/inbox").status_code == 200
    visitor = bazaar.signed_in("ben")
    assert visitor.get("/inbox").headers["location"] == "/challenge?next=/inbox"


def test_captcha_before_anybody_is_signed_in_is_for_that_browser_only(bazaar: Any) -> None:
    visitor = bazaar.visitor()
    visitor.get("/")
    bazaar.faults({"route": "/sign-in", "effect": "captcha", "count": 1})
    assert visitor.get("/sign-in").headers["location"] == "/challenge?next=/sign-in"
    assert visitor.get("/challenge/picture.png").headers["content-type"] == "image/png"
    assert bazaar.visitor().get("/sign-in").status_code == 200


@pytest.mark.parametrize("variant", ["a", "b", "c"])
@pytest.mark.parametrize("path", ["/inbox", "/listings", "/sell", "/sign-in", "/item/1200001"])
def test_layout_keeps_every_name_that_the_contract_promises(bazaar: Any, variant: str, path: str) -> None:
    visitor = bazaar.visitor() if path == "/sign-in" else bazaar.signed_in()
    marks = re.compile(r'(?<=\s)(data-(?:thread-id|listing-id|field|photo-id|total-\w+)="[^"]*"|name="\w+")')
    plain = sorted(marks.findall(visitor.get(path).text))
    bazaar.faults({"route": path, "effect": "layout", "variant": variant})
    page = visitor.get(path).text
    assert f'data-layout="{variant}"' in page
    assert plain
    assert sorted(marks.findall(page)) == plain


def test_popup_is_on_the_page_only_when_told(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    assert 'data-overlay="survey"' not in visitor.get("/inbox").text
    bazaar.faults({"route": "/inbox", "effect": "popup", "delay_ms": 250, "count": 1})
    assert 'data-overlay="survey" data-delay-ms="250"' in visitor.get("/inbox").text
    assert 'data-overlay="survey"' not in visitor.get("/inbox").text


def test_rule_for_one_account_leaves_the_other_alone(bazaar: Any) -> None:
    amy, ben = bazaar.signed_in("amy"), bazaar.signed_in("ben")
    bazaar.faults({"route": "/inbox", "effect": "status", "account": "amy"})
    assert (amy.get("/inbox").status_code, ben.get("/inbox").status_code) == (503, 200)


def test_rules_count_right_when_requests_come_at_once(bazaar: Any) -> None:
    bazaar.faults({"route": "/", "effect": "status", "count": 5})
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(bazaar.visitor().get("/").status_code)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 7 + [503] * 5
