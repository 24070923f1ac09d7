from typing import Any

import pytest

LOST = "Your session has expired. Please sign in again."


@pytest.mark.parametrize("login", ["amy", "AMY", " amy@bazaar.example "])
def test_user_name_or_e_mail_signs_in(bazaar: Any, login: str) -> None:
    visitor = bazaar.visitor()
    assert visitor.sign_in(login).headers["location"] == "/inbox"
    assert "Signed in as Amy&#39;s Computers" in visitor.get("/inbox").text
    assert [entry["account"] for entry in bazaar.ledger("sign_in")] == ["amy"]


@pytest.mark.parametrize(
    ("login", "password", "message", "failures"),
    [
        ("amy", "wrong", "That password is not right.", [("amy", "password")]),
        ("zoe", "wrong", "We do not know that e-mail or username.", [(None, "unknown")]),
        ("amy", " ", "That password is not right.", [("amy", "password")]),
        ("", "wrong", "Enter your e-mail or username.", []),
    ],
)
def test_wrong_sign_in_is_refused_in_words(
    bazaar: Any, login: str, password: str, message: str, failures: list[tuple[str | None, str]]
) -> None:
    answer = bazaar.visitor().sign_in(login, password)
    assert answer.status_code == 401
    assert f'role="alert">{message}' in answer.text
    seen = [(entry["account"], entry["detail"]["reason"]) for entry in bazaar.ledger("sign_in_failed")]
    assert seen == failures
    assert not bazaar.ledger("sign_in")


def test_session_cookie_ends_with_the_browser_unless_remembered(bazaar: Any) -> None:
    short = bazaar.visitor().sign_in().headers["set-cookie"]
    long = bazaar.visitor().sign_in(remember="1").headers["set-cookie"]
    assert "HttpOnly" in short
    assert "Max-Age" not in short
    assert "Max-Age=2592000" in long


def test_sign_out_ends_the_session_everywhere(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    stolen = visitor.client.cookies["bazaar_session"]
    visitor.post("/sign-out")
    visitor.client.cookies.set("bazaar_session", stolen)
    assert visitor.get("/inbox").headers["location"] == "/sign-in?next=/inbox&expired=1"
    assert len(bazaar.ledger("sign_out")) == 1


def test_page_for_accounts_asks_strangers_to_sign_in(bazaar: Any) -> None:
    visitor = bazaar.visitor()
    answer = visitor.get("/inbox?page=2")
    assert answer.headers["location"] == "/sign-in?next=/inbox%3Fpage%3D2"
    assert "Please sign in to go on." in visitor.get(answer.headers["location"]).text


def test_script_of_a_stranger_gets_an_answer_that_it_can_read(bazaar: Any) -> None:
    answer = bazaar.visitor().get("/api/threads/50001", headers={"referer": f"{bazaar.url}/inbox/thread/50001"})
    assert answer.status_code == 401
    assert answer.json() == {"error": "signed_out", "url": "/sign-in?next=/inbox/thread/50001"}


def test_expired_session_is_told_and_leads_back(bazaar: Any) -> None:
    visitor = bazaar.signed_in()
    bazaar.faults({"route": "/inbox", "effect": "expire_session", "count": 1})
    target = visitor.get("/inbox").headers["location"]
    assert LOST in visitor.get(target).text
    assert visitor.sign_in(next="/inbox").headers["location"] == "/inbox"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
def test_sign_in_never_leads_to_another_site(bazaar: Any, target: str) -> None:
    assert bazaar.visitor().sign_in(next=target).headers["location"] == "/inbox"


@pytest.mark.parametrize("path", ["/sign-out", "/sell", "/sell/1/publish", "/listings/1200001/renew"])
def test_form_without_its_token_changes_nothing(bazaar: Any, path: str) -> None:
    visitor = bazaar.signed_in()
    before = bazaar.state()
    visitor.csrf = "made-up"
    answer = visitor.post(path)
    assert answer.status_code == 403
    assert "This form has expired" in answer.text
    assert bazaar.state() == before


def test_password_is_kept_only_as_a_hash(bazaar: Any) -> None:
    bazaar.signed_in()
    for file in bazaar.data_dir.glob("market.db*"):
        assert bazaar.password.encode() not in file.read_bytes()
