"""One Thread of the inbox: what was said, how far each reply is, and what is known of the Thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from runner.console import parts
from runner.console.desk import Desk
from runner.console.pages import inbox_answers

One = Mapping[str, Any]

DELIVERIES = {
    "on_its_way": ("on its way", "busy"),
    "held": ("waits for a person", "wary"),
    "sent": ("sent", "good"),
    "unknown": ("unknown: a person decides", "wary"),
    "not_sent": ("not sent", "bad"),
}
SATISFACTION = {"good": "content", "neutral": "neither", "bad": "let down"}
BY = {
    "rule": "by a rule",
    "draft": "with a rule's draft",
    "sequence": "by a sequence",
    "person": "by a person",
    "elsewhere": "at the site",
}
EFFECTS = {"confirmed": ("sent", "good"), "duplicated": ("sent twice", "bad")}


def said(desk: Desk, messages: Sequence[One], replies: Sequence[One], drafts: Sequence[One] = ()) -> None:
    """Messages, replies and Drafts in the order of time; a reply that has become a Message is that Message."""
    writers = inbox_answers.by_job(drafts)
    jobs = {each["effect_id"]: each["job_id"] for each in replies if each["effect_id"]}
    entries: list[tuple[datetime, str, One]] = [(_at(each), "message", each) for each in messages]
    entries += [(moment(each["created_at"]), "reply", each) for each in pending(messages, replies)]
    entries += [(moment(each["created_at"]), "draft", each) for each in inbox_answers.loose(drafts, replies)]
    for _, kind, each in sorted(entries, key=lambda entry: entry[0]):
        if kind == "message":
            _message(desk, each, writers.get(jobs.get(each["effect_id"], "")))
        elif kind == "reply":
            _reply(desk, each, writers.get(each["job_id"]))
        else:
            inbox_answers.draft(desk, each)


def pending(messages: Sequence[One], replies: Sequence[One]) -> list[One]:
    """The replies that no Message shows yet; of those that are one Effect the newest, given first."""
    shown: set[str] = {each["effect_id"] for each in messages if each["effect_id"]}
    left = []
    for reply in replies:
        if reply["effect_id"] in shown or (reply["delivery"] == "sent" and _is_among(messages, reply)):
            continue
        if reply["effect_id"]:
            shown.add(reply["effect_id"])
        left.append(reply)
    return left


def _is_among(messages: Sequence[One], reply: One) -> bool:
    # A Site without ids of its own gives no Effect to a Message; the same words, seen since, are the reply.
    begun = moment(reply["created_at"])
    return any(
        each["direction"] == "outbound" and each["text"] == reply["text"] and moment(each["first_seen_at"]) >= begun
        for each in messages
    )


def moment(text: str) -> datetime:
    """A moment as the API tells it."""
    return datetime.fromisoformat(text)


def _at(message: One) -> datetime:
    return moment(message["sent_at"] or message["first_seen_at"])


def _message(desk: Desk, message: One, writer: One | None) -> None:
    outbound = message["direction"] == "outbound"
    with parts.tag("article").classes("bubble outbound" if outbound else "bubble inbound"):
        with parts.tag("div").classes("bubble-head soft"):
            parts.tag("strong", message["sender"])
            parts.when(message["sent_at"], desk.timezone, none="at an unknown time")
            if outbound and message["effect_state"] in EFFECTS:
                parts.chip(*EFFECTS[message["effect_state"]])
            if message["deleted_at"]:
                parts.chip("deleted at the site", "bad")
            elif message["edited_at"]:
                parts.chip("edited", "wary")
        parts.tag("div", message["text"]).classes("bubble-text")
        for former in message["former_texts"]:
            with parts.tag("div").classes("bubble-foot"):
                parts.tag("span", "It said: ")
                parts.tag("del", former).classes("bubble-text")
        inbox_answers.written(writer)
        if not outbound:
            inbox_answers.understood(desk, message)
        if message["picture_id"]:
            with parts.tag("div").classes("bubble-foot"):
                words = f"The page from which this message of {message['sender']} was read"
                address = f"/api/v1/evidence/{message['picture_id']}/file"
                with parts.link(address, classes="read-from", label=words, new_tab=True):
                    parts.picture(message["picture_id"], words, classes="small")


def _reply(desk: Desk, reply: One, writer: One | None) -> None:
    with parts.tag("article").classes("bubble outbound pending"):
        with parts.tag("div").classes("bubble-head soft"):
            parts.tag("strong", "Your reply" if writer is None else "Reply")
            parts.when(reply["created_at"], desk.timezone)
            parts.chip(*DELIVERIES[reply["delivery"]])
        parts.tag("div", reply["text"]).classes("bubble-text")
        inbox_answers.written(writer)
        _how_far(desk, reply)


def _how_far(desk: Desk, reply: One) -> None:
    delivery = reply["delivery"]
    if delivery in ("unknown", "not_sent", "held") or reply["attempts"]:
        with parts.tag("div").classes("bubble-foot"):
            if reply["error"] and delivery != "sent":
                parts.tag("span", reply["error"])
            if delivery == "on_its_way" and reply["state"] == "queued" and reply["attempts"]:
                parts.tag("span", "Tried already; again ").classes("soft")
                parts.when(reply["due_at"], desk.timezone)
            parts.link(f"/jobs/{reply['job_id']}", f"Job {reply['job_id']}")
    if not desk.may("agent"):
        return
    if delivery == "not_sent":
        with parts.tag("div").classes("across"):
            parts.button("Try again", lambda: _retry(desk, reply["job_id"]), icon="replay")
    if delivery == "unknown" and reply["effect_id"]:
        with parts.tag("div").classes("across"):
            parts.tag("span", "Look at the site: is the message there?").classes("soft")
            parts.button("It is there", lambda: _settle(desk, reply["effect_id"], "confirmed"), icon="check")
            parts.button("It is not", lambda: _settle(desk, reply["effect_id"], "not_done"), icon="close")


async def _retry(desk: Desk, job_id: str) -> None:
    await desk.act(lambda: desk.api.post(f"/jobs/{job_id}/retry"), "It is on its way again.")


async def _settle(desk: Desk, effect_id: str, verdict: str) -> None:
    body = {"verdict": verdict, "why": "seen by an operator, from the inbox"}
    await desk.act(lambda: desk.api.post(f"/effects/{effect_id}/settle", body), "Noted.")


def about(desk: Desk, thread: One, replies: Sequence[One], handling: One) -> None:
    """What is known of a Thread, and the ways from it."""
    with parts.tag("dl").classes("facts"):
        _fact("Counterpart", thread["counterpart"])
        _fact("Listing", thread["listing_title"] or "none")
        with _fact("Account"):
            parts.link(parts.inside("accounts", thread["account"]), thread["account"])
        with _fact("Status"):
            parts.chip(thread["status"])
            if thread["snoozed_until"]:
                parts.tag("span", " until ").classes("soft")
                parts.when(thread["snoozed_until"], desk.timezone)
        _fact("Assignee", thread["assignee"] or "nobody")
        with _fact("Tags", "" if thread["tags"] else "none"):
            for each in thread["tags"]:
                parts.tag("span", each).classes("tag")
        _fact("Unread", str(thread["unread"]) if thread["unread"] else "all read")
        _fact("Messages", str(thread["message_count"]))
        with _fact("Last"):
            parts.when(thread["last_at"], desk.timezone)
        with _fact("At the site"):
            # As text: an address that came from a site is not linked to.
            parts.tag("span", thread["url"]).classes("mono")
        _handled(handling)
    if thread["status"] == "closed":
        _satisfaction(desk, thread, handling["resolutions"])
    _jobs(desk, thread, replies)


def _handled(handling: One) -> None:
    first = handling["first"]
    if first is not None:
        told = "not yet" if first["took_s"] is None else f"after {parts.duration(first['took_s'])}, "
        _fact("Answered", told + BY.get(first["by"], ""))
    settled = [each for each in handling["resolutions"] if each["closed_at"]]
    if settled:
        by = f" by {settled[-1]['by']}" if settled[-1]["by"] else ""
        _fact("Settled", f"after {parts.duration(settled[-1]['took_s'])}{by}")
    if len(settled) > 1:
        _fact("Reopened", parts.counted(len(handling["resolutions"]) - 1, "time"))


def _satisfaction(desk: Desk, thread: One, resolutions: Sequence[One]) -> None:
    marked = resolutions[-1]["satisfaction"] if resolutions else None
    if not resolutions or not desk.may("agent"):
        return
    with parts.tag("div").classes("across") as row:
        row.props["role"] = "group"
        row.props["aria-label"] = "How the counterpart left"
        parts.tag("span", "The counterpart left").classes("soft")
        for each, words in SATISFACTION.items():
            said = None if each == marked else each
            button = parts.button(words, partial(_mark, desk, thread, said), looks="main" if not said else "")
            button.props["aria-pressed"] = "true" if not said else "false"


async def _mark(desk: Desk, thread: One, satisfaction: str | None) -> None:
    body = {"satisfaction": satisfaction}
    await desk.act(lambda: desk.api.put(f"/threads/{thread['id']}/satisfaction", body), "Noted.")


def _fact(name: str, value: str = "") -> Any:
    parts.tag("dt", name)
    return parts.tag("dd", value)


def _jobs(desk: Desk, thread: One, replies: Sequence[One]) -> None:
    parts.title("Jobs")
    if not replies:
        parts.tag("p", "Nothing was answered here through the runner yet.").classes("soft")
    for reply in replies[:10]:
        with parts.tag("div").classes("across"):
            parts.link(f"/jobs/{reply['job_id']}", f"Reply, job {reply['job_id']}")
            parts.chip(reply["state"])
            parts.when(reply["created_at"], desk.timezone).classes("soft")
    parts.link(parts.inside("jobs", account=thread["account"]), f"All jobs of {thread['account']}")
