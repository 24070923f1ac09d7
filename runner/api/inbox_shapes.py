"""The inbox as it is sent: Threads, Messages with what they want, and the replies to them."""

from __future__ import annotations

from pydantic import Field

from runner.api.shapes import Id, Moment, Shape
from runner.domain.classification import MessageType
from runner.domain.effects import EffectState
from runner.domain.messages import Delivery
from runner.domain.states import Direction, JobState, ThreadStatus


class ThreadOut(Shape):
    """An exchange with one counterpart."""

    id: Id
    account: str
    remote_id: str
    counterpart: str
    listing_title: str | None
    excerpt: str = Field(description="How its last Message begins, as the Site's inbox shows it.")
    unread: int
    last_at: Moment | None
    url: str
    message_count: int
    status: ThreadStatus
    snoozed_until: Moment | None
    assignee: str | None = Field(description="The Operator whose it is.")
    tags: list[str] = Field(description="Words that people and rules have put on it, sorted.")


class ThreadTagOut(Shape):
    """A word to choose Threads by."""

    name: str
    threads: int


class ThreadTagsOut(Shape):
    """All tags of Threads, by name."""

    items: list[ThreadTagOut]


class MessageOut(Shape):
    """One entry in a Thread; `key` is what a reply names in `answering`."""

    id: Id
    thread_id: Id
    key: str
    direction: Direction
    sender: str
    text: str
    sent_at: Moment | None
    first_seen_at: Moment
    type: MessageType | None = Field(description="What it wants most; null until it has been classified.")
    confidence: float | None = Field(description="How sure that is, from 0 to 1.")
    classified_by: str | None = Field(description="A classifier with its version, or the name of a person.")
    classified_at: Moment | None
    edited_at: Moment | None = Field(description="When it was found that its text has changed at the site.")
    deleted_at: Moment | None = Field(description="When it was found to be gone from the site; it stays here.")
    former_texts: list[str] = Field(description="What it said before it was edited, the oldest first.")
    effect_id: Id | None = Field(description="The effect that sent it; null for one that was written elsewhere.")
    effect_state: EffectState | None
    picture_id: Id | None = Field(description="Evidence: a picture of the page that it was read from.")


class CorrectionOut(Shape):
    """A person's word on what a Message wants."""

    id: Id
    message_id: Id
    type: MessageType
    by: str
    at: Moment


class QueuedOut(Shape):
    """A Message that waits for a person: nobody is sure enough what it wants."""

    message_id: Id
    thread_id: Id
    account: str
    counterpart: str
    listing_title: str | None
    text: str
    sent_at: Moment | None
    type: MessageType = Field(description="The likeliest.")
    confidence: float


class WaitingOut(Shape):
    """How many open Threads wait for what."""

    click: int = Field(description="A Draft waits to be sent or dismissed.")
    person: int = Field(description="Nobody is sure what it wants, or its reply lacks a value.")


class ReplyOut(Shape):
    """A reply that was asked for, sent or not; the last word on it is `delivery`."""

    job_id: Id
    text: str
    answering: str | None
    delivery: Delivery
    state: JobState = Field(description="Of its Job.")
    created_at: Moment
    due_at: Moment
    ended_at: Moment | None
    attempts: int
    error: str | None
    effect_id: Id | None
    effect_state: EffectState | None
