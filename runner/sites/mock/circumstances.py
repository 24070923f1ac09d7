"""The marketplace's own circumstances: the fault rules in force, told and set through its control addresses.

Asked without a browser, which may be dead by then; only on this machine, where nobody's real site can be meant.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from runner.errors import SetupError

TIMEOUT_S = 1.0
MOST_BYTES = 1_000_000
PATH = "/_faults"
FAULTS = "faults"


async def told(base_url: str) -> Mapping[str, Any]:
    """The fault rules in force, each with how often it has fired; {} where the site is not on this machine."""
    place = urlsplit(base_url)
    if not _is_here(place):
        return {}
    return {FAULTS: (await asyncio.to_thread(_asked, place, "GET", None))["rules"]}


async def put(base_url: str, conditions: Mapping[str, Any], *, afresh: bool) -> None:
    """Put fault rules in the place of all others: `afresh` as if none had fired yet, else with what is left of them."""
    place = urlsplit(base_url)
    if not _is_here(place):
        raise SetupError(f"The faults of {base_url} cannot be set: it is not on this machine.")
    rules = conditions.get(FAULTS, ())
    await asyncio.to_thread(_asked, place, "PUT", _given(rules) if afresh else _left(rules))


def _given(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in rule.items() if key != "fired"} for rule in rules]


def _left(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is left of rules that fire so many times: without those that have fired as often as they may."""
    left = []
    for rule, given in zip(rules, _given(rules), strict=True):
        if given.get("count"):
            given["count"] -= rule.get("fired", 0)
            if given["count"] <= 0:
                continue
        left.append(given)
    return left


def _is_here(place: SplitResult) -> bool:
    host = place.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _asked(place: SplitResult, method: str, body: object) -> dict[str, Any]:
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request(method, PATH, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        read = answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise SetupError(f"The faults of {place.netloc} cannot be reached: {error}.", cure="Is it running?") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise SetupError(f"The faults of {place.netloc} cannot be reached: it answers {answer.status}.")
    found = json.loads(read)
    if not isinstance(found, dict) or not isinstance(found.get("rules"), list):
        raise SetupError(f"{place.netloc} does not tell its faults.")
    return found
