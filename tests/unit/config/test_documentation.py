from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from runner.config import pace, values
from runner.config import problems as wording
from runner.config import settings as models
from runner.config.pool import PoolSettings
from runner.config.problems import ConfigError
from runner.config.provider import ProviderSettings
from runner.config.schema import place_at
from runner.config.settings import Settings
from runner.config.template import default_of

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
TABLES: dict[str, type[BaseModel]] = {
    "[browser]": models.BrowserSettings,
    "[browser.viewport]": models.Viewport,
    "[browser.pool]": PoolSettings,
    "[timeouts]": models.TimeoutSettings,
    "[evidence]": models.EvidenceSettings,
    "[sites.NAME]": models.SiteSettings,
    "[orchestrator]": models.OrchestratorSettings,
    "[retry]": models.RetrySettings,
    "[retry.kinds.KIND]": models.RetryKindSettings,
    "[store]": models.StoreSettings,
    "[storage]": models.StorageSettings,
    "[profiles]": models.ProfileSettings,
    "[inbox]": models.InboxSettings,
    "[limits]": pace.LimitsSettings,
    "[limits.KIND]": pace.LimitSettings,
    "[limits.warm_up]": pace.WarmUpSettings,
    "[hours]": pace.HoursSettings,
    "[inbox.provider]": ProviderSettings,
    "[notices]": models.NoticeSettings,
    "[live]": models.LiveSettings,
    "[[accounts]]": models.AccountSettings,
    "[console]": models.ConsoleSettings,
    "[log]": models.LogSettings,
}


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        default = default_of(info)
        shown = "" if default is None else f"`{values.written(default)}`"
        allowed = wording.expected(place_at(model, (name,)))
        yield f"| `{name}` | {allowed} | {shown} | {info.description} |"


ROWS = [(heading, row) for heading, model in TABLES.items() for row in _rows(model)]


@pytest.mark.parametrize(("heading", "row"), ROWS)
def test_every_setting_stands_in_the_manual_as_the_code_has_it(heading: str, row: str) -> None:
    section = PAGE.split(f"### `{heading}`", 1)[1].split("\n### ", 1)[0]
    assert row in section.splitlines()


def test_every_section_is_in_the_manual() -> None:
    headings = re.findall(r"^### `\[+([a-z]+)", PAGE, flags=re.MULTILINE)
    assert set(headings) == set(Settings.model_fields)


def test_the_manual_documents_nothing_that_does_not_exist() -> None:
    manual = PAGE.split("\n## Every setting\n", 1)[1]
    rows = [line for line in manual.splitlines() if line.startswith("| `")]
    assert set(rows) == {row for _, row in ROWS}


def test_error_example_is_what_is_really_said(read: Callable[..., Settings]) -> None:
    wrong, said = re.findall(r"<!-- wrong -->\n```\w*\n(.*?)```.*?<!-- said -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)[0]
    with pytest.raises(ConfigError) as caught:
        read(wrong, {"RUNNER_TIMEOUTS__ACTION": "5"})
    assert str(caught.value) == said.strip()


def test_every_toml_example_is_valid(read: Callable[..., Settings]) -> None:
    examples = re.findall(r"(?<!<!-- wrong -->\n)```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 3
    for example in examples:
        read(example)


def _variables() -> list[str]:
    chapter = PAGE.split("\n## Environment variables\n", 1)[1].split("\n## ", 1)[0]
    table = "\n".join(line for line in chapter.splitlines() if line.startswith("|"))
    return re.findall(r"`(RUNNER_[^`]+)`", table)


@pytest.mark.parametrize("example", _variables())
def test_every_variable_in_the_manual_is_accepted(read: Callable[..., Settings], example: str) -> None:
    (assignment,) = shlex.split(example)
    name, _, value = assignment.partition("=")
    account = '[[accounts]]\nname = "amy-2"\nsite = "mock"\npassword.env = "A"\n'
    text = '[sites.mock]\nbase_url = "http://127.0.0.1:1"\n' + account
    assert read(text, {name: value}).model_dump() != read(text).model_dump()


def test_there_are_variables_to_check() -> None:
    assert len(_variables()) >= 8
