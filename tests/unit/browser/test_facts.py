"""What the doctor is told about the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from runner.browser import discovery
from runner.browser.discovery import Places
from runner.browser.facts import browser_facts
from runner.domain.facts import Fact, anything_stops


class Doctor:
    """A machine whose browsers and kernel switches the test chooses."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.own = folder / "ms-playwright"
        self.switches = folder / "sys"
        self.sandbox: Literal["auto", "required"] = "auto"
        self.is_root = False

    def program(self, path: Path, version: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho Chromium {version}\n")
        path.chmod(0o755)

    def facts(self) -> dict[str, Fact]:
        found = browser_facts(
            configured=None,
            headless=True,
            channel=None,
            sandbox_setting=self.sandbox,
            is_root=self.is_root,
            places=Places(search_path=str(self.bin), playwright_folder=self.own, fixed=False),
            switches=self.switches,
        )
        return {fact.name: fact for fact in found}


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setattr(discovery, "_registry_entry", lambda: {"revision": "1255", "browserVersion": "159.0.1.2"})
    return Doctor(tmp_path)


def test_machine_without_a_browser_stops_a_run(doctor: Doctor) -> None:
    facts = doctor.facts()
    assert facts["browser"].level == "stops"
    assert "make setup" in (facts["browser"].cure or "")
    assert anything_stops(facts.values())


def test_browser_is_shown_with_version_and_origin(doctor: Doctor) -> None:
    doctor.program(doctor.bin / "chromium", "156.0.8078.79")
    facts = doctor.facts()
    assert facts["browser"].level == "ok"
    assert "156.0.8078.79" in facts["browser"].value
    assert "installed" in facts["browser"].value
    assert "159.0.1.2" in facts["playwright"].value
    assert not anything_stops(facts.values())


def test_browser_far_from_what_playwright_was_built_for_is_a_warning(doctor: Doctor) -> None:
    doctor.program(doctor.bin / "chromium", "120.0.1.1")
    assert doctor.facts()["browser"].level == "warning"


def test_headless_shell_alone_is_enough_but_says_that_headed_will_not_work(doctor: Doctor) -> None:
    doctor.program(doctor.bin / "chromium-headless-shell", "156.0.1.1")
    facts = doctor.facts()
    assert (facts["browser"].level, facts["browser for --headed"].level) == ("ok", "warning")


def test_root_with_the_sandbox_required_stops(doctor: Doctor) -> None:
    doctor.is_root, doctor.sandbox = True, "required"
    assert doctor.facts()["sandbox"].level == "stops"


def test_root_without_a_sandbox_is_a_warning(doctor: Doctor) -> None:
    doctor.is_root = True
    assert doctor.facts()["sandbox"].level == "warning"


@pytest.mark.parametrize(
    ("switch", "value"),
    [("kernel/apparmor_restrict_unprivileged_userns", "1"), ("kernel/unprivileged_userns_clone", "0")],
)
def test_kernel_that_refuses_the_sandbox_to_a_downloaded_browser_is_named(
    doctor: Doctor, switch: str, value: str
) -> None:
    program = doctor.own / "chromium-1255" / "chrome-linux64" / "chrome"
    doctor.program(program, "159.0.1.2")
    (doctor.own / "chromium-1255" / "INSTALLATION_COMPLETE").touch()
    assert doctor.facts()["sandbox"].level == "ok"
    file = doctor.switches / switch
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    fact = doctor.facts()["sandbox"]
    assert fact.level == "warning"
    assert switch.replace("/", ".") in fact.value
