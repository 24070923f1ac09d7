"""Settings: over which channels people are told what happens, what each is told, and what could not be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, forms, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages.settings import tabs
from runner.console.pages.settings_access import field, quoted

MOST = 100
KINDS = {
    "person_needed": "a person is needed",
    "account_parked": "an account is parked",
    "error_flood": "many failures of one kind",
    "limits_near": "a limit is nearly used up",
    "rule": "a rule says so",
    "new_message": "new messages",
    "daily_digest": "daily digest",
    "weekly_digest": "weekly digest",
}
USUAL = ("person_needed", "account_parked", "error_flood", "limits_near", "rule")
TYPES = (
    "price_inquiry",
    "offer",
    "availability_check",
    "item_details",
    "pickup_delivery",
    "payment",
    "complaint",
    "closing",
    "spam_or_scam",
    "general_inquiry",
)
WAYS = {"apprise": "e-mail, Slack and others (Apprise URL)", "webhook": "signed webhook"}
PLACES = {"env": "an environment variable", "file": "a file", "keyring": "the keyring"}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/settings/notices", "Settings")
    async def notices(desk: Desk) -> None:
        tabs(desk, "/settings/notices")
        with parts.tag("div").classes("across"):
            if desk.may("admin"):
                parts.button("Add a channel", lambda: _add(desk), icon="add_alert", looks="main", key="a")
            for address, text in (("", "Yesterday as a page"), ("?week=true", "The last week as a page")):
                parts.link(f"/api/v1/digest.html{address}", text, new_tab=True)
            parts.link("/api/v1/digest.pdf?week=true", "The week as PDF", new_tab=True)
        await desk.region(lambda: desk.api.get("/channels"), lambda found: _channels(desk, found))
        parts.title("Not sent", "given up after several tries")
        await desk.region(
            lambda: desk.api.get("/notices", state="dead", limit=MOST), lambda found: _dead(desk, found["items"])
        )
        parts.title("Lately")
        await desk.region(lambda: desk.api.get("/notices", limit=20), lambda found: _lately(desk, found["items"]))


def _channels(desk: Desk, found: list[dict[str, Any]]) -> None:
    if not found:
        cure = (
            "Add one: an e-mail address, a Slack channel, a webhook." if desk.may("admin") else "An admin can add one."
        )
        parts.empty("Nobody is told anything.", cure)
        return
    columns = [
        parts.Column(name="Channel", show=lambda row: row["name"]),
        parts.Column(name="Whose", show=lambda row: row["owner"] or "the shop's"),
        parts.Column(name="Goes to", show=_goes_to),
        parts.Column(name="Is told of", show=_told),
        parts.Column(name="Quiet", show=_quiet),
        parts.Column(name="", show=lambda row: _buttons(desk, row)),
    ]
    parts.table(found, columns, name="Channels")


def _goes_to(row: Mapping[str, Any]) -> str | None:
    if not row["enabled"]:
        parts.chip("disabled", "wary")
    return str(row["address"] or "Apprise") + (
        f", kept in {row['secret']}" if row["secret"] and not row["address"] else ""
    )


def _told(row: Mapping[str, Any]) -> str:
    wanted = row["preferences"]
    words = ", ".join(KINDS[kind] for kind in wanted["kinds"])
    only = [f"only {', '.join(parts.words(each) for each in wanted['types'])}"] if wanted["types"] else []
    only += [f"of {', '.join([*wanted['accounts'], *(f'tag {each}' for each in wanted['tags'])])}"] * bool(
        wanted["accounts"] or wanted["tags"]
    )
    return "; ".join([words, *only])


def _quiet(row: Mapping[str, Any]) -> str:
    wanted = row["preferences"]
    return f"{wanted['quiet']} ({wanted['timezone']})" if wanted["quiet"] else "never"


def _buttons(desk: Desk, row: Mapping[str, Any]) -> None:
    name, way = row["name"], f"/channels/{quoted(row['name'])}"

    async def test() -> None:
        await desk.act(lambda: desk.api.post(f"{way}/test", {}), f"Sent over {name}: look whether it has come.")

    async def switch() -> None:
        body = {"enabled": not row["enabled"]}
        done = f"{name} is {'enabled' if body['enabled'] else 'disabled'}."
        await desk.act(lambda: desk.api.put(f"{way}/enabled", body), done)

    async def remove() -> None:
        if await asking.sure(f"Remove {name}?", "Remove", more="What still waits for it is removed, too."):
            await desk.act(lambda: desk.api.delete(way), f"{name} is removed.")

    with parts.tag("div").classes("across"):
        parts.button("Test", test).props["aria-label"] = f"Test {name}"
        parts.button("Change", lambda: _change(desk, row)).props["aria-label"] = f"Change {name}"
        word = "Disable" if row["enabled"] else "Enable"
        parts.button(word, switch).props["aria-label"] = f"{word} {name}"
        if desk.may("admin"):
            parts.button("Remove", remove, looks="danger").props["aria-label"] = f"Remove {name}"


async def _change(desk: Desk, row: Mapping[str, Any]) -> None:
    async def send(body: Mapping[str, Any]) -> bool:
        await desk.api.put(f"/channels/{quoted(row['name'])}/preferences", body)
        return True

    title = f"What {row['name']} is told"
    if await forms.asked(title, "Keep", lambda: _preferences(row["preferences"]), send, _no_field):
        desk.say(f"{row['name']} is changed.")
        await desk.update()


async def _add(desk: Desk) -> None:
    def build() -> Callable[[], dict[str, Any]]:
        name, owner = field("Name, such as phone"), field("Whose it is: an operator's name, or nothing")
        way = _select("How", WAYS, "apprise")
        address = field("Address of the webhook", "https://")
        address.bind_visibility_from(way, "value", value="webhook")
        parts.tag(
            "p", "The Apprise URL, or the webhook's signing key, is never typed here: say where it is kept."
        ).classes("soft")
        place = _select("Kept in", PLACES, "file")
        where = field("Its name: a path, a variable, or service/username")
        read = _preferences({"kinds": USUAL, "types": (), "accounts": (), "tags": (), "quiet": None})

        def whole() -> dict[str, Any]:
            made: dict[str, Any] = {"name": name.value, "owner": owner.value or None, "preferences": read()}
            made[f"password_{place.value}"] = where.value
            return made | ({"address": address.value} if way.value == "webhook" else {})

        return whole

    async def send(body: Mapping[str, Any]) -> bool:
        await desk.api.post("/channels", body, creates=True)
        return True

    if await forms.asked("Add a channel", "Add", build, send, _no_field):
        desk.say("It is added. Press Test to try it.")
        await desk.update()


def _no_field(_at: str, _message: str) -> bool:
    return False  # what is wrong is said under the form


def _preferences(now: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    kinds = _several("Is told of", KINDS, now["kinds"])
    types = _several("Of new messages only", {each: parts.words(each) for each in TYPES}, now["types"])
    accounts = field("Only of these accounts (with commas)", ", ".join(now["accounts"]))
    tags = field("Only of accounts with these tags (with commas)", ", ".join(now["tags"]))
    quiet = field("Quiet hours, such as 22:00-07:00", now["quiet"] or "")
    zone = field("Their time zone; nothing for the shop's", now.get("timezone", ""))
    words = ui.checkbox("Send the words of counterparts along", value=bool(now.get("excerpts", False)))

    def read() -> dict[str, Any]:
        return {
            "kinds": kinds.value,
            "types": types.value,
            "accounts": _listed(accounts.value),
            "tags": _listed(tags.value),
            "quiet": quiet.value or None,
            "timezone": zone.value or None,
            "excerpts": words.value,
        }

    return read


def _listed(text: str) -> list[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def _select(label: str, options: dict[str, str], value: str) -> ui.select:
    return ui.select(options, value=value, label=label).props("outlined dense options-dense").classes("wide-field")


def _several(label: str, options: dict[str, str], values: Any) -> ui.select:
    made = ui.select(options, value=list(values), label=label, multiple=True)
    return made.props("outlined dense options-dense use-chips").classes("wide-field")


def _dead(desk: Desk, found: list[dict[str, Any]]) -> None:
    if not found:
        parts.tag("p", "Everything has come through, or is still being tried.").classes("soft")
        return

    async def retry_all() -> None:
        await desk.act(lambda: desk.api.post("/notices/retry", {}), "All are sent again.")

    with parts.tag("div").classes("across"):
        parts.button("Retry all", retry_all, looks="main")
    columns = [
        parts.Column(name="Notice", show=lambda row: row["title"]),
        parts.Column(name="Channel", show=lambda row: row["channel"]),
        parts.Column(name="When", show=lambda row: _moment(desk, row["happened_at"])),
        parts.Column(name="Why not", show=lambda row: row["detail"] or ""),
        parts.Column(name="", show=lambda row: _retry_button(desk, row)),
    ]
    parts.table(found, columns, name="Not sent")


def _retry_button(desk: Desk, row: Mapping[str, Any]) -> None:
    async def retry() -> None:
        await desk.act(lambda: desk.api.post(f"/notices/{quoted(row['id'])}/retry", {}), "It is sent again.")

    parts.button("Retry", retry).props["aria-label"] = f"Retry {row['title']}"


def _lately(desk: Desk, found: list[dict[str, Any]]) -> None:
    if not found:
        parts.tag("p", "Nothing was told yet.").classes("soft")
        return
    columns = [
        parts.Column(name="Notice", show=lambda row: row["title"]),
        parts.Column(name="Channel", show=lambda row: row["channel"]),
        parts.Column(name="State", show=_state),
        parts.Column(name="When", show=lambda row: _moment(desk, row["sent_at"] or row["happened_at"])),
    ]
    parts.table(found, columns, name="Notices")


def _state(row: Mapping[str, Any]) -> None:
    looks = {"sent": "good", "dead": "bad", "folded": "plain"}.get(row["state"], "wary")
    parts.chip({"folded": "in a summary", "dead": "given up"}.get(row["state"], row["state"]), looks)


def _moment(desk: Desk, at: str | None) -> None:
    parts.when(at, desk.timezone, none="—")
