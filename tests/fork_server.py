"""Commands without the second that Python takes to import them: processes forked from one that has done that already.

What a test gets is a process of its own like any other, with its own pid, folder, environment, streams and end; it only
does not begin with an empty interpreter. Whoever needs that too, starts the command with `Shop.start` or by himself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LONGEST = 1_000_000


class ForkServer:
    """Runs `runner` commands; `close` it. `environment` is what each of them has at least, from its first breath on."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        # An abstract address: the folders of tests are longer than the path of a socket may be.
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._address = "\0" + os.urandom(16).hex()
        listening.bind(self._address)
        listening.listen(64)
        number = listening.fileno()
        command = [sys.executable, "-c", f"from tests.fork_server import serve; serve({number})"]
        root = Path(__file__).parent.parent
        self._server = subprocess.Popen(
            command,
            cwd=folder,
            env={**self.environment, "PYTHONPATH": str(root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[number],
        )
        listening.close()

    def run(
        self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """One command to its end, as subprocess.run does it. Raises TimeoutExpired once the command is killed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(self._address)
            read_out, out = os.pipe()
            read_err, err = os.pipe()
            try:
                asked = json.dumps({"args": list(args), "cwd": str(cwd), "env": dict(env)}).encode()
                socket.send_fds(line, [asked], [out, err])
            finally:
                os.close(out)
                os.close(err)
            said = {"out": b"", "err": b""}
            readers = [
                threading.Thread(target=_drain, args=(said, "out", read_out), daemon=True),
                threading.Thread(target=_drain, args=(said, "err", read_err), daemon=True),
            ]
            for reader in readers:
                reader.start()
            line.settimeout(timeout_s)
            pid = int(line.recv(100))
            try:
                code = int(line.recv(100))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([*args], timeout_s, said["out"], said["err"]) from None
            for reader in readers:
                reader.join(timeout_s)
                if reader.is_alive():  # something that the command left behind holds its stream
                    raise subprocess.TimeoutExpired([*args], timeout_s, said["out"], said["err"])
        return subprocess.CompletedProcess([*args], code, said["out"].decode(), said["err"].decode())

    def close(self) -> None:
        """End the server; commands that still run go on."""
        self._server.terminate()
        self._server.wait(timeout=30)


def _drain(said: dict[str, bytes], name: str, number: int) -> None:
    with os.fdopen(number, "rb") as stream:
        said[name] = stream.read()


def serve(number: int) -> None:
    """Import what the commands need, then fork one for each that is asked for, until this process is ended."""
    import gc

    _import_all()
    gc.collect()
    gc.freeze()  # a collection would touch, and so copy, every page that the children share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for the commands
    listening = socket.socket(fileno=number)
    while True:
        line, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _run(line)
            return
        line.close()


def _run(line: socket.socket) -> None:
    """In a process of its own: fork the command, tell its pid, wait for it, tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(line, _LONGEST, 2)
    asked = json.loads(message)
    pid = os.fork()
    if pid == 0:
        line.close()
        _become(asked, streams)
        return
    for each in streams:
        os.close(each)
    line.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    line.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Be the command: its folder, environment, streams and arguments."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    os.closerange(3, 4096)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["-c", *asked["args"]]
    sys.orig_argv = [sys.executable, "-c", "from runner.cli.main import main; main()", *asked["args"]]
    from runner.cli.main import main

    main()


def _import_all() -> None:
    """What commands import: at their start or, so that others need not wait for it, when they come to it."""
    import importlib
    import pkgutil

    import runner

    heavy = (
        "runner.console",
        "runner.api_wiring",
        "runner.live_wiring",
        "runner.marketplace",
        "runner.inbox.classify",
        "runner.store.migrations",
    )
    for found in pkgutil.walk_packages(runner.__path__, "runner."):
        if not found.name.startswith(heavy) and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
