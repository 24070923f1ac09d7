"""Which browser is chosen, with programs that say a version, and some that do not, standing where browsers stand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.browser import discovery
from runner.browser.discovery import BrowserMissing, Places, find_browser

MakeProgram = Callable[..., Path]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(search_path=str(tmp_path / "bin"), playwright_folder=tmp_path / "ms-playwright", fixed=False)


@pytest.fixture
def make_program() -> MakeProgram:
    def make(path: Path, says: str = "Chromium 156.0.8078.79 built on Debian", exit_code: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$0 $*" >>"{path}.calls"\necho "{says}"\nexit {exit_code}\n')
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def install(tmp_path: Path, make_program: MakeProgram) -> Callable[[str], Path]:
    return lambda name: make_program(tmp_path / "bin" / name)


@pytest.fixture
def download(places: Places, make_program: MakeProgram) -> Callable[..., Path]:
    def put(kind: str, revision: str, inside: str, *, complete: bool = True) -> Path:
        folder = places.playwright_folder / f"{kind}-{revision}"
        program = make_program(folder / inside, says="Google Chrome for Testing 159.0.8154.6")
        if complete:
            (folder / "INSTALLATION_COMPLETE").touch()
        return program

    return put


def test_configured_path_wins_over_everything(
    tmp_path: Path, places: Places, make_program: MakeProgram, install: Callable[[str], Path]
) -> None:
    install("chromium")
    mine = make_program(tmp_path / "mine" / "chrome", says="Google Chrome 150.0.7000.1 beta")
    browser = find_browser(configured=mine, headless=True, places=places)
    assert (browser.path, browser.source) == (mine, "config")
    assert (browser.name, browser.version, browser.major) == ("Google Chrome", "150.0.7000.1", 150)


def test_playwrights_own_wins_over_an_installed_one(
    places: Places, install: Callable[[str], Path], download: Callable[..., Path]
) -> None:
    install("chromium-headless-shell")
    own = download("chromium", "1255", "chrome-linux64/chrome")
    browser = find_browser(configured=None, headless=True, places=places)
    assert (browser.path, browser.source) == (own, "playwright")


def test_headless_prefers_the_headless_shell_and_headed_never_takes_it(
    places: Places, download: Callable[..., Path]
) -> None:
    full = download("chromium", "1255", "chrome-linux64/chrome")
    shell = download("chromium_headless_shell", "1255", "chrome-headless-shell-linux64/chrome-headless-shell")
    assert find_browser(configured=None, headless=True, places=places).path == shell
    assert find_browser(configured=None, headless=False, places=places).path == full


def test_headed_without_a_full_browser_says_that_no_window_can_be_shown(
    places: Places, install: Callable[[str], Path]
) -> None:
    install("chromium-headless-shell")
    assert find_browser(configured=None, headless=True, places=places).headless_shell
    with pytest.raises(BrowserMissing, match="can show a window"):
        find_browser(configured=None, headless=False, places=places)


@pytest.mark.parametrize(
    "inside",
    [
        "chrome-linux64/chrome",
        "chrome-linux/chrome",
        "chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
        "chrome-mac/Chromium.app/Contents/MacOS/Chromium",
    ],
)
def test_every_layout_of_playwrights_folder_is_known(
    places: Places, download: Callable[..., Path], inside: str
) -> None:
    program = download("chromium", "1200", inside)
    assert find_browser(configured=None, headless=False, places=places).path == program


def test_download_that_was_cut_off_is_passed_over(
    places: Places, install: Callable[[str], Path], download: Callable[..., Path]
) -> None:
    download("chromium", "1255", "chrome-linux64/chrome", complete=False)
    installed = install("chromium")
    assert find_browser(configured=None, headless=True, places=places).path == installed


def test_among_downloads_that_this_playwright_was_not_built_for_the_newest_is_taken(
    places: Places, download: Callable[..., Path]
) -> None:
    download("chromium", "999", "chrome-linux64/chrome")
    newest = download("chromium", "1001", "chrome-linux64/chrome")
    assert find_browser(configured=None, headless=False, places=places).path == newest


def test_download_that_this_playwright_was_built_for_wins_over_a_newer_one(
    places: Places, download: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "_registry_entry", lambda: {"revision": "1000"})
    built_for = download("chromium", "1000", "chrome-linux64/chrome")
    download("chromium", "1001", "chrome-linux64/chrome")
    assert find_browser(configured=None, headless=False, places=places).path == built_for


def test_stub_that_only_says_how_to_install_is_passed_over(
    tmp_path: Path, places: Places, make_program: MakeProgram, install: Callable[[str], Path]
) -> None:
    make_program(tmp_path / "bin" / "chromium-browser", says="requires the chromium snap to be installed", exit_code=1)
    with pytest.raises(BrowserMissing) as caught:
        find_browser(configured=None, headless=True, places=places)
    assert "requires the chromium snap" in str(caught.value)
    chrome = install("google-chrome")
    assert find_browser(configured=None, headless=True, places=places).path == chrome


def test_empty_machine_says_what_to_type(places: Places) -> None:
    with pytest.raises(BrowserMissing) as caught:
        find_browser(configured=None, headless=True, places=places)
    assert "No Chrome or Chromium was found" in caught.value.what
    assert "make setup" in caught.value.cure


def test_channel_limits_the_choice(places: Places, install: Callable[[str], Path]) -> None:
    install("chromium")
    chrome = install("google-chrome-stable")
    assert find_browser(configured=None, headless=True, channel="chrome", places=places).path == chrome


def test_unknown_channel_names_the_key_and_the_choices(places: Places) -> None:
    with pytest.raises(BrowserMissing, match=r"browser\.channel.*firefox.*chromium-headless-shell"):
        find_browser(configured=None, headless=True, channel="firefox", places=places)


def _missing(folder: Path) -> Path:
    return folder / "nothing-here"


def _not_a_program(folder: Path) -> Path:
    file = folder / "notes.txt"
    file.write_text("no program")
    return file


def _folder(folder: Path) -> Path:
    return folder


def _another_program(folder: Path) -> Path:
    return Path("/bin/ls")


@pytest.mark.parametrize("wrong", [_missing, _not_a_program, _folder, _another_program])
def test_wrong_configured_path_is_an_error_that_names_the_key(
    tmp_path: Path, places: Places, install: Callable[[str], Path], wrong: Callable[[Path], Path]
) -> None:
    install("chromium")
    with pytest.raises(BrowserMissing, match=r"browser\.path") as caught:
        find_browser(configured=wrong(tmp_path), headless=True, places=places)
    assert "browser.path" in caught.value.cure


def test_configured_headless_shell_cannot_run_headed(tmp_path: Path, places: Places, make_program: MakeProgram) -> None:
    shell = make_program(tmp_path / "mine" / "chrome-headless-shell")
    with pytest.raises(BrowserMissing, match="cannot show a window"):
        find_browser(configured=shell, headless=False, places=places)


def test_version_is_asked_once_until_the_program_changes(places: Places, install: Callable[[str], Path]) -> None:
    program = install("chromium")
    for _ in range(3):
        find_browser(configured=None, headless=True, places=places)
    calls = Path(f"{program}.calls")
    assert len(calls.read_text().splitlines()) == 1
    os.utime(program, ns=(1, 1))
    find_browser(configured=None, headless=True, places=places)
    assert len(calls.read_text().splitlines()) == 2


def test_program_that_never_answers_is_given_up(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "VERSION_DEADLINE_S", 0.2)
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    with pytest.raises(BrowserMissing, match="gave no answer"):
        find_browser(configured=None, headless=True, places=places)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PLAYWRIGHT_BROWSERS_PATH": "/elsewhere"}, Path("/elsewhere")),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/h/cache"}, Path("/h/cache/ms-playwright")),
        ({"HOME": "/h"}, Path("/h/.cache/ms-playwright")),
    ],
)
def test_playwrights_folder_follows_playwrights_own_settings(
    environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert Places.of_this_machine(environ).playwright_folder == folder


@pytest.mark.browser
def test_real_browser_of_this_machine_says_its_version() -> None:
    browser = find_browser(configured=None, headless=True)
    assert browser.major >= 100
    assert browser.version.startswith(f"{browser.major}.")
    assert os.access(browser.path, os.X_OK)


def test_installed_playwright_says_which_chromium_it_was_built_for() -> None:
    version = discovery.playwrights_chromium_version()
    assert version is not None
    assert int(version.partition(".")[0]) >= 100
