from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ringbuf

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]
SHM = Path("/dev/shm")


def test_more_than_there_is_is_refused_with_both_figures_and_nothing_left(prefix: str) -> None:
    status = os.statvfs(SHM)
    size = status.f_blocks * status.f_frsize + 1
    with pytest.raises(
        ringbuf.NoSpace, match=rf"{prefix}\.huge needs \d+ bytes .* has \d+ free.*make the ring smaller"
    ):
        # 2^40 bytes is the most that can be asked for at all.
        ringbuf.create_history(f"{prefix}.huge", min(size, 2**39) // 2, 16000, blocks=16)
    assert not list(SHM.glob(f"{prefix}*"))


def test_the_memory_is_reserved_and_private_to_the_user(make: Make) -> None:
    name = make("history", 100_000, 16000)
    status = (SHM / name).stat()
    assert status.st_blocks * 512 >= status.st_size
    assert status.st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda name: ringbuf.create_latest(name, 0), "capacity"),
        (lambda name: ringbuf.create_latest(name, 10, slots=1), "slots"),
        (lambda name: ringbuf.create_history(name, 100, 0), "rate"),
        (lambda name: ringbuf.create_history(name, 100, 16000, readers=65), "readers"),
        (lambda name: ringbuf.create_history(name, 100, 16000, dtype="c16"), "complex128"),
        (lambda name: ringbuf.create_stream(name, 2**35), "capacity"),
        (lambda name: ringbuf.create_cells(name, 0), "capacity"),
    ],
)
def test_a_ring_that_cannot_be_is_refused(prefix: str, call: Callable[[str], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(f"{prefix}.x")
    assert not list(SHM.glob(f"{prefix}*"))


def test_a_name_in_use_is_refused_and_left_alone(make: Make) -> None:
    name = make("cells", 8)
    with pytest.raises(ringbuf.RingError, match="exists already"):
        ringbuf.create_cells(name, 8)
    assert ringbuf.describe(name)["kind"] == "cells"


def test_a_missing_ring_is_named(prefix: str) -> None:
    for call in (ringbuf.StreamReader, ringbuf.Cells, ringbuf.Bells, ringbuf.describe):
        with pytest.raises(ringbuf.NoRing, match=f"{prefix}.nothing"):
            call(f"{prefix}.nothing")


CREATE = """if True:
    import os, sys, ringbuf
    segment = ringbuf.create_stream(f"{sys.argv[1]}.{sys.argv[2]}.{os.getpid()}.ring", 4096)
    print(segment.name, flush=True)
    sys.stdin.read()
    os.killpg(0, 9)  # with the resource tracker, so that nobody cleans up
"""


def engine(prefix: str, instance: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CREATE, prefix, instance],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_reap_removes_what_the_dead_left_and_only_that(prefix: str, make: Make) -> None:
    living = make("cells", 8)
    first, first_name = engine(prefix, "a")
    second, second_name = engine(prefix, "b")
    dead_pid = first.pid
    try:
        assert ringbuf.reap(prefix) == []
        first.communicate("")
        half_made = {  # without a header: only the pid in the name tells
            f"{prefix}.a.{dead_pid}.half": True,
            f"{prefix}.a.{os.getpid()}.half": False,
            f"{prefix}.a.strange": False,
        }
        for name in half_made:
            (SHM / name).write_bytes(b"")
        removed = sorted([first_name, *(name for name, dead in half_made.items() if dead)])
        assert ringbuf.reap(prefix) == removed
        left = {path.name for path in SHM.glob(f"{prefix}*")}
        assert left == {living, second_name, *(name for name, dead in half_made.items() if not dead)}
        for name in half_made:
            (SHM / name).unlink(missing_ok=True)
    finally:
        second.communicate("")
        ringbuf.reap(prefix)


def test_reap_wants_a_prefix() -> None:
    with pytest.raises(ValueError, match="prefix"):
        ringbuf.reap("")


def test_a_creator_that_is_killed_alone_is_cleaned_up_after_by_its_tracker(prefix: str, spawn: Spawn) -> None:
    process = spawn(CREATE, prefix, "a")
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    attached = ringbuf.StreamReader(name)
    process.kill()
    process.communicate()  # its tracker holds the pipe of stderr, and closes it after it has cleaned up
    assert not (SHM / name).exists()
    assert attached.acquire() is None
    attached.close()


def test_a_worker_that_dies_takes_nothing_along_and_nobody_complains(make: Make, spawn: Spawn) -> None:
    name, history = make("stream", 4096), make("history", 4096, 16000)
    code = """if True:
        import sys, ringbuf
        writer = ringbuf.StreamWriter(sys.argv[1])
        kept = writer.claim(10)
        reader = ringbuf.HistoryReader(sys.argv[2], 0)
        window = reader.view(0, 0)
    """
    process = spawn(code, name, history)
    assert process.communicate() == ("", "")
    assert process.returncode == 0
    assert ringbuf.describe(name)["writer"] is None


def test_a_creator_with_live_views_ends_without_noise(prefix: str, spawn: Spawn) -> None:
    code = """if True:
        import sys, ringbuf
        segment = ringbuf.create_stream(sys.argv[1], 4096)
        with segment:
            writer = ringbuf.StreamWriter(segment.name)
            view = writer.claim(10)
        segment.unlink()
        segment.close()
        view[:] = 1
    """
    process = spawn(code, f"{prefix}.x")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


def test_a_segment_that_somebody_else_removed_ends_without_noise(prefix: str, spawn: Spawn) -> None:
    code = """if True:
        import os, sys, ringbuf
        segment = ringbuf.create_stream(sys.argv[1], 4096)
        os.unlink(f"/dev/shm/{segment.name}")
        segment.unlink()
    """
    process = spawn(code, f"{prefix}.x")
    assert process.communicate() == ("", "")


def test_describe_tells_who_is_there_and_how_full_it_is(make: Make) -> None:
    name = make("stream", 4096)
    before = ringbuf.describe(name)
    assert (before["kind"], before["capacity"], before["writer"], before["fill"]) == ("stream", 4096, None, 0)
    assert before["creator"]["pid"] == os.getpid()
    with ringbuf.StreamWriter(name) as writer:
        writer.put(bytes(100))
        during = ringbuf.describe(name)
    assert (during["fill"], during["position"]) == (192, 192)
    assert during["writer"] == {"pid": os.getpid(), "alive": True, "epoch": 1}
    assert during["readers"] == [{"role": None, "position": 0, "lost": 0}]


def test_process_start_is_that_of_the_kernel_and_0_for_the_dead(spawn: Spawn) -> None:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert ringbuf.process_start(os.getpid()) == int(fields[19])
    process = spawn("")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert ringbuf.process_start(process.pid) == 0, "a zombie is dead"
    assert ringbuf.process_start(2**31 - 1) == 0


def test_every_object_says_what_it_is(make: Make) -> None:
    name = make("history", 4096, 16000)
    with ringbuf.HistoryWriter(name) as writer, ringbuf.HistoryReader(name, 0) as reader:
        writer.put(bytes(200), capture_ns=0)
        assert repr(writer) == f"<HistoryWriter {name}, writer, 100 samples>"
        assert repr(reader) == f"<HistoryReader {name}, reader at 0 of 100 samples, lost 0>"
    assert repr(reader) == f"<HistoryReader {name}, closed>"
