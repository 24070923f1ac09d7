"""What people are told: Channels, Notices on their way and given up, and digests."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from runner.api.routing import Given, Routes, Who
from runner.api.shapes import Asked, Cursor, Id, Limit, Moment, Number, PageOut, Shape, Word, page, wish
from runner.domain.access import Principal, Role, Via
from runner.domain.accounts import SecretRef
from runner.domain.channels import DEFAULT_KINDS, Channel, ChannelWay, NewChannel, Preferences
from runner.domain.classification import MessageType
from runner.domain.hours import Hours
from runner.domain.notices import NoticeKind, NoticeState
from runner.errors import NotFound
from runner.store.channels import preferences_to_json
from runner.store.pages import after_number, page_of

channels = Routes("channels")
notices = Routes("notices")
digests = Routes("digests")

Name = Annotated[str, Path(min_length=1, max_length=40, description="The Channel's name.")]
Words = Annotated[list[Word], Field(max_length=200)]
Week = Annotated[bool, Query(description="The last seven whole days; else the last one.")]
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A digest has styles of its own and nothing else."""


class PreferencesShape(Shape):
    """What a Channel is told; empty types, accounts and tags mean all."""

    kinds: list[NoticeKind]
    types: list[MessageType]
    accounts: list[str]
    tags: list[str]
    quiet: str | None
    timezone: str
    excerpts: bool


class ChannelOut(Shape):
    """Where somebody is told what happens. What opens it is not here; where that is kept is for admins."""

    name: str
    way: ChannelWay
    address: str | None = Field(description="Of a webhook.")
    secret: str | None = Field(
        description="Where its Apprise URL or its signing key is kept; null unless you are admin."
    )
    owner: str | None = Field(description="The operator whose it is; null: the shop's.")
    enabled: bool
    preferences: PreferencesShape
    created_at: Moment


class PreferencesIn(Asked):
    """What a Channel is to be told."""

    kinds: list[NoticeKind] = Field(default_factory=lambda: list(DEFAULT_KINDS), max_length=20)
    types: list[MessageType] = Field(default_factory=list, max_length=50)
    accounts: Words = Field(default_factory=list)
    tags: Words = Field(default_factory=list)
    quiet: Annotated[str, Field(max_length=20)] | None = Field(default=None, examples=["22:00-07:00"])
    timezone: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="Not given: the shop's.")
    excerpts: bool = Field(default=False, description="Whether the words of counterparts are sent along.")

    def asked(self, timezone: str) -> Preferences:
        """As the domain has them. Raises SetupError, NotFound."""
        return Preferences(
            kinds=tuple(dict.fromkeys(self.kinds)),
            types=tuple(dict.fromkeys(self.types)),
            accounts=tuple(self.accounts),
            tags=tuple(self.tags),
            quiet=None if self.quiet is None else Hours.parse(self.quiet),
            timezone=self.timezone or timezone,
            excerpts=self.excerpts,
        )


class ChannelIn(Asked):
    """A Channel to add. What opens it is never sent, only where it is kept: one of the three."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    address: Annotated[str, Field(max_length=2000)] | None = Field(default=None, description="Makes it a webhook.")
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")] | None = None
    password_file: Annotated[str, Field(max_length=1000)] | None = None
    password_keyring: Annotated[str, Field(max_length=400, pattern=r"^[^/]+/[^/]+$")] | None = None
    owner: Annotated[Word, Field(max_length=100)] | None = None
    preferences: PreferencesIn = Field(default_factory=PreferencesIn)


class Enabled(Asked):
    """Whether anything is sent over a Channel."""

    enabled: bool


class NoticeOut(Shape):
    """A Notice on its way over one Channel, or at its end."""

    id: Id
    uid: str = Field(description="Its name for receivers, the same for every try.")
    channel: str
    state: NoticeState
    kind: NoticeKind
    subject: str
    title: str
    lines: list[str]
    account: str | None
    recovers: bool
    repeats: int = Field(description="More of the same, which were counted and not sent.")
    happened_at: Moment
    due_at: Moment
    attempts: int
    sent_at: Moment | None
    detail: str | None = Field(description="Why it was not sent, the last time.")


class Retried(Shape):
    """How many are sent again."""

    retried: int


@channels.get("/channels", role=Role.VIEWER)
async def list_channels(given: Given, who: Who) -> list[ChannelOut]:
    """The Channels: an admin sees all, others their own."""
    return [_channel(each, who) for each in await _theirs(given, who)]


@channels.post("/channels", role=Role.ADMIN, creates=True, status_code=201)
async def add_channel(given: Given, who: Who, asked: ChannelIn) -> ChannelOut:
    """Add a Channel: it is told what happens from now on."""
    new = NewChannel(
        name=asked.name,
        way=ChannelWay.APPRISE if asked.address is None else ChannelWay.WEBHOOK,
        address=asked.address,
        secret=_secret(asked),
        owner=asked.owner,
        preferences=asked.preferences.asked(given.rules.timezone),
    )
    return _channel(await given.telling.channels.add(new), who)


@channels.get("/channels/{name}", role=Role.VIEWER)
async def get_channel(given: Given, who: Who, name: Name) -> ChannelOut:
    """One Channel."""
    return _channel(await _own(given, who, name), who)


@channels.put("/channels/{name}/preferences", role=Role.VIEWER)
async def put_preferences(given: Given, who: Who, name: Name, asked: PreferencesIn) -> ChannelOut:
    """Say what a Channel of one's own is told, and when not."""
    await _own(given, who, name)
    wanted = asked.asked(given.rules.timezone)
    return _channel(await given.telling.channels.set_preferences(name, wanted), who)


@channels.put("/channels/{name}/enabled", role=Role.VIEWER)
async def put_enabled(given: Given, who: Who, name: Name, asked: Enabled) -> ChannelOut:
    """Have a Channel of one's own told, or not."""
    await _own(given, who, name)
    return _channel(await given.telling.channels.set_enabled(name, enabled=asked.enabled), who)


@channels.post("/channels/{name}/test", role=Role.VIEWER)
async def test_channel(given: Given, who: Who, name: Name) -> ChannelOut:
    """Send a test over a Channel of one's own, now, whatever its hours; 409 says why it did not come through."""
    found = await _own(given, who, name)
    await given.telling.test(name)
    return _channel(found, who)


@channels.delete("/channels/{name}", role=Role.ADMIN)
async def remove_channel(given: Given, who: Who, name: Name) -> ChannelOut:
    """Remove a Channel, and what still waits for it."""
    return _channel(await given.telling.channels.remove(name), who)


@notices.get("/notices", role=Role.VIEWER)
async def list_notices(
    given: Given,
    who: Who,
    state: Annotated[list[NoticeState] | None, Query(description="All of them when it is not given.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[NoticeOut]:
    """What was told and what waits, the newest first: an admin sees all, others that of their own Channels."""
    asked = wish(limit, cursor)
    found = await given.telling.deliveries.list_deliveries(
        states=state or (), channels=await _mine(given, who), limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), NoticeOut.model_validate)


@notices.post("/notices/retry", role=Role.VIEWER)
async def retry_notices(given: Given, who: Who) -> Retried:
    """Have everything that was given up sent again: an admin all, others what is theirs."""
    return Retried(retried=await given.telling.deliveries.retry(None, channels=await _mine(given, who)))


@notices.post("/notices/{notice_id}/retry", role=Role.VIEWER)
async def retry_notice(
    given: Given, who: Who, notice_id: Annotated[Number, Path(description="The Notice's id.")]
) -> NoticeOut:
    """Have one that was given up sent again; any other stays as it is."""
    mine = await _mine(given, who)
    found = await given.telling.deliveries.get(notice_id)
    if mine is not None and found.channel not in mine:
        raise NotFound("notice", str(notice_id), ())
    await given.telling.deliveries.retry([notice_id], channels=mine)
    return NoticeOut.model_validate(await given.telling.deliveries.get(notice_id))


@digests.get("/digest.html", role=Role.VIEWER, response_class=HTMLResponse)
async def get_digest_page(given: Given, week: Week = False) -> HTMLResponse:
    """A day or a week in figures, as one HTML file that loads nothing."""
    made = await given.telling.digesting.latest(_kind(week=week))
    headers = {"Content-Security-Policy": PAGE_POLICY}
    return HTMLResponse(await given.telling.digesting.html(made), headers=headers)


@digests.get(
    "/digest.pdf",
    role=Role.VIEWER,
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_digest_pdf(given: Given, week: Week = False) -> Response:
    """The same as a PDF."""
    made = await given.telling.digesting.latest(_kind(week=week))
    name = f"{made.span.kind}-{made.span.until.isoformat()}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(await given.telling.digesting.pdf(made), media_type="application/pdf", headers=headers)


def _kind(*, week: bool) -> NoticeKind:
    return NoticeKind.WEEKLY_DIGEST if week else NoticeKind.DAILY_DIGEST


def _name(who: Principal) -> str | None:
    """The Operator by whose name Channels go; None for a token, which is nobody's, whatever it is called."""
    return who.name if who.via is Via.SESSION else None


def _is_admin(who: Principal) -> bool:
    return who.role.may(Role.ADMIN)


async def _own(given: Given, who: Principal, name: str) -> Channel:
    """A Channel that somebody may touch; another's does not exist for them. Raises NotFound."""
    mine = {each.name: each for each in await _theirs(given, who)}
    if name not in mine:
        raise NotFound("channel", name, mine)
    return mine[name]


async def _theirs(given: Given, who: Principal) -> list[Channel]:
    """The Channels that somebody sees: all for an admin, their own for others, none for a token."""
    if _is_admin(who):
        return await given.telling.channels.list_channels()
    owner = _name(who)
    return [] if owner is None else await given.telling.channels.list_channels(owner=owner)


async def _mine(given: Given, who: Principal) -> list[str] | None:
    """The names of somebody's Channels; None for an admin, whose are all."""
    if _is_admin(who):
        return None
    return [each.name for each in await _theirs(given, who)]


def _channel(each: Channel, who: Principal) -> ChannelOut:
    return ChannelOut(
        name=each.name,
        way=each.way,
        address=each.address,
        secret=f"{each.secret.kind} {each.secret.name}" if _is_admin(who) else None,
        owner=each.owner,
        enabled=each.enabled,
        preferences=PreferencesShape(**preferences_to_json(each.preferences)),
        created_at=each.created_at,
    )


def _secret(asked: ChannelIn) -> SecretRef:
    return SecretRef.one_of(
        env=asked.password_env,
        file=asked.password_file,
        keyring=asked.password_keyring,
        what="Where is the channel's secret kept?",
        cure="Give one of password_env, password_file, password_keyring.",
    )
