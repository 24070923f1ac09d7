from __future__ import annotations

import os
import subprocess
import sys

from bench import measure
from bench.measure import Meter, Part, Seen

STAT = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 2312 0 0 0 150 50 9 9 20 0 1 0 123456 12345 678"
BUSY = """
import sys
print("ready", flush=True)
sys.stdin.read(1)
for _ in range(6_000_000): pass
print("done", flush=True)
sys.stdin.read()
"""


def seen(pid: int, parent: int) -> Seen:
    return Seen(pid=pid, parent=parent, started=1, cpu_s=0.0)


def test_a_process_is_read_whatever_its_name_holds() -> None:
    found = measure.parse_stat(STAT)
    assert (found.pid, found.parent, found.started) == (4711, 1, 123456)
    assert found.cpu_s == 200 / os.sysconf("SC_CLK_TCK")


def test_what_the_driver_starts_is_chromium_and_strangers_do_not_count() -> None:
    everybody = [seen(1, 0), seen(10, 1), seen(11, 10), seen(12, 11), seen(13, 12), seen(14, 10), seen(99, 1)]
    assert measure.parts(everybody, root=10, drivers={11}) == {
        10: Part.PYTHON,
        11: Part.DRIVER,
        12: Part.CHROMIUM,
        13: Part.CHROMIUM,
        14: Part.PYTHON,
    }


def test_processor_time_and_memory_of_a_real_process_are_counted_from_the_start_of_the_block() -> None:
    if not measure.CAN_MEASURE:
        assert not (measure.PROC / "self").exists()  # nothing to read: `python -m bench` says so
        return
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with Meter(process.pid, memory=True) as meter:
            process.stdin.write(b"x")
            process.stdin.flush()
            process.stdout.readline()
        with Meter(process.pid, memory=False) as idle:
            pass
        process.stdin.close()
    assert meter.cost.cpu_s[Part.PYTHON] > 0.05
    assert meter.cost.peak_bytes[Part.PYTHON] > 1_000_000
    assert meter.cost.cpu_s[Part.CHROMIUM] == 0
    assert idle.cost.cpu_s[Part.PYTHON] < meter.cost.cpu_s[Part.PYTHON] / 2
    assert idle.cost.peak_bytes == {}


def test_a_process_that_is_gone_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert measure.pss_bytes(process.pid) == 0
