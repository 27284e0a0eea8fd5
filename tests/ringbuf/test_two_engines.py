"""Two engines on one machine: the same channels, other instances, each with a worker of its own. Neither sees the
other, and what is cleared away after one that died is its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

SHM = Path("/dev/shm")
CHANNELS = ("tokens", "sound", "value", "words", "bells")

# An engine sends `mark` in every way to a worker of its own, which fails at the first thing that is not its engine's.
ENGINE = """if True:
    import os, subprocess, sys, time
    import numpy, ringbuf

    def soon():
        return time.monotonic_ns() + 60_000_000_000

    def send(instance, mark, records):
        bells = ringbuf.Bells(f"{instance}.bells")
        words = ringbuf.Cells(f"{instance}.words")
        with (
            ringbuf.StreamWriter(f"{instance}.tokens", bells=[bells[0]]) as tokens,
            ringbuf.HistoryWriter(f"{instance}.sound") as sound,
            ringbuf.LatestWriter(f"{instance}.value") as value,
        ):
            waiter = ringbuf.Waiter(bells[1], [tokens.space(100)])
            for i in range(records):
                sound.put(numpy.full(100, mark, numpy.int16), capture_ns=mark)
                value.put(bytes([mark]) * 100)
                words.add(mark, 1)
                while not tokens.put(bytes([mark]) * 100, turn=i):
                    assert waiter.wait(soon()) and waiter.missed == 0, "a wake-up was lost"

    def work(instance, mark, records):
        bells = ringbuf.Bells(f"{instance}.bells")
        with (
            ringbuf.StreamReader(f"{instance}.tokens", bells=[bells[1]]) as tokens,
            ringbuf.HistoryReader(f"{instance}.sound", 0, start="oldest") as sound,
            ringbuf.LatestReader(f"{instance}.value") as value,
        ):
            waiter = ringbuf.Waiter(bells[0], [tokens])
            seen = 0
            while seen < records:
                assert waiter.wait(soon()) and waiter.missed == 0, "a wake-up was lost"
                for record in tokens:
                    assert record.turn == seen and set(record.data.tobytes()) == {mark}, record
                    seen += 1
                window = sound.acquire(100)
                if window is not None:
                    assert set(window.tolist()) == {mark} or not sound.release(100)
                assert set(value.read()) == {mark}
            words = ringbuf.Cells(f"{instance}.words").array.tolist()
            assert words == [records if i == mark else 0 for i in range(8)], words

    def engine(prefix, instance, mark, records):
        name = f"{prefix}.{instance}.{os.getpid()}"
        with (
            ringbuf.create_stream(f"{name}.tokens", 4096),
            ringbuf.create_history(f"{name}.sound", 4096, 16000),
            ringbuf.create_latest(f"{name}.value", 100),
            ringbuf.create_cells(f"{name}.words", 8),
            ringbuf.create_bells(f"{name}.bells", 2),
        ):
            print(name, flush=True)
            sys.stdin.readline()  # until both are up
            code = os.environ["ENGINE"]
            worker = subprocess.Popen([sys.executable, "-c", code, "work", name, str(mark), str(records)])
            send(name, mark, records)
            assert worker.wait() == 0
            print("done", flush=True)
            sys.stdin.read()

    if sys.argv[1] == "work":
        work(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        engine(*sys.argv[1:3], *map(int, sys.argv[3:]))
"""


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def segments(prefix: str) -> set[str]:
    return {path.name for path in SHM.glob(f"{prefix}*")}


@contextmanager
def engine(prefix: str, instance: str, mark: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, prefix, instance, str(mark), "2000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ENGINE": ENGINE},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("instances", [("one", "two"), ("one", "one")], ids=["other names", "one name"])
def test_two_engines_do_not_meet_and_one_that_died_is_cleared_away_alone(
    prefix: str, instances: tuple[str, str]
) -> None:
    with engine(prefix, instances[0], 1) as first, engine(prefix, instances[1], 2) as second:
        names = said(first), said(second)
        both = [{f"{name}.{channel}" for channel in CHANNELS} for name in names]
        assert both[0].isdisjoint(both[1])
        assert segments(prefix) == both[0] | both[1]
        for process in (first, second):
            tell(process, "go")
        assert (said(first), said(second)) == ("done", "done")
        assert ringbuf.reap(prefix) == []
        # With its resource tracker, so that nobody clears up.
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        assert segments(prefix) == both[0] | both[1]
        assert set(ringbuf.reap(prefix)) == both[0]
        assert segments(prefix) == both[1]
        assert ringbuf.describe(f"{names[1]}.tokens")["creator"]["alive"] is True
        assert second.communicate("")[1] == ""
        assert second.returncode == 0
        assert segments(prefix) == set()


MUTANTS = {
    "the living are cleared away, too": Mutant(
        Mutation("segment.py", "            if not _creator_alive(path):\n", "            if True:\n"),
        "test_two_engines.py::test_two_engines_do_not_meet_and_one_that_died_is_cleared_away_alone[one name]",
        "AssertionError",
    ),
    "the dead are not cleared away": Mutant(
        Mutation("segment.py", "            if not _creator_alive(path):\n", "            if False:\n"),
        "test_two_engines.py::test_two_engines_do_not_meet_and_one_that_died_is_cleared_away_alone[other names]",
        "AssertionError",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
