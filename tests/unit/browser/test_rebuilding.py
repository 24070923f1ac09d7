"""A profile is made anew only when it is proved to be at fault, and nothing of it is lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.browser import profiles, rebuilding, trash
from runner.browser.profiles import CorruptProfile
from runner.domain.clock import SystemClock
from runner.errors import BrowserGone


class Machine:
    """Starts browsers as the list says: an error, or None for one that starts."""

    clock = SystemClock()

    def __init__(self, *starts: Exception | None) -> None:
        self.starts = list(starts)

    async def launch(self, request: Any) -> str:
        start = self.starts.pop(0)
        if start is not None:
            raise start
        return "a browser"


DIED = BrowserGone("The browser of account amy did not start.")


@pytest.fixture
def request_for(tmp_path: Path) -> Any:
    profile = tmp_path / "profiles" / "amy"
    profiles.prepare(profile, account="amy", browser_major=156)
    (profiles.user_data_dir(profile) / "Local State").write_text("something")
    return SimpleNamespace(account="amy", profile_dir=profile)


async def test_a_profile_on_which_no_browser_starts_twice_is_put_aside_with_the_reason(request_for: Any) -> None:
    live, rebuilt = await rebuilding.opened(Machine(DIED, DIED, None), request_for)
    assert (live, rebuilt.reason) == ("a browser", DIED.what)
    (kept,) = trash.entries(request_for.profile_dir.parent)
    assert (kept.account, kept.path) == ("amy", rebuilt.trashed)
    assert (kept.path / "chromium" / "Local State").read_text() == "something"
    assert not profiles.user_data_dir(request_for.profile_dir).exists()


async def test_a_browser_that_starts_the_second_time_had_nothing_against_the_profile(request_for: Any) -> None:
    assert await rebuilding.opened(Machine(DIED, None), request_for) == ("a browser", None)
    assert trash.entries(request_for.profile_dir.parent) == []


async def test_a_browser_that_starts_on_nothing_leaves_the_profile_where_it_was(request_for: Any) -> None:
    with pytest.raises(BrowserGone):
        await rebuilding.opened(Machine(DIED, DIED, DIED), request_for)
    assert (profiles.user_data_dir(request_for.profile_dir) / "Local State").read_text() == "something"
    assert trash.entries(request_for.profile_dir.parent) == []


async def test_an_empty_profile_is_not_what_is_broken(tmp_path: Path) -> None:
    profile = tmp_path / "profiles" / "amy"
    profiles.prepare(profile, account="amy", browser_major=156)
    machine = Machine(DIED, None)
    with pytest.raises(BrowserGone):
        await rebuilding.opened(machine, SimpleNamespace(account="amy", profile_dir=profile))
    assert len(machine.starts) == 1


async def test_what_is_plainly_garbage_needs_no_second_try(request_for: Any) -> None:
    _, rebuilt = await rebuilding.opened(Machine(CorruptProfile("It is a file."), None), request_for)
    assert rebuilt.reason == "It is a file."
