from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runner.config import keys
from runner.domain.accounts import SecretRef
from runner.errors import SetupError

GOOD = "k" * 40


def test_a_key_is_made_at_its_first_use_and_is_the_same_ever_after(tmp_path: Path) -> None:
    first = keys.read(None, folder=tmp_path)
    assert len(first.get_secret_value()) >= keys.SHORTEST
    assert keys.read(None, folder=tmp_path) == first
    file = keys.default_file(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["checkpoints.key"], "nothing is left beside it"


def test_two_processes_at_once_agree(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from runner.config import keys; sys.stdin.readline(); "
    code += "print(keys.read(None, folder=Path(sys.argv[1])).get_secret_value())"
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    makers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for each in makers:
        each.stdin.write("\n")
        each.stdin.flush()
    assert len({each.communicate()[0] for each in makers}) == 1


def test_a_key_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    from_environment = keys.read(SecretRef(kind="env", name="KEY"), folder=tmp_path, environ={"KEY": GOOD})
    (tmp_path / "key").write_text(GOOD)
    (tmp_path / "key").chmod(0o600)
    from_file = keys.read(SecretRef(kind="file", name=str(tmp_path / "key")), folder=tmp_path)
    assert from_environment.get_secret_value() == from_file.get_secret_value() == GOOD


def test_a_key_that_others_may_read_is_refused_with_what_to_type(tmp_path: Path) -> None:
    file = keys.make(keys.default_file(tmp_path))
    os.chmod(file, 0o644)
    with pytest.raises(SetupError, match="may be read by others \\(mode 0644\\)") as caught:
        keys.read(None, folder=tmp_path)
    assert f'chmod 600 "{file}"' in caught.value.cure


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (SecretRef(kind="env", name="KEY"), "The key of the checkpoints is missing: environment variable KEY"),
        (SecretRef(kind="file", name="/nowhere/key"), "The key of the checkpoints is missing: there is no file"),
    ],
)
def test_a_key_that_was_named_and_is_not_there_is_not_made(tmp_path: Path, ref: SecretRef, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        keys.read(ref, folder=tmp_path, environ={})


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="too short") as caught:
        keys.read(SecretRef(kind="env", name="KEY"), folder=tmp_path, environ={"KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)
