"""Where Playwright writes a Session's trace as it goes, so that it is not lost with a killed runner.

The folder stands under the evidence folder and is known to be in use by a lock that only a living process holds.
Whoever finds one that nobody holds any more makes a trace of what is in it. What was recorded is raw until then:
sign-ins are not in it, for nothing is recorded during those, and known secrets are taken out when it is joined.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.browser.tracing import clean
from runner.logs import Redactor

ROOT = ".traces"
LOCK = "in-use"
MARKER = "attempt"
RAW = "raw"
FRAMES = "screencast"


class TraceFolder:
    """One Session's folder, held until `remove`; `begin` says which Attempt is recorded from now on, `end` that it is
    over and all of it is thrown away or kept elsewhere.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def make(cls, root: Path, account: str) -> TraceFolder | None:
        """A new folder below `root`; None where it cannot be made, for a trace is never worth a Session."""
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = Path(tempfile.mkdtemp(prefix=f"{account}-", dir=root))
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (path / RAW).mkdir()
        except OSError:  # no room, or somebody took it for abandoned before it was locked
            os.close(lock)
            return None
        return cls(path, lock)

    @property
    def raw(self) -> Path:
        """Where the driver writes."""
        return self.path / RAW

    def begin(self, attempt_id: int) -> None:
        """What is recorded from here on belongs to this Attempt; what is there already does not."""
        marked = {"attempt": attempt_id, "before": sorted(path.name for path in self.raw.glob("*.trace"))}
        with contextlib.suppress(OSError):
            (self.path / MARKER).write_text(json.dumps(marked), encoding="utf-8")

    def end(self) -> None:
        """Nothing of what was recorded is wanted any more."""
        with contextlib.suppress(OSError):
            (self.path / MARKER).unlink(missing_ok=True)

    def remove(self) -> None:
        """Let go of the folder, and take it away with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()  # only an empty one goes


@dataclass(frozen=True, kw_only=True)
class Abandoned:
    """What a killed runner left of an Attempt's trace; held by us until `remove`."""

    folder: TraceFolder
    attempt_id: int | None
    before: Sequence[str] = ()

    def join(self, target: Path, redactor: Redactor) -> bool:
        """Write one trace of all that was recorded of the Attempt, without known secrets; False if that is nothing."""
        parts = [(path, lines) for path in self._traces() if (lines := _whole_lines(path))]
        if not parts:
            return False
        whole = target.with_name(target.name + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
                told = b""
                for number, (path, lines) in enumerate(parts):
                    network = _whole_lines(path.with_suffix(".network"))
                    out.writestr(f"{number}-trace.trace", clean("trace.trace", lines, redactor))
                    out.writestr(f"{number}-trace.network", clean("trace.network", network, redactor))
                    told += lines + network
                for path in self._resources(told):
                    name = path.relative_to(self.folder.raw).as_posix()
                    out.writestr(name, clean(name, path.read_bytes(), redactor))
            whole.replace(target)
        finally:
            whole.unlink(missing_ok=True)
        return True

    def last_frame(self) -> Path | None:
        """The newest picture that was recorded of the Attempt."""
        told = b"".join(_whole_lines(path) for path in self._traces())
        frames = [path for path in self._resources(told) if path.parent.name == FRAMES and path.stat().st_size]
        return max(frames, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _traces(self) -> list[Path]:
        found = [path for path in self.folder.raw.glob("*.trace") if path.name not in self.before]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def _resources(self, told: bytes) -> list[Path]:
        """The files that the recorded lines speak of: a Session's earlier Attempts have left others."""
        files = (path for path in self.folder.raw.glob("*/*") if path.is_file())
        return sorted(path for path in files if path.name.encode() in told)


def abandoned(root: Path) -> Iterator[Abandoned]:
    """The folders that nobody holds any more, each held by us while the loop's body has it."""
    for path in sorted(root.glob("*/")):
        try:
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            with contextlib.suppress(OSError):
                path.rmdir()  # empty: whoever made it was killed just then
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        yield _read(TraceFolder(path, lock))


def let_go(found: Abandoned) -> None:
    """Leave an abandoned folder as it is, for later."""
    os.close(found.folder._lock)


def _read(folder: TraceFolder) -> Abandoned:
    try:
        marked = json.loads((folder.path / MARKER).read_text(encoding="utf-8"))
        return Abandoned(folder=folder, attempt_id=int(marked["attempt"]), before=[str(n) for n in marked["before"]])
    except (OSError, ValueError, KeyError, TypeError):
        return Abandoned(folder=folder, attempt_id=None)


def _whole_lines(path: Path) -> bytes:
    """All lines but one that was being written when the end came."""
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    return data[: data.rfind(b"\n") + 1]
