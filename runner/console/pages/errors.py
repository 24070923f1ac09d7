"""Errors: what failed, in groups that have one cause and one cure, and each failure with what the browser saw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from runner.console import asking, filters, naming, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.errors import ErrorKind

One = Mapping[str, Any]

GROUPS_SHOWN, GROUPS_AT_MOST, LOG_SHOWN = 5, 50, 24
KINDS = [each.value for each in ErrorKind]
FLOWS = ("read_inbox", "publish_listing", "send_message", "check_login", "capture_page")
SINCE = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SINCE_WORDS = {"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/errors", "Errors")
    async def errors(desk: Desk) -> None:
        accounts = await naming.accounts(desk)
        listings = await desk.api.get("/listings", limit=100)
        with parts.tag("div").classes("filters"):
            filters.choice(desk, "account", "account", accounts)
            filters.choice(desk, "kind", "kind", KINDS)
            filters.choice(desk, "flow", "flow", FLOWS)
            filters.choice(desk, "listing", "listing", {each["id"]: each["title"] for each in listings["items"]})
            filters.choice(desk, "since", "time", SINCE_WORDS)

        async def groups() -> Any:
            # One more than is shown tells whether there are more.
            limit = GROUPS_AT_MOST if desk.filters.get("groups") == "all" else GROUPS_SHOWN + 1
            found = await desk.api.get("/errors/groups", limit=limit, **asked(desk))
            return {**found, "asked": desk.filters}

        async def log() -> Any:
            narrowed = {name: desk.filters.get(name) for name in ("signature", "cursor")}
            found = await desk.api.get("/errors", limit=LOG_SHOWN, **asked(desk), **narrowed)
            return {**found, "asked": desk.filters}

        await desk.region(groups, lambda found: _groups(desk, found["items"]))
        await desk.region(log, lambda found: _log(desk, found))


def asked(desk: Desk) -> dict[str, str | None]:
    """The filters of the address as the API takes them."""
    span = SINCE.get(desk.filters.get("since", ""))
    # To the minute, so that asking again a moment later is the same question.
    since = None if span is None else (datetime.now(UTC) - span).replace(second=0, microsecond=0).isoformat()
    return {**{name: desk.filters.get(name) for name in ("account", "kind", "flow", "listing")}, "since": since}


def _groups(desk: Desk, groups: list[One]) -> None:
    parts.title("Groups", "Failures of one cause, the one that failed last first.")
    if not groups:
        _nothing(desk)
    some = len(groups) > GROUPS_SHOWN and desk.filters.get("groups") != "all"
    for group in groups[:GROUPS_SHOWN] if some else groups:
        _group(desk, group)
    if some:
        with parts.tag("div").classes("more"):
            parts.button("All groups", lambda: desk.narrow(groups="all"), icon="expand_more")


def _nothing(desk: Desk) -> None:
    if desk.filters:
        parts.empty("No failures match.", "Take a filter away.", address="/errors", action="Show all failures")
    else:
        parts.empty(
            "Nothing has failed.",
            "When something does, what the browser saw is shown here.",
            address="/jobs",
            action="To the jobs",
        )


def in_words(failure: One) -> str:
    """What failed, where: network while read inbox was at "sign in"."""
    flows = failure.get("flows") or [failure["flow"]]
    said = f"{parts.words(failure['kind'])} in {', '.join(parts.words(each) for each in flows)}"
    said = said[:1].upper() + said[1:]
    return f"{said}, at “{failure['step']}”" if failure["step"] else said


def _group(desk: Desk, group: One) -> None:
    with parts.tag("section").classes("card-box error-group") as box:
        box.props["aria-label"] = f"Group {group['signature']}"
        _shot(group["evidence_id"], group["attempt_id"], in_words(group), "small")
        with parts.tag("div").classes("error-words"):
            with parts.tag("div").classes("title"):
                parts.tag("h3", in_words(group))
                parts.chip(_times(group["count"]), "bad")
            parts.tag("p", group["error"]).classes("error-text")
            if group["locator"]:
                parts.tag("p", group["locator"]).classes("mono soft")
            parts.tag("p", group["cure"]).classes("soft")
            _who_and_when(desk, group)
            with parts.tag("div").classes("across"):
                if desk.may("agent"):
                    parts.button("Retry all", lambda: _retry_all(desk, group["signature"]), icon="replay")
                _only(desk, group["signature"])
                if group["attempt_id"]:
                    parts.link(parts.inside("attempts", group["attempt_id"]), "The newest attempt")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _only(desk: Desk, signature: str) -> None:
    if desk.filters.get("signature") == signature:
        parts.button("Show all failures", lambda: desk.narrow(signature=None, cursor=None), icon="filter_alt_off")
    else:
        parts.button("Show these", lambda: desk.narrow(signature=signature, cursor=None), icon="filter_alt")


def _who_and_when(desk: Desk, group: One) -> None:
    with parts.tag("p").classes("soft"):
        parts.tag("span", f"{', '.join(group['accounts'])} · first ")
        parts.when(group["first_at"], desk.timezone)
        parts.tag("span", " · last ")
        parts.when(group["last_at"], desk.timezone)


def _log(desk: Desk, found: dict[str, Any]) -> None:
    if not found["items"]:
        return
    only = desk.filters.get("signature")
    parts.title(
        "Log", f"Of group {only} only, the newest first." if only else "Every failed attempt, the newest first."
    )
    with parts.tag("div").classes("error-gallery"):
        for failure in found["items"]:
            _failure(desk, failure)
    filters.more(desk, found["next_cursor"])


def _failure(desk: Desk, failure: One) -> None:
    with parts.tag("article").classes("card-box error-card") as box:
        box.props["aria-label"] = f"Attempt {failure['id']}"
        _shot(failure["evidence_id"], failure["id"], in_words(failure), "wide")
        with parts.tag("div").classes("across"):
            parts.chip(failure["kind"], "bad")
            parts.tag("strong", failure["account"])
            parts.when(failure["started_at"], desk.timezone).classes("soft")
        parts.link(parts.inside("attempts", failure["id"]), _what(failure), classes="row-link error-name")
        parts.tag("p", failure["error"] or "").classes("error-text")
        with parts.tag("div").classes("across error-foot"):
            parts.link(parts.inside("jobs", failure["job_id"]), f"Job {failure['job_id']}")
            parts.tag("span", _came(failure)).classes("soft grow")
            if desk.may("agent") and failure["outcome"] in ("failed", "parked"):
                parts.button("Retry", lambda: _retry(desk, failure["job_id"]), icon="replay")


def _what(failure: One) -> str:
    said = f"{parts.words(failure['flow'])}, attempt {failure['number']}"
    return f"{said}, at “{failure['step']}”" if failure["step"] else said


def _came(failure: One) -> str:
    return "" if failure["outcome"] is None else parts.words(failure["outcome"])


def _shot(evidence_id: str | None, attempt_id: str | None, words: str, size: str) -> None:
    if attempt_id is None:
        parts.tag("div", "no picture").classes("shot absent soft").classes(size)
        return
    with parts.link(parts.inside("attempts", attempt_id), classes="shot-link", label=f"What the browser saw: {words}"):
        if evidence_id is None:
            parts.tag("div", "no picture").classes("shot absent soft").classes(size)
        else:
            parts.picture(evidence_id, f"What the browser saw: {words}", classes=size)


async def _retry_all(desk: Desk, signature: str) -> None:
    narrowed = any(value for name, value in desk.filters.items() if name not in ("signature", "cursor"))
    more = "The filter above counts for what is shown, not for this: the jobs of all accounts and days are retried."
    if narrowed and not await asking.sure("Retry the whole group?", "Retry them", more=more):
        return
    done = await desk.act(lambda: desk.api.post(f"/errors/groups/{signature}/retry"))
    if done is None:
        return
    changed, refused = len(done["changed"]), list(done["refused"].values())
    said = f"{changed} {'job is' if changed == 1 else 'jobs are'} queued again."
    if not changed and not refused:
        said = "Nothing to retry: no job of this group is failed or parked now."
    lines = [said, *dict.fromkeys(refused[:5])]
    ui.notify("\n".join(lines), type="positive" if changed else "info", position="top", multi_line=True)


async def _retry(desk: Desk, job_id: str) -> None:
    await desk.act(lambda: desk.api.post(f"/jobs/{job_id}/retry"), f"Job {job_id} is queued again.")
