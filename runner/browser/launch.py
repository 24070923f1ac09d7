"""Launches browsers on profiles: one Playwright driver for all, which dies with us, and one browser per Session."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import playwright
import psutil
from playwright.async_api import BrowserContext, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from runner.browser import display, processes, profiles
from runner.browser.blocking import Blocking, Kind
from runner.browser.discovery import Browser
from runner.browser.guard import BlockedRequest, Guard
from runner.browser.sandbox import SandboxChoice
from runner.browser.session import KILL_S, LiveSession, Timeouts
from runner.browser.temporary import temporary_folder
from runner.browser.trace_folder import TraceFolder
from runner.domain.clock import Clock, SystemClock
from runner.domain.states import Mode
from runner.errors import BrowserGone, ErrorKind, RetryLater, RunnerError, SetupError
from runner.logs import Redactor

DRIVER_START_S = 30.0
DRIVER_STOP_S = 5.0
LOCK_IS_TAKEN = "exitCode=75"

PASSED_ON = ("HOME", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "DISPLAY", "XAUTHORITY")
PASSED_ON_PREFIXES = ("LC_", "XDG_", "WAYLAND_", "DBUS_", "FONTCONFIG_", "LD_LIBRARY_")
"""What a browser gets of our environment: neither passwords, which may stand there, nor a proxy."""

LONGEST_TEMP_DIR = 50
"""Chromium's socket in it must have a path of at most 103 bytes (macOS), and takes up to 50 of them for itself."""


@dataclass(frozen=True, kw_only=True)
class LaunchRequest:
    """What is to be opened, and how; `allowed_origins` as `http://127.0.0.1:8765`, `viewport` in CSS pixels."""

    account: str
    profile_dir: Path
    browser: Browser
    sandbox: SandboxChoice
    allowed_origins: tuple[str, ...]
    mode: Mode = Mode.HEADLESS
    slow_mo_ms: float = 0.0
    viewport: tuple[int, int] = (1280, 800)
    locale: str = "en-GB"
    timezone: str = "UTC"
    args: tuple[str, ...] = ()
    last_picture_every_s: float = 1.0
    live_fps: float = 3.0
    live_quality: int = 60
    block: tuple[Kind, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    redactor: Redactor = field(default_factory=Redactor)
    traces_in: Path | None = None
    """Where traces are written as they go, so that they outlive us; None: where the driver puts them."""
    on_blocked: Callable[[BlockedRequest], None] | None = None


class Browsers:
    """Owns the Playwright driver, started for the first Session, and every Session launched through it.

    All are closed at its end.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._stack = contextlib.AsyncExitStack()
        self._sessions: list[LiveSession] = []
        self._driver_lock = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._driver_process: psutil.Process | None = None

    async def __aenter__(self) -> Self:
        self._temp_dir = self._stack.enter_context(temporary_folder())
        self._inspector = self._temp_dir / "inspector"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await asyncio.gather(*(session.close() for session in self._sessions))
        finally:
            await self._stop_driver()
            await self._stack.aclose()

    @property
    def driver_pid(self) -> int | None:
        """The process of Playwright's driver."""
        return self._driver_process.pid if self._driver_process else None

    async def launch(self, request: LaunchRequest) -> LiveSession:
        """Open a profile in a browser of its own.

        Raises Conflict when the profile is open elsewhere, SetupError when a person must mend something first,
        RetryLater (`timeout`) and BrowserGone when the browser did not come up.
        """
        if request.mode is Mode.HEADED:
            display.need()
            self._inspector.write_text(str(request.browser.path))
        await asyncio.to_thread(
            profiles.prepare, request.profile_dir, account=request.account, browser_major=request.browser.major
        )
        guard = Guard(request.allowed_origins, request.on_blocked)
        # Chromium ignores a switch that it does not know; this one tells our browser from anybody else's.
        mark = f"--runner-launch={uuid.uuid4()}"
        traces = TraceFolder.make(request.traces_in, request.account) if request.traces_in else None
        try:
            context = await self._open(request, guard, mark, traces)
            session = self._begin(request, guard, context, processes.started_with(mark), traces)
            await session.within(request.timeouts.launch_s, session.attach(), "attaching to the page")
            session.watch()
        except BaseException:
            # However a launch failed, it leaves no browser behind; a taken profile's browser has another mark.
            await asyncio.shield(_kill_all(mark))
            if traces is not None:
                traces.remove()
            raise
        self._sessions = [each for each in self._sessions if not each.gone.is_set()] + [session]
        return session

    async def _open(
        self, request: LaunchRequest, guard: Guard, mark: str, traces: TraceFolder | None
    ) -> BrowserContext:
        chromium = (await self._driver()).chromium
        timeouts = request.timeouts
        try:
            # Our deadline stands a little behind Playwright's, whose errors say more; a hung driver needs ours.
            async with asyncio.timeout(timeouts.launch_s + 2):
                return await chromium.launch_persistent_context(
                    profiles.user_data_dir(request.profile_dir),
                    executable_path=self._program("flocked.sh"),
                    headless=request.mode is Mode.HEADLESS,
                    chromium_sandbox=request.sandbox.sandboxed,
                    args=[*request.args, *guard.switches(), mark],  # Chromium heeds the last of two: the guard's
                    env=_browser_environment(request, self._temp_dir),
                    timeout=timeouts.launch_s * 1000,
                    slow_mo=request.slow_mo_ms,
                    viewport={"width": request.viewport[0], "height": request.viewport[1]},
                    locale=request.locale,
                    timezone_id=request.timezone,
                    accept_downloads=False,
                    permissions=[],
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                    traces_dir=traces.raw if traces else None,
                )
        except PlaywrightError as error:
            raise _why_not_launched(request, error) from error
        except TimeoutError as error:
            raise _too_slow(request) from error

    def _begin(
        self,
        request: LaunchRequest,
        guard: Guard,
        context: BrowserContext,
        browsers: list[psutil.Process],
        traces: TraceFolder | None,
    ) -> LiveSession:
        if not browsers or not context.pages:
            raise BrowserGone(f"The browser of account {request.account} ended as soon as it had started.")
        context.set_default_timeout(request.timeouts.action_s * 1000)
        context.set_default_navigation_timeout(request.timeouts.navigation_s * 1000)
        return LiveSession(
            account=request.account,
            profile_dir=request.profile_dir,
            context=context,
            page=context.pages[0],
            browser_version=request.browser.version,
            browsers=browsers,
            guard=guard,
            redactor=request.redactor,
            timeouts=request.timeouts,
            blocking=Blocking(request.block),
            clock=self.clock,
            last_picture_every_s=request.last_picture_every_s,
            live_fps=request.live_fps,
            live_quality=request.live_quality,
            temp_dir=self._temp_dir,
            trace_folder=traces,
        )

    async def _driver(self) -> Playwright:
        """The driver, started anew when it has died: its Sessions died with it, others need not."""
        async with self._driver_lock:
            if self._playwright is None or not (self._driver_process and processes.is_running(self._driver_process)):
                before = {each.pid for each in _drivers(psutil.Process())}
                with _environment(
                    PLAYWRIGHT_NODEJS_PATH=str(self._program("driver.sh")),
                    RUNNER_INSPECTOR=str(self._inspector),
                    TMPDIR=str(self._temp_dir),
                    RUNNER_NODE=os.environ.get("PLAYWRIGHT_NODEJS_PATH") or str(DRIVER_FOLDER / "node"),
                ):
                    self._manager = async_playwright()
                    try:
                        async with asyncio.timeout(DRIVER_START_S):
                            self._playwright = await self._manager.__aenter__()
                    except TimeoutError as error:
                        what = f"Playwright's driver did not start within {DRIVER_START_S:g} s."
                        raise RetryLater(what, kind=ErrorKind.TIMEOUT) from error
                    except Exception as error:  # a bare one is what Playwright raises here
                        raise BrowserGone(f"Playwright's driver ended while it started: {error}") from error
                self._driver_process = next(
                    (each for each in _drivers(psutil.Process()) if each.pid not in before), None
                )
            return self._playwright

    async def _stop_driver(self) -> None:
        if self._playwright is None:
            return
        try:
            async with asyncio.timeout(DRIVER_STOP_S):
                await self._manager.__aexit__(None, None, None)
        except TimeoutError:
            if self._driver_process is not None:
                await processes.ended(processes.kill([self._driver_process]), KILL_S)
        self._playwright = None

    def _program(self, name: str) -> Path:
        """A script of ours as a program: as it was installed, or a copy where installing lost the executable bit."""
        installed = Path(__file__).with_name(name)
        if os.access(installed, os.X_OK):
            return installed
        copy = self._temp_dir / name
        if not copy.exists():
            shutil.copyfile(installed, copy)
            copy.chmod(0o700)
        return copy


DRIVER_FOLDER = Path(playwright.__file__).parent / "driver"


async def kill_driver_of(pid: int) -> list[int]:
    """Kill the drivers that another process of ours has started, and wait for their end; returns their pids.

    For a process that is frozen: what it has told its driver to send would go out when both wake.
    """
    try:
        drivers = _drivers(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return []  # it has ended meanwhile, and its driver with it
    killed = processes.kill(drivers)
    await processes.ended(killed, KILL_S)
    return [each.pid for each in killed]


def _drivers(parent: psutil.Process) -> list[psutil.Process]:
    """Playwright drivers among the children of a process."""
    found = []
    for child in parent.children():
        try:
            if "run-driver" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue  # a child that ended meanwhile is no driver
    return found


async def _kill_all(mark: str) -> None:
    tree = processes.with_descendants(processes.started_with(mark))
    await processes.ended(processes.kill(tree), KILL_S)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Environment variables for the time of starting the driver: Playwright takes this path from nowhere else."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _browser_environment(request: LaunchRequest, temp_dir: Path) -> dict[str, str | float | bool]:
    passed = {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    if len(str(temp_dir)) <= LONGEST_TEMP_DIR:
        passed["TMPDIR"] = str(temp_dir)
    return {
        **passed,
        "RUNNER_PROFILE_LOCK": str(profiles.lock_file(request.profile_dir)),
        "RUNNER_CHROMIUM": str(request.browser.path),
        "RUNNER_PYTHON": sys.executable,
        "RUNNER_FLOCKED_PY": str(Path(__file__).with_name("flocked.py")),
    }


def _too_slow(request: LaunchRequest) -> RetryLater:
    return RetryLater(
        f"The browser of account {request.account} did not start within {request.timeouts.launch_s:g} s.",
        kind=ErrorKind.TIMEOUT,
    )


def _why_not_launched(request: LaunchRequest, error: PlaywrightError) -> RunnerError:
    text = str(error)
    if LOCK_IS_TAKEN in text:
        return profiles.taken(request.profile_dir, request.account)
    if isinstance(error, PlaywrightTimeout):
        return _too_slow(request)
    if "No usable sandbox" in text or "SUID sandbox helper" in text:
        return SetupError(
            "Chromium's sandbox does not work on this machine.",
            cure="Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
            "or kernel.apparmor_restrict_unprivileged_userns=0).",
        )
    if "ENOSPC" in text or "No space left on device" in text:
        return SetupError(
            f"The disk is full: the browser of account {request.account} cannot use {request.profile_dir}.",
            cure="Free some disk space.",
        )
    if "ENOENT" in text or "EACCES" in text:
        return SetupError(
            f"The browser {request.browser.path} cannot be started: {text.splitlines()[0]}",
            cure="Set browser.path to a Chromium that runs, or look with: runner doctor",
        )
    last = [line for line in text.splitlines() if line.strip()][-6:]
    return BrowserGone(f"The browser of account {request.account} did not start: {' | '.join(last)}")
