from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.config.load import load
from runner.config.problems import ConfigError
from runner.config.settings import Settings
from runner.errors import SetupError

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]

AMY = '[[accounts]]\nname = "amy"\nsite = "mock"\npassword = { env = "AMY_PASSWORD" }\n'


def test_empty_file_gives_the_defaults(read: Read, folder: Path) -> None:
    settings = read("")
    assert settings.browser.headless is True
    assert settings.sites["mock"].base_url.startswith("http://127.0.0.1")
    assert settings.store.path == folder / "runner.db"
    assert settings.file == folder / "playwright.config.toml"


def test_environment_outranks_the_file_and_the_command_line_outranks_both(read: Read) -> None:
    text = "[browser]\nslow_mo_ms = 1\n[orchestrator]\nconcurrency = 1\n[timeouts]\naction_s = 1\n"
    environ = {"RUNNER_BROWSER__SLOW_MO_MS": "2", "RUNNER_ORCHESTRATOR__CONCURRENCY": "2"}
    settings = read(text, environ, flags={"browser.slow_mo_ms": 3})
    assert (settings.browser.slow_mo_ms, settings.orchestrator.concurrency, settings.timeouts.action_s) == (3, 2, 1.0)


def test_origin_says_where_each_value_came_from(read: Read) -> None:
    text = "[browser]\nlocale = 'nl-NL'\nviewport = { width = 900 }\n[timeouts]\naction_s = 3\n" + AMY
    settings = read(text, {"RUNNER_TIMEOUTS__ACTION_S": "4"}, flags={"browser.headless": False})
    assert settings.origin_of("browser.locale") == "file playwright.config.toml:2"
    assert settings.origin_of("browser.viewport.width") == "file playwright.config.toml:3"
    assert settings.origin_of("browser.viewport.height") == "default"
    assert settings.origin_of("timeouts.action_s") == "environment RUNNER_TIMEOUTS__ACTION_S"
    assert settings.origin_of("browser.headless") == "command line"
    assert settings.origin_of("accounts.amy.password") == "file playwright.config.toml:9"
    assert settings.origin_of("accounts.amy.tags") == "default"


def test_origin_of_a_setting_that_does_not_exist_is_an_error(read: Read) -> None:
    with pytest.raises(KeyError, match="heedless"):
        read().origin_of("browser.heedless")


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    account = AMY.replace('env = "AMY_PASSWORD"', 'file = "secrets/amy.txt"')
    (tmp_path / "conf" / "shop.toml").write_text("[browser]\npath = 'bin/chromium'\n[profiles]\ndir = '/p'\n" + account)
    settings = load(Path("conf/shop.toml"), environ={"RUNNER_EVIDENCE__DIR": "shots"})
    assert settings.browser.path == tmp_path / "conf/bin/chromium"
    assert settings.evidence.dir == tmp_path / "conf/shots"
    assert settings.profiles.dir == Path("/p")
    assert settings.accounts[0].password.name == str(tmp_path / "conf/secrets/amy.txt")


def test_variable_names_the_file_and_an_argument_outranks_it(tmp_path: Path) -> None:
    for name, width in (("a", 500), ("b", 600)):
        (tmp_path / name).write_text(f"browser.viewport.width = {width}")
    environ = {"RUNNER_CONFIG": str(tmp_path / "a")}
    assert load(environ=environ).browser.viewport.width == 500
    assert load(tmp_path / "b", environ=environ).browser.viewport.width == 600


def test_missing_file_names_the_command_that_writes_one(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={})
    assert str(caught.value).startswith("playwright.config.toml: there is no such file.")
    assert "runner init" in str(caught.value)


def test_folder_in_place_of_the_file_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(folder, environ={})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[browser]\nheadless = yes\n",
            "playwright.config.toml:2:12: not TOML: this is no value; texts stand in quotes",
        ),
        ("[browser\nheadless = true", "playwright.config.toml:1:9: not TOML: expected ']' at the end of a table"),
        ("a = 1\n\nb = [1,\n", "playwright.config.toml:3: not TOML:"),
        ("[log]\n[log]\n", "playwright.config.toml:2:5: not TOML: this key or table stands here a second time"),
        ('[browser]\npath = "C:\\chrome"\n', "put a Windows path in single quotes"),
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_syntax_error_names_line_and_column(problems: Problems, text: str, told: str) -> None:
    (line,) = problems(text)
    assert told in line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_windows_editors_write_is_read(read: Read, encoding: str, newline: str) -> None:
    text = f"# é{newline}[browser]{newline}slow_mo_ms = 7{newline}"
    settings = read(text.encode(encoding))
    assert settings.browser.slow_mo_ms == 7
    assert settings.origin_of("browser.slow_mo_ms") == "file playwright.config.toml:3"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"# fine\nname = 'caf\xe9'\n", "playwright.config.toml:2: byte 0xe9 is not UTF-8. Save the file as UTF-8."),
        ("[log]\n".encode("utf-16-le"), "holds NUL characters, as UTF-16 does. Save the file as UTF-8."),
        (b"\xff\xfe\x00", "is not valid UTF-16. Save the file as UTF-8."),
    ],
)
def test_other_encodings_are_a_clear_error(problems: Problems, raw: bytes, told: str) -> None:
    (line,) = problems(raw)
    assert told in line


def test_every_problem_is_listed_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    text = "[timeouts]\naction_s = 0\n[browser]\nheedless = true\n[[accounts]]\nname = 'amy'\nsite = 'mokc'\n"
    lines = problems(text, {"RUNNER_LOG__LEVEL": "loud"})
    assert [line.split(": ")[0] for line in lines] == [
        "playwright.config.toml:2",
        "playwright.config.toml:4",
        "playwright.config.toml:5",
        "playwright.config.toml:7",
        "environment RUNNER_LOG__LEVEL",
    ]


def test_error_is_a_setup_error_that_says_what_to_do(read: Read) -> None:
    with pytest.raises(SetupError) as caught:
        read("[browser]\nheedless = 1\nslow_mo_ms = -1\n")
    assert str(caught.value).startswith("2 things are wrong in the configuration:\n")
    assert "docs/configuration.md" in caught.value.cure


def test_duplicate_account_name_is_named_on_its_second_line(problems: Problems) -> None:
    (line,) = problems(AMY + AMY.replace('site = "mock"', 'site = "mock"\nusername = "other"'))
    assert line == 'playwright.config.toml:6: [[accounts]] "amy" name: "amy" is already the name of account number 1.'


def test_two_accounts_that_sign_in_as_the_same_person_are_refused(problems: Problems) -> None:
    (line,) = problems(AMY + AMY.replace('"amy"', '"amy2"') + 'username = "amy"\n')
    assert line.startswith('playwright.config.toml:9: [[accounts]] "amy2" username: account "amy" already signs in')


def test_account_of_an_unknown_site_gets_the_nearest_one(problems: Problems) -> None:
    (line,) = problems(AMY.replace("mock", "mokc"))
    assert line == (
        'playwright.config.toml:3: [[accounts]] "amy" site: no such site: "mokc". '
        'Did you mean "mock"? There is: "mock".'
    )
