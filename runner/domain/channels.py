"""Channels: where Notices go, which of them, and when not. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from runner.domain.accounts import SecretRef
from runner.domain.classification import MessageType
from runner.domain.hours import Hours
from runner.domain.local_time import moment_of
from runner.domain.notices import CHOSEN, DIGESTS, Notice, NoticeKind, NoticeState
from runner.errors import NotFound, SetupError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEFAULT_KINDS: tuple[NoticeKind, ...] = tuple(kind for kind in CHOSEN if kind not in (NoticeKind.NEW_MESSAGE, *DIGESTS))


class ChannelWay(StrEnum):
    """How a Channel reaches its receiver."""

    APPRISE = "apprise"  # by an Apprise URL: e-mail, Slack, Telegram and a hundred others
    WEBHOOK = "webhook"  # a signed HTTP request


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a Channel's Operator wants of it. Empty `types`, `accounts` and `tags` mean all.

    `types` narrows new messages only. `quiet` are hours in `timezone` in which nothing is sent: what comes then is
    sent as one summary afterwards. `excerpts`: whether the words of a counterpart leave this machine.
    """

    kinds: tuple[NoticeKind, ...] = DEFAULT_KINDS
    types: tuple[MessageType, ...] = ()
    accounts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    quiet: Hours | None = None
    timezone: str = "UTC"
    excerpts: bool = False

    def __post_init__(self) -> None:
        """Raises SetupError, NotFound."""
        if wrong := [kind for kind in self.kinds if kind not in CHOSEN]:
            raise SetupError(f"Nobody can ask for {wrong[0]} notices.", cure=f"Choose of: {', '.join(CHOSEN)}.")
        if not self.kinds:
            raise SetupError("A channel that wants nothing is told nothing.", cure=f"Choose of: {', '.join(CHOSEN)}.")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise NotFound("time zone", self.timezone, available_timezones()) from error

    def want(self, notice: Notice, tags: Collection[str] = ()) -> bool:
        """Whether this Notice is asked for; `tags` are those of its Account."""
        if notice.kind not in self.kinds:
            return False
        if notice.kind is NoticeKind.NEW_MESSAGE and self.types and notice.type not in self.types:
            return False
        if not (self.accounts or self.tags):
            return True
        return notice.account in self.accounts or bool(set(self.tags) & set(tags))

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours end in which a moment lies; None when it lies in none."""
        if self.quiet is None:
            return None
        zone = ZoneInfo(self.timezone)
        local = now.astimezone(zone)
        if not self.quiet.hold(local.time()):
            return None
        walls = [datetime.combine(local.date() + timedelta(days=days), self.quiet.end) for days in range(3)]
        return min(end for wall in walls for end in _moments_of(wall, zone) if end > now)


@dataclass(frozen=True, kw_only=True)
class NewChannel:
    """A Channel as an admin adds it. `secret` says where its Apprise URL is kept, or a webhook's signing key.

    `address` is a webhook's only. Raises SetupError.
    """

    name: str
    way: ChannelWay
    secret: SecretRef
    address: str | None = None
    owner: str | None = None
    preferences: Preferences = field(default_factory=Preferences)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise SetupError(
                "That is no name for a channel.", cure="Take 1 to 40 of a-z, 0-9, - and _, a letter or digit first."
            )
        if self.owner is not None and not self.owner.strip():
            raise SetupError("An operator has a name.", cure="Name one, or none: then the channel is the shop's.")
        if (self.way is ChannelWay.WEBHOOK) != (self.address is not None):
            raise SetupError(
                "A webhook has an address, and nothing else has one.", cure="Give it one, or take it away."
            )
        if self.address is not None:
            _expect_plain(self.address)
        # An address typed in the place of where it is kept would be stored, and shown.
        wrong = ":/" in self.secret.name or (self.secret.kind == "env" and not VARIABLE.fullmatch(self.secret.name))
        if wrong:
            raise SetupError(
                "Say where the channel's secret is kept, and not the secret itself.",
                cure="Write it into a file and name that, or name an environment variable, or the keyring's entry.",
            )


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A stored Channel. `owner` is the Operator whose preferences it has; None: the shop's. Events up to number
    `since_event` are not told on it: they happened before it was there, or while it was off."""

    id: int
    name: str
    way: ChannelWay
    address: str | None
    secret: SecretRef
    owner: str | None
    enabled: bool
    preferences: Preferences
    since_event: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A Notice on its way over one Channel. `uid` is its name for receivers: the same however often it is sent.

    `repeats` counts those of its subject that came within a while and were not sent; `earlier` those that came after
    the one before this had been sent.
    """

    id: int
    uid: str
    channel: str
    state: NoticeState
    kind: NoticeKind
    subject: str
    title: str
    lines: tuple[str, ...]
    account: str | None
    link: str
    recovers: bool
    data: Mapping[str, Any]
    repeats: int
    earlier: int
    happened_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    detail: str | None


def said(delivery: Delivery) -> tuple[str, ...]:
    """The lines of a Notice with what is told of its repetitions."""
    lines = delivery.lines
    if delivery.earlier:
        lines += (f"{delivery.earlier} more of these came after the notice before this one.",)
    if delivery.repeats:
        lines += (f"{delivery.repeats} more of these have come since.",)
    return lines


def _moments_of(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """When the wall clock shows this time: a fall-back night may have it twice."""
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    twice = second.astimezone(zone).replace(tzinfo=None) == wall
    return {moment_of(wall, zone), second} if twice else {moment_of(wall, zone)}


def _expect_plain(address: str) -> None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    # The address is stored and shown, so it must hold nothing that opens a door.
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f]", address):
        raise SetupError("That is no address of a webhook.", cure="Write it like https://example.com/hook.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SetupError(
            "A webhook's address holds no password and no query: it is stored and shown.",
            cure="Keep the whole address as a secret and use an Apprise URL (json://…), which is never stored.",
        )
