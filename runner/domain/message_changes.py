"""What is new, edited, deleted or there again in a Thread that is read once more. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from runner.domain.messages import RemoteMessage
from runner.domain.states import Direction


@dataclass(frozen=True, kw_only=True)
class Known:
    """A stored Message, as far as it takes to know it again."""

    id: int
    key: str
    direction: Direction
    sender: str
    text: str
    sent_at: datetime | None
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a reading brought: `edited` has the stored Message with the text that it has now."""

    new: Sequence[tuple[str, RemoteMessage]]
    edited: Sequence[tuple[Known, str]]
    deleted: Sequence[Known]
    restored: Sequence[Known]


def changes(known: Iterable[Known], read: Iterable[tuple[str, RemoteMessage]]) -> Changes:
    """Compare all stored Messages of a Thread with all that the Site shows, in page order.

    A Message with an id of the Site's stays the same whatever is done to its text. One without is known by its text;
    when that text is gone, and another of the same sender stands at the same time, it is the same Message, edited.
    A Site that shows no Message at all is not believed: nothing counts as deleted then.
    """
    stored = {each.key: each for each in known}
    shown: dict[str, RemoteMessage] = {}
    for key, message in read:
        shown.setdefault(key, message)
    pairs = [(stored[key], message) for key, message in shown.items() if key in stored]
    vanished = [each for key, each in stored.items() if key not in shown]
    nameless: defaultdict[object, list[Known]] = defaultdict(list)
    for each in vanished:
        if each.key.startswith("hash:"):
            nameless[_place(each)].append(each)
    new = []
    for key, message in shown.items():
        if key in stored:
            continue
        candidates = nameless[_place(message)] if message.remote_id is None else []
        if candidates and message.sent_at is not None:
            pairs.append((candidates.pop(0), message))
        else:
            new.append((key, message))
    met = {each.id for each, _ in pairs}
    return Changes(
        new=new,
        edited=[(each, message.text) for each, message in pairs if each.text != message.text],
        deleted=[each for each in vanished if shown and each.id not in met and not each.deleted],
        restored=[each for each, _ in pairs if each.deleted],
    )


def _place(of: Known | RemoteMessage) -> object:
    return of.direction, of.sender, of.sent_at
