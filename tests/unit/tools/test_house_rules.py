"""Each house rule goes off on a repository that breaks it, and stays quiet on one that keeps them all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "house_rules.py"

# Samples are put together from halves, or this file would break the rules that it tests.
NO_QA, IGNORE = "# no" + "qa", "# type: ig" + "nore"
PYPROJECT = '[project]\ndependencies = ["rich>=14"]\n[project.optional-dependencies]\ndev = ["pytest>=9"]\n'
PIN = "rich==14.1.0 \\\n    --hash=sha256:00ff\n    # via runner\n"

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(name: str, text: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    to_file("pyproject.toml", PYPROJECT)
    to_file("requirements/runtime.txt", PIN)
    to_file("requirements/dev.txt", PIN + "pytest==9.0.1 \\\n    --hash=sha256:00ff\n")
    to_file("requirements/bench.txt", PIN)
    to_file("runner/jobs.py", f"x: int = f()  {IGNORE}[no-untyped-call]  # the library has no types\n")
    to_file("tests/unit/test_jobs.py", f"def test_x() -> None: ...  {NO_QA}: E501 a picture in letters\n")
    return to_file


@pytest.fixture
def check(tmp_path: Path) -> Callable[[], tuple[int, str]]:
    def run() -> tuple[int, str]:
        ran = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
        return ran.returncode, ran.stderr

    return run


def test_house_that_keeps_the_rules_is_quiet(write: Write, check: Callable[[], tuple[int, str]]) -> None:
    assert check() == (0, "house rules: all kept\n")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("README.md", "see https://py" + "pi.org/x", "README.md:1: names a package registry"),
        ("docs/a.md", "fine\ncd /ro" + "ot/clone", "docs/a.md:2: names a path of one machine"),
        ("docs/a.md", "open /ho" + "me/amy/x", "names a path of one machine"),
        ("uv.lock", "", "uv.lock: a lock file"),
        ("tests/unit/__init__.py", "", "no __init__.py"),
        ("runner/utils.py", "", "runner/utils.py: a name that could hold anything"),
        ("runner/common/jobs.py", "", "a name that could hold anything"),
        ("runner/a.py", f"f()  {IGNORE}\n", "runner/a.py:1: type: ignore needs"),
        ("runner/a.py", f"f()  {IGNORE}[misc]\n", "type: ignore needs"),
        ("runner/a.py", f"f()  {NO_QA}\n", "needs its code and a reason"),
        ("runner/a.py", f"f()  {NO_QA}: S608\n", "needs its code and a reason"),
        ("runner/a.py", "await page.wait_for_" + "timeout(5)\n", "wait for a condition"),
        ("runner/a.py", "x = 1\n" * 401, "more than 400 lines"),
        ("tests/unit/test_a.py", "@pytest.mark." + "skip\n", "proves nothing"),
        ("tests/unit/test_a.py", "await asyncio." + "sleep(2)\n", "wait for a condition"),
        ("tests/unit/nowhere/test_a.py", "x = 1\n", "mirrors runner/nowhere, which does not exist"),
        ("requirements/runtime.txt", "--index" + "-url x\n" + PIN, "pins carry no address"),
        ("requirements/runtime.txt", "rich==14.1.0\n", "rich has no hash"),
        ("requirements/runtime.txt", PIN.replace("14.1", "13.9"), "pyproject.toml wants rich>=14, pinned is 13.9.0"),
        ("requirements/dev.txt", PIN, "pyproject.toml wants pytest>=9, pinned is nothing"),
    ],
)
def test_broken_rule_is_named_with_its_place(
    write: Write, check: Callable[[], tuple[int, str]], file: str, text: str, said: str
) -> None:
    write(file, text)
    code, lines = check()
    assert code == 1
    assert said in lines


def test_ignored_files_are_nobodys_business(write: Write, check: Callable[[], tuple[int, str]]) -> None:
    write(".gitignore", "data/\n")
    write("data/utils.py", "")
    assert check()[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        "posted to http://127.0.0.1:8000/work/1",
        "the frame/work/ratio",
        "await asyncio." + "sleep(0)",
    ],
)
def test_harmless_lines_pass(write: Write, check: Callable[[], tuple[int, str]], line: str) -> None:
    write("tests/unit/test_a.py", f"# {line}\n")
    assert check()[0] == 0
