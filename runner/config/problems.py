"""Words for what is wrong in a configuration: one error that lists every problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ValidationError
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

    def __str__(self) -> str:
        return f"{self.what}\n{self.cure}".strip()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to mend, at one place."""

    path: KeyPath
    message: str


class Wording:
    """Turns problems into lines for a person; `origins` says where each value stands."""

    def __init__(
        self, model: type[BaseModel], data: Mapping[str, Any], origins: Mapping[KeyPath, str], file: str
    ) -> None:
        self.model = model
        self.data = data
        self.origins = origins
        self.file = file

    def lines(self, problems: Iterable[Problem]) -> list[str]:
        """One line each, in the order of the file, what came from elsewhere at the end."""
        return [self._line(problem) for problem in sorted(problems, key=self._rank)]

    def problems_of(self, error: ValidationError) -> list[Problem]:
        """The same problems without pydantic's words, and a misspelt key as one problem, not two."""
        # "clash" comes only when all else is right and has no place; `load` finds clashes with theirs.
        details = [each for each in error.errors() if each["type"] != "clash"]
        misspelt = {self._misspelt(_path_of(each)) for each in details if each["type"] == "extra_forbidden"}
        return [
            Problem(path=_path_of(each), message=self._message(each))
            for each in details
            if each["type"] != "missing" or _path_of(each) not in misspelt
        ]

    def _line(self, problem: Problem) -> str:
        path, message = problem.path, problem.message
        origin = self._origin(path)
        if origin.startswith("environment "):
            # A variable may hold a whole table, and then its name alone does not say which key is meant.
            is_whole_name = origin.lower().endswith(f"_{path[-1]}".lower()) or "no such setting" in message
            return f"{origin}: {message}" if is_whole_name else f"{origin}: {self._label(path)}: {message}"
        where = origin.removeprefix("file ") or self.file
        return f"{where}: {self._label(path)}: {message}"

    def _rank(self, problem: Problem) -> tuple[int, int]:
        origin = self._origin(problem.path)
        if not origin.startswith("file "):
            return (1, 0)
        return (0, int(origin.rpartition(":")[2]))

    def _origin(self, path: KeyPath) -> str:
        for length in range(len(path), 0, -1):
            here = path[:length]
            if here in self.origins:
                return self.origins[here]
            # A table that only a variable mentions has no line of its own, but the variable has a name.
            below = [origin for known, origin in self.origins.items() if known[:length] == here]
            if below:
                return below[0]
        return ""

    def _label(self, path: KeyPath) -> str:
        if len(path) == 1:
            return f"[{path[0]}]" if isinstance(self.data.get(str(path[0])), dict) else str(path[0])
        if path[0] == "accounts":
            return f"{self._account(path[1])} {_dotted(path[2:])}".rstrip()
        depth = 1
        while depth < len(path) - 1 and isinstance(_at(self.data, path[: depth + 1]), dict):
            depth += 1
        return f"[{'.'.join(map(str, path[:depth]))}] {_dotted(path[depth:])}"

    def _account(self, number: str | int) -> str:
        name = _at(self.data, ("accounts", number, "name"))
        return f"[[accounts]] {values.shown(name) if isinstance(name, str) else f'number {int(number) + 1}'}"

    def _message(self, error: ErrorDetails) -> str:
        path = _path_of(error)
        if error["type"] == "value_error":
            return str(error["ctx"]["error"])
        if error["type"] == "extra_forbidden" or error["loc"][-1] == "[key]":
            return self._unknown(path)
        place = place_at(self.model, path)
        if error["type"] == "missing":
            return f"missing. {_example(str(path[-1]), place)}"
        if place is None or place.is_secret or "password" in path:
            return f"expected {expected(place)}."
        if place.is_table or (place.item is not None and place.item.is_table):
            # A text in the place of accounts may be a list of passwords, so only its kind is told.
            return f"expected {expected(place)}; found {_kind_of(error['input'])}."
        near = values.nearest(str(error["input"]), place.choices) if place.choices else ""
        return f"expected {expected(place)}; found {values.shown(error['input'])}.{near}"

    def _misspelt(self, path: KeyPath) -> KeyPath:
        """The path that was probably meant."""
        parent = place_at(self.model, path[:-1])
        return (*path[:-1], values.closest(str(path[-1]), parent.keys if parent else ()) or "")

    def _unknown(self, path: KeyPath) -> str:
        name = str(path[-1])
        parent = place_at(self.model, path[:-1])
        known = parent.keys if parent else ()
        close = values.nearest(name, known)
        there = f" There is: {', '.join(known)}." if known else ""
        if self._origin(path).startswith("environment "):
            prefix = "RUNNER_" + "".join(f"{part}__".upper() for part in path[:-1])
            meant = re.sub(r'"(.*)"', lambda match: prefix + match[1].upper(), close)
            return "no such setting." + (meant or there)
        is_section = len(path) == 1 and isinstance(self.data.get(name), dict)
        if is_section:
            return "no such section." + (close or there)
        return "no such key." + (self._section_of(name) or close or there)

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


def _path_of(error: ErrorDetails) -> KeyPath:
    return tuple(part for part in error["loc"] if part != "[key]")


def _example(name: str, place: Place | None) -> str:
    if place is None or place.is_secret or not place.examples:
        return f"Expected {expected(place)}."
    return f"Example: {name} = {values.written(place.examples[0])}"


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return "a text"
    return values.shown(value)


def expected(place: Place | None) -> str:
    """What may stand there, in words: `a whole number from 1 to 64`."""
    if place is None:
        return "something else"
    if place.choices:
        quoted = [f'"{each}"' for each in place.choices]
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    least = " with at least one" if any(getattr(rule, "min_length", 0) for rule in place.rules) else ""
    if place.is_list:
        return (
            "a list of texts"
            if place.item and not place.item.is_table
            else "a list of tables, each headed by its name in [[ ]]"
        ) + least
    if place.is_table:
        return f"a table{least}"
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
