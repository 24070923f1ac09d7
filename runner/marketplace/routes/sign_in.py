"""Signing in and out, the cookie choice, and the challenges that ask for a person."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runner.marketplace import accounts, challenges, ledger, web
from runner.marketplace.accounts import Account
from runner.marketplace.ledger import Kind

router = APIRouter()
MONTH_S = 30 * 24 * 3600
YEAR_S = 365 * 24 * 3600
WRONG_ANSWERS = {
    "captcha": "Those are not the letters in the picture.",
    "two_factor": "That code is not right.",
    "terms": "Please accept the terms to go on.",
}


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Shows the sign-in form, or goes on when somebody is signed in already."""
    target = web.safe_next(request.query_params.get("next"))
    if web.visit_of(request).account is not None:
        return web.redirect(target)
    return _form(request, target, expired="expired" in request.query_params, asked="next" in request.query_params)


def _form(
    request: Request,
    target: str,
    *,
    login: str = "",
    remember: bool = False,
    error: str = "",
    expired: bool = False,
    asked: bool = False,
) -> Response:
    alert = error or ("Your session has expired. Please sign in again." if expired else "")
    notice = "Please sign in to go on." if asked and not alert else ""
    status = 401 if error else 200
    return web.render(
        request, "sign-in", status=status, target=target, login=login, remember=remember, alert=alert, notice=notice
    )


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Checks a name and a password, and begins a session."""
    form = await web.checked_form(request)
    login, password = web.text_of(form, "login"), web.text_of(form, "password")
    target = web.safe_next(web.text_of(form, "next"))
    remember = bool(form.get("remember"))
    market = web.market_of(request)
    account = accounts.by_login(market.db, login)
    error = _refusal(request, login, password, account)
    if error:
        return _form(request, target, login=login, remember=remember, error=error)
    if account is None:
        raise LookupError("a sign-in without an account was let through")
    if account.lock_reason is not None:
        _write_down(request, Kind.SIGN_IN_FAILED, account.slug, reason="locked")
        return web.locked(request, account.lock_reason)
    with market.db.transaction():
        token = accounts.open_session(market.db, account.slug, remember=remember, now=market.now())
        ledger.append(
            market.db,
            Kind.SIGN_IN,
            at=market.now(),
            account=account.slug,
            request_id=web.visit_of(request).request_id,
            subject=account.slug,
            remember=remember,
        )
    response = web.redirect(target)
    response.set_cookie(
        web.SESSION_COOKIE, token, max_age=MONTH_S if remember else None, httponly=True, samesite="lax", path="/"
    )
    return response


def _refusal(request: Request, login: str, password: str, account: Account | None) -> str:
    if not login.strip():
        return "Enter your e-mail or username."
    if not password:
        return "Enter your password."
    if account is None:
        _write_down(request, Kind.SIGN_IN_FAILED, None, reason="unknown", login=login[:80])
        return "We do not know that e-mail or username."
    row = web.market_of(request).db.first("SELECT password_hash FROM account WHERE slug = ?", account.slug)
    if row is None or not accounts.password_fits(password, row["password_hash"]):
        _write_down(request, Kind.SIGN_IN_FAILED, account.slug, reason="password")
        return "That password is not right."
    return ""


def _write_down(request: Request, kind: Kind, account: str | None, **detail: str) -> None:
    market = web.market_of(request)
    with market.db.transaction():
        ledger.append(
            market.db,
            kind,
            at=market.now(),
            account=account,
            request_id=web.visit_of(request).request_id,
            subject=account,
            **detail,
        )


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the session."""
    await web.checked_form(request)
    market, visit = web.market_of(request), web.visit_of(request)
    if visit.account is not None and visit.session_token:
        with market.db.transaction():
            accounts.close_session(market.db, visit.session_token)
            ledger.append(
                market.db,
                Kind.SIGN_OUT,
                at=market.now(),
                account=visit.account.slug,
                request_id=visit.request_id,
                subject=visit.account.slug,
            )
    response = web.redirect("/")
    response.delete_cookie(web.SESSION_COOKIE, path="/")
    return response


@router.post("/cookies")
async def choose_cookies(request: Request) -> Response:
    """Remembers that the cookie banner has been answered."""
    form = await request.form()
    response = web.redirect(web.way_back(request)) if "page" in form else Response(status_code=204)
    choice = "all" if form.get("choice") == "all" else "necessary"
    response.set_cookie(web.CHOICE_COOKIE, choice, max_age=YEAR_S, samesite="lax", path="/")
    return response


@router.get("/challenge")
async def challenge_page(request: Request) -> Response:
    """Shows the challenge that stands before this visitor."""
    return _challenge(request, web.safe_next(request.query_params.get("next")))


@router.get("/challenge/picture.png")
async def challenge_picture(request: Request) -> Response:
    """Draws the six letters of this visitor's captcha."""
    challenge = _open_challenge(request)
    if challenge is None or challenge["kind"] != "captcha":
        raise web.PageMissingError
    drawn = challenges.picture(challenge["answer"], challenge["id"])
    return Response(drawn, media_type="image/png", headers={"Cache-Control": "no-store"})


@router.post("/challenge")
async def answer_challenge(request: Request) -> Response:
    """Checks an answer, and lets the visitor go on when it is right."""
    form = await web.checked_form(request)
    target = web.safe_next(web.text_of(form, "next"))
    challenge = _open_challenge(request)
    if challenge is None:
        return web.redirect(target)
    if not challenges.answer_fits(challenge, web.text_of(form, "answer")):
        return _challenge(request, target, alert=WRONG_ANSWERS[challenge["kind"]])
    market = web.market_of(request)
    with market.db.transaction():
        challenges.close(market.db, challenge["id"], market.now())
        ledger.append(
            market.db,
            Kind.CHALLENGE_PASSED,
            at=market.now(),
            account=challenge["account"],
            request_id=web.visit_of(request).request_id,
            subject=challenge["id"],
            challenge=challenge["kind"],
        )
    return web.redirect(target)


def _open_challenge(request: Request) -> challenges.Challenge | None:
    visit = web.visit_of(request)
    slug = visit.account.slug if visit.account else None
    return challenges.for_visitor(web.market_of(request).db, slug, visit.visit_token)


def _challenge(request: Request, target: str, alert: str = "") -> Response:
    challenge = _open_challenge(request)
    if challenge is None:
        return web.redirect(target)
    page = {"captcha": "captcha", "two_factor": "two-factor", "terms": "terms"}[challenge["kind"]]
    return web.render(request, page, template="challenge", target=target, alert=alert, picture=f"{challenge['id']}")
