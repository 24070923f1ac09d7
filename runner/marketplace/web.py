"""What every page of the marketplace needs: who visits, how a page is rendered, how a form is checked."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData

from runner.marketplace import accounts, listing_form
from runner.marketplace.accounts import Account
from runner.marketplace.market import Market

SESSION_COOKIE, VISIT_COOKIE, CHOICE_COOKIE = "bazaar_session", "bazaar_visit", "bazaar_cookies"
PER_PAGE = 20


@dataclass(kw_only=True)
class Visit:
    """One request's visitor, and what the fault rules want its page to look like."""

    request_id: str
    visit_token: str
    session_token: str | None
    account: Account | None
    layout: str = "a"
    popup_delay_ms: float | None = None
    renderer: str = ""  # "crash" or "hang"


class SignedOutError(Exception):
    """The page is for signed-in accounts only."""


class PageMissingError(Exception):
    """There is no such page, or it belongs to another account."""


class StaleFormError(Exception):
    """A form came without the token that this visitor's pages carry."""


def market_of(request: Request) -> Market:
    """Returns the marketplace that serves a request."""
    market: Market = request.app.state.market
    return market


def visit_of(request: Request) -> Visit:
    """Returns the visitor whom the doorman has let in."""
    visit: Visit = request.scope["bazaar.visit"]
    return visit


def signed_in(request: Request) -> Account:
    """Returns the signed-in account, or raises SignedOutError."""
    account = visit_of(request).account
    if account is None:
        raise SignedOutError
    return account


def csrf_of(market: Market, visit: Visit) -> str:
    """Returns the token that this visitor's forms carry."""
    bound = visit.session_token if visit.account is not None and visit.session_token else visit.visit_token
    return accounts.csrf_token(market.secret, bound)


async def checked_form(request: Request) -> FormData:
    """Reads a form and checks its token, in the field `csrf` or the header X-CSRF-Token; raises StaleFormError."""
    form = await request.form()
    given = form.get("csrf") or request.headers.get("x-csrf-token")
    if given != csrf_of(market_of(request), visit_of(request)):
        raise StaleFormError
    return form


def text_of(form: FormData, name: str) -> str:
    """Returns a form's text field, "" when it is missing or is a file."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def number_in_path(text: str) -> int:
    """Returns an id out of an address, or raises PageMissingError."""
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise PageMissingError
    return int(text)


def wants_json(request: Request) -> bool:
    """Says whether a request comes from a page's script and not from the address bar."""
    return request.url.path.startswith("/api/")


def safe_next(target: str | None, default: str = "/inbox") -> str:
    """Returns a path of our own site to go on to, never another site's address."""
    if target and re.match(r"/(?![/\\])", target) and not urlsplit(target).netloc:
        return target
    return default


def way_back(request: Request) -> str:
    """Returns where a visitor goes on after an interruption: this page, or the one that a form stood on."""
    if request.method == "GET" and not wants_json(request):
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    referer = urlsplit(request.headers.get("referer", ""))
    return safe_next(referer.path)


def sign_in_address(request: Request) -> str:
    """Returns the sign-in page's address with the way back."""
    expired = "&expired=1" if visit_of(request).session_token else ""
    return f"/sign-in?next={quote(way_back(request))}{expired}"


def moment(text: str) -> str:
    """Shows a stored time to a person."""
    return datetime.fromisoformat(text).strftime("%-d %b %Y, %H:%M")


def money(cents: int) -> str:
    """Shows an amount to a person, as `1,299.00`."""
    return f"{cents / 100:,.2f}"


def plain_money(cents: int) -> str:
    """Writes an amount for machines, as `1299.00`."""
    return f"{cents // 100}.{cents % 100:02d}"


def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, money=money, plain_money=plain_money)
    environment.globals.update(categories=listing_form.CATEGORIES, conditions=listing_form.CONDITIONS)
    return environment


PAGES = _environment()


def redirect(target: str) -> Response:
    """Sends the browser on with a GET."""
    return RedirectResponse(target, status_code=303)


def render(
    request: Request, page: str, *, status: int = 200, template: str | None = None, **values: Any
) -> HTMLResponse:
    """Renders one page; `page` is its data-page name and, unless another is given, its template's name."""
    market, visit = market_of(request), visit_of(request)
    account = visit.account
    popup = visit.popup_delay_ms
    if popup is None and account is not None and market.survey_dice.random() < market.survey_probability:
        popup = 600.0
    unread = market.db.number("SELECT sum(unread) FROM thread WHERE account = ?", account.slug) if account else 0
    html = PAGES.get_template(f"{template or page}.html").render(
        page=page,
        layout=visit.layout,
        account=account,
        unread_total=unread,
        csrf=csrf_of(market, visit),
        cookies_answered=CHOICE_COOKIE in request.cookies,
        popup_delay_ms=popup,
        renderer=visit.renderer,
        here=request.url.path,
        status_code=status,
        **values,
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def refusal(request: Request, page: str, *, status: int, title: str, text: str, body: dict[str, Any]) -> Response:
    """Answers with a page of trouble, or with its JSON where a script asked."""
    if wants_json(request):
        return JSONResponse(body, status_code=status)
    return render(
        request,
        page,
        status=status,
        template="trouble",
        title=title,
        text=text,
        retry_after_s=body.get("retry_after_s"),
    )


def server_error(request: Request, status: int) -> Response:
    """Answers as a site does that has broken down."""
    return refusal(
        request,
        "error",
        status=status,
        title="Something went wrong",
        text="That did not work, and it was not your fault. Please try again in a moment.",
        body={"error": "server"},
    )


def rate_limited(request: Request, retry_after_s: int) -> Response:
    """Answers that requests come too fast."""
    response = refusal(
        request,
        "rate-limited",
        status=429,
        title="You are going too fast",
        text=f"Please wait {retry_after_s} seconds and try again.",
        body={"error": "rate_limited", "retry_after_s": retry_after_s},
    )
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def locked(request: Request, reason: str) -> Response:
    """Answers that the account is locked."""
    return refusal(request, "locked", status=403, title="Your account is locked", text=reason, body={"error": "locked"})


def missing(request: Request) -> Response:
    """Answers that there is no such page."""
    text = "It may have been sold, deleted or moved."
    return refusal(request, "not-found", status=404, title="Page not found", text=text, body={"error": "not_found"})


@dataclass(frozen=True, kw_only=True)
class Paging:
    """Where a list stands among its pages."""

    number: int
    count: int
    total: int
    query: str = ""

    @property
    def offset(self) -> int:
        """How many entries come before this page."""
        return (self.number - 1) * PER_PAGE

    def address(self, number: int) -> str:
        """Returns the query of another page."""
        return f"?q={quote(self.query)}&page={number}" if self.query else f"?page={number}"


def paging(request: Request, total: int, query: str = "") -> Paging:
    """Reads ?page= and checks it against the number of entries; raises PageMissingError out of range."""
    number = number_in_path(request.query_params.get("page", "1"))
    count = max(1, -(-total // PER_PAGE))
    if not 1 <= number <= count:
        raise PageMissingError
    return Paging(number=number, count=count, total=total, query=query)
