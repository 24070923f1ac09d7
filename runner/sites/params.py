"""Parameters of Flows: from `--set key=value`, a file or a stored Job to typed values, with errors for a person."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from runner.errors import SetupError
from runner.intake.report import did_you_mean, excerpt

P = TypeVar("P", bound="Params")


class Params(BaseModel):
    """The parameters of a Flow: every field has a description; `model_dump(mode="json")` is what a Job stores."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BadParams(SetupError):
    """Parameters that a Flow cannot take; `problems` has one line per parameter."""

    def __init__(self, flow: str, problems: Iterable[str], cure: str) -> None:
        self.flow, self.problems = flow, tuple(problems)
        super().__init__(f"{flow}: " + "; ".join(self.problems) + ".", cure=cure)


def assignments(pairs: Iterable[str]) -> dict[str, str]:
    """Read `key=value` texts; the value is everything after the first `=`. Raises BadParams."""
    given: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise BadParams("--set", [f'"{excerpt(pair)}" is not key=value'], 'Write it like --set title="Road bike".')
        if key.strip() in given:
            raise BadParams("--set", [f'"{key.strip()}" is given twice'], "Give every parameter once.")
        given[key.strip()] = value
    return given


def from_file(path: Path) -> dict[str, Any]:
    """Read parameters from a JSON or TOML file that holds one object. Raises SetupError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"The parameters in {path} cannot be read: {error}.", cure="Give a UTF-8 JSON or TOML file."
        ) from error
    try:
        given = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(
            f"{path} is not valid {path.suffix[1:].upper() or 'JSON'}: {error}.", cure="Mend that place."
        ) from error
    if not isinstance(given, dict):
        raise SetupError(f"{path} holds no object of parameters.", cure='Write it like {"title": "Road bike", …}.')
    return given


def parse(flow: str, model: type[P], given: Mapping[str, Any], *, folder: Path | None = None) -> P:
    """Check `given` against a Flow's Params; file names start from `folder`. Raises BadParams with all problems."""
    try:
        return model.model_validate(dict(given), context={"folder": folder or Path.cwd()})
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors()]
        raise BadParams(flow, problems, _cure(flow, model)) from error


def folder_of(info: ValidationInfo) -> Path:
    """The folder that relative file names start from, inside a validator of a Params class."""
    folder = (info.context or {}).get("folder")
    return folder if isinstance(folder, Path) else Path.cwd()


def _problem(model: type[Params], detail: ErrorDetails) -> str:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        return f'there is no parameter "{excerpt(key)}"{did_you_mean(key, model.model_fields).rstrip("?")}'.replace(
            " Did you mean ", ", did you mean "
        )
    if detail["type"] == "missing":
        return f'"{key}" is missing ({_described(model, key)})'
    reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if not key:
        return reason
    return f'"{key}" cannot be "{excerpt(detail["input"])}": {reason[:1].lower()}{reason[1:]}'


def _described(model: type[Params], key: str) -> str:
    field = model.model_fields.get(key)
    return (field.description or key).rstrip(".") if field else key


def _cure(flow: str, model: type[Params]) -> str:
    if not model.model_fields:
        return f"{flow} takes no parameters."
    return f"{flow} takes: " + ", ".join(model.model_fields) + "."
