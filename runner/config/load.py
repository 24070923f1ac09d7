"""Reads the configuration: file, then environment, then command line, each outranking the one before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.config.problems import ConfigError, Problem, Wording
from runner.config.settings import Settings, clashes
from runner.config.sources import CONFIG_VARIABLE, EnvironmentSource, FileSource, Values

FILE_NAME = "playwright.config.toml"


def load(
    path: Path | None = None, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """Read `path`, else $RUNNER_CONFIG, else ./playwright.config.toml; ConfigError lists every problem.

    `flags` holds what the command line says, by dotted key (`{"browser.headless": False}`). All paths in the
    result are absolute; relative ones, wherever they were set, start at the folder of the file.
    """
    environ = os.environ if environ is None else environ
    path = path or Path(environ.get(CONFIG_VARIABLE) or FILE_NAME).expanduser()
    file = FileSource(Settings, path, str(path))
    values = Values(file(), file.origins)
    environment = EnvironmentSource(Settings, environ, values)
    environment()
    for key, value in (flags or {}).items():
        values.put(tuple(key.split(".")), value, "command line")
    settings = _validated(values, environment.problems, file)
    folder = path.absolute().parent
    return _with_absolute_paths(settings, folder).with_origins(path.absolute(), _named(values))


def _validated(values: Values, problems: list[str], file: FileSource) -> Settings:
    wording = Wording(Settings, values.data, values.origins, file.shown)
    found = _clashes(values.data)
    settings = None
    try:
        settings = Settings.model_validate(values.data)
    except ValidationError as error:
        found = wording.problems_of(error) + found
    lines = wording.lines(found) + problems
    if settings is None or lines:
        # Raised out here, so that no traceback shows pydantic's error and with it whatever was typed.
        raise ConfigError(lines, cure="Mend it and try again; docs/configuration.md lists every setting.")
    return settings


def _clashes(data: Mapping[str, Any]) -> list[Problem]:
    accounts, sites = data.get("accounts"), data.get("sites")
    if not isinstance(accounts, list) or not all(isinstance(each, Mapping) for each in accounts):
        return []
    known = sites if isinstance(sites, Mapping) else Settings().sites
    rows = [(each.get("name"), each.get("site"), each.get("username", each.get("name"))) for each in accounts]
    return [Problem(path=("accounts", index, key), message=message) for index, key, message in clashes(rows, known)]


def _named(values: Values) -> dict[str, str]:
    """Origins by dotted key, with accounts called by name: `accounts.amy.password`."""
    named: dict[str, str] = {}
    for path, origin in values.origins.items():
        if path[0] == "accounts" and len(path) > 1:
            path = ("accounts", values.data["accounts"][path[1]]["name"], *path[2:])
        named[".".join(map(str, path))] = origin
    return named


def _with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    browser = settings.browser
    if browser.path is not None:
        browser = browser.model_copy(update={"path": folder / browser.path})
    tls = {key: folder / path for key in ("tls_cert", "tls_key") if (path := getattr(settings.console, key))}
    accounts = tuple(account.with_secret_in(folder) for account in settings.accounts)
    return settings.model_copy(
        update={
            "browser": browser,
            "evidence": settings.evidence.model_copy(update={"dir": folder / settings.evidence.dir}),
            "store": settings.store.model_copy(update={"path": folder / settings.store.path}),
            "console": settings.console.model_copy(update=tls),
            "profiles": settings.profiles.in_folder(folder),
            "inbox": settings.inbox.in_folder(folder),
            "accounts": accounts,
        }
    )
