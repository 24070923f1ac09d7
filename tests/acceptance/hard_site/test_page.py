"""Pages that change, cover themselves, expire, hang and crash under a flow."""

from __future__ import annotations

import http.server
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

LISTING = {
    "reference": "C-9",
    "title": "Tripod with a ball head",
    "price": "79.50",
    "currency": "EUR",
    "category": "cameras",
    "condition": "good",
    "description": "A tripod of carbon, with a ball head and its bag.",
    "location": "Lyon",
}
PAIRS = [word for key, value in LISTING.items() for word in ("--set", f"{key}={value}")]
HOP_BY_HOP = {"connection", "content-length", "content-encoding", "transfer-encoding", "host", "accept-encoding"}


@pytest.mark.parametrize(("asked", "fast"), [("inbox/thread", False), ("api/threads", True)], ids=["pages", "fast"])
def test_a_session_that_expires_in_mid_flow_is_renewed_and_no_thread_is_read_twice(
    farid: Any, attempts: Any, asked: str, fast: bool
) -> None:
    farid.configure(accounts=("farid",), fast_reads=fast)
    # The seed of the dice lets it happen after some threads and before others.
    rule = {"route": f"GET /{asked}/*", "effect": "expire_session", "probability": 0.3, "seed": 5, "count": 1}
    farid.market.faults(rule)

    done = farid.cli("run", "farid", "read_inbox", "--json")

    assert done.code == 0, done.said
    assert farid.market.fired() == [1]
    (tried,) = attempts()
    assert (tried["outcome"], tried["sign_ins"]) == ("succeeded", 2)
    assert len(farid.market.ledger("sign_in", "farid")) == 2
    read = Counter(entry["subject"] for entry in farid.market.ledger("thread_read", "farid"))
    assert (len(read), set(read.values())) == (farid.market.account("farid")["threads"], {1})
    assert farid.rows("select count(*) from message")[0][0] == farid.market.account("farid")["messages"]


@pytest.mark.parametrize("variant", ["b", "c"])
def test_another_layout_of_every_page_works_for_every_flow(farid: Any, variant: str) -> None:
    thread = farid.market.incoming("Does the tripod have a bag?", account="farid")["thread_id"]
    farid.market.faults({"route": "*", "effect": "layout", "variant": variant})
    photo = farid.folder / "tripod.jpg"
    Image.new("RGB", (320, 240), "#445566").save(photo)

    read = farid.cli("run", "farid", "read_inbox", "--json")
    published = farid.cli("run", "farid", "publish_listing", *PAIRS, "--set", "photos=tripod.jpg", "--json")
    sent = farid.cli("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=It does.", "--json")

    assert [read.code, published.code, sent.code] == [0, 0, 0], read.said + published.said + sent.said
    assert read.json["result"]["threads"] == farid.market.account("farid")["threads"]
    assert read.json["result"]["messages"] == farid.market.account("farid")["messages"] - 1
    (listing,) = farid.market.ledger("listing_published", "farid")
    assert (listing["subject"], listing["detail"]["photos"]) == (published.json["result"]["listing"], 1)
    assert [entry["detail"]["text"] for entry in farid.market.ledger("message_sent", "farid")] == ["It does."]
    assert farid.rows("select distinct outcome from attempt") == [("succeeded",)]


@pytest.fixture
def without_price(market: Any) -> Iterator[str]:
    """The marketplace after a change: its listing form has no label at the price any more."""

    class Changed(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            answer = httpx.request(self.command, market.url + self.path, content=body, headers=headers, timeout=20)
            content = answer.content.replace(b"Price", b"Cost") if self.path == "/sell" else answer.content
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Requests are in the marketplace's own log."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Changed) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_element_that_is_missing_is_named(
    farid: Any, without_price: str, attempts: Any, picture: Any, summary: Any
) -> None:
    farid.configure(accounts=("farid",), url=without_price, action_s=1.5, max_attempts=5)

    done = farid.cli("run", "farid", "publish_listing", *PAIRS)

    assert done.code == 1
    assert "(?:Price|Asking" in done.said
    assert 'is not on the page in step "fill in details"' in done.said
    assert "mend that locator of the site's adapter" in done.said
    tried = attempts()
    assert [(each["outcome"], each["kind"]) for each in tried] == [
        ("retried", "site_changed"),
        ("failed", "site_changed"),
    ], "a page that stays changed needs a person, not patience"
    assert "| Missing element | `get_by_role" in summary(tried[-1]["id"])
    assert farid.market.ledger("listing_published", "farid") == []
    picture(tried[-1]["id"])
    ((place,),) = farid.rows("select evidence_dir from attempt where id = ?", tried[-1]["id"])
    page = (farid.folder / "screenshots" / place / "attempt.html").read_text()
    instead = page.partition("What the page has instead:")[2].partition("</table>")[0]
    assert '<td class="mono">textbox</td><td>Cost' in instead
    ((group, count, locator),) = farid.rows("select signature, count(*), locator from attempt group by signature")
    assert (count, "Price" in locator) == (2, True)
    assert "Mend get_by_role" in farid.cli("errors", "show", group).said


def test_pop_ups_on_every_page_are_counted_and_fail_nothing(farid: Any, attempts: Any) -> None:
    thread = farid.market.incoming("Does the tripod have a bag?", account="farid")["thread_id"]
    farid.market.faults({"route": "*", "effect": "popup"})

    published = farid.cli("run", "farid", "publish_listing", *PAIRS)
    sent = farid.cli("run", "farid", "send_message", "--set", f"thread={thread}", "--set", "text=It does.")

    assert (published.code, sent.code) == (0, 0), published.said + sent.said
    publishing, sending = attempts()
    assert [each["outcome"] for each in (publishing, sending)] == ["succeeded", "succeeded"]
    assert publishing["popups"] >= 4, "sign-in, details, photos and review are covered, each by one"
    assert sending["popups"] >= 1
    assert len(farid.market.ledger("listing_published", "farid")) == len(farid.market.ledger("message_sent", "farid"))


def test_a_crashed_page_is_shown_as_it_was_seen_last(
    farid: Any, attempts: Any, picture: Any, evidence: Any, summary: Any
) -> None:
    # A renderer takes its time to die: the deadline must not come first.
    farid.configure(accounts=("farid",), navigation_s=30, fast_reads=False)
    farid.market.faults({"route": "GET /inbox/thread/*", "effect": "crash_renderer", "count": 1})

    done = farid.cli("run", "farid", "read_inbox")

    assert done.code == 0, done.said
    assert 'The browser or its page died in step "read thread"' in done.said
    crashed, again = attempts()
    assert (crashed["outcome"], crashed["kind"], again["outcome"]) == ("retried", "browser_crashed", "succeeded")
    _, age_s = evidence(crashed["id"])["last_picture"]
    assert 0 <= age_s < 40
    assert f"the last picture that was seen, {age_s:.1f} s old" in summary(crashed["id"])
    picture(crashed["id"])


def test_a_page_that_hangs_is_left_by_our_deadline_and_shown(
    farid: Any, attempts: Any, picture: Any, evidence: Any
) -> None:
    farid.configure(accounts=("farid",), action_s=2, navigation_s=2)
    farid.market.faults({"route": "GET /sell", "effect": "hang_renderer", "count": 1})

    done = farid.cli("run", "farid", "publish_listing", *PAIRS)

    assert done.code == 0, done.said
    hung, again = attempts()
    assert (hung["outcome"], hung["kind"], again["outcome"]) == ("retried", "timeout", "succeeded")
    assert evidence(hung["id"])["last_picture"][1] is not None
    assert len(farid.market.ledger("listing_published", "farid")) == 1
    picture(hung["id"])


def test_a_browser_that_is_killed_in_mid_flow_is_started_anew(
    farid: Any, attempts: Any, picture: Any, wait_for: Any
) -> None:
    farid.market.faults({"route": "GET /api/threads/*", "effect": "latency_ms", "ms": 300})
    running = farid.start("run", "farid", "read_inbox")
    wait_for(lambda: len(farid.market.ledger("thread_read", "farid")) >= 3, what="three threads are read")

    os.kill(_browser_of(farid.folder / "profiles" / "farid").pid, signal.SIGKILL)
    out, err = running.communicate(timeout=90)

    assert running.returncode == 0, out + err
    assert "The browser or its page died" in " ".join(err.split())
    killed, again = attempts()
    assert (killed["outcome"], killed["kind"], again["outcome"]) == ("retried", "browser_crashed", "succeeded")
    read = Counter(entry["subject"] for entry in farid.market.ledger("thread_read", "farid"))
    assert len(read) == farid.market.account("farid")["threads"]
    assert sum(count - 1 for count in read.values()) <= 1, "only what was on its way is read again"
    assert farid.rows("select count(*) from message")[0][0] == farid.market.account("farid")["messages"]
    assert farid.rows('select "end" from session order by id') == [("crashed",), ("done",)]
    picture(killed["id"])


def _browser_of(profile: Any) -> psutil.Process:
    """The browser process itself: the one on this profile that is no child of another on it."""
    on_it = {
        process.pid: process
        for process in psutil.process_iter(["cmdline"])
        if any(str(profile) in word for word in process.info["cmdline"] or ())
        and "--type=" not in " ".join(process.info["cmdline"] or ())
        and any("--user-data-dir" in word for word in process.info["cmdline"] or ())
    }
    return next(process for process in on_it.values() if not any(child.pid in on_it for child in process.children()))
