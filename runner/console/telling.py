"""Events in words, as a person would tell them, with the page where more is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.console import parts

Event = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One Event: `looks` is good, busy, wary, bad or plain; `address` is where more is said."""

    words: str
    looks: str = "plain"
    address: str = ""


def gathered(events: Sequence[Event]) -> list[Event]:
    """The same, the newest first, but what was received for one account in a row is one Event of many messages."""
    kept: list[Event] = []
    for event in events:
        same = next(
            (place for place in range(len(kept) - 1, max(-1, len(kept) - 4), -1) if _alike(kept[place], event)), -1
        )
        if same < 0:
            kept.append(event)
            continue
        before = kept[same]["data"]
        data = {
            "count": before.get("count", 1) + event["data"].get("count", 1),
            "threads": before.get("threads", 1) + 1,
        }
        kept[same] = {**kept[same], "data": data}
    return kept


def _alike(one: Event, other: Event) -> bool:
    received = one["name"] == "MessagesReceived" and other["name"] == "MessagesReceived"
    return received and bool(one["account"] == other["account"])


def told(event: Event) -> Told:
    """An Event in words."""
    name, data = event["name"], event["data"]
    words = WORDS.get(name)
    said = words(data) if words else parts.words(name)
    return Told(words=said, looks=LOOKS.get(name, "plain"), address=_address(event))


def _flow(verb: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda data: f"{parts.words(str(data.get('flow', 'a job')))} {verb}"


def _failed(verb: str) -> Callable[[Mapping[str, Any]], str]:
    def say(data: Mapping[str, Any]) -> str:
        why = f": {data['error']}" if data.get("error") else ""
        return f"{parts.words(str(data.get('flow', 'a job')))} {verb}{why}"

    return say


def _retried(data: Mapping[str, Any]) -> str:
    again = f", again in {parts.duration(data.get('wait_s'))}" if data.get("wait_s") is not None else ""
    return _failed(f"did not work{again}")(data)


def _received(data: Mapping[str, Any]) -> str:
    how_many = parts.counted(int(data.get("count", 1)), "message")
    if data.get("threads"):
        return f"{how_many} in {parts.counted(int(data['threads']), 'thread')}"
    return f"{how_many} with {data.get('counterpart', 'somebody')}"


def _state(data: Mapping[str, Any]) -> str:
    why = f": {data['reason']}" if data.get("reason") else ""
    return f"is {data.get('state')}, was {data.get('before')}{why}"


def _needed(data: Mapping[str, Any]) -> str:
    return f"a person is needed: {data.get('what', '')} {data.get('cure') or ''}".strip()


WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "AccountAdded": lambda data: "account added",
    "AccountStateChanged": _state,
    "AttemptStarted": _flow("begins"),
    "BatchSubmitted": lambda data: f"a batch was submitted: {data.get('name', '')}",
    "EffectGivenUp": lambda data: "nobody reads back any more whether the site took it; a person must say",
    "EffectUnknown": lambda data: "nobody can tell whether the site took it",
    "ErrorFlood": lambda data: f"{data.get('count')} failures of one kind: {data.get('error', '')}",
    "HandoffBegan": lambda data: "a person took over the browser",
    "HandoffEnded": lambda data: "the browser was given back",
    "JobCancelled": _flow("was cancelled"),
    "JobFailed": _failed("failed"),
    "JobParked": _failed("waits for a person"),
    "JobRequeued": _flow("was queued again"),
    "JobRetryScheduled": _retried,
    "JobSucceeded": _flow("succeeded"),
    "JobUnknown": _failed("is in doubt"),
    "ListingPublished": lambda data: f"listing {data.get('reference', '')} was published",
    "MessagesReceived": _received,
    "PersonNeeded": _needed,
    "ScheduleFired": lambda data: f"schedule {data.get('schedule', '')}: its time has come",
    "ScheduleMissed": lambda data: f"schedule {data.get('schedule', '')} was missed",
}
"""What is told; Events of other names (each step, each claim) are too many to be read."""

LOOKS = {
    "JobSucceeded": "good",
    "ListingPublished": "good",
    "MessagesReceived": "good",
    "AttemptStarted": "busy",
    "BatchSubmitted": "busy",
    "JobFailed": "bad",
    "ErrorFlood": "bad",
    "JobRetryScheduled": "wary",
    "JobParked": "wary",
    "JobUnknown": "wary",
    "EffectGivenUp": "wary",
    "EffectUnknown": "wary",
    "PersonNeeded": "wary",
    "AccountStateChanged": "wary",
    "ScheduleMissed": "wary",
}


def _address(event: Event) -> str:
    if event["name"] == "MessagesReceived":
        thread = event["data"].get("thread")
        return f"/inbox?thread={thread}" if thread else parts.inside("inbox", account=event["account"])
    for name, place in (("attempt_id", "attempts"), ("job_id", "jobs"), ("batch_id", "batches")):
        if event[name]:
            return f"/{place}/{event[name]}"
    return parts.inside("accounts", event["account"]) if event["account"] else ""
