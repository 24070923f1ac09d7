"""Checks the rules of this house that no other tool knows: python tools/house_rules.py [FOLDER].

Looks at the files that git tracks or would track. Prints one line per broken rule and exits with 1 if there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MODULE_LINES_LIMIT = 400
LONGEST_SLEEP_IN_TESTS_S = 0.25  # a poll for a condition may breathe; anything longer is a wait for a duration

# Put together from halves, or this file would break its own rule.
REGISTRY_HOSTS = tuple(
    ".".join(halves)
    for halves in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"))
)
MACHINE_PATH = re.compile(r"(?<![\w.~$})/-])/(?:work|root|home/[\w.-]+|Users/[\w.-]+|tmp|opt/(?:pypi|wheels))(?=/)")
LOCK_FILES = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "package-lock.json"}
NOQA = "# no" + "qa"
NOQA_WITHOUT_REASON = re.compile(rf"{NOQA}(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)*\W+\w)")
VAGUE_NAMES = {"utils", "util", "helpers", "common", "manager", "base"}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".sh",
    ".yml",
    ".yaml",
    ".cfg",
    ".ini",
    ".json",
    ".html",
    ".js",
    ".css",
    ".csv",
    "",
}

Broken = Iterator[tuple[int, str]]


def rules_of_a_path(path: PurePosixPath) -> Iterator[str]:
    """What a file's name alone breaks."""
    if path.name in LOCK_FILES:
        yield "a lock file names the registry it came from: pins live in requirements/"
    if path.parts[0] == "tests" and path.name == "__init__.py":
        yield "tests are imported by path (--import-mode=importlib): no __init__.py"
    if path.suffix == ".py" and VAGUE_NAMES & {path.stem, *path.parts[:-1]}:
        yield "a name that could hold anything: name it after its noun"


def rules_of_a_text(path: PurePosixPath, text: str) -> Broken:
    """What the lines of a file break, whatever its kind."""
    for number, line in enumerate(text.splitlines(), start=1):
        for host in REGISTRY_HOSTS:
            if host in line:
                yield number, f"names a package registry ({host})"
        if found := MACHINE_PATH.search(line):
            yield number, f"names a path of one machine ({found.group()})"
        if path.parts[0] == "requirements" and re.search(r"://|^\s*-(?!-hash=)", line) and "--hash=" not in line:
            yield number, "pins carry no address and no option: type make pins"


def rules_of_python(path: PurePosixPath, text: str) -> Broken:
    """What a Python file breaks."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if re.search(r"#\s*type:\s*ignore(?!\[[\w, -]+\]\s*#\s*\w)", line):
            yield number, "type: ignore needs its code and a reason: # type: ignore[code]  # because …"
        if NOQA_WITHOUT_REASON.search(line):
            yield number, f"{NOQA} needs its code and a reason: {NOQA}: CODE because …"
        if "wait_for_" + "timeout" in line:
            yield number, "wait for a condition, not for a duration"
    is_history = "migrations" in path.parts  # a migration is never edited again, so never split either
    if path.parts[0] == "runner" and not is_history and len(lines) > MODULE_LINES_LIMIT:
        yield len(lines), f"more than {MODULE_LINES_LIMIT} lines: look for the second noun"
    if path.parts[0] == "tests":
        yield from rules_of_tests(lines)


def rules_of_tests(lines: list[str]) -> Broken:
    """What a test file breaks: skips, and sleeps long enough to be a guess."""
    for number, line in enumerate(lines, start=1):
        if re.search(r"\bpytest\.skip\(|\bmark\.skip|\bimportorskip\(|\bmark\.xfail", line):
            yield number, "a test that does not run proves nothing"
        slept = re.search(r"\b(?:asyncio|time|anyio)\.sleep\(\s*([\d.]+)", line)
        if slept and float(slept.group(1)) > LONGEST_SLEEP_IN_TESTS_S:
            yield number, "wait for a condition, not for a duration"


def unit_tests_without_a_home(top: Path, paths: list[PurePosixPath]) -> Iterator[tuple[PurePosixPath, str]]:
    """Folders of tests/unit that mirror no folder of runner/ (tests/unit/tools mirrors tools/)."""
    for path in paths:
        if path.parts[:2] == ("tests", "unit") and path.suffix == ".py" and len(path.parts) > 3:
            mirrored = PurePosixPath(*path.parts[2:-1])
            homes = (top / "runner" / mirrored, (top / "runner" / mirrored).with_suffix(".py"), top / mirrored)
            if not any(home.exists() for home in homes):
                yield path, f"mirrors runner/{mirrored}, which does not exist"


def pins_that_disagree(top: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Requirements of pyproject.toml that the pins do not fulfil, and pins without a hash."""
    project = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = project.get("dependencies", [])
    extras = project.get("optional-dependencies", {})
    dev, bench = runtime + extras.get("dev", []), runtime + extras.get("bench", [])
    for name, wanted in (("runtime.txt", runtime), ("dev.txt", dev), ("bench.txt", bench)):
        path = PurePosixPath("requirements", name)
        pins: dict[str, str] = {}
        for block in re.split(r"\n(?=\S)", (top / path).read_text(encoding="utf-8")):
            pin = re.match(r"([A-Za-z0-9._-]+)==(\S+)", block)
            if pin:
                pins[canonicalize_name(pin.group(1))] = pin.group(2)
                if "--hash=sha256:" not in block:
                    yield path, f"{pin.group(1)} has no hash: type make pins"
        for text in wanted:
            requirement = Requirement(text)
            version = pins.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                yield path, f"pyproject.toml wants {text}, pinned is {version or 'nothing'}: type make pins"


def tracked_files(top: Path) -> list[PurePosixPath]:
    """Files that are tracked, or new and not ignored, and are there."""
    listed = subprocess.run(
        ["git", "-C", str(top), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(PurePosixPath(name) for name in set(listed.split("\0")) if name and (top / name).is_file())


def broken_rules(top: Path) -> Iterator[str]:
    """One line for each rule that the repository at `top` breaks."""
    paths = tracked_files(top)
    for path in paths:
        for why in rules_of_a_path(path):
            yield f"{path}: {why}"
        if path.suffix not in TEXT:
            continue
        text = (top / path).read_text(encoding="utf-8")
        broken = list(rules_of_a_text(path, text))
        if path.suffix == ".py":
            broken += rules_of_python(path, text)
        for number, why in broken:
            yield f"{path}:{number}: {why}"
    for path, why in (*unit_tests_without_a_home(top, paths), *pins_that_disagree(top)):
        yield f"{path}: {why}"


def main() -> int:
    """Check the folder given, or the repository this file is in."""
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    broken = list(broken_rules(top))
    for line in broken:
        sys.stderr.write(f"{line}\n")
    sys.stderr.write(f"house rules: {len(broken)} broken\n" if broken else "house rules: all kept\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
