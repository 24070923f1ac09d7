from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.config.load import load
from runner.config.problems import ConfigError
from runner.config.settings import Settings

SITE = '[sites.mock]\nbase_url = "http://127.0.0.1:8765"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a person who types `runner`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Callable[..., Settings]:
    """Load a configuration from text (or bytes), with nothing but `environ` in the environment."""

    def _read(
        text: str | bytes = "", environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
    ) -> Settings:
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / "playwright.config.toml").write_bytes(raw)
        return load(environ=environ or {}, flags=flags)

    return _read


@pytest.fixture
def problems(read: Callable[..., Settings]) -> Callable[..., list[str]]:
    """What a person is told about a configuration that is wrong."""

    def _problems(text: str | bytes = "", environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, environ)
        return list(caught.value.problems)

    return _problems
