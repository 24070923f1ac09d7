"""Fault rules: what the marketplace is told to do wrong, to whom, where and how often."""

import difflib
import random
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Effect(StrEnum):
    """What a fault rule does to a request that it fires on."""

    LATENCY_MS = "latency_ms"  # waits before the request is handled
    STATUS = "status"  # answers with an error before anything is done
    STATUS_AFTER_COMMIT = "status_after_commit"  # does all of it, then answers with an error
    DROP_AFTER_COMMIT = "drop_after_commit"  # does all of it, then closes the connection without an answer
    RESET_AFTER_COMMIT = "reset_after_commit"  # does all of it, then resets the connection
    RATE_LIMIT = "rate_limit"  # 429 with Retry-After
    EXPIRE_SESSION = "expire_session"  # forgets the session first
    CAPTCHA = "captcha"  # demands six letters from a picture
    TWO_FACTOR = "two_factor"  # demands a six-digit code
    TERMS = "terms"  # demands that new terms are accepted
    LOCK_ACCOUNT = "lock_account"  # locks the account until it is unlocked or all is reset
    LAYOUT = "layout"  # the same page in another shape
    HANG = "hang"  # never answers
    SLOW_IMAGE = "slow_image"  # a picture's bytes come after a wait
    CRASH_RENDERER = "crash_renderer"  # the page kills the browser's renderer process
    HANG_RENDERER = "hang_renderer"  # the page keeps the renderer busy for ever
    POPUP = "popup"  # the survey appears over the page


# Each effect's own keys: the kind of value, and the value where a rule leaves it out (None: it must be given).
OWN_KEYS: dict[Effect, dict[str, tuple[type | tuple[type, ...], Any]]] = {
    Effect.LATENCY_MS: {"ms": ((int, float), None)},
    Effect.STATUS: {"status": (int, 503)},
    Effect.STATUS_AFTER_COMMIT: {"status": (int, 502)},
    Effect.RATE_LIMIT: {"retry_after_s": (int, 30)},
    Effect.LAYOUT: {"variant": (str, None)},
    Effect.SLOW_IMAGE: {"ms": ((int, float), 3000)},
    Effect.POPUP: {"delay_ms": ((int, float), 0)},
}
COMMON_KEYS: dict[str, tuple[type | tuple[type, ...], Any]] = {
    "route": (str, None),
    "effect": (str, None),
    "account": (str, ""),
    "probability": ((int, float), 1.0),
    "seed": (int, 0),
    "count": (int, 0),
}
PAGE_EFFECTS = {Effect.LAYOUT, Effect.CRASH_RENDERER, Effect.HANG_RENDERER, Effect.POPUP}
SESSION_EFFECTS = {Effect.EXPIRE_SESSION, Effect.CAPTCHA, Effect.TWO_FACTOR, Effect.TERMS, Effect.LOCK_ACCOUNT}
_NAMES = {int: "a whole number", (int, float): "a number", str: "a text"}


class FaultError(ValueError):
    """A fault rule cannot be understood; the message names the rule's index, its key and what would be valid."""


@dataclass
class Rule:
    """One checked rule, with how often it has fired."""

    given: dict[str, Any]
    effect: Effect
    values: dict[str, Any]
    dice: random.Random
    fired: int = 0

    def fits(self, method: str, path: str, account: str | None) -> bool:
        """Says whether the rule is about such a request at all."""
        wanted, route = _split_route(self.values["route"])
        if wanted and wanted != method:
            return False
        if self.values["account"] and self.values["account"] != account:
            return False
        if self.values["count"] and self.fired >= self.values["count"]:
            return False
        return fnmatchcase(path, route) and _applies(self.effect, path)

    def fires(self, method: str, path: str, account: str | None) -> bool:
        """Says whether the rule acts on this request, and counts it when it does."""
        if not self.fits(method, path, account) or self.dice.random() >= self.values["probability"]:
            return False
        self.fired += 1
        return True


def _split_route(route: str) -> tuple[str, str]:
    method, space, rest = route.partition(" ")
    return (method, rest) if space else ("", route)


def _applies(effect: Effect, path: str) -> bool:
    picture = path.startswith("/photos/")
    if effect is Effect.SLOW_IMAGE:
        return picture
    if picture or path.startswith("/static/"):
        return effect not in PAGE_EFFECTS | SESSION_EFFECTS
    return not (effect in PAGE_EFFECTS and path.startswith("/api/"))


@dataclass
class Faults:
    """The rules in force, in the order in which they were given."""

    rules: list[Rule] = field(default_factory=list)

    def replace(self, given: object, accounts: tuple[str, ...] = ()) -> None:
        """Puts new rules in the place of all old ones, or raises FaultError and changes nothing."""
        if not isinstance(given, list):
            raise FaultError("expected a JSON list of rules")
        self.rules = [_parse(index, rule, accounts) for index, rule in enumerate(given)]

    def fire(self, method: str, path: str, account: str | None) -> list[Rule]:
        """Returns the rules that act on a request."""
        return [rule for rule in self.rules if rule.fires(method, path, account)]

    def described(self) -> list[dict[str, Any]]:
        """Returns the rules as they were given, each with `fired`."""
        return [{**rule.given, "fired": rule.fired} for rule in self.rules]


def _nearest(name: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else "valid are " + ", ".join(valid)


def _parse(index: int, rule: object, accounts: tuple[str, ...]) -> Rule:
    where = f"rule {index}"
    if not isinstance(rule, dict):
        raise FaultError(f"{where}: expected an object with route and effect")
    if "effect" not in rule:
        raise FaultError(f'{where}: key "effect" is missing')
    name = rule["effect"]
    if name not in list(Effect):
        raise FaultError(f'{where}: key "effect": unknown effect {name!r}; {_nearest(str(name), list(Effect))}')
    effect = Effect(name)
    keys = COMMON_KEYS | OWN_KEYS.get(effect, {})
    for key in rule:
        if key not in keys:
            raise FaultError(f'{where}: unknown key "{key}" for effect {effect}; {_nearest(str(key), list(keys))}')
    values = {key: _value(where, rule, key, *kind_and_default) for key, kind_and_default in keys.items()}
    _check_values(where, values, accounts)
    return Rule(given=rule, effect=effect, values=values, dice=random.Random(values["seed"]))  # noqa: S311 (repeatable)


def _value(where: str, rule: dict[str, Any], key: str, kind: type | tuple[type, ...], default: Any) -> Any:
    if key not in rule or (rule[key] is None and default is not None):
        if default is None:
            raise FaultError(f'{where}: key "{key}" is missing')
        return default
    if not isinstance(rule[key], kind) or isinstance(rule[key], bool):
        raise FaultError(f'{where}: key "{key}": expected {_NAMES[kind]}, got {rule[key]!r}')
    return rule[key]


def _check_values(where: str, values: dict[str, Any], accounts: tuple[str, ...]) -> None:
    method, route = _split_route(values["route"])
    if method and method not in METHODS:
        raise FaultError(f'{where}: key "route": unknown method {method!r}; {_nearest(method, list(METHODS))}')
    if not route.startswith(("/", "*")):
        raise FaultError(f'{where}: key "route": {route!r} should begin with "/" or "*", as in "POST /sell/*/publish"')
    if accounts and values["account"] and values["account"] not in accounts:
        raise FaultError(
            f'{where}: key "account": unknown {values["account"]!r}; {_nearest(values["account"], list(accounts))}'
        )
    if not 0 <= values["probability"] <= 1:
        raise FaultError(f'{where}: key "probability": expected 0 to 1, got {values["probability"]}')
    if values.get("variant", "a") not in ("a", "b", "c"):
        raise FaultError(f'{where}: key "variant": expected "a", "b" or "c", got {values["variant"]!r}')
    if not 400 <= values.get("status", 500) <= 599:
        raise FaultError(f'{where}: key "status": expected 400 to 599, got {values["status"]}')
    for key in ("count", "ms", "delay_ms", "retry_after_s"):
        if values.get(key, 0) < 0:
            raise FaultError(f'{where}: key "{key}": expected 0 or more, got {values[key]}')
