from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.config.load import load
from runner.config.problems import ConfigError
from runner.config.settings import Settings

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]
FORMS = '{ env = "VARIABLE" }, { keyring = "service/username" } or { file = "path" }'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[browser]\nheedless = true", ':2: [browser] heedless: no such key. Did you mean "headless"?'),
        ("[evidnce]\ndir = 'x'", ':1: [evidnce]: no such section. Did you mean "evidence"?'),
        ("[timeouts]\nheadless = true", ":2: [timeouts] headless: no such key. It belongs to [browser]."),
        ("headless = true", ":1: headless: no such key. It belongs to [browser]."),
        ("[browser]\nheadless = 'perhaps'", ':2: [browser] headless: expected true or false; found "perhaps".'),
        (
            "[browser.viewport]\nheight = 1",
            ":2: [browser.viewport] height: expected a whole number from 200 to 4320; found 1.",
        ),
        ("browser.viewport.hight = 1", ':1: [browser.viewport] hight: no such key. Did you mean "height"?'),
        (
            "[browser]\nchannel = 'crome'",
            ':2: [browser] channel: expected "chromium" or "chrome"; found "crome". Did you mean "chrome"?',
        ),
        ("[timeouts]\naction_s = -1", ":2: [timeouts] action_s: expected a number above 0 and up to 604800; found -1."),
        ("[timeouts]\nevidence_s = 6", ":2: [timeouts] evidence_s: expected a number above 0 and up to 5; found 6."),
        ("[timeouts]\nlaunch_s = true", ":2: [timeouts] launch_s: expected a number; found true."),
        ("[retry]\njitter = nan", ":2: [retry] jitter: expected a number from 0 to 1; found nan."),
        ("[retry.kinds.netwrk]\njitter = 0", ':1: [retry.kinds] netwrk: no such key. Did you mean "network"?'),
        ("[browser]\nargs = ['--a',\n'x']", ":3: [browser] args item 2: expected a Chromium switch such as"),
        ("[browser]\nargs = ['--no-sandbox']", ":2: [browser] args item 1: --no-sandbox is not allowed here: the"),
        ("[browser]\ntimezone = 'europe/berln'", 'found "europe/berln". Did you mean "Europe/Berlin"?'),
        ("[browser]\nlocale = 'english'", 'expected a language tag such as "en-GB"; found "english".'),
        ("[orchestrator]\nflows = []", ":2: [orchestrator] flows: expected a list of texts with at least one"),
        ("[evidence]\ndir = ''", ':2: [evidence] dir: expected a path; found "".'),
        ("sites = {}", ":1: [sites]: expected a table with at least one; found an empty table."),
        ("browser = 'chrome'", ":1: browser: expected a table; found a text."),
        ("[sites.mock]\noptions = {}", ":1: [sites.mock] base_url: missing. Example: base_url = "),
        ("[accounts]\nname = 'amy'", ":1: [accounts]: expected a list of tables, each headed by its name in [[ ]]"),
        (
            "[[accounts]]\nname = 'Amy B'\nsite = 'mock'\npassword.env = 'A'",
            ':2: [[accounts]] "Amy B" name: expected 1',
        ),
        (
            "[[accounts]]\nsite = 'mock'\npassword.env = 'A'",
            ':1: [[accounts]] number 1 name: missing. Example: name = "',
        ),
    ],
)
def test_problem_names_line_key_expected_and_found(problems: Problems, text: str, told: str) -> None:
    (line,) = problems(text)
    assert line.startswith("playwright.config.toml:")
    assert told in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base_url = 'ftp://127.0.0.1'", 'base_url: expected a URL such as "http://127.0.0.1:8765"; found "ftp://'),
        ("base_url = 'http://127.0.0.1:99999'", "base_url: expected a URL such as"),
        ("base_url = 'http://127.0.0.1/?a=1'", "base_url: expected a URL without ? and #"),
        ("base_url = 'https://shop.example'", 'base_url: "https://shop.example" is not on this machine.'),
        ("base_url = 'http://127.0.0.1.evil.example'", "is not on this machine. Loopback only is the rule"),
        (
            "base_url = 'http://[::1]:1'\nallowed_origins = ['http://localhost:2/x']",
            'allowed_origins item 1: expected an origin without a path, such as "http://localhost:2"',
        ),
        (
            "base_url = 'http://[::1]:1'\nallowed_origins = ['https://cdn.example']",
            "is not on this machine. Loopback only is the rule; to let the runner go there, write allow_remote = true",
        ),
    ],
)
def test_site_address_is_checked(problems: Problems, text: str, told: str) -> None:
    (line,) = problems("[sites.mock]\n" + text)
    assert told in line


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ('"hunter2"', f"a password is never written here. Say where it is kept: {FORMS}."),
        ('{ env = "hunter2!" }', "expected the name of an environment variable"),
        ('{ keyring = "hunter2" }', "expected a service and a user name"),
        ('{ evn = "hunter2" }', 'no such key. Did you mean "env"?'),
        ('{ env = "A", file = "hunter2" }', f"expected exactly one of {FORMS}."),
        ("{}", f"expected exactly one of {FORMS}."),
        ('["hunter2"]', f"expected exactly one of {FORMS}."),
    ],
)
def test_password_in_the_file_is_refused_and_never_repeated(read: Read, password: str, told: str) -> None:
    text = f'[[accounts]]\nname = "amy"\nsite = "mock"\npassword = {password}\n'
    with pytest.raises(ConfigError) as caught:
        read(text)
    (line,) = caught.value.problems
    assert line.startswith('playwright.config.toml:4: [[accounts]] "amy" password: ')
    assert told in line
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "text", ["amy:hunter2", '["hunter2"]', '[{"name": "amy", "site": "mock", "password": "hunter2"}]']
)
def test_password_in_a_variable_is_never_repeated(read: Read, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("", {"RUNNER_ACCOUNTS": text})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_credentials_in_a_url_are_never_repeated(problems: Problems) -> None:
    (line,) = problems("[sites.mock]\nbase_url = 'http://amy:hunter2@127.0.0.1'")
    assert line.endswith("base_url: expected a URL without a user name or password in it.")


def test_misspelt_required_key_is_one_problem(problems: Problems) -> None:
    (line,) = problems("[[accounts]]\nname = 'amy'\nsite = 'mock'\npasswrod = { env = 'A' }\n")
    assert line == 'playwright.config.toml:4: [[accounts]] "amy" passwrod: no such key. Did you mean "password"?'


def test_odd_texts_are_shown_short_and_on_one_line(problems: Problems) -> None:
    (line,) = problems('[browser]\nchannel = "' + "x" * 10_000 + '\\n\\u001b[31m\\u202e"\n')
    assert len(line) < 250
    (line,) = problems('[browser]\nchannel = "a\\nb\\u001b[31m\\u202e"\n')
    assert '"a\\u000ab\\u001b[31m\\u202e"' in line


ODD = [
    "[]",
    "{}",
    "''",
    "'x'",
    "-1",
    "1e300",
    "inf",
    "nan",
    "true",
    "1979-05-27",
    "[[1]]",
    "{ a = { b = 1 } }",
    "['', 1]",
]
KEYS = ["browser", "sites", "accounts", "retry.kinds", "sites.mock", "sites.'[key]'", "accounts.amy", "''.''"] + [
    f"{section}.{key}"
    for section, info in Settings.model_fields.items()
    if section not in ("sites", "accounts")
    for key in getattr(info.annotation, "model_fields", {})
]


def _lines_said(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(text)
    try:
        load(environ={})
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("value", ODD)
def test_odd_value_anywhere_is_no_more_than_a_problem_with_its_line(folder: Path, value: str) -> None:
    file = folder / "playwright.config.toml"
    said = [line for key in KEYS for line in _lines_said(file, f"{key} = {value}\n")]
    for key in ("name", "site", "username", "password", "tags", "timezone", "enabled"):
        said += _lines_said(file, f"[[accounts]]\n{key} = {value}\n")
    assert len(said) > len(KEYS) / 2
    assert [line for line in said if not re.match(r"playwright\.config\.toml:[12]: \S", line)] == []
