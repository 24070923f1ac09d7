from __future__ import annotations

import pytest

from runner.errors import NotFound
from runner.store.database import Database
from runner.store.profiles import Profiles


async def test_a_profile_is_made_at_its_first_use_and_kept_up_to_date(db: Database, clock) -> None:
    profiles = Profiles(db)
    assert await profiles.get("amy") is None
    await profiles.save("amy", path="/profiles/amy", browser_major=147)
    await profiles.touch("amy", last_login_at=clock.now(), notes="moved from another machine")
    await profiles.save("amy", path="/profiles/amy", browser_major=148)
    profile = await profiles.save("amy", path="/elsewhere/amy")
    assert (profile.path, profile.browser_major, profile.last_login_at, profile.last_probe_at, profile.notes) == (
        "/elsewhere/amy",
        148,
        clock.now(),
        None,
        "moved from another machine",
    )
    assert await profiles.get("amy") == profile
    assert await profiles.list_profiles() == [profile]


async def test_what_is_not_there_cannot_be_touched(db: Database, clock) -> None:
    with pytest.raises(NotFound, match="profile of account"):
        await Profiles(db).touch("amy", last_probe_at=clock.now())
    with pytest.raises(NotFound, match="amy"):
        await Profiles(db).get("ammy")
