"""Templates, Rules and Drafts: what answers by itself, what it would do, and what waits for one click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from runner.api.routing import Given, Routes, Who
from runner.api.shapes import Asked, Cursor, Id, Limit, Moment, Number, PageOut, Shape, Sort, Word, page, wish
from runner.domain.access import Role
from runner.domain.classification import MessageType
from runner.domain.drafts import DraftState, Plan, Uses, Verdict, lacking
from runner.domain.rules import Level, Rule
from runner.domain.states import JobState
from runner.domain.templates import Template
from runner.errors import NotFound, SetupError
from runner.intake.rules import RuleWritten, TemplateWritten, rule_as_written
from runner.store.pages import after_number, page_of, slice_of

templates = Routes("templates")
rules = Routes("rules")
drafts = Routes("drafts")

Name = Annotated[str, Path(min_length=1, max_length=200, description="Its name.")]
DraftId = Annotated[Number, Path(description="The Draft's id.")]
MessageId = Annotated[Number, Path(description="The Message's id.")]
MOST_TESTED = 500


class UsesOut(Shape):
    """How often it has written a Draft, and what became of those."""

    drafts: int
    waiting: int
    sent: int
    dismissed: int
    outdated: int


class TemplateOut(Shape):
    """A reply text; those of one name are a family, of which the one that fits best answers a Message."""

    id: Id
    name: str
    variants: list[str]
    type: MessageType | None
    site: str | None
    language: str | None
    account: str | None
    created_at: Moment
    uses: UsesOut


class PreviewOut(Shape):
    """One text of a Template with the data of a Message; `text` is null when it would not be sent."""

    template_id: Id
    message_id: Id
    text: str | None
    why_not: str | None


class RuleOut(Shape):
    """When a Message like this arrives, do that; asked in the order of their positions."""

    id: Id
    name: str
    position: int
    enabled: bool
    level: Level
    when: Mapping[str, Any]
    then: Mapping[str, Any]
    created_at: Moment
    uses: UsesOut


class ReasonOut(Shape):
    """A condition that spoke for a Rule, or against."""

    condition: str
    met: bool
    words: str


class TriedOut(Shape):
    """A Rule that was asked, in its turn."""

    rule: str
    matched: bool
    reasons: list[ReasonOut]


class TestedOut(Shape):
    """What the Rules would do about a Message, and why."""

    message_id: Id | None = Field(description="Null for one that nobody has written.")
    account: str
    text: str
    type: MessageType | None
    confidence: float | None
    verdict: Verdict
    words: str
    rule: str | None
    reply: str | None
    tried: list[TriedOut]


class DecidedOut(Shape):
    """What was decided about a Message when it came."""

    message_id: Id
    at: Moment
    verdict: Verdict
    rule: str | None
    words: str
    why: list[ReasonOut]


class DraftOut(Shape):
    """A reply that a Rule has written."""

    id: Id
    account: str
    counterpart: str
    listing_title: str | None
    thread_id: Id
    message_id: Id
    question: str = Field(description="The Message that it answers.")
    text: str
    rule: str
    template: str
    level: Level
    state: DraftState
    detail: str | None
    by: str | None = Field(description="Who sent or dismissed it; null when nobody had to.")
    created_at: Moment
    changed_at: Moment
    job_id: Id | None
    job_state: JobState | None


class TemplateAsked(TemplateWritten):
    """A Template to add."""


class RuleAsked(RuleWritten):
    """A Rule to add."""

    position: int | None = Field(default=None, ge=1, le=100_000, description="Asked as the Nth; else as the last.")


class Switch(Asked):
    """Whether a Rule is asked."""

    enabled: bool


class Test(Asked):
    """Which Messages to try the Rules on: one, or the last so many."""

    message_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    last: int | None = Field(default=None, ge=1, le=MOST_TESTED)
    account: Word | None = Field(default=None, description="Of the last, only this Account's.")


@templates.get("/templates", role=Role.VIEWER)
async def list_templates(
    given: Given, limit: Limit = 100, cursor: Cursor = None, sort: Sort = None
) -> PageOut[TemplateOut]:
    """The Templates. Sorts by name or id."""
    uses = await given.answering.drafts.uses(of="template")
    orders = {"name": lambda each: each.name, "id": lambda each: each.id}
    found = await given.answering.templates.list_templates()
    part = slice_of(found, wish(limit, cursor, sort), orders=orders, default="name", number_of=lambda each: each.id)
    return page(part, lambda each: template_out(each, uses))


@templates.post("/templates", role=Role.AGENT, creates=True, status_code=201)
async def add_template(given: Given, asked: TemplateAsked) -> TemplateOut:
    """Add a Template. One whose text asks for what nobody knows is refused."""
    return template_out(await given.answering.templates.add(asked.asked()), {})


@templates.get("/templates/{name}/preview", role=Role.VIEWER)
async def preview_template(
    given: Given,
    name: Name,
    message_id: Annotated[Number | None, Query(description="With this Message's data; else the newest's.")] = None,
) -> list[PreviewOut]:
    """What the Templates of a name would answer to a Message; nothing is sent."""
    return [
        PreviewOut(
            template_id=str(each.template.id),
            message_id=str(each.message_id),
            text=filled.text,
            why_not=None if filled.text is not None else lacking(name, filled.missing),
        )
        for each in await given.answering.preview(name, message_id)
        for filled in each.texts
    ]


@templates.delete("/templates/{name}", role=Role.AGENT)
async def remove_template(
    given: Given,
    name: Name,
    number: Annotated[Number | None, Query(description="Only the one with this id.")] = None,
) -> list[TemplateOut]:
    """Remove the Templates of a name, once no Rule needs them."""
    return [template_out(each, {}) for each in await given.answering.templates.remove(name, number=number)]


@rules.get("/rules", role=Role.VIEWER)
async def list_rules(given: Given, limit: Limit = 100, cursor: Cursor = None) -> PageOut[RuleOut]:
    """The Rules, in the order in which they are asked; the first that matches wins."""
    uses = await given.answering.drafts.uses(of="rule")
    orders = {"position": lambda each: each.position}
    found = await given.answering.rules.list_rules()
    part = slice_of(found, wish(limit, cursor), orders=orders, default="position", number_of=lambda each: each.id)
    return page(part, lambda each: rule_out(each, uses))


@rules.post("/rules", role=Role.AGENT, creates=True, status_code=201)
async def add_rule(given: Given, asked: RuleAsked) -> RuleOut:
    """Add a Rule; it is asked about Messages that arrive from now on."""
    return rule_out(await given.answering.rules.add(asked.asked(position=asked.position)), {})


@rules.post("/rules/test", role=Role.VIEWER)
async def test_rules(given: Given, asked: Test) -> list[TestedOut]:
    """Which Rule would do what, and why, had a Message just arrived when it was written; nothing is done."""
    if (asked.message_id is None) == (asked.last is None):
        raise SetupError("Which message?", cure="Give `message_id`, or `last`.")
    if asked.message_id is not None:
        return [tested_out(each) for each in await given.answering.dry_run([asked.message_id])]
    found = await given.answering.dry_run_last(asked.last or 1, account_name=asked.account)
    return [tested_out(each) for each in found]


@rules.put("/rules/{name}/enabled", role=Role.AGENT)
async def switch_rule(given: Given, name: Name, asked: Switch) -> RuleOut:
    """Have a Rule asked, or passed over."""
    found = await given.answering.rules.set_enabled(name, enabled=asked.enabled)
    return rule_out(found, await given.answering.drafts.uses(of="rule"))


@rules.delete("/rules/{name}", role=Role.AGENT)
async def remove_rule(given: Given, name: Name) -> RuleOut:
    """Remove a Rule; its Drafts stay."""
    return rule_out(await given.answering.rules.remove(name), {})


@drafts.get("/drafts", role=Role.VIEWER)
async def list_drafts(
    given: Given,
    state: Annotated[list[DraftState] | None, Query(description="All of them when it is not given.")] = None,
    account: Annotated[str | None, Query(max_length=200)] = None,
    thread_id: Annotated[Number | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[DraftOut]:
    """Drafts, the newest first."""
    asked = wish(limit, cursor)
    await given.answering.drafts.outdate()
    found = await given.answering.drafts.list_drafts(
        states=state or (), account_name=account, thread_id=thread_id, limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), DraftOut.model_validate)


@drafts.get("/drafts/{draft_id}", role=Role.VIEWER)
async def get_draft(given: Given, draft_id: DraftId) -> DraftOut:
    """One Draft."""
    return DraftOut.model_validate(await given.answering.drafts.get(draft_id))


@drafts.post("/drafts/{draft_id}/send", role=Role.AGENT)
async def send_draft(given: Given, who: Who, draft_id: DraftId) -> DraftOut:
    """Send a Draft: one Job for the Message that it answers, however often this is asked for."""
    return DraftOut.model_validate(await given.answering.send(draft_id, by=who.name))


@drafts.post("/drafts/{draft_id}/dismiss", role=Role.AGENT)
async def dismiss_draft(given: Given, who: Who, draft_id: DraftId) -> DraftOut:
    """Throw a Draft away."""
    return DraftOut.model_validate(await given.answering.dismiss(draft_id, by=who.name))


@drafts.get("/messages/{message_id}/decision", role=Role.VIEWER)
async def get_decision(
    given: Given, message_id: Annotated[Number, Path(description="The Message's id.")]
) -> DecidedOut:
    """What was decided about a Message when it came, and why."""
    found = await given.answering.drafts.decided(message_id)
    if found is None:
        raise NotFound("decision about message", str(message_id), ())
    return DecidedOut.model_validate(found)


def template_out(each: Template, uses: Mapping[int, Uses]) -> TemplateOut:
    """A Template as it is sent."""
    plain = {name: getattr(each, name) for name in TemplateOut.model_fields if name != "uses"}
    return TemplateOut(**plain, uses=UsesOut.model_validate(uses.get(each.id, Uses())))


def rule_out(each: Rule, uses: Mapping[int, Uses]) -> RuleOut:
    """A Rule as it is sent."""
    written: Mapping[str, Any] = rule_as_written(each)
    counts = UsesOut.model_validate(uses.get(each.id, Uses()))
    return RuleOut(
        id=str(each.id),
        position=each.position,
        created_at=each.created_at,
        uses=counts,
        **{name: written[name] for name in ("name", "enabled", "level", "when", "then")},
    )


def tested_out(found: Plan) -> TestedOut:
    """A dry run as it is sent."""
    of, rule = found.situation, found.decision.rule
    return TestedOut(
        message_id=str(of.message_id) if of.message_id else None,
        account=of.account,
        text=of.text,
        type=of.type,
        confidence=of.confidence,
        verdict=found.verdict,
        words=found.words,
        rule=rule.name if rule else None,
        reply=found.text,
        tried=[TriedOut.model_validate(each) for each in found.decision.tried],
    )
