from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

import ringbuf
from ringbuf import HistoryReader, HistoryWriter, StreamReader, StreamWriter

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

OPEN = {
    "stream writer": ("stream", (4096,), "ringbuf.StreamWriter(name)"),
    "stream reader": ("stream", (4096,), "ringbuf.StreamReader(name)"),
    "history writer": ("history", (4096, 16000), "ringbuf.HistoryWriter(name)"),
    "history reader": ("history", (4096, 16000), "ringbuf.HistoryReader(name, 2)"),
    "latest writer": ("latest", (100,), "ringbuf.LatestWriter(name)"),
}
HOLD = "import sys, ringbuf; name = sys.argv[1]; ring = {}; print('held', flush=True); sys.stdin.read()"


def started(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


@pytest.mark.parametrize("role", OPEN)
def test_a_role_is_taken_while_its_holder_lives_and_free_when_it_was_killed(
    make: Make, spawn: Spawn, role: str
) -> None:
    kind, sizes, expression = OPEN[role]
    name = make(kind, *sizes)
    process = spawn(HOLD.format(expression), name)
    started(process)
    with pytest.raises(ringbuf.RoleTaken, match=name) as error:
        eval(expression, {"ringbuf": ringbuf, "name": name})
    assert error.value.pid == process.pid
    process.kill()
    # Not waited for: a zombie holds nothing any more, but it takes the kernel a moment to make it one.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with eval(expression, {"ringbuf": ringbuf, "name": name}) as ring:
        assert ring.epoch == 2


@pytest.mark.parametrize("role", OPEN)
def test_within_one_process_a_role_is_free_after_close_or_collection(make: Make, role: str) -> None:
    kind, sizes, expression = OPEN[role]
    name = make(kind, *sizes)
    scope = {"ringbuf": ringbuf, "name": name}
    ring = eval(expression, scope)
    with pytest.raises(ringbuf.RoleTaken, match=str(os.getpid())):
        eval(expression, scope)
    ring.close()
    ring = eval(expression, scope)
    assert ring.epoch == 2
    del ring
    assert eval(expression, scope).epoch == 3


def test_role_taken_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ringbuf.RoleTaken("a.b", "reader 3", 77)))
    assert (str(error), error.pid) == (str(ringbuf.RoleTaken("a.b", "reader 3", 77)), 77)


KILLED_STREAM = """if True:
    import os, signal, sys, ringbuf
    writer = ringbuf.StreamWriter(sys.argv[1])
    writer.put(b"published")
    writer.claim(500)[:] = 255
    os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_HISTORY = """if True:
    import os, signal, sys, numpy, ringbuf
    writer = ringbuf.HistoryWriter(sys.argv[1])
    for start in (0, 1500):
        writer.put(numpy.arange(start, start + 1500, dtype=numpy.int16), capture_ns=0)
    writer.claim(2000)[:] = -1
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_stream_goes_on_after_its_writer_was_killed_in_a_claim(make: Make, spawn: Spawn) -> None:
    name = make("stream", 4096)
    with StreamReader(name) as reader:
        assert spawn(KILLED_STREAM, name).wait() == -9
        assert [record.data.tobytes() for record in reader] == [b"published"]
        with StreamWriter(name) as writer:
            for i in range(100):
                assert writer.put(bytes([i]) * 300)
                assert [record.data.tobytes() for record in reader] == [bytes([i]) * 300]


def test_a_stream_goes_on_after_its_reader_was_killed_in_a_record(make: Make, spawn: Spawn) -> None:
    name = make("stream", 4096)
    code = """if True:
        import os, signal, sys, ringbuf
        reader = ringbuf.StreamReader(sys.argv[1])
        reader.acquire(); reader.release(); reader.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with StreamWriter(name) as writer:
        for i in range(3):
            writer.put(bytes([i]))
        assert spawn(code, name).wait() == -9
        with StreamReader(name) as reader:
            assert [record.data.tolist() for record in reader] == [[1], [2]]


def test_a_history_goes_on_after_its_writer_was_killed_in_a_claim(make: Make, spawn: Spawn) -> None:
    name = make("history", 4096, 16000)
    with HistoryReader(name, 0, start="oldest") as reader:
        assert spawn(KILLED_HISTORY, name).wait() == -9
        assert reader.oldest == 3000 + 2000 - 4096, "what it may have spoilt is not offered"
        window = reader.view(reader.oldest, 3000)
        assert window is not None
        assert window.tolist() == list(range(904, 3000))
        with HistoryWriter(name) as writer:
            assert writer.position == 3000
            writer.put(np.full(100, 7, np.int16), capture_ns=5)
        window = reader.view(2999, 3001)
        assert window is not None
        assert window.tolist() == [2999, 7]
        assert reader.capture_ns(3000) == 5


def test_a_block_that_was_never_published_is_forgotten(make: Make) -> None:
    name = make("history", 4096, 16000)
    with HistoryWriter(name) as writer:
        writer.put(np.zeros(100, np.int16), capture_ns=1_000)
        writer.put(np.zeros(100, np.int16), capture_ns=2_000, flags=ringbuf.LOST)
    # As if it had been killed after the block and before the position.
    with open(f"/dev/shm/{name}", "r+b") as file:
        file.seek(os.sysconf("SC_PAGESIZE") + 128)
        file.write((100).to_bytes(8, "little"))
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        assert writer.position == 100
        writer.put(np.zeros(50, np.int16), capture_ns=3_000)
        writer.put(np.zeros(50, np.int16), capture_ns=4_000)
        assert [reader.capture_ns(i) for i in (0, 100, 150)] == [1_000, 3_000, 4_000]
        assert reader.flags(0, 200) == 0
