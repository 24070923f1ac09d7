"""Drafts: replies that a Rule has written, and what became of them; and what was decided about each Message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from runner.domain.phrases import opt_out_in, out_of_office_in
from runner.domain.rules import Decision, Level, Reason, Rule, Situation, decide
from runner.domain.states import JobState
from runner.domain.templates import Placeholder, Template, best, fill, in_turn

ANSWERED_EARLIER = "what we wrote last in this thread answers an earlier message"


class DraftState(StrEnum):
    WAITING = "waiting"  # for one click; one that came back from its Job says why
    SENT = "sent"  # given to a send_message Job
    DISMISSED = "dismissed"  # a person does not want it
    OUTDATED = "outdated"  # somebody has written since, so it was not sent


class Verdict(StrEnum):
    """What was decided about a Message."""

    DRAFTED = "drafted"  # a Draft waits for a person
    ANSWERED = "answered"  # a reply goes out by itself
    DONE = "done"  # what else the Rule says was done
    NOTHING = "nothing"  # the Rule says to do nothing
    QUEUED = "queued"  # nobody is sure enough what it wants: for a person
    NO_RULE = "no_rule"  # none matches
    OVERTAKEN = "overtaken"  # somebody had written after it
    CROSSED = "crossed"  # it arrived while we answered an earlier one: for a person
    TOO_OLD = "too_old"  # it was written too long ago to be answered without a person
    NO_TEXT = "no_text"  # the reply lacks a value, or no Template fits: for a person


FOR_PERSON = (Verdict.QUEUED, Verdict.NO_TEXT, Verdict.CROSSED)
"""Nobody else sees to the Message."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be done about a Message: the verdict with its words, and the reply where there is one.

    `template_at` says which text of the Template it is, counted from 0.
    """

    situation: Situation
    verdict: Verdict
    words: str
    decision: Decision
    template: Template | None = None
    template_at: int | None = None
    text: str | None = None

    @property
    def notifies(self) -> bool:
        """Whether the Rule that acts says that somebody is to be told."""
        return self.verdict in (Verdict.DRAFTED, Verdict.ANSWERED, Verdict.DONE) and self.decision.action.notify

    @property
    def asks_person(self) -> bool:
        """Whether somebody is told: nobody is sure or in time, a text lacks a value, or the Rule that acts says so."""
        if self.verdict in (Verdict.DRAFTED, Verdict.ANSWERED, Verdict.DONE):
            return self.notifies
        if self.verdict is Verdict.TOO_OLD:
            # What came with the first look at an inbox is history, and would ask about all of it at once.
            return not (self.situation.history or self.situation.there_first)
        return self.verdict in FOR_PERSON


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A stored Draft. Rule and Template stand there by name, for they may be gone; `by` is who sent or dismissed it."""

    id: int
    account: str
    counterpart: str
    listing_title: str | None
    thread_id: int
    message_id: int
    question: str
    text: str
    rule_id: int
    rule: str
    template_id: int
    template: str
    level: Level
    state: DraftState
    detail: str | None
    by: str | None
    created_at: datetime
    changed_at: datetime
    job_id: int | None
    job_state: JobState | None
    sendings: int = 0
    """How often it was given to a Job."""


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """Why a reply is not wanted any more although its Job is there; and whether a person must see to it now."""

    why: str
    asks_person: bool


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was decided about a Message when it came."""

    message_id: int
    at: datetime
    verdict: Verdict
    rule: str | None
    words: str
    why: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class Uses:
    """How often a Rule or a Template has written a Draft, and what became of those."""

    drafts: int = 0
    waiting: int = 0
    sent: int = 0
    dismissed: int = 0
    outdated: int = 0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What decisions go by, besides the Rules: the shop's time zone, how sure is enough, and how old is too old."""

    zone: tzinfo
    threshold: float
    within: timedelta


def plan(
    situation: Situation,
    rules: Sequence[Rule],
    templates: Sequence[Template],
    used: Mapping[int, int],
    now: datetime,
    terms: Terms,
) -> Plan:
    """Decide about a Message and write its reply. `used` has how often each Template was used, by its id."""
    decision = decide(situation, rules, now, zone=terms.zone, threshold=terms.threshold)

    def so(verdict: Verdict, words: str, **reply: object) -> Plan:
        if situation.answered_earlier:
            words = f"{words}; {ANSWERED_EARLIER}"
        return Plan(situation=situation, verdict=verdict, words=words, decision=decision, **reply)  # type: ignore[arg-type]  # the three fields of a reply

    if situation.overtaken:
        return so(Verdict.CROSSED if situation.answered_earlier else Verdict.OVERTAKEN, "somebody has written since")
    if situation.history:
        return so(Verdict.TOO_OLD, "it was there when this inbox was read first, and the site does not say since when")
    if now - situation.written_at > terms.within:
        return so(Verdict.TOO_OLD, "it was written too long ago to be answered without a person")
    rule = decision.rule
    replies = rule is not None and rule.then.reply is not None
    if (replies or decision.for_person) and out_of_office_in(situation.text) is not None:
        # Answered by itself, a machine would answer again, and so on.
        return so(Verdict.NOTHING, "it is a note of absence: nobody reads an answer to it")
    refusal = opt_out_in(situation.text) if replies else None
    if refusal is not None:
        return so(Verdict.QUEUED, f'the counterpart wants no more messages: "{refusal}"')
    if decision.for_person:
        return so(Verdict.QUEUED, decision.why[-1].words)
    if rule is None:
        return so(Verdict.NO_RULE, "no rule matches")
    if rule.then.reply is None:
        acts = rule.then.changes_thread or rule.then.notify
        return so(Verdict.DONE, "done without a reply") if acts else so(Verdict.NOTHING, "the rule says to do nothing")
    template = best(
        [each for each in templates if each.name == rule.then.reply],
        type_=situation.type,
        site=situation.site,
        language=situation.language,
        account=situation.account,
    )
    if template is None:
        return so(Verdict.NO_TEXT, f'no template "{rule.then.reply}" fits this message')
    at = used.get(template.id, 0) % len(template.variants)
    filled = fill(in_turn(template.variants, at), situation.values)
    if filled.text is None:
        return so(Verdict.NO_TEXT, lacking(template.name, filled.missing), template=template, template_at=at)
    verdict = Verdict.ANSWERED if rule.level is Level.AUTOMATIC else Verdict.DRAFTED
    words = "a reply goes out by itself" if verdict is Verdict.ANSWERED else "a draft waits for a person"
    return so(verdict, words, template=template, template_at=at, text=filled.text)


def lacking(template: str, missing: Sequence[Placeholder]) -> str:
    """Why a text is not sent."""
    if not missing:
        return f'template "{template}" is empty with these values'
    names = ", ".join(f"{{{name}}}" for name in missing)
    return f'template "{template}" needs {names}, which is not known here, and has no fall-back'


KEYS = "answer:message:"
"""What the keys of all Jobs begin with that send a Draft."""


def job_key(message_id: int, sending: int = 1) -> str:
    """Of the Job that answers a Message: whoever clicks, and however often, it is one Job.

    Another `sending` is another Job: the one before it ended for sure without an answer, and a person wants it anew.
    """
    return f"{KEYS}{message_id}" if sending <= 1 else f"{KEYS}{message_id}:{sending}"


def not_after(draft: Draft, written_at: datetime, terms: Terms) -> datetime:
    """Until when a Draft may go out: what goes by itself by the Message's age, what a person sent by that of the click.

    Nobody waits for an answer any more that lay in the queue for so long.
    """
    return (written_at if draft.by is None else draft.changed_at) + terms.within


def why_off(draft: Draft, rules: Sequence[Rule]) -> str | None:
    """Why the Rule of a Draft does not send it by itself any more; None where it does."""
    rule = next((each for each in rules if each.id == draft.rule_id), None)
    if rule is None:
        return f'the rule "{draft.rule}" is gone'
    on = rule.enabled and rule.level is Level.AUTOMATIC
    return None if on else f'the rule "{draft.rule}" does not act by itself any more'
