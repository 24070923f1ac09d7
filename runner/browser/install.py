"""Installs a browser where none is: Playwright's download first, the distribution's package where that is refused."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.browser.discovery import Browser, BrowserMissing, Places, find_browser
from runner.errors import SetupError

DOWNLOAD_DEADLINE_S = 600.0
APT_DEADLINE_S = 900.0
LISTS_ARE_STALE_AFTER_S = 24 * 3600.0
LAST_LINES = 4
NO_QUESTIONS = {"DEBIAN_FRONTEND": "noninteractive"}
DONE = "done"

# Beside the browser itself: its sandbox for whoever is not root, the shell that starts faster without a window, and
# letters and emoji, without which a screenshot shows boxes. Left out where the distribution does not have them.
APT_EXTRAS = ("chromium-headless-shell", "chromium-sandbox", "fonts-liberation", "fonts-noto-color-emoji")
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120")

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One thing that was tried: the command as a person would type it, and how it ended."""

    command: str
    ended: str

    def __str__(self) -> str:
        return f"tried: {self.command}\n    {self.ended}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What decides how a browser can be installed here."""

    is_root: bool
    has_apt: bool
    places: Places
    playwright: tuple[str, ...] = (sys.executable, "-m", "playwright")
    apt_lists: Path = Path("/var/lib/apt/lists")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @classmethod
    def this(cls) -> Machine:
        """The machine we run on."""
        return cls(
            is_root=os.geteuid() == 0,
            has_apt=shutil.which("apt-get") is not None,
            places=Places.of_this_machine(),
        )


class InstallFailed(BrowserMissing):
    """Nothing that was tried brought a browser; `trials` holds each command and how it ended."""

    def __init__(self, trials: Sequence[Trial], *, cure: str) -> None:
        super().__init__(
            "No browser is here, and none could be installed.\n" + "\n".join(f"  {trial}" for trial in trials),
            cure=cure,
        )
        self.trials = tuple(trials)


def install_browser(say: Say, *, configured: Path | None = None, machine: Machine | None = None) -> Browser:
    """Return the browser that is here; where none is, install one, saying first what is being installed.

    Raises BrowserMissing for a `configured` path that is wrong (nothing is installed then), InstallFailed when
    nothing worked.
    """
    machine = machine or Machine.this()
    if configured is not None:
        return find_browser(configured=configured, headless=True, places=machine.places)
    found = _look(machine)
    if found:
        return found
    trials: list[Trial] = []
    for install in (_with_playwright, _with_playwright_without_packages, _with_apt):
        trials += install(say, machine)
        found = _look(machine)
        if found:
            return found
    raise InstallFailed(trials, cure=_what_to_type(machine))


def _look(machine: Machine) -> Browser | None:
    try:
        return find_browser(configured=None, headless=True, places=machine.places)
    except BrowserMissing:
        return None


def _with_playwright(say: Say, machine: Machine) -> list[Trial]:
    say("no browser here: downloading Playwright's Chromium and the system packages it needs (up to 10 minutes)")
    return [_playwright(machine, "install", "--with-deps", "chromium")]


def _with_playwright_without_packages(say: Say, machine: Machine) -> list[Trial]:
    """Who is not root may have all the system packages already, and needs nobody's password for the download."""
    if machine.is_root:
        return []
    say("system packages need root: downloading Playwright's Chromium alone")
    return [_playwright(machine, "install", "chromium")]


def _playwright(machine: Machine, *words: str) -> Trial:
    return _try(
        (*machine.playwright, *words),
        shown=" ".join(("playwright", *words)),
        deadline_s=DOWNLOAD_DEADLINE_S,
        environ={**machine.environ, **NO_QUESTIONS},  # --with-deps calls apt-get
    )


def _with_apt(say: Say, machine: Machine) -> list[Trial]:
    if not (machine.is_root and machine.has_apt):
        return []
    environ = {**machine.environ, **NO_QUESTIONS}
    trials = []

    def apt(*words: str) -> bool:
        trial = _try((*APT, *words), shown=" ".join(("apt-get", *words)), deadline_s=APT_DEADLINE_S, environ=environ)
        trials.append(trial)
        return trial.ended == DONE

    if _lists_are_stale(machine.apt_lists):
        say("asking the distribution which packages it has (apt-get update)")
        apt("update")
    extras = [name for name in APT_EXTRAS if _apt_has(name, environ)]
    say(f"installing the distribution's Chromium with apt-get: {' '.join(['chromium', *extras])} (some minutes)")
    if not apt("install", "--no-install-recommends", "chromium", *extras):
        say("that failed: installing chromium alone")
        apt("install", "chromium")
    return trials


def _apt_has(package: str, environ: Mapping[str, str]) -> bool:
    shown = subprocess.run(
        ["apt-cache", "--quiet", "show", package],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=dict(environ),
        timeout=60,
        check=False,
    )
    return shown.returncode == 0 and bool(shown.stdout.strip())


def _lists_are_stale(folder: Path) -> bool:
    """True when apt knows no package, as in a fresh container, or has not asked for a day."""
    lists = list(folder.glob("*Packages*")) if folder.is_dir() else []
    if not lists:
        return True
    return time.time() - folder.stat().st_mtime > LISTS_ARE_STALE_AFTER_S


def _try(command: Sequence[str], *, shown: str, deadline_s: float, environ: Mapping[str, str]) -> Trial:
    """Run `command` with no input and no terminal, so that a password prompt fails at once instead of waiting."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as refused:
        return Trial(command=shown, ended=f"does not start: {refused.strerror or refused}")
    try:
        said, _ = process.communicate(timeout=deadline_s)
    except subprocess.TimeoutExpired:
        said = _kill(process)
        return Trial(command=shown, ended=_ending(f"stopped after {deadline_s:.0f} s", said))
    except BaseException:  # Ctrl-C must not leave a download behind
        _kill(process)
        raise
    if process.returncode == 0:
        return Trial(command=shown, ended=DONE)
    return Trial(command=shown, ended=_ending(f"exit code {process.returncode}", said))


def _kill(process: subprocess.Popen[str]) -> str:
    os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def _ending(how: str, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or line.startswith("E:")] or lines
    return "\n    ".join([how, *(line[:200] for line in telling[-LAST_LINES:])])


def _what_to_type(machine: Machine) -> str:
    if machine.has_apt:
        apt_get = "apt-get" if machine.is_root else "sudo apt-get"
        command = f"{apt_get} update && {apt_get} install -y chromium"
        return f"Type: {command}   and then: make setup\n  (or install Google Chrome, which is found too)"
    return "Install Google Chrome or Chromium, or set browser.path to one that is here; then type: make setup"


def main() -> int:
    """Find or install a browser; 0 when there is one, 2 with the reason and what to type when there is none."""
    parser = argparse.ArgumentParser(prog="python -m runner.browser.install", description=__doc__)
    parser.add_argument("--path", type=Path, help="use this browser and install nothing")
    options = parser.parse_args()

    def say(line: str) -> None:
        sys.stderr.write(f"setup: {line}\n")
        sys.stderr.flush()

    try:
        browser = install_browser(say, configured=options.path)
    except SetupError as problem:
        say(problem.what)
        say(problem.cure)
        return 2
    say(f"browser: {browser}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
