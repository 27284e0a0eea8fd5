"""bench/rings.py runs, says what it must say, and leaves nothing behind. What it measures is no test's business."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "rings.py"
SHM = Path("/dev/shm")
KEYS = {
    "spin_one_way_us",
    "iceoryx2_one_way_us",
    "pipe_one_way_us",
    "sleep_over_futex_floor",
    "four_calls_ns",
}

pytestmark = pytest.mark.xdist_group("rings_bench")  # it starts dozens of processes: one of it at a time


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """The bench with a temporary folder of its own."""
    return subprocess.Popen(
        [sys.executable, BENCH, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left(tmp_path: Path, process: subprocess.Popen[str]) -> list[str]:
    """What it has left in shared memory and in its temporary folder."""
    mine = [path.name for path in SHM.iterdir() if f"ringbench-{process.pid}-" in path.name]
    return mine + [str(path) for path in tmp_path.rglob("*")]


def run(tmp_path: Path, *arguments: str) -> str:
    process = start(tmp_path, "--glance", *arguments)
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert left(tmp_path, process) == []
    return out


def result(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def test_all_systems_play_and_the_last_line_has_what_is_asked_for_and_nothing_is_left(tmp_path: Path) -> None:
    found = result(run(tmp_path, "--json"))
    assert found.keys() >= KEYS
    for key in KEYS:
        assert found[key] > 0, key
    for system, sizes in found["one_way_us"].items():
        assert sizes.keys() == ({"0"} if system == "floor_line" else {"640", "3840", "65536"}), system
        assert all(0 < row["p50_min"] <= row["p50"] <= row["p50_max"] for row in sizes.values()), system
    assert found["times_the_ring"]["ring_sleep"]["640"] == [1.0]
    assert all(times > 0 for times in found["times_the_ring"]["pipe"]["640"])


def test_a_peer_that_is_left_out_is_null_and_the_table_is_for_people(tmp_path: Path) -> None:
    found = result(run(tmp_path, "--json", "--peers", "ring"))
    assert found["pipe_one_way_us"] is None
    assert found["sleep_over_futex_floor"] is None
    assert found["spin_one_way_us"] > 0
    table = run(tmp_path, "--peers", "ring,pipe")
    for word in ("machine", "kernel", "python", "640 B", "ringbuf stream", "Pipe"):
        assert word in table


def test_a_missing_peer_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    hide = tmp_path / "hide"
    hide.mkdir()
    # None in sys.modules is what an import of something that is not there amounts to.
    (hide / "sitecustomize.py").write_text("import sys; sys.modules['iceoryx2'] = None")
    process = subprocess.run(
        [sys.executable, BENCH, "--glance", "--peers", "ring,iceoryx2"],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(hide), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert "iceoryx2" in process.stderr
    assert "pip install --group bench" in process.stderr


def test_terminated_halfway_it_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "--peers", "ring,iceoryx2,floor")
    while not any(name.endswith(".connection") for name in left(tmp_path, process)) and process.poll() is None:
        time.sleep(0.01)
    assert len(left(tmp_path, process)) > 20, "it was to be ended in the midst of a game"
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert left(tmp_path, process) == []
