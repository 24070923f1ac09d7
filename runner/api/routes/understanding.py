"""What Messages want, and why: which words spoke for it; and the classifier that learns."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import Asked, Number, Shape, Text
from runner.domain.access import Role
from runner.domain.classification import Asked as Heard
from runner.domain.classification import MessageType

routes = Routes("messages")

MOST_REASONS = 12
Wanted = Annotated[MessageType | None, Query(description="Explain this type; the likeliest when it is not given.")]


class LikelyOut(Shape):
    """A type and its probability, from 0 to 1."""

    type: MessageType
    probability: float


class AmountOut(Shape):
    """Money as it stands in a text."""

    text: str
    value: float
    currency: str | None


class FactsOut(Shape):
    """What stands in a Message, as it was written; links are marked and never opened."""

    amounts: list[AmountOut]
    dates: list[str]
    times: list[str]
    places: list[str]
    phones: list[str]
    links: list[str]


class SpokeOut(Shape):
    """A part of a text, in the view where it was seen, and how much it spoke for a type (below 0: against)."""

    view: str
    text: str
    weight: float


class ExplanationOut(Shape):
    """What the classifier says now of a text, whatever a person said of it, and what spoke for one type."""

    type: MessageType
    confidence: float
    by: str = Field(description="Which classifier, with its version.")
    top: list[LikelyOut]
    extracted: FactsOut
    first_contact: bool
    explained: MessageType
    reasons: list[SpokeOut] = Field(description="The strongest first.")


class TextAsked(Asked):
    """A text that somebody might write."""

    text: Text
    type: MessageType | None = Field(default=None, description="Explain this type; else the likeliest.")
    first_contact: bool = False


class TrainedOut(Shape):
    """A classifier that has learnt."""

    classifier: str
    corrections: int


@routes.get("/messages/{message_id}/explanation", role=Role.VIEWER)
async def explain_message(
    given: Given,
    message_id: Annotated[Number, Path(description="The Message's id.")],
    type: Wanted = None,  # the name of the parameter
) -> ExplanationOut:
    """Why a Message is of its type: which words, letters and ideas spoke for it, and which against."""
    text, first = await given.classifications.text_of(message_id)
    return await _explained(given, text, type, first_contact=first)


@routes.post("/messages/explain", role=Role.VIEWER)
async def explain_text(given: Given, asked: TextAsked) -> ExplanationOut:
    """The same of a text; nothing is stored."""
    return await _explained(given, asked.text, asked.type, first_contact=asked.first_contact)


@routes.post("/classifier/train", role=Role.AGENT)
async def train(given: Given) -> TrainedOut:
    """Learn anew, from the examples that ship with the runner and from all corrections; takes seconds."""
    made = await given.classifier.train()
    return TrainedOut(classifier=made.version, corrections=len(await given.classifications.corrections()))


async def _explained(given: Given, text: str, type_: MessageType | None, *, first_contact: bool) -> ExplanationOut:
    (said,) = await given.classifier.classify([Heard(text=text, first_contact=first_contact)])
    explained = type_ or said.type
    reasons = await given.classifier.explain(text, explained, limit=MOST_REASONS)
    told = {name: getattr(said, name) for name in ("type", "confidence", "by", "top", "extracted", "first_contact")}
    return ExplanationOut.model_validate(told | {"explained": explained, "reasons": reasons}, from_attributes=True)
