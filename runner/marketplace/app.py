"""The marketplace as an ASGI application."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from runner.marketplace import web
from runner.marketplace.doorman import Doorman
from runner.marketplace.market import Market
from runner.marketplace.routes import control, inbox, own_listings, public, sell, sign_in


async def _signed_out(request: Request, _error: Exception) -> Response:
    target = web.sign_in_address(request)
    if web.wants_json(request):
        return JSONResponse({"error": "signed_out", "url": target}, status_code=401)
    return web.redirect(target)


async def _missing(request: Request, _error: Exception) -> Response:
    return web.missing(request)


async def _stale_form(request: Request, _error: Exception) -> Response:
    return web.refusal(
        request,
        "error",
        status=403,
        title="This form has expired",
        text="Go back, load the page again and send it once more.",
        body={"error": "stale_form"},
    )


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return web.missing(request) if status == 404 else web.server_error(request, status)


def create_app(market: Market) -> FastAPI:
    """Builds the application over an opened market."""
    app = FastAPI(title="Bazaar", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.market = market
    for part in (public, sign_in, inbox, sell, own_listings, control):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_exception_handler(web.SignedOutError, _signed_out)
    app.add_exception_handler(web.PageMissingError, _missing)
    app.add_exception_handler(web.StaleFormError, _stale_form)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(control.ControlError, control.refused)
    app.add_middleware(Doorman, market=market)
    return app
