"""The door of the console: nobody comes in who has not signed in, by page or socket, nor from another site."""

from __future__ import annotations

import base64
import os
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PAGES = ("/", "/keys", "/live/sessions", "/live/1", "/live/1/picture.jpg", "/console/assets/console.js")
PASSWORD = "correct horse battery"


@dataclass(frozen=True, kw_only=True)
class Shut:
    """A console for which one must sign in."""

    url: str
    link: str


@pytest.fixture
def shut(shop: Any, wait_for: Any) -> Shut:
    """`runner console` at its very first start, with the link that it printed."""
    said = shop.folder / "said.txt"
    with said.open("w") as stderr:
        shop.start("console", "--port", 0, stderr=stderr, env={"COLUMNS": "300"})
    link = wait_for(lambda: re.search(r"http://\S+/sign-in#\S+", said.read_text()), what="the link", within_s=90)
    return Shut(url=link.group().split("/sign-in")[0], link=link.group())


def status_of_upgrade(url: str, path: str, **more: str) -> int:
    """The status that a WebSocket handshake gets."""
    place = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    usual = {"Host": place.netloc, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**usual, **more}.items())]
    with socket.create_connection((place.hostname, place.port), timeout=10) as asking:
        asking.sendall("\r\n".join([*lines, f"Sec-WebSocket-Key: {key}", "", ""]).encode())
        return int(asking.recv(200).split()[1])


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_person_signs_in_with_the_printed_link_and_comes_to_the_page_that_was_asked_for(
    shut: Shut, plain_chromium: Browser
) -> None:
    context = await plain_chromium.new_context()
    page = await context.new_page()
    await page.goto(f"{shut.url}/keys?x=1")
    await expect(page).to_have_url(f"{shut.url}/sign-in?next=%2Fkeys%3Fx%3D1")
    await page.goto(shut.link)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Now", level=1)).to_be_visible()
    await page.get_by_role("button", name="Signed in as").click()
    await page.get_by_text("Sign out").click()
    await expect(page).to_have_url(f"{shut.url}/sign-in")
    await page.goto(f"{shut.url}/keys")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await context.close()


def test_an_open_page_is_cut_off_when_its_person_signs_out(shut: Shut) -> None:
    with httpx.Client(base_url=shut.url, timeout=30, headers={"origin": shut.url}) as person:
        person.post("/api/v1/session/link", json={"key": shut.link.split("#")[1]}).raise_for_status()
        cookie = f"runner_session={person.cookies['runner_session']}"
        url = shut.url.replace("http", "ws", 1) + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        given = {"Cookie": cookie, "Origin": shut.url}
        with connect(url, additional_headers=given, open_timeout=20) as page:
            answer_pings(page, 3)  # for longer than it takes to be looked at again
            person.delete("/api/v1/session").raise_for_status()
            with pytest.raises(ConnectionClosed):
                answer_pings(page, 4)


def answer_pings(page: ClientConnection, count: int) -> None:
    """Be a page that is open: NiceGUI asks every few seconds whether it is still there."""
    while count:
        if str(page.recv(timeout=20)) == "2":
            page.send("3")
            count -= 1


def test_a_program_with_a_token_uses_the_api_and_no_pages(shut: Shut, shop: Any) -> None:
    token = shop.cli("tokens", "add", "till", "--role", "admin").out.strip()
    bearer = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=shut.url, timeout=30, headers=bearer) as program:
        assert program.get("/api/v1/accounts").status_code == 200
        assert program.get("/live/sessions").status_code == 403
    given = {"Authorization": bearer["authorization"], "Origin": shut.url}
    assert status_of_upgrade(shut.url, "/live/1/ws", **given) == 403


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "wanted", ["/.//evil.example/x", "//evil.example", "https://evil.example", "http://[", "/keys"]
)
async def test_signing_in_leads_to_no_other_site(shut: Shut, plain_chromium: Browser, wanted: str) -> None:
    context = await plain_chromium.new_context()
    page = await context.new_page()
    left: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(shut.url) else left.append(request.url))
    await page.goto(f"{shut.url}/sign-in?{urlencode({'next': wanted})}#{shut.link.split('#')[1]}")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).not_to_have_url(re.compile("/sign-in"))
    assert urlsplit(page.url).netloc == urlsplit(shut.url).netloc
    assert left == []
    await context.close()


def test_nothing_is_served_to_a_stranger_nor_to_a_page_of_another_site(shut: Shut) -> None:
    with httpx.Client(base_url=shut.url, timeout=30) as stranger:
        for path in (*PAGES, "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
            assert (path, stranger.get(path).status_code) == (path, 401)
        assert stranger.get("/", headers={"accept": "text/html"}).headers["location"] == "/sign-in?next=%2F"
        key = {"key": shut.link.split("#")[1]}
        signed_in = stranger.post("/api/v1/session/link", json=key, headers={"origin": shut.url})
        assert signed_in.status_code == 201
        cookie = f"runner_session={signed_in.cookies['runner_session']}"
        assert stranger.get("/keys").status_code == 200
        assert stranger.get("/api/v1/nothing").json()["code"] == "not_found"
        from_elsewhere = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        polling = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        assert stranger.post(polling, headers=from_elsewhere, content=b"40").status_code == 403
    # Sockets, with the right cookie: from a page of ours, of nobody, of another site, and without the cookie.
    for path in ("/live/1/ws", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"):
        ours = {"Cookie": cookie, "Origin": shut.url}
        assert status_of_upgrade(shut.url, path, **ours) == 101
        assert status_of_upgrade(shut.url, path, Cookie=cookie) == 403
        assert status_of_upgrade(shut.url, path, **{**ours, "Origin": "http://evil.example"}) == 403
        assert status_of_upgrade(shut.url, path, Origin=shut.url) == 403
        assert status_of_upgrade(shut.url, path, **{**ours, "Host": "evil.example"}) == 403
