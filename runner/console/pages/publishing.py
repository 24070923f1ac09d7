"""Publishing listings: which accounts, and then how far it is, on every page that shows listings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import filters, naming, parts
from runner.console.desk import Desk

MOST_ACCOUNTS = 100
"""The API publishes by so many at once."""
MOST_JOBS = 50


def price(item: Mapping[str, Any]) -> str:
    """A price as people write it."""
    whole, hundredths = divmod(abs(item["price_minor"]), 100)
    return f"{'-' if item['price_minor'] < 0 else ''}{whole:,}.{hundredths:02d} {item['currency']}"


def state(copy: Mapping[str, Any]) -> str:
    """How far an account is with a listing: published, the state of the job that is to publish it, or draft."""
    return str(copy["job"]["state"] if copy["job"] else copy["state"])


async def ask(desk: Desk, groups: Sequence[Mapping[str, Any]]) -> bool:
    """Ask which accounts shall publish these, and submit it; the page's address then names the batch."""
    accounts = await naming.all_accounts(desk)
    chosen: set[str] = set()

    def publish() -> None:
        if len(chosen) <= MOST_ACCOUNTS:
            dialog.submit(True)
        else:  # the dialog stays, with all that was chosen
            said = f"{len(chosen)} accounts are too many at once: choose at most {MOST_ACCOUNTS}."
            ui.notify(said, type="warning", position="top")

    with ui.dialog() as dialog, ui.card().classes("publish"):
        parts.title("Publish", f"{len(groups)} listings" if len(groups) != 1 else groups[0]["title"])
        parts.tag("p", "By which accounts? What an account has published already stays as it is.").classes("soft")
        _accounts(accounts, groups, chosen)
        if not accounts:
            parts.empty("There are no accounts yet.", "Add one in the configuration file, or import accounts.")
        with parts.tag("div").classes("across"):
            parts.button("Publish now", publish, looks="main", icon="publish")
            parts.button("Cancel", lambda: dialog.submit(False))
    wanted = await dialog
    dialog.delete()
    if not wanted:
        return False
    if not chosen:
        ui.notify("No account was chosen, so nothing was published.", position="top")
        return False
    body = {"listings": [each["newest_id"] for each in groups], "accounts": sorted(chosen)}
    batch = await desk.act(lambda: desk.api.post("/listings/publish", body, creates=True), "Publishing has begun.")
    if batch is None:
        return False
    await desk.narrow(batch=batch["id"])
    return True


def _accounts(accounts: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]], chosen: set[str]) -> None:
    """A box to tick for each; where they are many, a field that leaves those with what is typed in their name."""
    rows: dict[str, Any] = {}

    def narrow(event: Any) -> None:
        part = str(event.value or "").strip().casefold()
        for name, row in rows.items():
            row.set_visibility(part in name.casefold())

    if len(accounts) > filters.MANY:
        ui.input("Part of a name", on_change=narrow).props("outlined dense clearable").classes("wide-field")
    with parts.tag("div").classes("accounts"):
        for each in accounts:
            rows[each["name"]] = _account(each, groups, chosen)


def _account(account: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], chosen: set[str]) -> Any:
    name = account["name"]
    has = [copy for group in groups for copy in group["copies"] if copy["account"] == name]
    published = sum(copy["state"] == "published" for copy in has)

    def change(event: Any) -> None:
        (chosen.add if event.value else chosen.discard)(name)

    with parts.tag("div").classes("across") as row:
        ui.checkbox(name, on_change=change).props("dense")
        if account["state"] != "active":
            parts.chip(account["state"])
        if published:
            parts.tag("span", "has it" if len(groups) == 1 else f"has {published} of them").classes("soft")
    return row


async def progress(desk: Desk, titles: Mapping[str, str]) -> None:
    """How far the batch in the page's address is: live, and each job with what went wrong."""

    async def read() -> Any:
        number = desk.filters.get("batch")
        if not number or not number.isdecimal():
            return None
        jobs = await desk.api.get("/jobs", batch=number, limit=MOST_JOBS, sort="id")
        return {"batch": await desk.api.get(f"/batches/{number}"), "jobs": jobs["items"]}

    await desk.region(read, lambda found: _progress(desk, found, titles))


def _progress(desk: Desk, found: Any, titles: Mapping[str, str]) -> None:
    if found is None:
        return
    batch, jobs = found["batch"], found["jobs"]
    ended, total = batch["done"] + batch["waiting"], batch["total"]
    with parts.tag("section").classes("card-box stack") as box:
        box.props["aria-label"] = "Progress of publishing"
        with parts.tag("div").classes("across"):
            parts.link(f"/batches/{batch['id']}", "Publishing")
            parts.tag("strong", f"{ended} of {total} done")
            for name in ("running", "queued", "failed", "parked", "unknown", "cancelled"):
                if batch[name]:
                    parts.chip(f"{batch[name]} {name}", parts.tone(name))
            if batch["held"]:
                parts.tag("span", f"{batch['held']} wait for an account that is not active").classes("soft")
            parts.button("Put away", lambda: desk.narrow(batch=None), icon="close")
        parts.tag("progress", value=ended, max=max(total, 1)).props["aria-label"] = "Jobs done"
        for job in jobs:
            _job(job, titles)
        if total > len(jobs):
            parts.link(f"/jobs?batch={batch['id']}", f"All {total} jobs")


def _job(job: Mapping[str, Any], titles: Mapping[str, str]) -> None:
    number = str(job["params"].get("listing", ""))
    with parts.tag("div").classes("job-line"):
        parts.chip(job["state"])
        parts.link(f"/jobs/{job['id']}", f"{job['account']}: {titles.get(number, f'listing {number}')}")
        if job["error"] and job["state"] != "succeeded":
            parts.tag("span", job["error"]).classes("soft")
