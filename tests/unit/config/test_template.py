from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from runner.config.settings import Settings
from runner.config.template import template

ROOT = Path(__file__).parents[3]
Read = Callable[..., Settings]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        if not isinstance(annotation, types.UnionType) or inner is not type(None):
            yield from _models(inner)


def _settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Dotted names of every setting, `sites.NAME.base_url`, found by walking the models without our own code."""
    for name, info in model.model_fields.items():
        key = f"{prefix}{name}"
        free = {"sites": ".NAME", "kinds": ".KIND"}.get(name, "")
        inner = list(_models(info.annotation))
        if not inner:
            yield key
        for each in inner:
            yield from _settings(each, f"{key}{free}.")


SETTINGS = sorted(_settings())


def _uncommented(text: str) -> str:
    return re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE)


def _without_accounts(text: str) -> str:
    return text[: text.index("\n# Accounts: ")]


def test_there_are_settings_to_check() -> None:
    assert "browser.viewport.width" in SETTINGS
    assert "accounts.password" in SETTINGS
    assert len(SETTINGS) > 50


def test_template_as_it_is_written_gives_the_defaults(read: Read) -> None:
    assert read(template()).model_dump() == read("").model_dump()


def test_template_with_every_setting_uncommented_gives_the_defaults(read: Read) -> None:
    text = _uncommented(_without_accounts(template()))
    assert "\nheadless = true\n" in text
    assert read(text).model_dump() == read("").model_dump()


def test_uncommented_accounts_are_those_of_the_mock_marketplace(read: Read) -> None:
    catalogue = json.loads((ROOT / "runner/marketplace/data/catalogue.json").read_text(encoding="utf-8"))
    accounts = read(_uncommented(template())).accounts
    assert [account.name for account in accounts] == [each["slug"] for each in catalogue["accounts"]]
    assert {account.password.kind for account in accounts} == {"env"}


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_stands_in_the_template(key: str) -> None:
    section, _, _ = key.partition(".")
    name = key.rpartition(".")[2]
    text = template()
    heading = {"sites": r"\[sites\.mock\]", "accounts": r"# Accounts: "}.get(section, rf"\[{section}\]")
    body = re.split(rf"^{heading}", text, maxsplit=1, flags=re.MULTILINE)[1]
    body = re.split(r"^\[(?!\[)", body, maxsplit=1, flags=re.MULTILINE)[0]
    assert re.search(rf"^#?(# Example: |   )?{name}( =|  )|{{ .*\b{name} = ", body, flags=re.MULTILINE)


def test_every_example_in_the_template_is_valid(read: Read) -> None:
    text = _without_accounts(template())
    text = re.sub(r"^# Example: ", "", text, flags=re.MULTILINE)
    settings = read(text)
    assert settings.browser.channel is not None
    assert settings.retry.kinds


def test_template_fits_a_terminal_of_a_programmer() -> None:
    assert max(map(len, template().splitlines())) <= 120


def test_the_repositorys_own_configuration_is_the_template() -> None:
    assert (ROOT / "playwright.config.toml").read_text(encoding="utf-8") == template()
