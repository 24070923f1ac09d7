"""A small notice board on loopback: plain tables, whole-page forms, no message ids, no script."""

from __future__ import annotations

import html
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

PER_PAGE = 10


@dataclass
class Letter:
    when: str
    who: str
    text: str


@dataclass
class Notice:
    number: int
    reference: str
    heading: str
    asking: str
    text: str


@dataclass
class Member:
    name: str
    word: str
    mail: dict[str, list[Letter]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


class Board:
    """The notice board's state and ledger; `url` once it serves."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.sessions: dict[str, str] = {}
        self.ledger: list[dict[str, Any]] = []
        self.closed_for_s: int | None = None
        self._minutes = 0
        board = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                Visit(board, self).answer({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                Visit(board, self).answer({name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def join(self, name: str, word: str) -> Member:
        self.members[name] = Member(name, word)
        return self.members[name]

    def receive(self, name: str, sender: str, text: str) -> None:
        self.members[name].mail.setdefault(sender, []).append(Letter(self.now(), sender, text))

    def now(self) -> str:
        """A clock with minutes only, as such sites have: two letters can have the same time."""
        self._minutes += 1
        return f"2026-09-08 {self._minutes // 120 % 24:02d}:{self._minutes // 2 % 60:02d}"

    def record(self, kind: str, account: str, **detail: Any) -> None:
        self.ledger.append({"kind": kind, "account": account, **detail})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Visit:
    """One request."""

    def __init__(self, board: Board, request: BaseHTTPRequestHandler) -> None:
        self.board, self.request = board, request
        parts = urlsplit(request.path)
        self.path, self.query = unquote(parts.path), parse_qs(parts.query)
        cookie = SimpleCookie(request.headers.get("Cookie", "")).get("board")
        self.token = cookie.value if cookie else ""
        self.member = board.members.get(board.sessions.get(self.token, ""))

    def answer(self, form: dict[str, str]) -> None:
        if self.board.closed_for_s is not None:
            return self.page(
                "Come back later", "<p>Too many visits.</p>", status=503, retry_after=self.board.closed_for_s
            )
        if self.path == "/enter":
            return self.enter(form)
        if self.member is None:
            return self.go("/enter?again=1" if self.token else "/enter")
        routes: dict[str, Callable[[Member, dict[str, str]], None]] = {
            "/mail": self.mail,
            "/notices": self.notices,
            "/notices/new": self.new_notice,
        }
        if self.path in routes:
            return routes[self.path](self.member, form)
        if self.path.startswith("/mail/"):
            return self.letters(self.member, form)
        return self.page("Nothing here", "", status=404)

    def enter(self, form: dict[str, str]) -> None:
        note = "<p class=note>Please enter again.</p>" if "again" in self.query else ""
        if self.request.command == "POST":
            member = self.board.members.get(form.get("name", ""))
            if member is not None and secrets.compare_digest(member.word, form.get("word", "")):
                token = secrets.token_hex(8)
                self.board.sessions[token] = member.name
                self.board.record("entered", member.name)
                return self.go("/mail", cookie=token)
            self.board.record("turned_away", form.get("name", ""))
            note = "<p class=note>Wrong name or secret word.</p>"
        fields = "<label>Name <input name=name></label> <label>Secret word <input name=word type=password></label>"
        self.page("Enter", f"{note}<form method=post action=/enter>{fields} <button>Come in</button></form>")

    def mail(self, member: Member, form: dict[str, str]) -> None:
        first = int(self.query.get("from", ["0"])[0])
        everybody = sorted(member.mail.items(), key=lambda pair: pair[1][-1].when, reverse=True)
        rows = "".join(
            f"<tr><td><a href='/mail/{quote(sender)}'>{html.escape(sender)}</a><td>{letters[-1].when}"
            f"<td>{html.escape(letters[-1].text[:40])}<td>{len(letters)}</tr>"
            for sender, letters in everybody[first : first + PER_PAGE]
        )
        more = f"<a href='/mail?from={first + PER_PAGE}'>More letters</a>" if len(everybody) > first + PER_PAGE else ""
        head = "<tr><th>From<th>Last letter<th>Begins<th>Letters</tr>"
        self.page("Your mail", f"<table>{head}{rows}</table>{more}")

    def letters(self, member: Member, form: dict[str, str]) -> None:
        sender = self.path.removeprefix("/mail/")
        if sender not in member.mail:
            return self.page("Nothing here", "", status=404)
        if self.request.command == "POST":
            text = form.get("answer", "").replace("\r\n", "\n").strip()
            if not text:
                return self.page("Not sent", "<p class=note>An empty letter is no letter.</p>", status=400)
            member.mail[sender].append(Letter(self.board.now(), member.name, text))
            self.board.record("letter_sent", member.name, to=sender, text=text)
            return self.go(f"/mail/{quote(sender)}")
        rows = "".join(
            f"<tr><td>{letter.when}<td>{html.escape(letter.who)}<td class=what>{html.escape(letter.text)}</tr>"
            for letter in member.mail[sender]
        )
        head = "<tr><th>When<th>Who<th>What</tr>"
        answer = "<label>Answer <textarea name=answer></textarea></label> <button>Post answer</button>"
        self.page(f"Letters with {sender}", f"<table>{head}{rows}</table><form method=post>{answer}</form>")

    def notices(self, member: Member, form: dict[str, str]) -> None:
        rows = "".join(
            f"<tr><td>{notice.number}<td>{html.escape(notice.reference)}<td>{html.escape(notice.heading)}"
            f"<td>{html.escape(notice.asking)}</tr>"
            for notice in member.notices
        )
        self.page("Your notices", f"<table><tr><th>No<th>Reference<th>Heading<th>Asking</tr>{rows}</table>")

    def new_notice(self, member: Member, form: dict[str, str]) -> None:
        if self.request.command == "POST":
            if len(form.get("heading", "")) < 5:
                return self.page("Not put up", "<p class=note>The heading is too short.</p>", status=400)
            notice = Notice(100 + len(self.board.ledger), *(form.get(name, "") for name in FIELDS))
            member.notices.append(notice)
            self.board.record("notice_put_up", member.name, number=notice.number, heading=notice.heading)
            return self.go("/notices")
        fields = "".join(
            f"<p><label>{label} <textarea name={name}></textarea></label>" for name, label in FIELDS.items()
        )
        self.page("A new notice", f"<form method=post>{fields}<p><button>Put it up</button></form>")

    def go(self, where: str, *, cookie: str | None = None) -> None:
        headers = {"Location": where}
        if cookie is not None:
            headers["Set-Cookie"] = f"board={cookie}; HttpOnly; Path=/; Max-Age=864000"
        self.send(303, headers, "")

    def page(self, title: str, body: str, *, status: int = 200, retry_after: int | None = None) -> None:
        who = f"<p id=me>You are <b>{html.escape(self.member.name)}</b>.</p>" if self.member else ""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        title = html.escape(title)
        document = f"<!doctype html><meta charset=utf-8><title>{title}</title>{who}<h2>{title}</h2>{body}"
        self.send(status, {"Content-Type": "text/html; charset=utf-8", **headers}, document)

    def send(self, status: int, headers: dict[str, str], body: str) -> None:
        content = body.encode()
        self.request.send_response(status)
        for name, value in headers.items():
            self.request.send_header(name, value)
        self.request.send_header("Content-Length", str(len(content)))
        self.request.end_headers()
        self.request.wfile.write(content)


FIELDS = {"reference": "Reference", "heading": "Heading", "asking": "Asking", "text": "Text"}
