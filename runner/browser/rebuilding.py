"""Opens a profile, and makes it anew where the browser does not start on it.

That the profile is at fault is not guessed: the browser must fail on it twice and start on an empty one. The broken one
goes into the trash, with the reason; the login comes back from the checkpoint.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from runner.browser import profiles, trash
from runner.browser.launch import Browsers, LaunchRequest
from runner.browser.profiles import CorruptProfile
from runner.browser.session import LiveSession
from runner.errors import BrowserGone, RunnerError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A profile that was made anew: why, and where the broken one is."""

    reason: str
    trashed: Path


async def opened(browsers: Browsers, request: LaunchRequest) -> tuple[LiveSession, Rebuilt | None]:
    """Launch a browser on a profile, on a new one if need be. Raises what `Browsers.launch` does."""
    try:
        return await browsers.launch(request), None
    except (CorruptProfile, BrowserGone) as first:
        if not _has_content(request.profile_dir):
            raise
        problem: RunnerError = first
    if not isinstance(problem, CorruptProfile):
        try:
            return await browsers.launch(request), None  # it may have been the machine, just then
        except BrowserGone as again:
            problem = again
    return await _on_a_new_one(browsers, request, problem)


async def _on_a_new_one(
    browsers: Browsers, request: LaunchRequest, problem: RunnerError
) -> tuple[LiveSession, Rebuilt]:
    trashed = await asyncio.to_thread(_put_aside, browsers, request, problem)
    try:
        live = await browsers.launch(request)
    except BaseException:
        # The profile was not at fault: a browser that starts on nothing has nothing against this one.
        await asyncio.to_thread(trash.put_back, trashed, request.profile_dir)
        raise
    log.warning("the profile was broken and is made anew", account=request.account, kept=str(trashed), why=problem.what)
    return live, Rebuilt(reason=problem.what, trashed=trashed)


def _put_aside(browsers: Browsers, request: LaunchRequest, problem: RunnerError) -> Path:
    with profiles.locked(request.profile_dir, account=request.account):
        return trash.move(
            request.profile_dir,
            account=request.account,
            names=[profiles.user_data_dir(request.profile_dir).name],
            reason=f"The browser could not use it: {problem.what}",
            at=browsers.clock.now(),
        )


def _has_content(profile_dir: Path) -> bool:
    """Whether there is more than what we make ourselves: an empty folder is not what is broken."""
    folder = profiles.user_data_dir(profile_dir)
    return not folder.is_dir() or any(entry.name != profiles.MARKER for entry in folder.iterdir())
