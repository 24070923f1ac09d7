from typing import Any

import httpx
import pytest


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:80"},
        {"host": "10.0.0.5"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1.evil.example:80"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/_ledger", "/_state", "/_faults"])
def test_control_routes_hide_from_other_hosts_and_origins(bazaar: Any, path: str, headers: dict[str, str]) -> None:
    assert bazaar.control.get(path, headers=headers).status_code == 404


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:9", "127.0.0.7"])
def test_control_routes_answer_to_loopback_names(bazaar: Any, host: str) -> None:
    assert bazaar.control.get("/_state", headers={"host": host}).status_code == 200


def test_reset_cannot_be_had_through_a_foreign_page(bazaar: Any) -> None:
    bazaar.signed_in()
    answer = bazaar.control.post("/_reset", headers={"origin": "http://evil.example"})
    assert answer.status_code == 404
    assert bazaar.ledger("sign_in")


def test_reset_makes_everything_as_at_the_start(bazaar: Any) -> None:
    before = bazaar.state()
    visitor = bazaar.signed_in()
    visitor.send("50001", "Hello")
    bazaar.faults({"route": "/inbox", "effect": "hang"})
    bazaar.control.post("/_reset").raise_for_status()
    assert bazaar.state() == before
    assert bazaar.ledger() == []
    assert bazaar.control.get("/_faults").json() == {"rules": []}
    assert visitor.get("/inbox").status_code == 303
    assert bazaar.signed_in().get("/inbox").status_code == 200


def test_reset_with_another_seed_gives_another_world(bazaar: Any) -> None:
    first = bazaar.control.get("/_ledger").json()["entries"]
    assert bazaar.control.post("/_reset", json={"seed": 8}).json() == {"seed": 8}
    assert bazaar.control.get("/_ledger").json()["entries"] != first


def test_seeded_messages_are_flagged_in_the_ledger(bazaar: Any) -> None:
    entries = bazaar.control.get("/_ledger", params={"kind": "message_received"}).json()["entries"]
    assert len(entries) > 400
    assert all(entry["detail"]["seeded"] and entry["detail"]["topic"] for entry in entries)
    assert bazaar.ledger() == []


def test_ledger_is_read_on_from_a_number(bazaar: Any) -> None:
    bazaar.signed_in("amy")
    since = bazaar.control.get("/_ledger").json()["last_seq"]
    bazaar.signed_in("ben")
    assert [(entry["kind"], entry["account"]) for entry in bazaar.ledger(since=since)] == [("sign_in", "ben")]
    assert bazaar.ledger(since=since, account="amy") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"kind": "sign_inn"}, "unknown 'sign_inn'; did you mean \"sign_in\"?"),
        ({"account": "aby"}, "unknown 'aby'; did you mean \"amy\"?"),
        ({"since": "x"}, "expected a sequence number, got 'x'"),
    ],
)
def test_wrong_ledger_query_is_refused_in_words(bazaar: Any, query: dict[str, str], words: str) -> None:
    answer = bazaar.control.get("/_ledger", params=query)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_wrong_fault_rule_is_refused_and_changes_nothing(bazaar: Any) -> None:
    bazaar.faults({"route": "/listings", "effect": "status"})
    rules = [{"route": "/inbox", "effect": "hang"}, {"route": "/inbox", "effect": "hang", "probabilty": 1}]
    answer = bazaar.control.put("/_faults", json=rules)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith('rule 1: unknown key "probabilty"')
    assert [rule["route"] for rule in bazaar.control.get("/_faults").json()["rules"]] == ["/listings"]


def test_rules_tell_how_often_they_fired(bazaar: Any) -> None:
    bazaar.faults({"route": "/", "effect": "status"}, {"route": "/inbox", "effect": "hang"})
    bazaar.visitor().get("/")
    assert [rule["fired"] for rule in bazaar.control.get("/_faults").json()["rules"]] == [1, 0]


@pytest.mark.parametrize(
    "body",
    [
        {"account": "nobody", "text": "Hello"},
        {"account": "amy", "text": "  "},
        {"account": "ben", "text": "Hello", "thread_id": "50001"},
        {"account": "ben", "text": "Hello", "listing_id": "1200001"},
        {"account": "amy", "text": "Hello", "tread_id": "50001"},
    ],
)
def test_wrong_incoming_message_is_refused(bazaar: Any, body: dict[str, str]) -> None:
    answer = bazaar.control.post("/_incoming", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert bazaar.ledger() == []


def test_control_routes_are_spared_by_the_faults(bazaar: Any) -> None:
    bazaar.faults({"route": "*", "effect": "hang"})
    assert bazaar.state()["seed"] == 7
    with pytest.raises(httpx.ReadTimeout):
        bazaar.visitor().get("/", timeout=0.3)


def test_the_clock_that_is_set_stands_in_ledger_and_pages(bazaar: Any) -> None:
    bazaar.control.post("/_clock", json={"now": "2031-05-04T03:02:00+02:00"}).raise_for_status()
    thread = bazaar.control.post("/_incoming", json={"account": "amy", "text": "Still there?"}).json()["thread_id"]
    visitor = bazaar.signed_in()
    visitor.send(thread, "Yes.")
    times = [entry["at"] for kind in ("sign_in", "message_received", "message_sent") for entry in bazaar.ledger(kind)]
    times += [message["at"] for message in visitor.get(f"/api/threads/{thread}").json()["messages"]]
    assert len(times) == 5
    assert all(at.startswith("2031-05-04T01:02") for at in times)
    assert visitor.get("/inbox").status_code == 200, "nobody is signed out by it"
    bazaar.control.post("/_clock", json={"ahead_s": 0}).raise_for_status()
    assert not bazaar.control.get("/_clock").json()["now"].startswith("2031")


@pytest.mark.parametrize("given", [{}, {"now": "2031-05-04T03:02"}, {"now": 5}, {"ahead_s": "1"}, {"ahead_s": True}])
def test_a_clock_that_cannot_be_set_is_refused(bazaar: Any, given: dict[str, Any]) -> None:
    assert bazaar.control.post("/_clock", json=given).status_code == 422


def test_a_counterpart_writes_right_after_a_thread_was_read(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    thread = bazaar.control.post("/_incoming", json={"account": "amy", "text": "One"}).json()["thread_id"]
    waiting = {"account": "amy", "text": "Two", "thread_id": thread, "after_readings": 2}
    assert bazaar.control.post("/_incoming", json=waiting).status_code == 202

    def read() -> list[str]:
        return [message["text"] for message in visitor.get(f"/api/threads/{thread}").json()["messages"]]

    assert [read(), read(), read(), read()] == [["One"], ["One"], ["One", "Two"], ["One", "Two"]]
    assert [entry["detail"]["text"] for entry in bazaar.ledger("message_received")] == ["One", "Two"]
