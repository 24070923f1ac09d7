"""One Attempt: its steps on a line of time, what the browser saw, and the files that explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.console import asking, cures, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages.job import PICTURES

FIRST, LAST = 20, 80
"""Of a long attempt so many steps of its beginning and its end are shown."""
FILES = {
    "attempt_page": ("All of it on one page", "attempt.html: opens without the runner too"),
    "console": ("Console", "what the page wrote to its console, and its errors"),
    "network": ("Network", "requests that failed, were refused or blocked"),
    "trace": ("Trace", "for playwright show-trace"),
    "page": ("The page's HTML", "shown so that nothing in it runs"),
    "summary": ("Summary", "for a report"),
}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/attempts/{id}", "Jobs")
    async def one(desk: Desk) -> None:
        await desk.region(lambda: _read(desk), lambda found: _show(desk, found))


async def _read(desk: Desk) -> Any:
    number = desk.path["id"]
    attempt = await desk.api.get(f"/attempts/{number}")
    files = (await desk.api.get("/evidence", attempt=number, limit=100))["items"]
    claims = await desk.api.get("/events/history", job=attempt["job_id"], types="JobClaimed", limit=100)
    before = [each for each in claims["items"] if each["at"] <= attempt["started_at"]]
    return {"attempt": attempt, "files": files, "chosen": before[-1]["data"].get("reason") if before else None}


def _show(desk: Desk, found: Mapping[str, Any]) -> None:
    attempt = found["attempt"]
    with parts.tag("div").classes("across"):
        parts.title(f"Attempt {attempt['number']}: {parts.words(attempt['flow'])} for {attempt['account']}")
        parts.chip(attempt["outcome"] or "running", "wary" if attempt["outcome"] == "retried" else None)
    if attempt["error"]:
        cures.failure(attempt["error"], attempt["kind"], step=attempt["step"], state=attempt["outcome"] or "")
    with parts.tag("div").classes("columns"):
        _facts(desk, attempt, found["chosen"])
        _files([each for each in found["files"] if each["kind"] not in PICTURES])
    _pictures([each for each in found["files"] if each["kind"] in PICTURES], failed=attempt["kind"] is not None)
    _timeline(attempt)


def _facts(desk: Desk, attempt: Mapping[str, Any], chosen: str | None) -> None:
    with parts.tag("div").classes("card-box"), parts.tag("dl").classes("facts"):

        def fact(name: str, text: str | None, address: str = "") -> None:
            if text:
                parts.tag("dt", name)
                with parts.tag("dd"):
                    parts.link(address, text) if address else parts.tag("span", text)

        fact("Job", attempt["job_id"], f"/jobs/{attempt['job_id']}")
        fact("Account", attempt["account"], f"/accounts/{attempt['account']}")
        parts.tag("dt", "Began")
        with parts.tag("dd"):
            parts.when(attempt["started_at"], desk.timezone)
        fact("Took", parts.duration(_between(attempt["started_at"], attempt["ended_at"]), none=""))
        fact("Why chosen", chosen)
        fact("What followed", attempt["reason"])
        fact("Session", attempt["session_id"])
        fact("Sign-ins", str(attempt["sign_ins"] or ""))
        fact("Pop-ups closed", str(attempt["popups"] or ""))
        if attempt["signature"]:
            fact("Failures like it", attempt["signature"][:12], f"/errors?signature={attempt['signature']}")


def _files(files: Sequence[Mapping[str, Any]]) -> None:
    with parts.tag("div").classes("card-box stack near"):
        parts.title("Files")
        if not files:
            parts.tag("p", "None: files are kept of attempts that fail.").classes("soft")
        for file in sorted(files, key=lambda each: list(FILES).index(each["kind"]) if each["kind"] in FILES else 99):
            name, what = FILES.get(file["kind"], (parts.words(file["kind"]), ""))
            with parts.tag("div").classes("file"):
                parts.link(file["file"], name, new_tab=True)
                parts.tag("span", f"{what} · {_size(file['size_bytes'])}").classes("soft")


def _pictures(pictures: Sequence[Mapping[str, Any]], *, failed: bool) -> None:
    if not pictures:
        if failed:
            parts.title("Pictures")
            parts.empty("No picture was kept of it.", "The browser was gone before one could be taken.")
        return
    parts.title("Pictures", "what the browser saw")
    with parts.tag("div").classes("gallery"):
        for each in reversed(pictures):
            words = "When it failed" if each["kind"] == "screenshot" else "The last picture before"
            if each["age_s"]:
                words = f"{words}, {parts.duration(each['age_s'])} old"
            _picture(each["file"], words)


def _picture(address: str, words: str) -> None:
    with parts.tag("button", type="button").classes("plain thumb") as button:
        button.props["aria-label"] = f"Enlarge: {words}"
        button.on("click", lambda: asking.picture(address, words))
        parts.tag("img", src=address, alt=words, loading="lazy").classes("shot")
        parts.tag("span", words).classes("soft")


def _timeline(attempt: Mapping[str, Any]) -> None:
    steps = attempt["steps"]
    parts.title("Steps", parts.counted(len(steps), "step") if steps else "")
    if not steps:
        parts.empty("No step was begun.", "The reason above says why, or it has only just been chosen.")
        return
    whole = _between(attempt["started_at"], attempt["ended_at"] or steps[-1]["started_at"]) or 1.0
    between = len(steps) - FIRST - LAST
    with parts.tag("ol").classes("card-box timeline"):
        for place, step in enumerate(steps):
            if between > 0 and FIRST <= place < FIRST + between:
                if place == FIRST:
                    parts.tag("li", f"{between} more steps between: they are in the attempt's own page.").classes(
                        "soft"
                    )
                continue
            _step(attempt, step, whole)


def _step(attempt: Mapping[str, Any], step: Mapping[str, Any], whole: float) -> None:
    looks = {True: "good", False: "bad", None: "busy"}[step["ok"]]
    with parts.tag("li").classes(f"step {looks}"):
        at = _between(attempt["started_at"], step["started_at"]) or 0.0
        took = _between(step["started_at"], step["ended_at"])
        parts.tag("span", f"+{at:.1f} s").classes("soft number at")
        with parts.tag("span").classes("grow"):
            parts.tag("strong" if step["ok"] is False else "span", step["name"])
            if step["detail"]:
                parts.tag("span", f" {step['detail']}").classes("soft")
            if step["ok"] is False:
                parts.chip("failed")
            elif step["ok"] is None:
                parts.chip("going on" if attempt["ended_at"] is None else "cut short", "wary")
        parts.bar(min(took or 0.0, whole), whole, label=f"{step['name']}: its share of the time")
        parts.tag("span", parts.duration(took)).classes("soft number took")


def _between(begin: str, end: str | None) -> float | None:
    if end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1000:.1f} kB"
