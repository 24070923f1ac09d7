from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.config.problems import ConfigError
from runner.config.settings import Settings

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]

ACCOUNTS = """
[[accounts]]
name = "amy"
site = "mock"
password = { keyring = "runner/amy" }
[[accounts]]
name = "ben-2"
site = "mock"
password = { env = "BEN" }
"""


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("RUNNER_BROWSER__HEADLESS", "false", "browser.headless", False),
        ("RUNNER_BROWSER__VIEWPORT__WIDTH", "640", "browser.viewport.width", 640),
        ("RUNNER_BROWSER__VIEWPORT", "{ width = 641 }", "browser.viewport.width", 641),
        ("RUNNER_BROWSER__VIEWPORT", '{"width": 642}', "browser.viewport.width", 642),
        ("RUNNER_BROWSER__ARGS", '["--mute-audio"]', "browser.args", ("--mute-audio",)),
        ("RUNNER_BROWSER__ARGS", "--a=1, --b", "browser.args", ("--a=1", "--b")),
        ("RUNNER_BROWSER__CHANNEL", "chrome", "browser.channel", "chrome"),
        ("RUNNER_SITES__MOCK__BASE_URL", "http://localhost:9", "sites.mock.base_url", "http://localhost:9"),
        ("RUNNER_SITES__MOCK__OPTIONS__SHOP", "12", "sites.mock.options.shop", "12"),
        ("RUNNER_LOG", '{ level = "debug" }', "log.level", "debug"),
        ("RUNNER_ORCHESTRATOR__FLOWS", "read_inbox,check_login", "orchestrator.flows", ("read_inbox", "check_login")),
    ],
)
def test_every_kind_of_value_can_come_from_the_environment(
    read: Read, name: str, text: str, key: str, value: object
) -> None:
    settings = read('[sites.mock]\nbase_url = "http://127.0.0.1:8765"\n', {name: text})
    found: object = settings
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == value
    assert settings.origin_of(key) == f"environment {name}"


def test_table_from_the_environment_keeps_what_it_does_not_mention(read: Read) -> None:
    settings = read("[browser]\nslow_mo_ms = 5\n", {"RUNNER_BROWSER": '{"locale": "nl"}'})
    assert (settings.browser.slow_mo_ms, settings.browser.locale) == (5, "nl")


def test_single_key_outranks_its_whole_table(read: Read) -> None:
    environ = {"RUNNER_BROWSER__LOCALE": "fr", "RUNNER_BROWSER": '{"locale": "nl", "slow_mo_ms": 9}'}
    settings = read("", environ)
    assert (settings.browser.slow_mo_ms, settings.browser.locale) == (9, "fr")


def test_account_is_reached_by_its_name(read: Read) -> None:
    settings = read(ACCOUNTS, {"RUNNER_ACCOUNTS__BEN_2__ENABLED": "false", "RUNNER_ACCOUNTS__AMY__TAGS": "a, b"})
    assert [account.enabled for account in settings.accounts] == [True, False]
    assert settings.accounts[0].tags == ("a", "b")
    assert settings.origin_of("accounts.ben-2.enabled") == "environment RUNNER_ACCOUNTS__BEN_2__ENABLED"


@pytest.mark.parametrize(
    "environ",
    [
        {"RUNNER_ACCOUNTS__AMY__PASSWORD__ENV": "AMY"},
        {"RUNNER_ACCOUNTS__AMY__PASSWORD": '{ env = "AMY" }'},
    ],
)
def test_one_form_of_reference_takes_the_place_of_another(read: Read, environ: dict[str, str]) -> None:
    password = read(ACCOUNTS, environ).accounts[0].password
    assert (password.kind, password.name) == ("env", "AMY")


def test_all_accounts_can_come_from_one_variable(read: Read) -> None:
    text = '[{"name": "cleo", "site": "mock", "password": {"env": "CLEO"}}]'
    assert [account.name for account in read(ACCOUNTS, {"RUNNER_ACCOUNTS": text}).accounts] == ["cleo"]


def test_variables_of_other_programs_are_left_alone(read: Read) -> None:
    github = {"RUNNER_OS": "Linux", "RUNNER_TEMP": "/t", "RUNNER_DEBUG": "1", "RUNNER_AMY_PASSWORD": "x", "PATH": ""}
    assert read("", github) == read("")


def test_empty_variable_counts_as_not_set(read: Read) -> None:
    assert read("", {"RUNNER_BROWSER__LOCALE": "", "RUNNER_TYPO__X": " "}).browser.locale == "en-GB"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("RUNNER_BROWSER__HEEDLESS", "1", "no such setting. Did you mean RUNNER_BROWSER__HEADLESS?"),
        ("RUNNER_BROWSR__HEADLESS", "1", "no such setting. Did you mean RUNNER_BROWSER?"),
        ("RUNNER_BROWSER__HEADLESS", "perhaps", 'expected true or false; found "perhaps".'),
        ("RUNNER_BROWSER__ARGS__0", "--x", "expected a list of texts; found a table."),
        ("RUNNER_BROWSER", "fast", "expected a table; found a text."),
        ("RUNNER_LOG", '{ level = "x" }', '[log] level: expected "debug", "info", "warning" or "error"; found "x".'),
        ("RUNNER_ACCOUNTS__BEN__TAGS", "x", 'there is no account "ben" in the file. There is: "amy", "ben-2".'),
        ("RUNNER_STORE__PATH__X", "x", "expected a path; found a table."),
        ("RUNNER_SITES__SHOP__OPTIONS__X", "x", '[sites.shop] base_url: missing. Example: base_url = "http'),
    ],
)
def test_wrong_variable_is_named(problems: Problems, name: str, text: str, told: str) -> None:
    site = '[sites.mock]\nbase_url = "http://127.0.0.1:8765"\n'
    (line,) = problems(site + ACCOUNTS, {name: text})
    assert line.startswith(f"environment {name}: ")
    assert told in line


def test_variable_that_may_mean_two_accounts_is_refused(problems: Problems) -> None:
    both = ACCOUNTS + ACCOUNTS.replace("ben-2", "ben_2").replace("amy", "eve")
    (line,) = problems(both, {"RUNNER_ACCOUNTS__BEN_2__TAGS": "x"})
    assert line.endswith('this may mean "ben-2" and "ben_2". Set it in the file.')


def test_wrong_option_of_the_command_is_named(read: Read) -> None:
    with pytest.raises(ConfigError) as caught:
        read("", flags={"orchestrator.concurrency": 0})
    (line,) = caught.value.problems
    assert line == "command line: [orchestrator] concurrency: expected a whole number from 1 to 64; found 0."
