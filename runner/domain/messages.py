"""Threads and Messages, as a Site shows them and as they are stored."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.domain.classification import MessageType
from runner.domain.effects import AT_SITE, EffectState
from runner.domain.sla import SlaKind
from runner.domain.states import Direction, JobState, ThreadStatus


@dataclass(frozen=True, kw_only=True)
class ThreadSummary:
    """One row of a Site's inbox. `fingerprint` changes whenever the Thread does (last time, excerpt, count)."""

    remote_id: str
    counterpart: str
    listing_title: str | None
    excerpt: str
    last_at: datetime | None
    unread: int
    url: str

    @property
    def fingerprint(self) -> str:
        """Equal for an unchanged Thread; reading a Thread clears `unread`, so that is left out."""
        when = self.last_at.isoformat() if self.last_at else ""
        text = "\x1f".join((self.remote_id, self.counterpart, self.excerpt, when))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class RemoteMessage:
    """A Message as the Site shows it; `remote_id` is None where the Site gives none."""

    remote_id: str | None
    direction: Direction
    sender: str
    text: str
    sent_at: datetime | None


def keyed(messages: Iterable[RemoteMessage]) -> list[tuple[str, RemoteMessage]]:
    """Give each Message of one Thread, in page order, a key that is the same at every reading.

    The key is the Site's own id, or a hash of sender, time and text with an ordinal, so that the same words
    sent twice in the same second remain two Messages.
    """
    seen: Counter[str] = Counter()
    pairs = []
    for message in messages:
        if message.remote_id is not None:
            pairs.append((f"id:{message.remote_id}", message))
            continue
        when = message.sent_at.isoformat() if message.sent_at else ""
        text = "\x1f".join((message.direction, message.sender, when, message.text))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        pairs.append((f"hash:{digest}:{seen[digest]}", message))
        seen[digest] += 1
    return pairs


@dataclass(frozen=True, kw_only=True)
class StoredThread:
    """A Thread in the store; `snoozed_until` is None unless it is snoozed, and `assignee` is an Operator's name."""

    id: int
    account: str
    remote_id: str
    counterpart: str
    listing_title: str | None
    excerpt: str
    unread: int
    last_at: datetime | None
    url: str
    message_count: int
    status: ThreadStatus
    snoozed_until: datetime | None
    assignee: str | None
    tags: tuple[str, ...] = ()
    due_at: datetime | None = None
    """By when something is owed, by the strictest SLA of its tags; None where nothing is."""
    due_for: SlaKind | None = None
    due_tag: str | None = None
    overdue: bool = False


@dataclass(frozen=True, kw_only=True)
class StoredMessage:
    """A Message in the store; `key` is unique in its Thread. The Effect is that of ours which sent it, if one did.

    What it wants (`type`) is None until it has been classified.
    """

    id: int
    thread_id: int
    key: str
    direction: Direction
    sender: str
    text: str
    sent_at: datetime | None
    first_seen_at: datetime
    type: MessageType | None = None
    confidence: float | None = None
    classified_by: str | None = None
    classified_at: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    """When it was found to be there no more; it stays in our books."""
    former_texts: tuple[str, ...] = ()
    """What it said before it was edited, the oldest first."""
    effect_id: int | None = None
    effect_state: EffectState | None = None
    picture_id: int | None = None
    """Evidence: the Thread as it was when this was read, where a picture was taken."""


class Delivery(StrEnum):
    """How far a reply is, in one word for a person."""

    ON_ITS_WAY = "on_its_way"  # queued or being sent
    HELD = "held"  # waits for a person: a Challenge, a login
    SENT = "sent"  # the Site shows it
    UNKNOWN = "unknown"  # fired, and nobody can tell: a person decides
    NOT_SENT = "not_sent"  # failed or cancelled before anything was sent


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A send_message Job of one Thread, with what the journal knows of its Effect."""

    job_id: int
    text: str
    answering: str | None
    state: JobState
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None
    attempts: int
    error: str | None
    effect_id: int | None
    effect_state: EffectState | None

    @property
    def delivery(self) -> Delivery:
        """How far it is; the journal's word counts before the Job's."""
        if self.effect_state in AT_SITE:
            return Delivery.SENT
        if self.effect_state is EffectState.UNKNOWN or self.state is JobState.UNKNOWN:
            return Delivery.UNKNOWN
        if self.state is JobState.PARKED:
            return Delivery.HELD
        if self.state in (JobState.QUEUED, JobState.RUNNING):
            return Delivery.ON_ITS_WAY
        if self.effect_state is EffectState.ARMED:
            return Delivery.UNKNOWN
        if self.effect_state in (EffectState.PLANNED, EffectState.PREPARED):
            # The Job found that it must not be sent any more.
            return Delivery.NOT_SENT
        return Delivery.SENT if self.state is JobState.SUCCEEDED else Delivery.NOT_SENT
