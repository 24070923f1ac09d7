"""Who may do what: Operators, their roles, and tokens for programs. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SCOPE = re.compile(r"(?:\*|[a-z]+)(?::(?:read|write))?")


class Role(StrEnum):
    """What an Operator or a token may do; each role may do all that the one below it may."""

    ADMIN = "admin"  # everything, operators, tokens and schedules included
    AGENT = "agent"  # the daily work: jobs, listings, answers, accounts paused and resumed
    VIEWER = "viewer"  # looks, and changes nothing

    def may(self, needed: Role) -> bool:
        """Whether this role is at least the one that is needed."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class Via(StrEnum):
    """How somebody was recognised."""

    SESSION = "session"  # a person in a browser, by cookie
    TOKEN = "token"  # a program  # noqa: S105 — a word, no secret
    OPEN = "open"  # --no-auth: anybody on this machine


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A person who may sign in."""

    id: int
    name: str
    role: Role
    password_hash: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class OperatorSession:
    """A browser in which an Operator is signed in."""

    id: int
    operator: Operator
    address: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A program's way in. `hint` is how it begins, so that a person recognises it; the rest is known to nobody."""

    id: int
    name: str
    hint: str
    role: Role
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Whoever asks: what they are called in the audit log, and what they may do."""

    name: str
    role: Role
    via: Via
    scopes: tuple[str, ...] = ("*",)
    number: int | None = None

    @property
    def key(self) -> str:
        """The same for every request of one Operator or one token."""
        return f"{self.via}:{self.name}"


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One change that somebody asked for; `status` is None while it is under way, or when we died in it."""

    id: int
    at: datetime
    who: str
    role: Role
    via: Via
    address: str
    action: str
    path: str
    request_id: str
    details: object
    status: int | None


def covers(scopes: Iterable[str], wanted: str) -> bool:
    """Whether scopes such as `*`, `jobs`, `*:read`, `jobs:write` allow a wanted `noun:read` or `noun:write`."""
    noun, _, verb = wanted.partition(":")
    for scope in scopes:
        of, _, kind = scope.partition(":")
        if of in ("*", noun) and kind in ("", verb):
            return True
    return False


def fingerprint(secret: str) -> str:
    """How a token, a session or a link is stored: they are random and long, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
