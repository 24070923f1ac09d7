"""The door of the live view, with a real server behind it: tokens, names, origins, cookies."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from runner.api import serving
from runner.api.access import Access, hosts_of, token_in
from runner.api.live import live_app
from runner.api.messages import parse
from runner.errors import Rejected, SetupError
from runner.orchestrator.inputs import Back, Click, Typed
from runner.orchestrator.open_sessions import OpenSessions

TOKEN = "t" * 43


@pytest.fixture
async def port() -> AsyncIterator[int]:
    place = serving.Place(host="127.0.0.1", port=0)
    listener = serving.listen(place)
    access = Access(TOKEN, hosts_of(listener))
    async with serving.served(live_app(OpenSessions(), access, operator="root"), listener, place):
        yield listener.getsockname()[1]


@pytest.fixture
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


async def enter(client: httpx.AsyncClient, path: str = "/live") -> httpx.Response:
    return await client.get(path, params={"token": TOKEN})


def handshake(port: int, **more: str) -> dict[str, str]:
    key = base64.b64encode(os.urandom(16)).decode()
    usual = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    return {**usual, "Origin": f"http://127.0.0.1:{port}", **more}


async def status_of_upgrade(port: int, cookie: str, **more: str) -> int:
    """The status that a WebSocket handshake gets."""
    headers = {"Host": f"127.0.0.1:{port}", "Cookie": cookie, **handshake(port, **more)}
    lines = ["GET /live/1/ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(5):
        answer = await reader.readline()
    writer.close()
    return int(answer.split()[1])


async def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(client: httpx.AsyncClient) -> None:
    entered = await enter(client, "/live/5?x=1")
    assert entered.status_code == 303
    assert TOKEN not in entered.headers["location"]
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert (await client.get("/live")).status_code == 200


async def test_without_a_token_or_with_a_wrong_one_nothing_is_served(client: httpx.AsyncClient) -> None:
    for path in ("/live", "/live/sessions", "/live/1", "/live/assets/session.js", "/live?token=", "/live?token=wrong"):
        answer = await client.get(path)
        assert (path, answer.status_code) == (path, 403)
        assert "runner live" in answer.text, "it says what to do"


async def test_foreign_names_and_origins_are_refused_with_the_right_cookie_too(
    client: httpx.AsyncClient, port: int
) -> None:
    await enter(client)
    assert (await client.get("/live", headers={"Host": f"attacker.example:{port}"})).status_code == 421
    assert (await client.get("/live", headers={"Host": "127.0.0.1:1"})).status_code == 421
    assert (await client.get("/live", headers={"Origin": "http://127.0.0.1:8765"})).status_code == 403
    assert (await client.get("/live", headers={"Host": f"localhost:{port}"})).status_code == 200


async def test_a_websocket_needs_cookie_and_origin(client: httpx.AsyncClient, port: int) -> None:
    await enter(client)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert await status_of_upgrade(port, cookie) == 101
    assert await status_of_upgrade(port, "") == 403
    assert await status_of_upgrade(port, cookie, Origin="http://127.0.0.1:8765") == 403
    assert await status_of_upgrade(port, cookie, Origin="null") == 403
    assert await status_of_upgrade(port, cookie, Origin="") == 403


async def test_every_answer_forbids_what_is_not_ours(client: httpx.AsyncClient) -> None:
    await enter(client)
    headers = (await client.get("/live")).headers
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("page", ["/live", "/live/1"])
async def test_pages_hold_no_script_and_no_style_of_their_own(client: httpx.AsyncClient, page: str) -> None:
    await enter(client)
    text = (await client.get(page)).text
    assert "<style" not in text
    assert "<script>" not in text
    assert "onclick" not in text
    assert "//" not in text.replace("<!doctype", ""), "nothing is loaded from elsewhere"


def test_a_token_is_made_once_for_a_folder_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "live.token"
    first = token_in(file)
    assert len(first) >= 43
    assert token_in(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    file.chmod(0o644)
    assert token_in(file) != first, "others may have read it"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_taken_port_is_said_with_what_to_set() -> None:
    place = serving.Place(host="127.0.0.1", port=0, named="[live] port")
    with serving.listen(place) as taken, pytest.raises(SetupError, match=r"\[live\] port"):
        serving.listen(replace(place, port=taken.getsockname()[1]))


def test_messages_are_checked_and_never_repeated_in_an_error() -> None:
    assert parse('{"do": "click", "x": 3, "y": 4, "times": 2}').deed() == Click(x=3, y=4, times=2)
    assert parse('{"do": "type", "text": "a"}').deed() == Typed(text="a")
    assert parse('{"do": "back"}').deed() == Back()
    assert parse('{"do": "take", "name": " an\\u0000na\\n "}').name == "anna"
    for wrong in (
        '{"do": "type", "text": ["hunter2"]}',
        '{"do": "click", "x": "NaN"}',
        "hunter2",
        '{"do": "eval"}',
        "[]",
    ):
        with pytest.raises(Rejected) as caught:
            parse(wrong)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(Rejected):
        parse('{"do": "type", "text": "%s"}' % ("x" * 2001))


def test_a_token_file_that_was_left_empty_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "live.token"
    file.write_text("")
    file.chmod(0o600)

    token = token_in(file)

    assert len(token) > 40
    assert token_in(file) == token


def test_no_door_is_opened_with_a_token_that_can_be_guessed() -> None:
    with pytest.raises(ValueError, match="guessed"):
        Access("", ["127.0.0.1:1"])
