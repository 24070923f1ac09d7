"""The whole API over a real store, asked through ASGI: no port, no browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner import api_wiring, wiring
from runner.api.app import App, create_app
from runner.api.services import Services
from runner.config.settings import AccountSettings, Settings
from runner.domain.access import Role
from runner.domain.accounts import SecretRef
from runner.logs import Redactor

URL = "http://127.0.0.1:8700"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A running shop without a daemon, and its API."""

    folder: Path
    runner: wiring.Runner
    services: Services
    app: App

    async def client(self, role: Role = Role.ADMIN, *scopes: str, **options: Any) -> httpx.AsyncClient:
        """Somebody with a token."""
        name = f"{role}-{len(await self.runner.books.tokens.list_tokens())}"
        _, secret = await self.runner.books.tokens.add(name, role, scopes or ["*"], "a test")
        return self.anybody(headers={"Authorization": f"Bearer {secret}"}, **options)

    def anybody(self, **options: Any) -> httpx.AsyncClient:
        """Somebody whom nobody knows."""
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 50_000))
        return httpx.AsyncClient(transport=transport, **{"base_url": URL, **options})


def settings_of(folder: Path, **console: Any) -> Settings:
    secret = SecretRef(kind="env", name="PASSWORD")
    return Settings.model_validate(
        {
            "store": {"path": folder / "runner.db"},
            "evidence": {"dir": folder / "screenshots"},
            "profiles": {"dir": folder / "profiles"},
            "inbox": {"classify": False},
            "console": {"requests_per_minute": 1_000_000, **console},
            "accounts": [AccountSettings(name="amy", site="mock", password=secret)],
        }
    )


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with wiring.open_runner(settings_of(tmp_path), Redactor()) as runner:
        services = api_wiring.api_services(runner)
        async with services.feed.open():
            yield Shop(folder=tmp_path, runner=runner, services=services, app=create_app(services))


@pytest.fixture
async def admin(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with await shop.client(Role.ADMIN) as client:
        yield client
