"""The keyboard's page, behind `?`."""

from __future__ import annotations

from runner.console import parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.shell import PLACES

KEYS = (
    ("?", "this page"),
    ("/", "to the search field"),
    ("j", "next row"),
    ("k", "row before"),
    ("Enter", "open the row"),
    ("r", "Inbox: write a reply"),
    ("Ctrl Enter", "Inbox: send it"),
    ("e", "Inbox: close the thread, or open it again"),
    ("u", "Inbox: mark as read or unread"),
    ("#", "Inbox: tags of the thread"),
    ("a", "Accounts, Rules & Templates: add one"),
    ("d", "Dry run: try the rules"),
    ("p", "Account: pause or resume"),
    ("l", "Account: check its login"),
    ("i", "Account: read its inbox now"),
    ("t", "light, dark, or as the system says"),
    ("Esc", "leave a field, close a dialog"),
)


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/keys", "Keyboard shortcuts")
    async def keys(desk: Desk) -> None:
        parts.title("Keyboard shortcuts", "They rest while you type into a field.")
        with parts.tag("dl").classes("keys-list"):
            for key, what in (*KEYS, *((f"g {key}", name) for _, name, _, key in PLACES)):
                with parts.tag("dt"):
                    for each in key.split():
                        parts.tag("kbd", each)
                parts.tag("dd", what)
        parts.tag("p", "A button that a key presses shows it when you point at it.").classes("soft")
