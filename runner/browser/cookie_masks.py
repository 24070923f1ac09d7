"""Takes cookies out of a recorded trace: whoever has one of a login is signed in, as with the password."""

from __future__ import annotations

import json
from typing import Any

from runner.logs import MASK

HEADERS = frozenset({"cookie", "set-cookie"})


def masked(recorded: str) -> str:
    """A trace's network record, one JSON document per line, without the values of cookies."""
    return "\n".join(_line(line) for line in recorded.split("\n"))


def _line(line: str) -> str:
    if "ookie" not in line:
        return line
    try:
        return json.dumps(_value(json.loads(line)), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return MASK  # half a line of a recording that was cut off


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(each) for each in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("name", "")).lower() in HEADERS and "value" in value:
        return {**value, "value": MASK}
    return {key: _without_values(each) if key == "cookies" else _value(each) for key, each in value.items()}


def _without_values(cookies: Any) -> Any:
    if not isinstance(cookies, list):
        return cookies
    return [{**each, "value": MASK} if isinstance(each, dict) else each for each in cookies]
