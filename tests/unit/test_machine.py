"""What the doctor is told about the machine, at the edges where a fact turns into a warning or a stop."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner import machine


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 34, 1), "stops"),
        ((3, 40, 1), "warning"),
        ((3, 51, 2), "warning"),
        ((3, 51, 3), "ok"),
        ((3, 53, 0), "ok"),
    ],
)
def test_sqlite_versions_with_the_wal_reset_bug_are_named(version: tuple[int, int, int], level: str) -> None:
    fact = machine.sqlite_fact(version)
    assert fact.level == level
    assert ".".join(map(str, version)) in fact.value
    assert ("WAL-reset" in fact.value) == (level == "warning")


def test_old_python_stops() -> None:
    assert machine.python_fact((3, 10, 9), "python3").level == "stops"
    assert machine.python_fact((3, 11, 0), "python3").level == "ok"


def test_folder_that_is_not_there_yet_can_be_made_and_is_not_made(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    fact = machine.folder_fact("profiles", wanted)
    assert fact.level == "ok"
    assert "can be made" in fact.value
    assert not (tmp_path / "a").exists()


def test_writable_folder_is_left_as_it_was(tmp_path: Path) -> None:
    assert machine.folder_fact("profiles", tmp_path).level == "ok"
    assert list(tmp_path.iterdir()) == []


def test_file_where_a_folder_is_wanted_stops(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    fact = machine.folder_fact("evidence", file / "2026-11-22")
    assert fact.level == "stops"
    assert str(file) in (fact.cure or "")


def test_folder_that_refuses_files_stops_even_for_root() -> None:
    # Nobody can make a file in /proc, root included.
    fact = machine.folder_fact("data", Path("/proc"))
    assert fact.level == "stops"
    assert "/proc" in (fact.cure or "")


@pytest.mark.parametrize(
    ("free_bytes", "level"),
    [(199 * machine.MB, "stops"), (200 * machine.MB, "warning"), (2 * machine.GB, "ok")],
)
def test_little_free_disk_warns_and_very_little_stops(free_bytes: int, level: str) -> None:
    assert machine.disk_fact(Path("data"), free_bytes).level == level


def test_folders_of_one_disk_are_one_fact(tmp_path: Path) -> None:
    assert len(machine.disk_facts([tmp_path / "a", tmp_path / "b", tmp_path])) == 1


def test_little_memory_is_a_warning() -> None:
    assert machine.memory_fact(500 * machine.MB).level == "warning"
    assert machine.memory_fact(4 * machine.GB).level == "ok"


def test_clock_from_before_this_program_stops() -> None:
    assert machine.clock_fact(datetime(1970, 1, 1, tzinfo=UTC)).level == "stops"
    assert machine.clock_fact(datetime(2026, 1, 1, tzinfo=UTC)).level == "ok"


def test_few_open_files_are_a_warning() -> None:
    assert machine.open_files_fact(256).level == "warning"
    assert machine.open_files_fact(1024).level == "ok"


def test_headed_without_a_display_stops_and_offers_xvfb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    fact = machine.display_fact({}, headed=True, has_xvfb=True)
    assert fact.level == "stops"
    assert "xvfb-run" in (fact.cure or "")
    assert machine.display_fact({}, headed=False, has_xvfb=True).level == "ok"
    assert machine.display_fact({"DISPLAY": ":0"}, headed=True, has_xvfb=False).level == "ok"


def test_every_fact_of_this_machine_can_be_found_and_each_trouble_has_a_cure(tmp_path: Path) -> None:
    facts = machine.machine_facts(folders={"profiles": tmp_path, "evidence": tmp_path / "screenshots"})
    names = {fact.name for fact in facts}
    assert {"python", "sqlite", "folder profiles", "folder evidence", "disk", "clock", "display"} <= names
    assert all(fact.cure for fact in facts if fact.level != "ok")
