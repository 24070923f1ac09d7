"""Effects: changes to the outside world, journaled before they are fired (DESIGN §5)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EffectKind(StrEnum):
    """What is changed at the Site."""

    PUBLISH_LISTING = "publish_listing"
    SEND_MESSAGE = "send_message"


class EffectState(StrEnum):
    PLANNED = "planned"
    PREPARED = "prepared"  # a baseline read-back showed it absent
    ARMED = "armed"  # durable before the click: from here on it may have happened
    CONFIRMED = "confirmed"  # the Site shows it
    REJECTED = "rejected"  # definitely refused, and read-back shows it absent
    UNKNOWN = "unknown"  # nobody can tell; a person decides
    NOT_DONE = "not_done"  # settled: it did not happen
    DUPLICATED = "duplicated"  # settled: it happened more than once; quarantines the account


EFFECT_TRANSITIONS: dict[EffectState, frozenset[EffectState]] = {
    EffectState.PLANNED: frozenset({EffectState.PREPARED, EffectState.CONFIRMED, EffectState.NOT_DONE}),
    EffectState.PREPARED: frozenset({EffectState.ARMED, EffectState.CONFIRMED, EffectState.NOT_DONE}),
    EffectState.ARMED: frozenset({EffectState.CONFIRMED, EffectState.REJECTED, EffectState.UNKNOWN}),
    EffectState.UNKNOWN: frozenset({EffectState.CONFIRMED, EffectState.NOT_DONE, EffectState.DUPLICATED}),
    EffectState.CONFIRMED: frozenset({EffectState.DUPLICATED}),
    EffectState.REJECTED: frozenset({EffectState.PREPARED, EffectState.CONFIRMED}),
    EffectState.NOT_DONE: frozenset({EffectState.PREPARED, EffectState.CONFIRMED}),
    EffectState.DUPLICATED: frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A stored Effect; UNIQUE(account, kind, natural_key) is what makes two submissions one."""

    id: int
    account: str
    kind: EffectKind
    natural_key: str
    payload_hash: str
    state: EffectState
    job_id: int
    fence: int
    armed_at: datetime | None
    remote_id: str | None
    detail: str | None


AT_SITE = (EffectState.CONFIRMED, EffectState.DUPLICATED)
IN_DOUBT = (EffectState.UNKNOWN, EffectState.ARMED)
UNDECIDED = (*IN_DOUBT, EffectState.DUPLICATED)
"""A person may still have to decide about these, and needs the Job with its Evidence for it."""
MAY_HAVE_HAPPENED = (*AT_SITE, *IN_DOUBT)
"""The surest first."""


def binding(effects: Sequence[Effect], *, job_id: int) -> Effect | None:
    """Of what the Jobs of a chain of replays have entered, newest first: what one of them, `job_id`, is held to.

    What has happened, or may have, binds all of them; else each keeps to what it began itself.
    """
    for state in MAY_HAVE_HAPPENED:
        for effect in effects:
            if effect.state is state:
                return effect
    own = [effect for effect in effects if effect.job_id == job_id]
    return next(iter([*own, *effects]), None)


def message_key(thread_remote_id: str, answered_key: str, text: str) -> str:
    """The natural key of a reply: thread, the inbound Message that it answers, and body hash (DESIGN §5)."""
    return f"{thread_remote_id}|{answered_key}|{payload_hash(text)[:16]}"


def answered_of(natural_key: str) -> str:
    """The inbound Message that a reply answers, by the reply's natural key; "" for none."""
    return natural_key.split("|", 1)[1].rsplit("|", 1)[0]


def payload_hash(text: str) -> str:
    """SHA-256 of an Effect's payload, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
