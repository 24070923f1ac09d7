"""The README is executed: the commands of its second section as they are written, in a copy of docs/examples.

Only the port is another one, because 8765 may be in use where the tests run; that the two ends agree on it is tested.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
RUNNER = [sys.executable, "-c", "from runner.cli.main import main; main()"]
PORT = 8765
MARKET = "runner market"

_spec = importlib.util.spec_from_file_location("quoted_help", TOP / "tools/quoted_help.py")
assert _spec is not None
assert _spec.loader is not None
quoted_help = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(quoted_help)


def commands(text: str) -> list[tuple[str, list[str]]]:
    """(command, the lines that it is said to print) of every fenced console block, in their order."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def section(number: int) -> str:
    return re.split(r"^## ", README, flags=re.MULTILINE)[number]


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "COLUMNS": "120"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with docs/examples in it as it is in a fresh clone."""
    tracked = subprocess.check_output(["git", "ls-files", "docs/examples"], cwd=TOP, text=True).split()
    for name in tracked:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def address(copy: Path) -> Iterator[str]:
    """The first terminal: `runner market` in the examples' folder, on a free port; the configuration follows."""
    folder = copy / "docs/examples"
    command = [*RUNNER, *shlex.split(MARKET)[1:], "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            assert_says("\n".join(said), dict(commands(section(2)))[MARKET], MARKET)
            url = re.search(r"http://\S+", said[0])
            assert url is not None
            config = folder / "playwright.config.toml"
            config.write_text(config.read_text().replace(f"http://127.0.0.1:{PORT}", url.group()))
            yield url.group()
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.timeout(400)
def test_the_second_section_does_what_it_says(copy: Path, address: str) -> None:
    folder, ran = copy, 0
    for command, lines in commands(section(2)):
        words = shlex.split(command)
        if words[0] == "cd":
            folder = copy / words[1]
        elif command != MARKET:
            done = subprocess.run(
                [*RUNNER, *words[1:]], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
            )
            assert (words[0], done.returncode) == ("runner", 0), f"{command}\n{done.stdout}{done.stderr}"
            assert_says(done.stdout, lines, command)
            ran += 1
    assert ran >= 12


def assert_says(said: str, lines: list[str], command: str) -> None:
    """Every line stands in what was said, in this order; "…" is anything, and runs of white space are one."""
    pattern = r"\s+".join(r".*?".join(re.escape(" ".join(part.split())) for part in line.split("…")) for line in lines)
    pattern = pattern.replace(r"\ ", r"\s+")
    assert re.search(pattern, said, flags=re.DOTALL), f"{command} says\n{said}\nand not\n" + "\n".join(lines)


def test_the_examples_are_served_where_their_configuration_looks() -> None:
    config = tomllib.loads((TOP / "docs/examples/playwright.config.toml").read_text())
    told = subprocess.check_output([*RUNNER, "market", "--help"], env=environment(), text=True)

    assert config["sites"]["mock"]["base_url"] == f"http://127.0.0.1:{PORT}"
    assert f"[default: {PORT};" in told


@pytest.mark.parametrize("page", quoted_help.PAGES)
def test_help_is_quoted_as_it_is(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")

    assert quoted_help.QUOTED.search(text)
    assert quoted_help.refreshed(text) == text, "type: python -m tools.quoted_help"


PAGES = ["README.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in sorted((TOP / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if "://" not in target:
            assert ((TOP / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("picture", sorted((TOP / "docs/images").iterdir()), ids=lambda path: path.name)
def test_pictures_are_small_and_shown_somewhere(picture: Path) -> None:
    assert picture.stat().st_size < 60_000
    assert any(picture.name in (TOP / page).read_text(encoding="utf-8") for page in PAGES)
