"""Finds a Chromium on this machine without starting one: the configured path, Playwright's own, an installed one."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import playwright

from runner.errors import SetupError

VERSION_DEADLINE_S = 20.0  # a snap or a cold disk takes seconds for its first start

Source = Literal["config", "playwright", "installed"]

# The names that `browser.channel` may have, and the commands behind each.
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "chromium-headless-shell": ("chromium-headless-shell", "chrome-headless-shell"),
    "chromium": ("chromium", "chromium-browser"),
    "chrome": ("google-chrome-stable", "google-chrome"),
    "chrome-beta": ("google-chrome-beta",),
}

# Where a browser stands that is not on PATH. Debian's /usr/bin/chromium-headless-shell is a shell script that forks:
# the program behind it is preferred, because a signal sent to the script would not reach the browser.
PLACES: Mapping[str, tuple[str, ...]] = {
    "chromium-headless-shell": ("/usr/lib/chromium/chromium-headless-shell",),
    "chromium": ("/Applications/Chromium.app/Contents/MacOS/Chromium", "/snap/bin/chromium"),
    "chrome": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/opt/google/chrome/chrome",
    ),
    "chrome-beta": ("/Applications/Google Chrome Beta.app/Contents/MacOS/Google Chrome Beta",),
}

# Under Playwright's cache: folder prefix, and the program inside it on Linux and macOS, old layouts and new.
_PLAYWRIGHT_SHELL = ("chromium_headless_shell", ("chrome-*/chrome-headless-shell", "chrome-*/headless_shell"))
_PLAYWRIGHT_FULL = ("chromium", ("chrome-*/chrome", "chrome-*/*.app/Contents/MacOS/*"))


class BrowserMissing(SetupError):
    """No browser here that fits; `looked_at` holds one line for each place or program that did not do."""

    def __init__(self, what: str, *, cure: str, looked_at: tuple[str, ...] = ()) -> None:
        super().__init__(what, cure=cure)
        self.looked_at = looked_at


@dataclass(frozen=True, kw_only=True)
class Browser:
    """A Chromium that said its version; `headless_shell` has no window and cannot run headed."""

    path: Path
    name: str
    version: str
    major: int
    source: Source
    headless_shell: bool

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.path})"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where to look: `search_path` as in PATH, Playwright's browser folder, and whether fixed places count too."""

    search_path: str
    playwright_folder: Path
    fixed: bool = True

    @classmethod
    def of_this_machine(cls, environ: Mapping[str, str] | None = None) -> Places:
        """The places of the machine we run on; `environ` defaults to the process environment."""
        environ = os.environ if environ is None else environ
        return cls(search_path=environ.get("PATH", os.defpath), playwright_folder=_playwright_folder(environ))


def find_browser(
    *, configured: Path | None, headless: bool, channel: str | None = None, places: Places | None = None
) -> Browser:
    """Return the first browser that fits, in the order: configured path, Playwright's own, installed.

    A headless launch prefers the headless shell, which starts faster; a headed one never takes it.
    Raises BrowserMissing, which names `browser.path` or `browser.channel` where one of these is wrong.
    """
    if configured is not None:
        return _configured(configured, headless=headless)
    if channel is not None and channel not in CHANNELS:
        raise BrowserMissing(
            f'browser.channel is "{channel}", which is not a channel that can be looked for.',
            cure=f"Choose one of: {', '.join(CHANNELS)}; or leave it out.",
        )
    looked_at: list[str] = []
    for path, source in _candidates(places or Places.of_this_machine(), headless=headless, channel=channel):
        try:
            return _ask(path, source)
        except NotABrowser as problem:
            looked_at.append(str(problem))
    raise BrowserMissing(
        _nothing_fits(headless=headless, channel=channel, looked_at=looked_at),
        cure='Type "make setup" to install one, or set browser.path to a Chrome or Chromium.',
        looked_at=tuple(looked_at),
    )


class NotABrowser(SetupError):
    """A program that cannot say that it is a Chromium; the message says which and why."""


def playwrights_chromium_version() -> str | None:
    """The Chromium version that the installed Playwright was built for, None where its registry cannot be read."""
    entry = _registry_entry()
    return entry.get("browserVersion") if entry else None


def _configured(path: Path, *, headless: bool) -> Browser:
    wanted = path.expanduser()
    cure = "Set browser.path to the program itself, or leave it out to have a browser looked for."
    if not wanted.exists():
        raise BrowserMissing(f'browser.path is "{path}", and there is no such file.', cure=cure)
    if not wanted.is_file() or not os.access(wanted, os.X_OK):
        raise BrowserMissing(f'browser.path is "{path}", which is not a program that may be run.', cure=cure)
    try:
        browser = _ask(wanted.absolute(), "config")
    except NotABrowser as problem:
        raise BrowserMissing(f"browser.path does not name a Chromium: {problem}", cure=cure) from problem
    if browser.headless_shell and not headless:
        raise BrowserMissing(
            f'browser.path is "{path}", a headless shell, which cannot show a window.',
            cure="Set browser.path to a full Chrome or Chromium, or run without --headed.",
        )
    return browser


def _candidates(places: Places, *, headless: bool, channel: str | None) -> Iterator[tuple[Path, Source]]:
    channels = (channel,) if channel else tuple(CHANNELS)
    if not headless:
        channels = tuple(name for name in channels if name != "chromium-headless-shell")
    if "chromium-headless-shell" in channels:
        yield from ((path, "playwright") for path in _in_playwrights_folder(places, *_PLAYWRIGHT_SHELL))
    if "chromium" in channels:
        yield from ((path, "playwright") for path in _in_playwrights_folder(places, *_PLAYWRIGHT_FULL))
    seen: set[Path] = set()
    for name in channels:
        for path in _installed(places, name):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path, "installed"


def _installed(places: Places, channel: str) -> Iterator[Path]:
    fixed = [Path(place) for place in PLACES[channel] if places.fixed and Path(place).is_file()]
    shells_first = channel == "chromium-headless-shell"
    if shells_first:
        yield from fixed
    for command in CHANNELS[channel]:
        found = shutil.which(command, path=places.search_path)
        if found:
            yield Path(found)
    if not shells_first:
        yield from fixed


def _in_playwrights_folder(places: Places, prefix: str, patterns: tuple[str, ...]) -> Iterator[Path]:
    """The programs in complete downloads, that of the revision this Playwright was built for first, then the newest."""
    wanted = (_registry_entry() or {}).get("revision")
    folders = []
    for folder in places.playwright_folder.glob(f"{prefix}-*"):
        revision = folder.name.removeprefix(f"{prefix}-")
        # Playwright writes the marker last; a download that was cut off has none.
        if revision.isdecimal() and (folder / "INSTALLATION_COMPLETE").exists():
            folders.append((revision == wanted, int(revision), folder))
    for _, _, folder in sorted(folders, reverse=True):
        for pattern in patterns:
            yield from (path for path in sorted(folder.glob(pattern)) if os.access(path, os.X_OK))


def _playwright_folder(environ: Mapping[str, str]) -> Path:
    chosen = environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if chosen == "0":  # Playwright's own word for "inside the package"
        return _driver_package() / ".local-browsers"
    if chosen:
        return Path(chosen).expanduser()
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "ms-playwright"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "ms-playwright"


def _driver_package() -> Path:
    return Path(playwright.__file__).parent / "driver" / "package"


@functools.cache
def _registry_entry() -> dict[str, str] | None:
    """Playwright's own record of the Chromium it was built for; None when a later Playwright keeps it elsewhere."""
    registry = _driver_package() / "browsers.json"
    if not registry.is_file():
        return None
    entries = json.loads(registry.read_text(encoding="utf-8"))["browsers"]
    return next((entry for entry in entries if entry["name"] == "chromium"), None)


def _ask(path: Path, source: Source) -> Browser:
    name, version = _name_and_version(path, path.stat().st_mtime_ns)
    return Browser(
        path=path,
        name=name,
        version=version,
        major=int(version.partition(".")[0]),
        source=source,
        headless_shell=re.search(r"headless[-_]shell", path.resolve().name) is not None,
    )


@functools.lru_cache(maxsize=32)
def _name_and_version(path: Path, mtime_ns: int) -> tuple[str, str]:
    """What `--version` says. Needs no sandbox and no display; `mtime_ns` is there so that an upgrade is asked again."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise NotABrowser(f"{path} --version gave no answer within {VERSION_DEADLINE_S:.0f} s") from slow
    except OSError as refused:
        raise NotABrowser(f"{path} does not start: {refused.strerror or refused}") from refused
    found = re.search(r"^\s*(.*?(?:Chrom|Headless).*?)\s+(\d+\.\d+\.\d+(?:\.\d+)?)", answer.stdout, re.MULTILINE)
    if answer.returncode != 0 or not found:
        words = (answer.stderr.strip() or answer.stdout.strip() or "nothing").splitlines()[-1]
        raise NotABrowser(f"{path} --version ended with {answer.returncode} and said: {words[:200]}")
    return found.group(1), found.group(2)


def _nothing_fits(*, headless: bool, channel: str | None, looked_at: list[str]) -> str:
    kind = f'browser of the channel "{channel}"' if channel else "Chrome or Chromium"
    what = f"No {kind} was found on this machine" + ("." if headless else " that can show a window.")
    return " ".join([what, *(f"Not usable: {line}." for line in looked_at)])
