"""Login states in a real browser: read out, laid in beside what is there, and never anybody else's."""

from __future__ import annotations

import json

import pytest

from runner.browser import login_state
from runner.browser.checkpoints import Checkpoints, Whose
from runner.browser.login_state import LoginState
from runner.domain.clock import SystemClock

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FILL = """async (canary) => {
  document.cookie = `script=${canary}; path=/`;
  localStorage.setItem("token", canary);
  const open = indexedDB.open("auth", 3);
  open.onupgradeneeded = () => {
    const keyed = open.result.createObjectStore("users", { keyPath: "id" });
    keyed.createIndex("by-name", "name", { unique: true });
    open.result.createObjectStore("blobs");
  };
  const db = await new Promise((resolve, reject) => {
    open.onsuccess = () => resolve(open.result); open.onerror = () => reject(open.error);
  });
  const write = db.transaction(["users", "blobs"], "readwrite");
  write.objectStore("users").put({ id: 1, name: canary, when: new Date(0), tags: new Set(["a"]), nothing: undefined });
  write.objectStore("blobs").put(new Uint8Array([1, 2, 255]), ["a", 7]);
  await new Promise((resolve) => { write.oncomplete = resolve; });
  db.close();
}"""

SEEN = """async () => {
  const open = indexedDB.open("auth");
  const db = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const of = (name) => Array.from(db.objectStoreNames).includes(name) ? db.transaction(name).objectStore(name) : null;
  const all = (store, what) => new Promise((resolve) => {
    if (!store) { resolve([]); return; }
    const request = store[what](); request.onsuccess = () => resolve(request.result);
  });
  const users = await all(of("users"), "getAll"), keys = await all(of("blobs"), "getAllKeys");
  const blobs = await all(of("blobs"), "getAll"), version = db.version;
  db.close();
  return JSON.stringify({
    cookies: document.cookie, token: localStorage.getItem("token"), other: localStorage.getItem("other"), version,
    users: users.map((u) => [u.id, u.name, u.when instanceof Date, u.tags instanceof Set && u.tags.has("a"), u.extra]),
    keys, blobs: blobs.map((b) => [b.constructor.name, ...b]),
  });
}"""


async def seen(session, web) -> dict:
    await session.page.goto(web.url("/"))
    return json.loads(await session.page.evaluate(SEEN))


async def filled(session, web, canary: str) -> LoginState:
    web.page("/", "<h1>hello</h1>", Set_Cookie=f"http={canary}; HttpOnly; Path=/")
    await session.page.goto(web.url("/"))
    await session.page.evaluate(FILL, canary)
    return await login_state.read(session)


async def test_everything_comes_over_and_what_is_there_stays(open_session, web, tmp_path):
    first = await open_session()
    state = await filled(first, web, "amys-canary")
    web.answers.clear()
    web.page("/", "<h1>hello</h1>")
    second = await open_session(profile_dir=tmp_path / "profiles" / "fresh")
    await second.page.goto(web.url("/"))
    await second.page.evaluate("() => { document.cookie = 'mine=1'; localStorage.setItem('other', 'stays') }")
    asked = len(web.seen)

    await login_state.lay_in(second, LoginState.unpacked(state.packed()))

    assert web.seen[asked:] == [], "nothing of it went over the network"
    assert second.page.url == "about:blank"
    assert len(second.context.pages) == 1, "the page that it took is gone"
    assert not [line for line in second.ring.console.lines() if line.level == "window"]
    shows = await seen(second, web)
    assert {"script=amys-canary", "mine=1"} <= set(shows["cookies"].split("; "))
    assert (shows["token"], shows["other"], shows["version"]) == ("amys-canary", "stays", 3)
    assert shows["users"] == [[1, "amys-canary", True, True, None]]
    assert (shows["keys"], shows["blobs"]) == ([["a", 7]], [["Uint8Array", 1, 2, 255]])
    kept = {each["name"]: each for each in await second.context.cookies()}
    assert (kept["http"]["value"], kept["http"]["httpOnly"], kept["http"]["expires"]) == ("amys-canary", True, -1)


async def test_a_database_that_is_there_gets_what_it_lacks_and_keeps_the_rest(open_session, web, tmp_path):
    state = await filled(await open_session(), web, "amys-canary")
    second = await open_session(profile_dir=tmp_path / "profiles" / "fresh")
    await second.page.goto(web.url("/"))
    older = """async () => {
      const open = indexedDB.open("auth", %d);
      open.onupgradeneeded = () => open.result.createObjectStore("users", { keyPath: "id" });
      await new Promise((resolve) => { open.onsuccess = resolve; });
      const write = open.result.transaction("users", "readwrite");
      write.objectStore("users").put({ id: 2, name: "kept", extra: "of the site's own" });
      await new Promise((resolve) => { write.oncomplete = resolve; });
    }"""
    await second.page.evaluate(older % 1)  # and it stays open, as a page of the site would have it

    await login_state.lay_in(second, state)

    users = (await seen(second, web))["users"]
    assert [each[:2] for each in users] == [[1, "amys-canary"], [2, "kept"]]
    assert users[1][4] == "of the site's own"


async def test_a_database_of_a_newer_version_is_taken_as_it_is(open_session, web, tmp_path):
    state = await filled(await open_session(), web, "amys-canary")
    second = await open_session(profile_dir=tmp_path / "profiles" / "fresh")
    await second.page.goto(web.url("/"))
    await second.page.evaluate(
        """async () => {
          const open = indexedDB.open("auth", 9);
          open.onupgradeneeded = () => open.result.createObjectStore("users", { keyPath: "id" });
          await new Promise((resolve) => { open.onsuccess = resolve; });
          open.result.close();
        }"""
    )

    await login_state.lay_in(second, state)

    shows = await seen(second, web)
    assert (shows["version"], shows["token"]) == (9, "amys-canary")
    assert [each[:2] for each in shows["users"]] == [[1, "amys-canary"]]


async def test_a_cookie_that_has_expired_or_is_refused_costs_no_other_one(open_session, web):
    session = await open_session()
    web.page("/", "<h1>hello</h1>")
    await session.page.goto(web.url("/"))
    await session.page.evaluate("document.cookie = 'same=newer'")
    usual = {"domain": "127.0.0.1", "path": "/", "httpOnly": False, "secure": False, "sameSite": "Lax"}
    cookies = (
        {**usual, "name": "same", "value": "older", "expires": 1_000_000.0},
        {**usual, "name": "__Host-wrong", "value": "x", "expires": -1},
        {**usual, "name": "good", "value": "laid-in", "expires": -1},
    )

    await login_state.lay_in(session, LoginState(cookies=cookies))

    found = {each["name"]: each["value"] for each in await session.context.cookies()}
    assert found == {"same": "newer", "good": "laid-in"}


async def test_what_belongs_to_other_origins_is_neither_saved_nor_laid_in(open_session, web, closed_port):
    session = await open_session()
    foreign = f"http://127.0.0.1:{closed_port}"
    stranger = {"name": "s", "value": "x", "domain": "stranger.test", "path": "/", "expires": -1}
    usual = {"httpOnly": False, "secure": False, "sameSite": "Lax"}
    await session.context.add_cookies([{**stranger, **usual}])
    assert (await login_state.read(session)).cookies == ()
    await session.context.clear_cookies()
    item = {"localStorage": [{"name": "token", "value": "x"}], "indexedDB": []}

    await login_state.lay_in(
        session, LoginState(cookies=({**stranger, **usual},), origins=({"origin": foreign, **item},))
    )

    assert await session.context.cookies() == []
    assert web.seen == []


async def test_an_origin_that_this_browser_has_not_been_to_is_taken_over_from_before(open_session, web):
    session = await open_session(allowed_origins=(web.origin, "http://localhost:1"))
    web.page("/", "<h1>hello</h1>")
    await session.page.goto(web.url("/"))
    elsewhere = {"origin": "http://localhost:1", "localStorage": [{"name": "t", "value": "1"}]}
    stale = {"origin": web.origin, "localStorage": [{"name": "t", "value": "signed in, long ago"}]}

    state = await login_state.read(session, older=LoginState(origins=(elsewhere, stale)))

    assert [each["origin"] for each in state.origins] == ["http://localhost:1"], "here it was looked at, and is empty"


async def test_a_database_that_is_too_large_is_left_out_and_the_rest_is_saved(open_session, web, monkeypatch):
    monkeypatch.setattr(login_state, "MOST_BYTES", 1000)
    state = await filled(await open_session(), web, "amys-canary")
    assert "amys-canary" in [cookie["value"] for cookie in state.cookies]
    (origin,) = state.origins
    assert origin["localStorage"] == [{"name": "token", "value": "amys-canary"}]
    assert not origin.get("indexedDB")


async def test_nothing_of_one_account_is_ever_seen_by_another(open_session, web, tmp_path):
    """Canaries in every place that a login may live in, and the files swapped by hand."""
    folder = tmp_path / "profiles"
    kept = Checkpoints(folder, lambda: "a key of more than thirty-two characters, for tests")
    for name in ("amy", "ben"):
        session = await open_session(account=name, profile_dir=folder / name)
        state = await filled(session, web, f"canary-of-{name}")
        for _ in range(2):
            kept.save(Whose(account=name, site="mock"), state, who=name, browser_version="1", at=SystemClock().now())
        await session.close()
    amys, bens = (sorted(kept.folder(name).glob("*.checkpoint"))[-1] for name in ("amy", "ben"))
    swapped = amys.read_bytes()
    amys.write_bytes(bens.read_bytes())
    bens.write_bytes(swapped)

    web.answers.clear()
    web.page("/", "<h1>hello</h1>")
    for name, other in (("amy", "ben"), ("ben", "amy")):
        found = kept.newest(Whose(account=name, site="mock"))
        session = await open_session(account=name, profile_dir=folder / f"{name}-again")
        await login_state.lay_in(session, found.state)
        shows = str(await seen(session, web)) + str(await session.context.cookies())
        assert f"canary-of-{name}" in shows
        assert f"canary-of-{other}" not in shows
        assert f"canary-of-{other}" not in found.state.packed().decode()
