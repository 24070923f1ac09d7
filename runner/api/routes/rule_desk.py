"""Templates, Rules and Drafts as a person keeps them at a desk: changed, put in order, tried before they are stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from runner.api.routes.answering import (
    DraftId,
    DraftOut,
    Name,
    RuleOut,
    TemplateOut,
    TestedOut,
    rule_out,
    template_out,
    tested_out,
)
from runner.api.routing import Given, Routes, Who
from runner.api.shapes import Asked, Id, Number, Shape, Text, Word
from runner.domain.access import Role
from runner.domain.classification import Asked as Heard
from runner.domain.rules import Level, Situation
from runner.domain.templates import LONGEST_TEXT, MOST_VARIANTS, Filled, check
from runner.errors import SetupError
from runner.intake.rules import RuleFile, RuleWritten, TemplateWritten

templates = Routes("templates")
rules = Routes("rules")
drafts = Routes("drafts")

NOBODY = "somebody"
"""The counterpart of a Message that nobody has written."""


class LevelAsked(Asked):
    """How far a Rule may go."""

    level: Level


class PositionAsked(Asked):
    """Where a Rule stands."""

    position: int = Field(ge=1, le=100_000, description="Asked as the Nth; as the last where there are not so many.")


class Wording(Asked):
    """Other words."""

    text: Text


class TextsAsked(Asked):
    """Texts that are no Template yet."""

    text: list[Annotated[str, Field(max_length=LONGEST_TEXT)]] = Field(min_length=1, max_length=MOST_VARIANTS)
    message_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = Field(
        default=None, description="With this Message's data; else the newest's."
    )


class TriedTextOut(Shape):
    """One text with the data of a Message; `text` is null when it would not be sent, and `wrong` when it cannot be."""

    message_id: Id | None
    text: str | None
    why_not: str | None
    wrong: str | None = Field(description="Why it could not be stored.")


class Imagined(Asked):
    """A Message that nobody has written."""

    text: Text
    account: Word | None = Field(default=None, description="To whom it would be written.")
    first_contact: bool = True


class StoredOut(Shape):
    """What an import has stored."""

    templates: int
    rules: int


@templates.put("/templates/{name}/{number}", role=Role.AGENT)
async def change_template(
    given: Given,
    name: Name,
    number: Annotated[Number, Path(description="Its id.")],
    asked: TemplateWritten,
) -> TemplateOut:
    """Put a Template in the place of one of a family; it may go to another family."""
    await given.answering.templates.family(name)
    changed = await given.answering.templates.replace(number, asked.asked())
    return template_out(changed, await given.answering.drafts.uses(of="template"))


@templates.post("/templates/preview", role=Role.VIEWER)
async def preview_texts(given: Given, asked: TextsAsked) -> list[TriedTextOut]:
    """What texts that are no Template yet would answer to a Message; nothing is stored or sent."""
    wrong = [_wrong(text) for text in asked.text]
    fit = [text for text, problem in zip(asked.text, wrong, strict=True) if problem is None]
    if asked.message_id is None and not await given.answering.drafts.newest(1):
        return [_tried(None, problem, None) for problem in wrong]
    number, filled = await given.answering.preview_texts(fit, asked.message_id)
    rest = iter(filled)
    return [_tried(str(number), problem, None if problem else next(rest)) for problem in wrong]


@rules.post("/rules/import", role=Role.AGENT)
async def import_rules(given: Given, asked: RuleFile) -> StoredOut:
    """Store all templates and rules of a file, or none; those that are there by name are replaced.

    The Rules given stand in their order, before all others.
    """
    new = [each.asked() for each in asked.templates], [each.asked() for each in asked.rules]
    return StoredOut.model_validate(await given.answering.rules.save_all(*new))


@rules.post("/rules/imagine", role=Role.VIEWER)
async def imagine(given: Given, asked: Imagined) -> TestedOut:
    """What the Rules would do about a text, if somebody wrote it now; nothing is stored or done."""
    account = None if asked.account is None else await given.records.accounts.by_name(asked.account)
    heard = [Heard(text=asked.text, first_contact=asked.first_contact)]
    (said,) = await given.classifier.classify(heard)
    situation = Situation(
        message_id=0,
        thread_id=0,
        key="",
        thread_remote_id="",
        account=account.name if account else "",
        site=account.site if account else "",
        tags=account.tags if account else (),
        counterpart=NOBODY,
        text=asked.text,
        written_at=given.clock.now(),
        type=said.type,
        confidence=said.confidence,
        first_contact=asked.first_contact,
        listing_title=None,
        goods=None,
        overtaken=False,
    )
    return tested_out(await given.answering.dry_run_imagined(situation))


@rules.put("/rules/{name}", role=Role.AGENT)
async def change_rule(given: Given, name: Name, asked: RuleWritten) -> RuleOut:
    """Put a Rule in the place of the one of this name, which keeps its turn and its counts."""
    changed = await given.answering.rules.replace(name, asked.asked())
    return rule_out(changed, await given.answering.drafts.uses(of="rule"))


@rules.put("/rules/{name}/level", role=Role.AGENT)
async def set_level(given: Given, name: Name, asked: LevelAsked) -> RuleOut:
    """Let a Rule go so far: off, suggest (a Draft waits for a click) or automatic (it acts by itself)."""
    changed = await given.answering.rules.set_level(name, asked.level)
    return rule_out(changed, await given.answering.drafts.uses(of="rule"))


@rules.put("/rules/{name}/position", role=Role.AGENT)
async def move_rule(given: Given, name: Name, asked: PositionAsked) -> RuleOut:
    """Have a Rule asked earlier or later; the first that matches wins."""
    moved = await given.answering.rules.move(name, asked.position)
    return rule_out(moved, await given.answering.drafts.uses(of="rule"))


@drafts.put("/drafts/{draft_id}/text", role=Role.AGENT)
async def reword_draft(given: Given, who: Who, draft_id: DraftId, asked: Wording) -> DraftOut:
    """Put a Draft that waits in other words; they are sent as they stand."""
    return DraftOut.model_validate(await given.answering.reword(draft_id, asked.text, by=who.name))


def _wrong(text: str) -> str | None:
    try:
        check(text)
    except SetupError as error:
        return str(error)
    return None


def _tried(number: str | None, problem: str | None, filled: Filled | None) -> TriedTextOut:
    if filled is None:
        why_not = None if problem else "there is no message yet to try it with"
        return TriedTextOut(message_id=number, text=None, why_not=why_not, wrong=problem)
    names = ", ".join(f"{{{name}}}" for name in filled.missing)
    lacks = f"{names} is not known here, and has no fall-back" if names else "it is empty with these values"
    why_not = None if filled.text is not None else lacks
    return TriedTextOut(message_id=number, text=filled.text, why_not=why_not, wrong=None)
