"""The floors of the house hold: import-linter, with our own settings, over small houses that break one rule each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = Path(__file__).parents[3] / ".importlinter"
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    shutil.copy(SETTINGS, tmp_path)
    for floor in ("cli", "config", "orchestrator", "sites", "browser", "engine", "store", "domain", "marketplace"):
        (tmp_path / "runner" / floor).mkdir(parents=True)
        (tmp_path / "runner" / floor / "__init__.py").touch()
    (tmp_path / "runner" / "__init__.py").touch()
    (tmp_path / "runner" / "errors.py").touch()
    return tmp_path


def lint(house: Path) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-c", LINT], cwd=house, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def write(house: Path, module: str, text: str) -> None:
    (house / "runner" / f"{module}.py").write_text(text)


def test_downward_imports_pass(house: Path) -> None:
    write(house, "cli/main", "import runner.marketplace\nimport runner.orchestrator\n")
    write(house, "orchestrator/worker", "import runner.store\nimport runner.sites\nimport runner.browser\n")
    write(house, "engine/embedded", "import sqlalchemy\nimport runner.store\n")
    write(house, "browser/launch", "from playwright.async_api import Page\nimport runner.domain\n")
    write(house, "marketplace/server", "import fastapi\n")
    code, said = lint(house)
    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("domain/jobs", "import runner.store\n"),
        ("errors", "import runner.domain\n"),
        ("browser/launch", "import runner.store\n"),
        ("store/jobs", "import runner.browser\n"),
        ("engine/embedded", "import runner.browser\n"),
        ("store/jobs", "import runner.engine\n"),
        ("orchestrator/worker", "import runner.config\n"),
        ("marketplace/server", "import runner.errors\n"),
        ("orchestrator/worker", "import runner.marketplace\n"),
        ("orchestrator/worker", "from playwright.async_api import Page\n"),
        ("domain/jobs", "import sqlalchemy\n"),
        ("marketplace/database", "import aiosqlite\n"),
        ("orchestrator/worker", "import fastapi\n"),
        ("cli/main", "import nicegui\n"),
        ("cellar", "x = 1\n"),
    ],
)
def test_import_that_breaks_a_floor_is_refused(house: Path, module: str, text: str) -> None:
    write(house, module, text)
    code, said = lint(house)
    assert code == 1, said
    assert f"runner.{module.replace('/', '.')}" in said
