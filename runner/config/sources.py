"""Where values come from: the file, the environment, the command line; each remembered by key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from runner.config import toml_lines
from runner.config.problems import ConfigError
from runner.config.schema import Place, place_at
from runner.config.toml_lines import KeyPath

PREFIX = "RUNNER_"
CONFIG_VARIABLE = "RUNNER_CONFIG"


@dataclass
class Values:
    """Settings still unchecked, and where each of them came from, such as `file NAME:12`."""

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)

    def put(self, path: KeyPath, value: Any, origin: str) -> None:
        """Set one value, and forget whatever stood there or below it."""
        target: Any = self.data
        for depth, part in enumerate(path[:-1], start=1):
            inner = target[part] if isinstance(part, int) else target.get(part)
            if not isinstance(inner, list if isinstance(path[depth], int) else dict):
                inner = target[part] = {}
                self._forget(path[:depth])
            target = inner
        target[path[-1]] = value
        self._forget(path)
        self._remember(path, value, origin)

    def merge(self, path: KeyPath, value: Any, origin: str) -> None:
        """Set a whole table key by key, so that what it does not mention stays."""
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                self.merge((*path, str(key)), inner, origin)
        else:
            self.put(path, value, origin)

    def _forget(self, path: KeyPath) -> None:
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]

    def _remember(self, path: KeyPath, value: Any, origin: str) -> None:
        self.origins[path] = origin
        inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in inside:
            self._remember((*path, key), inner, origin)


class FileSource(PydanticBaseSettingsSource):
    """playwright.config.toml, with the line of every key."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path, shown: str) -> None:
        super().__init__(settings_cls)
        self.path = path
        self.shown = shown
        self.origins: dict[KeyPath, str] = {}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by pydantic-settings; this source gives whole tables instead."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Read and parse the file; ConfigError when it cannot be read or is not TOML."""
        text = self._decoded(self._read())
        try:
            data = tomllib.loads(text)
            lines = toml_lines.line_of_keys(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([self._syntax_problem(error, text)]) from None
        except RecursionError:
            raise ConfigError([f"{self.shown}: brackets are nested too deeply to be a configuration."]) from None
        self.origins = {path: f"file {self.shown}:{line}" for path, line in lines.items()}
        return data

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                [f"{self.shown}: there is no such file."],
                cure="`runner init` writes one with every setting explained; --config or RUNNER_CONFIG name another.",
            ) from None
        except OSError as error:
            raise ConfigError([f"{self.shown}: cannot be read: {error.strerror}."]) from None

    def _decoded(self, raw: bytes) -> str:
        # Windows editors and PowerShell's `>` write UTF-16 and byte order marks; both are unmistakable.
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            what = "is not valid UTF-16" if encoding == "utf-16" else f"byte 0x{raw[error.start]:02x} is not UTF-8"
            raise ConfigError([f"{self.shown}:{line}: {what}. Save the file as UTF-8."]) from None

    def _syntax_problem(self, error: tomllib.TOMLDecodeError, text: str) -> str:
        if "\x00" in text:
            return f"{self.shown}: holds NUL characters, as UTF-16 does. Save the file as UTF-8."
        message = str(error)
        at = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        if at:
            return f"{self.shown}:{at[1]}:{at[2]}: not TOML: {_gentle(message[: at.start()])}."
        last = text.rstrip().count("\n") + 1
        return f"{self.shown}:{last}: not TOML: {_gentle(message.replace(' (at end of document)', ''))} at the end."


def _gentle(message: str) -> str:
    """Words for what people get wrong most."""
    if "Unescaped '\\'" in message:
        return "a backslash in double quotes must be doubled; or put a Windows path in single quotes"
    if "Invalid value" in message:
        return "this is no value; texts stand in quotes, true and false in small letters"
    if "overwrite a value" in message or "declare" in message:
        return f"this key or table stands here a second time ({message.lower()})"
    return message[:1].lower() + message[1:]


class EnvironmentSource(PydanticBaseSettingsSource):
    """RUNNER_SECTION__KEY variables, laid over what the file says.

    Variables without two underscores in a row are not settings unless they name a section: GitHub's own
    runners set RUNNER_OS, RUNNER_TEMP and more.
    """

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str], values: Values) -> None:
        super().__init__(settings_cls)
        self.environ = environ
        self.values = values
        self.problems: list[str] = []

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by pydantic-settings; variables reach into tables, so they are not read field by field."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Lay every variable over the values, whole tables before single keys; an empty one counts as not set."""
        for name in sorted(self._names(), key=lambda name: (name.count("__"), name)):
            if text := self.environ[name].strip():
                self._lay(name, text)
        return self.values.data

    def _names(self) -> list[str]:
        sections = {f"{PREFIX}{section.upper()}" for section in self.settings_cls.model_fields}
        return [
            name
            for name in self.environ
            if name.startswith(PREFIX) and name != CONFIG_VARIABLE and ("__" in name or name in sections)
        ]

    def _lay(self, name: str, text: str) -> None:
        origin = f"environment {name}"
        parts = name[len(PREFIX) :].lower().split("__")
        if parts[0] == "accounts" and len(parts) > 1:
            number = self._account(name, parts[1])
            if number is None:
                return
            path: KeyPath = ("accounts", number, *parts[2:])
        else:
            path = tuple(parts)
        place = place_at(self.settings_cls, path)
        parent = place_at(self.settings_cls, path[:-1])
        value = _decoded_value(text, place)
        if parent is not None and parent.is_secret:
            # One of the three forms takes the place of another; both together would be an error.
            self.values.put(path[:-1], {path[-1]: value}, origin)
        elif (place is not None and place.is_secret) or not isinstance(value, dict):
            self.values.put(path, value, origin)
        else:
            self.values.merge(path, value, origin)

    def _account(self, name: str, wanted: str) -> int | None:
        accounts = self.values.data.get("accounts")
        tables = accounts if isinstance(accounts, list) else []
        names = [str(table.get("name", "")) if isinstance(table, dict) else "" for table in tables]
        matching = [number for number, known in enumerate(names) if known and known.lower().replace("-", "_") == wanted]
        if len(matching) == 1:
            return matching[0]
        if matching:
            both = " and ".join(f'"{names[number]}"' for number in matching)
            self.problems.append(f"environment {name}: this may mean {both}. Set it in the file.")
        else:
            there = ", ".join(f'"{known}"' for known in names if known) or "none"
            self.problems.append(f'environment {name}: there is no account "{wanted}" in the file. There is: {there}.')
        return None


def _decoded_value(text: str, place: Place | None) -> Any:
    """Lists and tables are written as JSON or as in the file; a list of texts also with commas."""
    if place is None or not (place.is_table or place.is_list or place.is_secret):
        return text
    value = _json_or_toml(text)
    if value is not None:
        return value
    if place.item is not None and place.is_list and not place.item.is_table and text[0] not in "[{":
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _json_or_toml(text: str) -> Any:
    """None when it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return None
    return parsed["value"] if len(parsed) == 1 else None
