"""All settings as they are now, each with where it came from, and nothing that could be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runner.config.settings import Settings
from runner.domain.accounts import SecretRef
from runner.domain.settings import SettingInForce

HIDDEN = "•••"
TELLING = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
"""A site's own options are free: what is called so is not shown, whatever it holds."""


def settings_in_force(settings: Settings) -> list[SettingInForce]:
    """Every setting by its dotted key, in the order of the file."""
    found: list[SettingInForce] = []
    for name in Settings.model_fields:
        if name == "accounts":
            for account in settings.accounts:
                found += _flat(settings, f"accounts.{account.name}", account)
        else:
            found += _flat(settings, name, getattr(settings, name))
    return found


def _flat(settings: Settings, key: str, value: Any) -> Iterator[SettingInForce]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _flat(settings, f"{key}.{name}", getattr(value, name))
    elif isinstance(value, Mapping) and value:
        for name, inner in value.items():
            hide = ".options" in key and TELLING.search(str(name))
            yield from _flat(settings, f"{key}.{name}", HIDDEN if hide else inner)
    else:
        yield SettingInForce(key=key, value=_plain(value), origin=_origin(settings, key))


def _origin(settings: Settings, key: str) -> str:
    try:
        return settings.origin_of(key)
    except KeyError:
        return "default"


def _plain(value: Any) -> Any:
    match value:
        case SecretRef():
            return f"kept in: {value.kind}"
        case Path():
            return str(value)
        case list() | tuple() | set() | frozenset():
            return [_plain(each) for each in value]
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return HIDDEN
