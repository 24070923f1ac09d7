"""The attempt's page as text: everything escaped, nothing loaded, and what a person looks for on it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from runner.orchestrator.attempt_page import AttemptPage, Line, OtherAttempt, StepLine, render

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>{{ 7*7 }}\"'`"


def page(**changes: Any) -> str:
    given: dict[str, Any] = {
        "account": "amy",
        "flow": "read_inbox",
        "attempt_id": 12,
        "number": 2,
        "job_id": 7,
        "job_state": "failed",
        "outcome": "failed",
        "kind": "site_changed",
        "what": "The button is missing.",
        "cure": "Mend the locator.",
        "then": "The job failed.",
        "started_at": datetime(2026, 11, 22, 10, tzinfo=UTC),
        "seconds": 3.25,
        "step": "read thread",
    }
    return render(AttemptPage(**(given | changes)))


def test_what_came_from_a_page_is_text_wherever_it_stands() -> None:
    text = page(
        account=HOSTILE,
        flow=HOSTILE,
        what=HOSTILE,
        cure=HOSTILE,
        then=HOSTILE,
        step=HOSTILE,
        locator=HOSTILE,
        instead=[{"role": HOSTILE, "name": HOSTILE, "likeness": 0.5}],
        facts=[(HOSTILE, HOSTILE)],
        params={HOSTILE: HOSTILE},
        steps=[StepLine(ordinal=1, name=HOSTILE, detail=HOSTILE, seconds=1.0, ok=False)],
        console=[Line(at="10:00:00", head=HOSTILE, text=HOSTILE, bad=True)],
        requests=[Line(at="10:00:00", head=HOSTILE, text=HOSTILE)],
        attempts=[
            OtherAttempt(id=1, number=1, started_at=datetime(2026, 1, 1, tzinfo=UTC), words=HOSTILE, is_this=False)
        ],
        files=[("page.html", HOSTILE)],
        notes=[HOSTILE],
    )

    assert "<script" not in text
    assert not re.search(r"<img[^>]*evil", text)
    assert "{{ 7*7 }}" in text.replace("&#34;", '"'), "shown as it was written, not worked out"
    assert text.count("&lt;script&gt;") >= 18


def test_it_loads_nothing_and_tells_the_browser_so() -> None:
    text = page()

    assert "default-src 'none'; img-src data:; style-src 'sha256-" in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert "<script" not in text
    assert "<link" not in text
    assert "@import" not in text
    assert "style=" not in text.replace("<style", ""), "the policy allows none but its own style sheet"


def test_it_says_what_happened_what_to_do_and_where_to_look() -> None:
    text = page(
        locator='get_by_role("button", name="Send")',
        instead=[{"role": "button", "name": "Send it", "likeness": 0.8}],
        has_trace=True,
        group="9b82a53ccd",
        attempts=[
            OtherAttempt(
                id=11,
                number=1,
                started_at=datetime(2026, 1, 1, tzinfo=UTC),
                words="retried (network)",
                is_this=False,
                page="../../../2026-11-22/amy/11/attempt.html",
            )
        ],
    )

    for words in (
        "The button is missing.",
        "Mend the locator.",
        "Send it",
        "80 %",
        "runner trace 12",
        'href="trace.zip"',
        "runner replay 12",
        "runner errors show 9b82a53ccd",
        'href="../../../2026-11-22/amy/11/attempt.html"',
    ):
        assert words in text
