"""What is tried when no browser is here, in which order, and what a person is told.

The programs that install (Playwright's command, apt-get) are stand-ins on PATH that record how they were called.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.browser import install
from runner.browser.discovery import BrowserMissing, Places
from runner.browser.install import InstallFailed, Machine, install_browser

REFUSED = "echo 'Downloading Chromium'; echo 'Error: getaddrinfo ENOTFOUND cdn.example'; exit 1"


class Bench:
    """A machine with nothing but stand-ins; `calls` is what they were asked, in order."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "calls"
        self.lists = folder / "lists"
        self.lists.mkdir()
        self.places = Places(search_path=str(self.bin), playwright_folder=folder / "ms-playwright", fixed=False)
        self.said: list[str] = []

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def browser_appears(self) -> str:
        program = self.bin / "chromium"
        return f"printf '#!/bin/sh\\necho Chromium 156.0.1.2\\n' >'{program}'; chmod 755 '{program}'"

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\necho \"{name} $*\" >>'{self.log}'\n{script}\n")
        path.chmod(0o755)

    def playwright(self, script: str) -> None:
        self.command("playwright", script)

    def install(self, *, is_root: bool = True, has_apt: bool = True, configured: Path | None = None) -> str:
        machine = Machine(
            is_root=is_root,
            has_apt=has_apt,
            places=self.places,
            apt_lists=self.lists,
            playwright=(str(self.bin / "playwright"),),
            environ={"PATH": f"{self.bin}:{os.defpath}"},
        )
        return str(install_browser(self.said.append, configured=configured, machine=machine))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    # No test may reach the real package manager: one that forgets its stand-in gets these.
    made.command("apt-get", "exit 99")
    made.playwright("exit 99")
    made.command("apt-cache", "echo Package")
    # subprocess looks a program up on our own PATH, whatever the environment that the program is given.
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    return made


def test_browser_that_is_here_is_taken_in_silence(bench: Bench) -> None:
    subprocess.run(["sh", "-c", bench.browser_appears], check=True)
    assert "Chromium 156.0.1.2" in bench.install()
    assert (bench.said, bench.calls) == ([], [])


def test_wrong_configured_path_installs_nothing(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(BrowserMissing, match=r"browser\.path"):
        bench.install(configured=tmp_path / "nothing")
    assert bench.calls == []


def test_playwrights_download_is_tried_first_and_is_enough(bench: Bench) -> None:
    bench.playwright(bench.browser_appears)
    assert "Chromium 156.0.1.2" in bench.install()
    assert bench.calls == ["playwright install --with-deps chromium"]


def test_refused_download_falls_back_on_the_distributions_package(bench: Bench) -> None:
    bench.playwright(REFUSED)
    bench.command("apt-get", f'case "$*" in *" install "*) {bench.browser_appears};; esac')
    assert "Chromium 156.0.1.2" in bench.install()
    asked = [call for call in bench.calls if not call.startswith("apt-cache")]
    assert asked[0] == "playwright install --with-deps chromium"
    assert asked[1].endswith("Lock::Timeout=120 update")
    assert " install --no-install-recommends chromium chromium-headless-shell " in asked[2]


def test_what_is_installed_is_said_before_it_is_done(bench: Bench) -> None:
    note = bench.log.with_name("said")
    bench.playwright(f"cat '{note}' >>'{bench.log}'; exit 1")
    bench.command("apt-get", f"cat '{note}' >>'{bench.log}'; {bench.browser_appears}")
    bench.said = _Noted(note)
    bench.install()
    download = bench.calls.index("playwright install --with-deps chromium")
    assert "downloading Playwright's Chromium" in bench.calls[download + 1]
    update = next(n for n, call in enumerate(bench.calls) if call.endswith(" update"))
    assert any("apt-get update" in line for line in bench.calls[update + 1 : update + 4])


class _Noted(list[str]):
    """Writes each line to a file as it is said, for the stand-ins to read."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def append(self, line: str) -> None:
        super().append(line)
        with self._file.open("a") as out:
            out.write(line + "\n")


def test_fresh_package_lists_are_not_asked_for_again(bench: Bench) -> None:
    (bench.lists / "mirror_main_binary_Packages").touch()
    bench.playwright(REFUSED)
    bench.command("apt-get", bench.browser_appears)
    bench.install()
    assert not any(call.endswith(" update") for call in bench.calls)


def test_extras_that_the_distribution_does_not_have_are_left_out(bench: Bench) -> None:
    bench.playwright(REFUSED)
    bench.command("apt-cache", 'case "$*" in *fonts-liberation*) echo Package;; *) exit 100;; esac')
    bench.command("apt-get", f'case "$*" in *" install "*) {bench.browser_appears};; esac')
    bench.install()
    assert bench.calls[-1].endswith("install --no-install-recommends chromium fonts-liberation")


def test_chromium_alone_is_installed_when_the_extras_break_it(bench: Bench) -> None:
    bench.playwright(REFUSED)
    bench.command("apt-get", f'case "$*" in *fonts*) exit 100;; *"install chromium") {bench.browser_appears};; esac')
    assert "Chromium 156.0.1.2" in bench.install()


def test_when_nothing_works_one_error_says_what_was_tried_and_what_to_type(bench: Bench) -> None:
    bench.playwright(REFUSED)
    bench.command("apt-get", "echo 'E: Unable to locate package chromium'; exit 100")
    with pytest.raises(InstallFailed) as caught:
        bench.install()
    text = str(caught.value)
    assert "tried: playwright install --with-deps chromium" in text
    assert "getaddrinfo ENOTFOUND" in text
    assert "exit code 100" in text
    assert "E: Unable to locate package chromium" in text
    assert "Type: apt-get update && apt-get install -y chromium" in text


def test_who_is_not_root_gets_the_plain_download_and_never_apt(bench: Bench) -> None:
    bench.playwright(REFUSED)
    bench.command("apt-get", bench.browser_appears)
    with pytest.raises(InstallFailed, match="Type: sudo apt-get update && sudo apt-get install -y chromium"):
        bench.install(is_root=False)
    assert bench.calls == ["playwright install --with-deps chromium", "playwright install chromium"]


def test_machine_without_apt_is_told_to_install_a_browser_itself(bench: Bench) -> None:
    bench.playwright(REFUSED)
    with pytest.raises(InstallFailed, match="Install Google Chrome or Chromium"):
        bench.install(has_apt=False)


def test_question_for_a_password_fails_instead_of_waiting(bench: Bench) -> None:
    bench.playwright("read answer || { echo 'Error: no one to ask'; exit 1; }; " + bench.browser_appears)
    with pytest.raises(InstallFailed, match="no one to ask"):
        bench.install(has_apt=False)


def test_download_that_hangs_is_stopped_with_everything_it_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "DOWNLOAD_DEADLINE_S", 1.0)
    pid_file = bench.log.with_name("pid")
    bench.playwright(f"echo 'at 3%'; tail -f /dev/null & echo $! >'{pid_file}'; wait")
    with pytest.raises(InstallFailed, match=r"stopped after 1 s\s+at 3%"):
        bench.install(has_apt=False)
    state = Path(f"/proc/{pid_file.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_command_line_says_the_browser_and_keeps_stdout_clean(bench: Bench) -> None:
    subprocess.run(["sh", "-c", bench.browser_appears], check=True)
    ran = subprocess.run(
        [sys.executable, "-m", "runner.browser.install", "--path", str(bench.bin / "chromium")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == f"setup: browser: Chromium 156.0.1.2 ({bench.bin / 'chromium'})\n"


def test_command_line_fails_with_a_wrong_path(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "runner.browser.install", "--path", str(tmp_path / "nothing")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "browser.path" in ran.stderr
