"""`make setup` on machines that lack this or that: the real script, with stand-ins for Python and apt-get."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "setup.sh"

# A Python of any version, with or without the venv module. What it is asked goes to the log.
PYTHON = """#!/bin/sh
echo "python $*" >>"$LOG"
case "$*" in
    *version_info*"< (3, 11)"*) exit {too_old} ;;
    *ensurepip*) [ -e "$MACHINE/ensurepip" ] ;;
    *print*) echo {version} ;;
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"pip "*) {pip} ;;
esac
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a set-up ended, and what it asked other programs to do."""

    code: int
    stdout: str
    said: str
    asked: list[str]

    def asked_for(self, words: str) -> list[str]:
        return [line for line in self.asked if words in line]


class NewMachine:
    """A clone of the project and a PATH on which only stand-ins and the shell's own tools are found."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone with a space"
        self.folder = folder
        self.log = folder / "log"
        self.bin = folder / "bin"
        for name in ("tools", "requirements"):
            (self.clone / name).mkdir(parents=True)
        shutil.copy(SCRIPT, self.clone / "tools" / "setup.sh")
        (self.clone / "pyproject.toml").write_text("[project]\n")
        (self.clone / "requirements" / "dev.txt").write_text("rich==14.1.0\n")
        (folder / "ensurepip").touch()
        self.bin.mkdir()
        for tool in ("sh", "cat", "cksum", "head", "dirname", "grep", "rm", "cp", "mkdir", "touch"):
            found = shutil.which(tool)
            assert found
            (self.bin / tool).symlink_to(found)
        self.python()
        self.program("id", "echo 0")

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\n[ {name} = id ] || echo "{name} $*" >>"$LOG"\n{script}\n')
        path.chmod(0o755)

    def python(self, *, version: str = "3.12", too_old: bool = False, pip: str = "true") -> None:
        path = self.bin / "python3"
        path.write_text(PYTHON.format(version=version, too_old=int(too_old), pip=pip))
        path.chmod(0o755)

    def set_up(self, **environ: str) -> Ran:
        self.log.unlink(missing_ok=True)
        ran = subprocess.run(
            [self.bin / "sh", "tools/setup.sh"],
            cwd=self.clone,
            env={"PATH": str(self.bin), "LOG": str(self.log), "MACHINE": str(self.folder), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        asked = self.log.read_text().splitlines() if self.log.exists() else []
        return Ran(code=ran.returncode, stdout=ran.stdout, said=ran.stderr, asked=asked)


@pytest.fixture
def machine(tmp_path: Path) -> NewMachine:
    return NewMachine(tmp_path)


def test_bare_machine_gets_venv_pins_with_hashes_the_runner_and_a_browser(machine: NewMachine) -> None:
    ran = machine.set_up()
    assert ran.code == 0, ran.said
    steps = [line for line in ran.asked if " -m " in line]
    assert "-m venv .venv" in steps[0]
    assert "--require-hashes -r requirements/dev.txt" in steps[1]
    assert "--no-deps --no-build-isolation --editable ." in steps[2]
    assert steps[3] == "python -m runner.browser.install"
    assert "installing 1 pinned packages" in ran.said


def test_stdout_stays_empty_for_the_json_that_follows(machine: NewMachine) -> None:
    machine.python(pip="echo noise")
    assert machine.set_up().stdout == ""


def test_second_time_nothing_is_installed_and_no_network_is_needed(machine: NewMachine) -> None:
    machine.set_up()
    ran = machine.set_up()
    assert ran.code == 0
    assert ran.asked_for("pip") == []
    assert ran.asked_for("venv") == []
    assert ran.asked_for("runner.browser.install")


def test_changed_pins_are_installed_again(machine: NewMachine) -> None:
    machine.set_up()
    (machine.clone / "requirements" / "dev.txt").write_text("rich==14.2.0\n")
    assert machine.set_up().asked_for("--require-hashes")
    assert not machine.set_up().asked_for("--require-hashes")


def test_changed_project_file_reinstalls_the_runner_but_not_the_pins(machine: NewMachine) -> None:
    machine.set_up()
    (machine.clone / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    ran = machine.set_up()
    assert ran.asked_for("--editable")
    assert not ran.asked_for("--require-hashes")


def test_clone_that_was_moved_gets_a_new_venv(machine: NewMachine) -> None:
    machine.set_up()
    machine.clone = machine.clone.rename(machine.folder / "moved")
    assert machine.set_up().asked_for("-m venv .venv")


def test_venv_whose_python_was_removed_is_made_again(machine: NewMachine) -> None:
    machine.set_up()
    (machine.clone / ".venv" / "bin" / "python").unlink()
    ran = machine.set_up()
    assert ran.code == 0
    assert ran.asked_for("-m venv .venv")


def test_failed_install_is_said_and_tried_again_next_time(machine: NewMachine) -> None:
    machine.python(pip='case "$*" in *--require-hashes*) echo "ERROR: no route" >&2; exit 1;; esac')
    ran = machine.set_up()
    assert ran.code == 1
    assert "no route" in ran.said
    assert "make setup" in ran.said
    machine.python()
    shutil.copy(machine.bin / "python3", machine.clone / ".venv" / "bin" / "python")
    assert machine.set_up().asked_for("--require-hashes")


def test_chosen_python_that_is_too_old_is_refused(machine: NewMachine) -> None:
    machine.python(too_old=True)
    ran = machine.set_up(PYTHON="python3")
    assert ran.code == 1
    assert "PYTHON=python3 is not a Python 3.11 or newer" in ran.said


def test_shim_that_does_not_run_is_passed_over_for_the_next_python(machine: NewMachine) -> None:
    (machine.bin / "python3").rename(machine.bin / "python3.12")
    machine.program("python3", "echo 'command not found' >&2; exit 127")
    ran = machine.set_up()
    assert ran.code == 0
    assert "with python3.12" in ran.said


def test_missing_venv_module_is_installed_for_root_after_saying_so(machine: NewMachine) -> None:
    (machine.folder / "ensurepip").unlink()
    machine.program("apt-get", 'touch "$MACHINE/ensurepip"')
    ran = machine.set_up(PYTHON="python3")
    assert ran.code == 0, ran.said
    assert "installing python3.12-venv with apt-get" in ran.said
    assert ran.asked_for("apt-get")[0].endswith("install --no-install-recommends python3.12-venv")


def test_package_lists_are_refreshed_when_the_venv_module_is_not_found(machine: NewMachine) -> None:
    (machine.folder / "ensurepip").unlink()
    machine.program(
        "apt-get",
        'case "$*" in *update) touch "$MACHINE/updated";; '
        '*) [ -e "$MACHINE/updated" ] && touch "$MACHINE/ensurepip";; esac',
    )
    ran = machine.set_up(PYTHON="python3")
    assert ran.code == 0, ran.said
    assert [line.split()[-1] for line in ran.asked_for("apt-get")] == ["python3.12-venv", "update", "python3.12-venv"]


def test_missing_venv_module_without_root_names_the_command_to_type(machine: NewMachine) -> None:
    (machine.folder / "ensurepip").unlink()
    machine.program("id", "echo 1000")
    machine.program("apt-get", "exit 1")
    ran = machine.set_up(PYTHON="python3")
    assert ran.code == 1
    assert "sudo apt-get install python3.12-venv" in ran.said
    assert ran.asked_for("apt-get") == []


def test_chosen_browser_is_passed_on(machine: NewMachine) -> None:
    browser = f"{os.sep}opt{os.sep}my chrome"
    assert machine.set_up(BROWSER=browser).asked[-1] == f"python -m runner.browser.install --path {browser}"
