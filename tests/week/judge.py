"""The judge of a simulated week. Pure: the marketplace's ledger and what the shop was given go in, breaches come out.

What was sent is judged by the ledger alone. About what was not sent the ledger knows nothing; there the judge is told
what a person finds in the console (`Told`), and compares it with what the rules say.

An outbound message stands where its sender last read the thread: what was written between that reading and the commit
nobody could have known, and it must be dealt with afterwards like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from tests.week.given import Rule, Step, family_of
from tests.week.traffic import AWAY

BEING_SENT = timedelta(minutes=2)
"""What was being done when somebody closed a thread may be done."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the console shows of an inbound message: its type, how sure that is, and whether it waits for a person.

    `asked`: a person was told of it, once, without its standing in a list: enough only for one that crossed a reply.
    """

    type: str | None
    confidence: float
    waits: bool
    asked: bool = False
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the shop was given, and what its people did: `clicked` are messages whose draft somebody sent,
    `dismissed` those whose draft nobody wanted, `by_hand` the texts that somebody wrote."""

    rules: Sequence[Rule]
    families: Mapping[str, Sequence[str]]
    threshold: float
    counterparts: Mapping[str, str]
    steps: Sequence[Step] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    days_off: frozenset[date] = frozenset()
    clicked: frozenset[str] = frozenset()
    dismissed: frozenset[str] = frozenset()
    by_hand: frozenset[str] = frozenset()
    closed: Mapping[str, datetime] = field(default_factory=dict)
    """When somebody closed a thread."""


class By(StrEnum):
    COUNTERPART = "counterpart"
    HAND = "hand"  # a person of ours
    RULE = "rule"  # a reply by rule
    STEP = "step"  # a step of a sequence
    NOBODY = "nobody"  # nothing that the shop was given explains it


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A message in the ledger. `place` is where it stands in the thread for whoever wrote it."""

    seq: int
    place: int
    at: datetime
    account: str
    thread: str
    number: str
    text: str
    by: By
    family: str | None = None

    @property
    def named(self) -> str:
        return f"message {self.number} in thread {self.thread} of {self.account} at {self.at:%a %H:%M:%S}"


@dataclass(kw_only=True)
class Verdict:
    """What was found: sentences for a person, and figures."""

    breaches: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    first_reply_min: list[float] = field(default_factory=list)


def judge(ledger: Sequence[Mapping[str, Any]], told: Mapping[str, Told], given: Given) -> Verdict:
    """Judge all threads that anybody wrote in. Seeded messages are history, and nobody's business."""
    verdict = Verdict()
    for entries in _threads(ledger, given).values():
        _judge_thread(entries, told, given, verdict)
    return verdict


def _threads(ledger: Sequence[Mapping[str, Any]], given: Given) -> dict[str, list[Entry]]:
    """Each thread's messages in the order of their places."""
    read_at: dict[str, int] = {}
    threads: dict[str, list[Entry]] = {}
    for row in sorted(ledger, key=lambda each: each["seq"]):
        detail = row["detail"]
        if row["kind"] == "thread_read":
            read_at[row["subject"]] = row["seq"]
        elif row["kind"] in ("message_sent", "message_received") and not detail.get("seeded"):
            thread = detail["thread"]
            inbound = row["kind"] == "message_received"
            by, family = (By.COUNTERPART, None) if inbound else _writer(detail["text"], thread, given)
            place = row["seq"] if inbound else read_at.get(thread, row["seq"])
            entry = Entry(
                seq=row["seq"],
                place=place,
                at=datetime.fromisoformat(row["at"]),
                account=row["account"],
                thread=thread,
                number=row["subject"],
                text=detail["text"],
                by=by,
                family=family,
            )
            threads.setdefault(thread, []).append(entry)
    return {
        thread: sorted(entries, key=lambda each: (each.place, each.seq))
        for thread, entries in threads.items()
        if any(each.by is By.COUNTERPART for each in entries)
    }


def _writer(text: str, thread: str, given: Given) -> tuple[By, str | None]:
    if text in given.by_hand:
        return By.HAND, None
    family = family_of(text, given.counterparts.get(thread, ""), dict(given.families))
    if family is None:
        return By.NOBODY, None
    return (By.STEP if family in {each.family for each in given.steps} else By.RULE), family


def _crossed(entries: Sequence[Entry]) -> set[str]:
    """Those that were written after a sender of ours had looked for the last time, before what it sent was there."""
    ours = [each for each in entries if each.by is not By.COUNTERPART]
    theirs = [each for each in entries if each.by is By.COUNTERPART]
    return {each.number for each in theirs if any(own.place < each.seq < own.seq for own in ours)}


def _judge_thread(entries: Sequence[Entry], told: Mapping[str, Told], given: Given, verdict: Verdict) -> None:
    crossed = _crossed(entries)
    verdict.counts["crossed"] += len(crossed)
    for at, entry in enumerate(entries):
        before = entries[at - 1] if at else None
        after = entries[at + 1] if at + 1 < len(entries) else None
        verdict.counts[f"by {entry.by}"] += 1
        if entry.by is By.COUNTERPART:
            begins = all(each.by is not By.COUNTERPART for each in entries[:at])
            known = told.get(entry.number)
            if known is not None and known.asked and entry.number in crossed:
                known = replace(known, waits=True)
            if known is not None and is_away(entry.text) and entry.number not in crossed:
                _judge_note_of_absence(entry, after, verdict)
                continue
            _judge_inbound(entry, after, known, given, verdict, first_contact=begins)
        elif entry.by is By.NOBODY:
            verdict.breaches.append(f"{entry.named} was sent, and nothing that the shop was given explains it")
        elif entry.by is By.RULE:
            _judge_reply(entry, before, verdict)
        elif entry.by is By.STEP:
            _judge_step(entry, entries[:at], given, verdict)


def _judge_reply(reply: Entry, before: Entry | None, verdict: Verdict) -> None:
    """None twice, and none after anybody of ours has written: what stands before a reply is what it answers."""
    if before is None or before.by is By.NOBODY:
        verdict.breaches.append(f"{reply.named} answers nothing")
    elif before.by in (By.RULE, By.STEP):
        verdict.breaches.append(f"{reply.named} is a second reply, after message {before.number}")
    elif before.by is By.HAND:
        verdict.breaches.append(f"{reply.named} was sent after a person had written message {before.number}")


def _judge_step(step: Entry, before: Sequence[Entry], given: Given, verdict: Verdict) -> None:
    """Only until the first reply, in their order, and never too early. A note of absence is no reply."""
    since = [each for each in before if not (each.by is By.COUNTERPART and is_away(each.text))]
    number = next(at for at, each in enumerate(given.steps) if each.family == step.family)
    last = since[-1] if since else None
    if last is None or last.by is By.COUNTERPART:
        verdict.breaches.append(f"{step.named} went out after the counterpart had written")
    elif last.by in (By.HAND, By.NOBODY):
        verdict.breaches.append(f"{step.named} went out after a person had written message {last.number}")
    elif last.family not in ({given.steps[number - 1].family} if number else _enrolling(given)):
        verdict.breaches.append(f"{step.named} is step {number + 1}, and does not follow on message {last.number}")
    elif _is_closed(step, before, given):
        verdict.breaches.append(f"{step.named} went out although the thread was closed")
    elif _too_early(last.at, step, given.steps[number], given):
        verdict.breaches.append(f"{step.named} came too early after message {last.number} at {last.at:%a %H:%M:%S}")


def _enrolling(given: Given) -> set[str | None]:
    return {rule.reply for rule in given.rules if "enrol" in rule.then}


def _too_early(last: datetime, step: Entry, asked: Step, given: Given) -> bool:
    zone = ZoneInfo(given.zones.get(step.account, "UTC"))
    first, then = last.astimezone(zone).date(), step.at.astimezone(zone).date()
    days = [first + timedelta(days=day + 1) for day in range((then - first).days)]
    working = sum(day.weekday() < 6 and day not in given.days_off for day in days)
    return step.at - last < asked.after or working < asked.working_days


def _is_closed(step: Entry, before: Sequence[Entry], given: Given) -> bool:
    """Whether it was closed since the counterpart wrote last, and not just while this was being sent."""
    at = given.closed.get(step.thread)
    since = max((each.at for each in before if each.by is By.COUNTERPART), default=None)
    return at is not None and (since is None or since < at) and step.at > at + BEING_SENT


def is_away(text: str) -> bool:
    """Whether a machine wrote it for somebody who is out of the office."""
    return text in AWAY


def _judge_note_of_absence(entry: Entry, after: Entry | None, verdict: Verdict) -> None:
    """Nobody reads an answer to it, and two machines could write to each other for ever."""
    verdict.counts["notes of absence"] += 1
    if after is not None and after.by is By.RULE:
        verdict.breaches.append(f"{entry.named} is a note of absence, and was answered: {after.text}")


def _judge_inbound(
    entry: Entry, after: Entry | None, told: Told | None, given: Given, verdict: Verdict, *, first_contact: bool
) -> None:
    if after is not None and after.by is By.COUNTERPART:
        verdict.counts["overtaken"] += 1
        return
    if told is None:
        verdict.breaches.append(f"{entry.named} is not known to the shop")
        return
    rule, sure = _rule_for(entry, told, given, first_contact=first_contact)
    wanted = rule.reply if rule else None
    if after is not None and after.by is By.HAND:
        verdict.counts["answered by hand"] += 1
    elif after is not None and after.by is By.RULE:
        verdict.counts["answered"] += 1
        verdict.first_reply_min.append((after.at - entry.at).total_seconds() / 60)
        _judge_answer(entry, after, rule, verdict, given, sure=sure, wanted=wanted)
    elif rule is not None and rule.automatic and sure and wanted:
        handed = told.waits or entry.number in given.dismissed
        verdict.counts["handed to a person"] += handed
        if not handed:
            verdict.breaches.append(f'{entry.named} has no answer, though rule "{rule.name}" gives one ({told.state})')
    elif rule is not None and not rule.automatic and wanted:
        _judge_draft(entry, told, given, verdict)
    elif rule is not None and sure:
        verdict.counts["done without a reply"] += 1
    elif not sure:
        verdict.counts["queued"] += 1
        if not told.waits:
            verdict.breaches.append(
                f"{entry.named}: nobody is sure what it wants, and no person is asked ({told.state})"
            )
    else:
        verdict.counts["no rule"] += 1


def _judge_draft(entry: Entry, told: Told, given: Given, verdict: Verdict) -> None:
    if entry.number in given.dismissed:
        verdict.counts["dismissed"] += 1
    elif told.waits:
        verdict.counts["drafted"] += 1
    else:
        verdict.breaches.append(f"{entry.named} should have a draft, and no person finds one ({told.state})")


def _judge_answer(
    entry: Entry, reply: Entry, rule: Rule | None, verdict: Verdict, given: Given, *, sure: bool, wanted: str | None
) -> None:
    if rule is None or wanted is None:
        verdict.breaches.append(f"{entry.named} was answered, though no rule says so: {reply.text}")
    elif reply.family != wanted:
        verdict.breaches.append(f'{entry.named} was answered with "{reply.family}" instead of "{wanted}": {reply.text}')
    elif rule.automatic and not sure:
        verdict.breaches.append(f"{entry.named} was answered, though nobody is sure what it wants")
    elif not rule.automatic and entry.number not in given.clicked:
        verdict.breaches.append(f"{entry.named} was answered with a draft that nobody has sent")


def _rule_for(entry: Entry, told: Told, given: Given, *, first_contact: bool) -> tuple[Rule | None, bool]:
    sure = told.type is not None and told.confidence >= given.threshold
    for rule in given.rules:
        if rule.fits(type_=told.type, text=entry.text, first_contact=first_contact):
            return rule, sure
    return None, sure
