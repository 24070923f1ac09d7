"""The temporary folder of a runner process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from runner.browser.temporary import LOCK, PREFIX, temporary_folder

KILLED = """
import os, signal
from runner.browser.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "page.bin").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def test_it_goes_with_everything_in_it(place: Path) -> None:
    with temporary_folder() as folder:
        (folder / "playwright-artifacts-x").mkdir()
        (folder / "page.bin").write_bytes(b"x")

    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(place: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    (left,) = place.iterdir()

    with temporary_folder() as folder:
        assert list(place.iterdir()) == [folder] != [left]


def test_the_folder_of_a_living_process_stays(place: Path) -> None:
    with temporary_folder() as first, temporary_folder() as second:
        assert sorted(place.iterdir()) == sorted([first, second])


def test_a_folder_that_is_not_known_to_be_ours_stays(place: Path) -> None:
    strange = place / f"{PREFIX}without-{LOCK}"
    strange.mkdir()
    (strange / "notes.txt").touch()

    with temporary_folder():
        pass

    assert strange.is_dir()


def test_a_folder_whose_remover_was_killed_at_the_last_step_is_removed(place: Path) -> None:
    left = place / f"{PREFIX}left"
    left.mkdir()
    with temporary_folder():
        assert not left.exists()


def test_a_folder_that_was_taken_for_abandoned_as_it_was_made_is_made_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp
    made: list[str] = []

    def mkdtemp(**given: Any) -> str:
        made.append(make(**given))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with temporary_folder() as folder:
        assert [str(folder)] == made[1:]
