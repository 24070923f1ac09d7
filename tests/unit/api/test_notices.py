"""Channels, notices and digests over the API: who may do what, and that no answer holds what opens a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.domain.access import Role
from runner.domain.states import AccountState

CANARY = "canary-K3y-8Zt"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "hook.key").write_text(CANARY)
    return tmp_path / "hook.key"


def hook(receiver: Any, key: Path, **more: Any) -> dict[str, Any]:
    return {"name": "hook", "address": receiver.url, "password_file": str(key), **more}


async def person(shop: Any, name: str, role: Role) -> Any:
    """Somebody who is signed in."""
    link = await shop.runner.books.operators.new_link(name, role)
    client = shop.anybody(headers={"origin": "http://127.0.0.1:8700"})
    answer = await client.post("/api/v1/session/link", json={"key": link, "password": "correct horse battery"})
    assert answer.status_code == 201
    return client


async def test_a_channel_is_added_by_an_admin_tried_told_and_removed(
    admin: Any, shop: Any, receiver: Any, key: Path
) -> None:
    made = await admin.post("/api/v1/channels", json=hook(receiver, key, preferences={"quiet": "22:00-07:00"}))
    assert made.status_code == 201, made.text
    assert (made.json()["preferences"]["quiet"], made.json()["preferences"]["timezone"]) == ("22:00-07:00", "UTC")
    assert (await admin.post("/api/v1/channels/hook/test", json={})).status_code == 200
    assert receiver.titles == ["A test of the runner's"]
    receiver.status = 500
    refused = await admin.post("/api/v1/channels/hook/test", json={})
    assert (refused.status_code, refused.json()["detail"]) == (409, "The receiver answered 500.")
    assert (await admin.delete("/api/v1/channels/hook")).status_code == 200
    assert (await admin.get("/api/v1/channels")).json() == []


async def test_an_operator_changes_their_own_channel_and_sees_no_other(
    admin: Any, shop: Any, receiver: Any, key: Path
) -> None:
    vera, agent = await person(shop, "vera", Role.VIEWER), await person(shop, "carl", Role.AGENT)
    await admin.post("/api/v1/channels", json=hook(receiver, key, owner="vera"))
    await admin.post("/api/v1/channels", json=hook(receiver, key) | {"name": "shop"})
    (mine,) = (await vera.get("/api/v1/channels")).json()
    assert (mine["name"], mine["secret"]) == ("hook", None)
    wanted = {"kinds": ["new_message"], "types": ["offer"], "accounts": ["amy"]}
    changed = await vera.put("/api/v1/channels/hook/preferences", json=wanted)
    assert changed.json()["preferences"]["types"] == ["offer"]
    assert (await vera.put("/api/v1/channels/hook/enabled", json={"enabled": False})).json()["enabled"] is False
    for path, body in (("preferences", wanted), ("enabled", {"enabled": False})):
        assert (await vera.put(f"/api/v1/channels/shop/{path}", json=body)).status_code == 404
        assert (await agent.put(f"/api/v1/channels/hook/{path}", json=body)).status_code == 404
    assert (await agent.post("/api/v1/channels", json=hook(receiver, key))).status_code == 403
    assert (await agent.get("/api/v1/channels")).json() == []
    # A token of the same name is no operator.
    _, secret = await shop.runner.books.tokens.add("vera", Role.VIEWER, ["*"], "a test")
    async with shop.anybody(headers={"Authorization": f"Bearer {secret}"}) as token:
        assert (await token.get("/api/v1/channels")).json() == []


async def test_what_was_given_up_is_listed_and_retried_by_whose_it_is(
    admin: Any, shop: Any, receiver: Any, key: Path
) -> None:
    vera, agent = await person(shop, "vera", Role.VIEWER), await person(shop, "carl", Role.AGENT)
    await admin.post("/api/v1/channels", json=hook(receiver, key, owner="vera"))
    await shop.runner.books.records.accounts.set_state("amy", AccountState.PARKED, "a captcha")
    await shop.runner.telling._notices.look()
    found, _ = await shop.runner.telling.deliveries.claim(lease=shop.services.rules.stuck_after, most=3)
    await shop.runner.telling.deliveries.failed(found, "The receiver answered 500.", again_at=None)
    (dead,) = (await vera.get("/api/v1/notices", params={"state": "dead"})).json()["items"]
    assert (dead["title"], dead["detail"]) == ("amy is parked", "The receiver answered 500.")
    assert (await agent.get("/api/v1/notices")).json()["items"] == []
    assert (await agent.post(f"/api/v1/notices/{dead['id']}/retry", json={})).status_code == 404
    assert (await agent.post("/api/v1/notices/retry", json={})).json() == {"retried": 0}
    assert (await vera.post(f"/api/v1/notices/{dead['id']}/retry", json={})).json()["state"] == "waiting"
    assert await shop.runner.telling.sweep() == 1
    assert receiver.titles == ["amy is parked"]


async def test_whoever_is_removed_is_told_nothing_any_more(admin: Any, shop: Any, receiver: Any, key: Path) -> None:
    await person(shop, "vera", Role.VIEWER)
    await admin.post("/api/v1/channels", json=hook(receiver, key, owner="vera"))
    await admin.post("/api/v1/channels", json=hook(receiver, key) | {"name": "shop"})
    wrong = await admin.put("/api/v1/channels/hook/preferences", json={"accounts": ["amii"]})
    assert (wrong.status_code, "amii" in wrong.text) == (404, True)
    assert (await admin.delete("/api/v1/operators/vera")).status_code == 200
    on = {each["name"]: each["enabled"] for each in (await admin.get("/api/v1/channels")).json()}
    assert on == {"hook": False, "shop": True}


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "http://ada:secret-pass@127.0.0.1/x"},
        {"address": "http://127.0.0.1/x?token=secret-pass"},
        {"address": "file:///etc/passwd"},
        {"password_file": "json://secret-pass@host"},
        {"password_file": None},
        {"password_env": "A", "password_file": "b"},
        {"preferences": {"kinds": []}},
        {"preferences": {"quiet": "22-7"}},
        {"preferences": {"timezone": "Mars/Base"}},
        {"name": "Not A Name"},
        {"owner": "nobody-at-all"},
        {"owner": ""},
        {"owner": " "},
        {"preferences": {"accounts": ["amy", "nobody-at-all"]}},
        {"password_file": ""},
        {"password_file": None, "password_keyring": "no-stroke"},
    ],
)
async def test_what_cannot_be_a_channel_is_refused_and_never_repeated(
    admin: Any, receiver: Any, key: Path, wrong: dict[str, Any]
) -> None:
    refused = await admin.post("/api/v1/channels", json=hook(receiver, key) | wrong)
    assert refused.status_code in (404, 422)
    assert "secret-pass" not in refused.text
    assert (await admin.get("/api/v1/channels")).json() == []


async def test_no_answer_no_event_and_no_audit_line_holds_the_key(
    admin: Any, shop: Any, receiver: Any, key: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await admin.post("/api/v1/channels", json=hook(receiver, key))
    receiver.status = 500
    texts = [(await admin.post("/api/v1/channels/hook/test", json={})).text]
    await shop.runner.books.records.accounts.set_state("amy", AccountState.PARKED, "a captcha")
    await shop.runner.telling.sweep()
    for path in ("channels", "channels/hook", "notices", "events/history", "audit"):
        texts.append((await admin.get(f"/api/v1/{path}")).text)
    assert "hook.key" not in texts[-1], "where it is kept is no business of the audit log"
    said = "".join([*texts, *capfd.readouterr()])
    assert "amy is parked" in said
    assert CANARY not in said
    stored = b"".join(path.read_bytes() for path in shop.folder.glob("runner.db*"))
    assert CANARY.encode() not in stored


async def test_a_digest_is_a_page_that_may_run_nothing_and_a_pdf(admin: Any) -> None:
    page = await admin.get("/api/v1/digest.html")
    assert "Daily digest" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    pdf = await admin.get("/api/v1/digest.pdf", params={"week": True})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
