"""Words for what is wrong in a configuration: one error that lists every problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from runner.config import values
from runner.config.schema import Place, place_at
from runner.config.toml_lines import KeyPath
from runner.errors import SetupError


class ConfigError(SetupError):
    """The configuration is wrong; `problems` holds one line for each thing to mend."""

    def __init__(self, problems: Iterable[str], *, cure: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "" if count == 1 else f"{count} things are wrong in the configuration:\n"
        super().__init__(head + "\n".join(self.problems), cure=cure)


class Wording:
    """Turns pydantic's errors into lines for a person; `origins` says where each value stands."""

    def __init__(
        self, model: type[BaseModel], data: Mapping[str, Any], origins: Mapping[KeyPath, str], file: str
    ) -> None:
        self.model = model
        self.data = data
        self.origins = origins
        self.file = file

    def line(self, path: KeyPath, message: str) -> str:
        """`playwright.config.toml:14: [browser] heedless: …`, or the variable's name where it came from there."""
        origin = self._origin(path)
        if origin.startswith("environment ") or origin == "command line":
            return f"{origin}: {message}"
        where = origin.removeprefix("file ") or self.file
        return f"{where}: {self._label(path)}: {message}"

    def sentence(self, error: ErrorDetails) -> str:
        """One line for one error of pydantic's."""
        path = tuple(part for part in error["loc"] if part != "[key]")
        return self.line(path, self._message(error, path))

    def _origin(self, path: KeyPath) -> str:
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        # An unknown section that only a variable mentions has no line of its own, but the variable has one.
        below = [origin for known, origin in self.origins.items() if known[: len(path)] == path]
        return below[0] if below else ""

    def _label(self, path: KeyPath) -> str:
        if len(path) == 1:
            return f"[{path[0]}]" if isinstance(self.data.get(str(path[0])), dict) else str(path[0])
        if path[0] == "accounts":
            return " ".join([self._account(path[1]), ".".join(map(str, path[2:]))]).rstrip()
        depth = 1
        while depth < len(path) - 1 and isinstance(_at(self.data, path[: depth + 1]), dict):
            depth += 1
        return f"[{'.'.join(map(str, path[:depth]))}] {_dotted(path[depth:])}"

    def _account(self, number: str | int) -> str:
        name = _at(self.data, ("accounts", number, "name"))
        called = f"{values.shown(name)}" if isinstance(name, str) else f"number {int(number) + 1}"
        return f"[[accounts]] {called}"

    def _message(self, error: ErrorDetails, path: KeyPath) -> str:
        kind = error["type"]
        if kind == "value_error":
            return str(error["ctx"]["error"])
        if kind == "extra_forbidden" or error["loc"][-1] == "[key]":
            return self._unknown(path)
        place = place_at(self.model, path)
        if kind == "missing":
            return f"missing. Expected {expected(place)}: {place.description if place else ''}"
        if "password" in path:
            return f"expected {expected(place)}."
        near = values.nearest(str(error["input"]), place.choices) if place and place.choices else ""
        return f"expected {expected(place)}; found {values.shown(error['input'])}.{near}"

    def _unknown(self, path: KeyPath) -> str:
        name = str(path[-1])
        parent = place_at(self.model, path[:-1])
        known = parent.keys if parent else ()
        close = values.nearest(name, known)
        if self._origin(path).startswith("environment "):
            prefix = "RUNNER_" + "".join(f"{part}__".upper() for part in path[:-1])
            return "no such setting." + re.sub(r'"(.*)"', lambda match: prefix + match[1].upper(), close)
        hint = close or f" There is: {', '.join(known)}."
        return "no such section." + hint if len(path) == 1 else "no such key." + (self._section_of(name) or hint)

    def _section_of(self, name: str) -> str:
        """A key that is right but stands in the wrong section."""
        homes = [
            f"[{section}]"
            for section, info in self.model.model_fields.items()
            if isinstance(info.annotation, type)
            and issubclass(info.annotation, BaseModel)
            and name in info.annotation.model_fields
        ]
        return f" It belongs to {homes[0]}." if len(homes) == 1 else ""


def expected(place: Place | None) -> str:
    """What may stand there, in words: `a whole number from 1 to 64`."""
    if place is None:
        return "something else"
    if place.choices:
        quoted = [f'"{each}"' for each in place.choices]
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    if place.is_list:
        least = " with at least one" if any(getattr(rule, "min_length", 0) for rule in place.rules) else ""
        return ("a list of texts" if place.item and not place.item.is_table else "a list of tables") + least
    if place.is_table:
        return "a table"
    if place.is_secret:
        return f"one of {values.REFERENCE_FORMS}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    return words.get(place.annotation, "a value") + _bounds(place.rules)


def _bounds(rules: Iterable[Any]) -> str:
    # annotated_types promises only that bounds compare; ours are numbers.
    low: list[Any] = [rule.ge for rule in rules if isinstance(rule, Ge)]
    above: list[Any] = [rule.gt for rule in rules if isinstance(rule, Gt)]
    high: list[Any] = [rule.le for rule in rules if isinstance(rule, Le)]
    if low:
        return f" from {max(low)} to {min(high)}" if high else f", {max(low)} or more"
    if above:
        return f" above {max(above)}" + (f" and up to {min(high):g}" if high else "")
    return ""


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _dotted(path: KeyPath) -> str:
    """`args[0]`, `viewport.width`; items are counted from 1 for people."""
    text = ""
    for part in path:
        text += f" item {part + 1}" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
