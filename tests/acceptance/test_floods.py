"""A flood of one failure: told once, kept thinly, and yet every failed attempt has its picture."""

from __future__ import annotations

import json
from typing import Any

ACCOUNTS = ("amy", "ben", "carla", "dev", "elena", "farid")


def test_a_flood_is_one_notice_and_every_attempt_has_a_picture(shop: Any) -> None:
    extra = "[evidence]\nflood_after = 3\n[orchestrator]\nconcurrency = 2\nflows = ['check_login']\n"
    shop.configure(accounts=ACCOUNTS, extra=extra, max_attempts=4)
    shop.market.faults({"route": "GET /inbox", "effect": "status", "status": 503})

    done = shop.cli("cycle", timeout_s=170)

    said = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    words = [line["event"] for line in said]
    attempts = shop.rows("select id, signature, evidence_dir from attempt")
    assert len(attempts) == 4 * len(ACCOUNTS)
    (group,) = {signature for _, signature, _ in attempts}
    assert words.count("attempt failed") == 3, "the first are told one by one"
    (notice,) = [line for line in said if line["event"].startswith("many failures of one kind")]
    assert notice["see"] == f"runner errors show {group}"
    ((event,),) = shop.rows("select data from event where name = 'ErrorFlood'")
    assert json.loads(event)["group"] == group

    kept = {place: {path.name for path in (shop.folder / "screenshots" / place).iterdir()} for *_, place in attempts}
    assert all("screenshot.png" in files for files in kept.values()), "always shown"
    whole = [files for files in kept.values() if "page.html" in files]
    thin = [(place, files) for place, files in kept.items() if "page.html" not in files]
    assert (len(whole), len(thin)) == (20, 4)
    for place, files in thin:
        assert {"summary.md", "attempt.html"} <= files
        assert not files & {"trace.zip", "network.jsonl", "steps"}
        summary = (shop.folder / "screenshots" / place / "summary.md").read_text()
        assert "Many failures like this one came in a short time" in summary
    assert f"{group}" in shop.cli("errors", "list").out
