"""Keeps a picture and the HTML of one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from runner.domain.pages import LastResponse
from runner.errors import Rejected
from runner.sites.flow import Flow, Stage
from runner.sites.params import Params


class CapturePageParams(Params):
    """Which page."""

    page: str = Field(
        "/", min_length=1, description="A path at the site (`/listings`), or a URL within its allowed origins."
    )


class CapturePage(Flow[CapturePageParams]):
    """Opens one page and keeps its screenshot and HTML as Evidence."""

    name = "capture_page"
    summary = "Keeps a screenshot and the HTML of one page."
    Params = CapturePageParams

    async def perform(self, stage: Stage[CapturePageParams]) -> Mapping[str, Any]:
        """Result: `url`, `title`, `status`, `files` (below the evidence folder). Raises Rejected when not allowed."""
        url = _allowed_url(stage)
        async with stage.step("open page", url):
            status = await stage.repeats.repeatable("opening the page", lambda: _open(stage, url))
        page = stage.site.page
        async with stage.step("keep picture and page"):
            files = await stage.evidence.keep_page(page, urlsplit(page.url).path)
        return {"url": page.url, "title": await page.title(), "status": status, "files": [file.path for file in files]}


def _allowed_url(stage: Stage[CapturePageParams]) -> str:
    url = urljoin(stage.site.base_url + "/", stage.params.page)
    allowed = {_origin(stage.site.base_url), *stage.allowed_origins}
    if _origin(url) not in allowed:
        raise Rejected(
            f"{url} is outside the origins that may be opened: {', '.join(sorted(allowed))}.",
            cure="Give a path, or add the origin to the site's allowed_origins in playwright.config.toml.",
        )
    return url


async def _open(stage: Stage[CapturePageParams], url: str) -> int | None:
    """The status of the answer. A page of ours to be signed in for, or a Challenge, is trouble and no picture."""
    response = await stage.site.page.goto(url)
    last = LastResponse(url=response.url, status=response.status, headers=response.headers) if response else None
    trouble = await stage.site.trouble(last)
    if trouble is not None:
        raise trouble
    return response.status if response else None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
