"""Signing in and out, Operators, tokens, and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field, SecretStr

from runner.api import doors, passwords
from runner.api.problems import Refusal
from runner.api.routing import Given, Routes, Who
from runner.api.shapes import (
    Asked,
    AuditOut,
    Cursor,
    Limit,
    Moment,
    OperatorOut,
    PageOut,
    Shape,
    Sort,
    TokenOut,
    Word,
    page,
    wish,
)
from runner.domain.access import Operator, Principal, Role, Via
from runner.errors import Conflict
from runner.store.operators import LINK_LASTS, SESSION_LASTS
from runner.store.pages import after_number, page_of, slice_of

session = Routes("session")

Password = Annotated[SecretStr, Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)]
Name = Annotated[str, Path(min_length=1, max_length=100)]


class SignIn(Asked):
    """A name and its password."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=passwords.LONGEST)]


class Link(Asked):
    """The secret of a one-time link, and the password to sign in with from then on."""

    key: Annotated[str, Field(min_length=1, max_length=200)]
    password: Password | None = None


class NewPassword(Asked):
    """A new password, and the old one where there is one."""

    password: Password
    old_password: Annotated[SecretStr, Field(max_length=passwords.LONGEST)] | None = None


class Me(Shape):
    """Who is signed in."""

    name: str
    role: Role
    via: Via
    scopes: list[str]


@session.post("/session", role=None, status_code=201)
async def sign_in(given: Given, asked: SignIn, request: Request, response: Response) -> Me:
    """Sign in with a password; the answer sets the session's cookie. Wrong ones make wait, longer each time."""
    doors.expect_same_origin(request, None, given.rules)
    keys = (f"name:{asked.name}", f"address:{doors.address_of(request)}")
    _count_try(given, *keys)
    who = await given.access.operators.by_name(asked.name)
    given_password = asked.password.get_secret_value()
    right = await passwords.is_right(who.password_hash if who else None, given_password, given.access.hashing)
    await _noted(given, request, asked.name, who, "sign in", 201 if right else 401)
    if who is None or not right:
        raise Refusal(401, "wrong_password", "The name or the password is wrong.")
    given.access.patience.succeeded(*keys)
    return await _signed_in(given, request, response, who)


@session.post("/session/link", role=None, status_code=201)
async def use_link(given: Given, asked: Link, request: Request, response: Response) -> Me:
    """Sign in with a one-time link, and choose a password; the answer sets the session's cookie."""
    doors.expect_same_origin(request, None, given.rules)
    address = f"address:{doors.address_of(request)}"
    _count_try(given, address)
    chosen = None
    if asked.password is not None:
        chosen = await passwords.hashed(asked.password.get_secret_value(), given.access.hashing)
    who = await given.access.operators.use_link(asked.key, chosen)
    await _noted(given, request, who.name if who else "unknown", who, "one-time link", 201 if who else 401)
    if who is None:
        raise Refusal(401, "link_used", "This link was used already or is too old. A new one: runner operators link.")
    given.access.patience.succeeded(address)
    return await _signed_in(given, request, response, who)


@session.get("/session", role=Role.VIEWER)
async def get_me(who: Who) -> Me:
    """Who is signed in."""
    return _me(who)


@session.put("/session/password", role=Role.VIEWER)
async def put_password(given: Given, who: Who, asked: NewPassword, request: Request, response: Response) -> Me:
    """Choose another password; all sessions of this Operator end but this one, which begins anew."""
    if who.via is not Via.SESSION:
        raise Conflict("Only an operator who is signed in has a password.", cure="Sign in first.")
    mine = await given.access.operators.by_name(who.name)
    old = asked.old_password.get_secret_value() if asked.old_password else ""
    if mine is not None and mine.password_hash is not None:
        key = f"name:{who.name}"
        wait_s = given.access.patience.wait_s(key)
        right = not wait_s and await passwords.is_right(mine.password_hash, old, given.access.hashing)
        if not right:
            given.access.patience.failed(key)
            raise Refusal(403, "wrong_password", "The old password is wrong.")
    chosen = await passwords.hashed(asked.password.get_secret_value(), given.access.hashing)
    changed = await given.access.operators.change(who.name, password_hash=chosen)
    return await _signed_in(given, request, response, changed)


@session.delete("/session", role=Role.VIEWER, status_code=204, response_class=Response)
async def sign_out(given: Given, who: Who) -> Response:
    """Sign out."""
    if who.via is Via.SESSION and who.number is not None:
        await given.access.operators.sign_out(who.number)
    answer = Response(status_code=204)
    name = doors.cookie_name(given.rules)
    answer.delete_cookie(name, path="/", secure=given.rules.secure, httponly=True, samesite="strict")
    return answer


def _count_try(given: Given, *keys: str) -> None:
    """Raises Refusal (429) while these must wait; else counts a failure, which a success takes back.

    Counted before the password is looked at, so that many tries at once count as many.
    """
    wait_s = given.access.patience.wait_s(*keys)
    if wait_s:
        headers = {"Retry-After": str(wait_s)}
        raise Refusal(429, "too_many_tries", f"Too many wrong tries. Wait {wait_s} s.", headers=headers)
    given.access.patience.failed(*keys)


async def _signed_in(given: Given, request: Request, response: Response, who: Operator) -> Me:
    secret = await given.access.operators.sign_in(who, doors.address_of(request))
    response.set_cookie(
        doors.cookie_name(given.rules),
        secret,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        secure=given.rules.secure,
        httponly=True,
        samesite="strict",
    )
    return Me(name=who.name, role=who.role, via=Via.SESSION, scopes=["*"])


async def _noted(given: Given, request: Request, name: str, who: Operator | None, action: str, status: int) -> None:
    asker = Principal(name=name, role=who.role if who else Role.VIEWER, via=Via.SESSION)
    number = await given.access.audit.begin(
        asker,
        address=doors.address_of(request),
        action=action,
        path=request.url.path,
        request_id=request.state.request_id,
    )
    await given.access.audit.end(number, status)


def _me(who: Principal) -> Me:
    return Me(name=who.name, role=who.role, via=who.via, scopes=list(who.scopes))


operators = Routes("operators")


class OperatorIn(Asked):
    """A person who may sign in; without a password by a one-time link: runner operators link NAME."""

    name: Annotated[Word, Field(max_length=100)]
    role: Role
    password: Password | None = None


class RoleIn(Asked):
    """Another role."""

    role: Role


@operators.get("/operators", role=Role.ADMIN)
async def list_operators(
    given: Given, limit: Limit = 50, cursor: Cursor = None, sort: Sort = None
) -> PageOut[OperatorOut]:
    """Those who may sign in. Sorts by name or id."""
    found = await given.access.operators.list_operators()
    orders = {"name": lambda each: each.name, "id": lambda each: each.id}
    part = slice_of(found, wish(limit, cursor, sort), orders=orders, default="name", number_of=lambda each: each.id)
    return page(part, OperatorOut.model_validate)


class Names(Shape):
    """Whom a Thread can be given to."""

    names: list[str]


@operators.get("/operators/names", role=Role.VIEWER)
async def list_names(given: Given) -> Names:
    """The names of those who may sign in, or have a link to; what else there is to them is for admins."""
    return Names(names=await given.access.operators.names())


@operators.post("/operators", role=Role.ADMIN, creates=True, status_code=201)
async def add_operator(given: Given, asked: OperatorIn) -> OperatorOut:
    """Let somebody sign in."""
    chosen = None
    if asked.password is not None:
        chosen = await passwords.hashed(asked.password.get_secret_value(), given.access.hashing)
    return OperatorOut.model_validate(await given.access.operators.add(asked.name, asked.role, chosen))


class LinkIn(Asked):
    """Of somebody new; whoever is there already keeps their role."""

    role: Role


class LinkShown(Shape):
    """A fresh one-time link: it is shown here, and never again."""

    name: str
    link: str
    expires_at: Moment


@operators.post("/operators/{name}/link", role=Role.ADMIN, status_code=201)
async def make_link(given: Given, name: Name, asked: LinkIn, request: Request) -> LinkShown:
    """Make a link that signs in once and lets choose a password; an older one of the same name ends.

    Its secret is in this answer only, which is why no Idempotency-Key repeats it.
    """
    secret = await given.access.operators.new_link(name, asked.role)
    # Only hosts that we go by come this far, and behind the # the secret is in no log and no Referer.
    address = f"{'https' if given.rules.secure else 'http'}://{request.headers['host']}/sign-in#{secret}"
    return LinkShown(name=name, link=address, expires_at=given.clock.now() + LINK_LASTS)


@operators.put("/operators/{name}/role", role=Role.ADMIN)
async def put_role(given: Given, name: Name, asked: RoleIn) -> OperatorOut:
    """Give somebody another role; they sign in anew."""
    return OperatorOut.model_validate(await given.access.operators.change(name, role=asked.role))


@operators.delete("/operators/{name}", role=Role.ADMIN)
async def remove_operator(given: Given, name: Name) -> OperatorOut:
    """Take somebody's access away at once."""
    gone, _ = await given.access.operators.remove(name)
    return OperatorOut.model_validate(gone)


tokens = Routes("tokens")


class TokenIn(Asked):
    """A token to make; scopes are nouns with read or write: jobs:write, *:read, threads."""

    name: Annotated[Word, Field(max_length=100)]
    role: Role = Role.VIEWER
    scopes: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=lambda: ["*"], max_length=50)


class TokenShown(TokenOut):
    """A fresh token: its secret is shown here, and never again."""

    secret: str


@tokens.get("/tokens", role=Role.ADMIN)
async def list_tokens(given: Given, limit: Limit = 50, cursor: Cursor = None, sort: Sort = None) -> PageOut[TokenOut]:
    """The tokens, revoked ones included. Sorts by id or name."""
    found = await given.access.tokens.list_tokens()
    orders = {"id": lambda each: each.id, "name": lambda each: each.name}
    part = slice_of(found, wish(limit, cursor, sort), orders=orders, default="-id", number_of=lambda each: each.id)
    return page(part, TokenOut.model_validate)


@tokens.post("/tokens", role=Role.ADMIN, status_code=201)
async def add_token(given: Given, who: Who, asked: TokenIn) -> TokenShown:
    """Make a token. Its secret is in this answer only, which is why no Idempotency-Key repeats it."""
    made, secret = await given.access.tokens.add(asked.name, asked.role, asked.scopes, who.name)
    return TokenShown(**TokenOut.model_validate(made).model_dump(), secret=secret)


@tokens.delete("/tokens/{name}", role=Role.ADMIN)
async def revoke_token(given: Given, name: Name) -> TokenOut:
    """End a token at once."""
    return TokenOut.model_validate(await given.access.tokens.revoke(name))


audit = Routes("audit")


@audit.get("/audit", role=Role.ADMIN)
async def list_audit(
    given: Given,
    who: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[AuditOut]:
    """Who changed what, when and from where, the newest first."""
    asked = wish(limit, cursor)
    found = await given.access.audit.list_entries(who=who, limit=limit + 1, before_id=after_number(asked))
    return page(page_of(found, asked, lambda each: each.id), AuditOut.model_validate)
