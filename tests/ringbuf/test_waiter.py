from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import ringbuf
from ringbuf import (
    Bells,
    Cells,
    HistoryReader,
    HistoryWriter,
    LatestReader,
    LatestWriter,
    StreamReader,
    StreamWriter,
    Waiter,
    Watchable,
)

Make = Callable[..., str]
Soon = Callable[[], int]
Spawn = Callable[..., "subprocess.Popen[str]"]


def past() -> int:
    return time.monotonic_ns() - 1


def test_a_wait_ends_at_its_deadline_and_not_before(make: Make) -> None:
    waiter = Waiter(Bells(make("bells", 1))[0])
    deadline = time.monotonic_ns() + 20_000_000
    assert waiter.wait(deadline) is False
    assert time.monotonic_ns() >= deadline
    assert waiter.wait(past()) is False
    assert waiter.wait(0) is False
    assert waiter.wait(-5) is False


def test_each_kind_of_input_is_ready_when_there_is_something_and_not_before(make: Make, soon: Soon) -> None:
    bell = Bells(make("bells", 1))[0]
    stream, history, latest, cells = (
        make("stream", 4096),
        make("history", 4096, 16000),
        make("latest", 8),
        make("cells", 2),
    )
    with (
        StreamWriter(stream) as stream_writer,
        StreamReader(stream) as stream_reader,
        HistoryWriter(history) as history_writer,
        HistoryReader(history, 0) as history_reader,
        LatestWriter(latest) as latest_writer,
        LatestReader(latest) as latest_reader,
        Cells(cells) as words,
    ):
        history_reader.want(100)
        watch = words.watch(1)
        inputs: list[Watchable] = [stream_reader, history_reader, latest_reader, watch]
        waiters = [Waiter(bell, [one]) for one in inputs]
        everything = Waiter(bell, inputs)

        def commit(n: int) -> None:
            history_writer.put(np.zeros(n, np.int16), capture_ns=0)

        def ready() -> list[bool]:
            return [waiter.wait(past()) for waiter in waiters]

        assert ready() == [False] * 4
        assert not everything.wait(past())
        stream_writer.put(b"x")
        assert ready() == [True, False, False, False]
        assert everything.wait(soon())
        commit(99)
        assert ready() == [True, False, False, False]
        commit(1)
        assert ready() == [True, True, False, False]
        latest_writer.put(b"x")
        words.store(0, 9)
        assert ready() == [True, True, True, False]
        words.store(1, 9)
        assert ready() == [True] * 4
        assert stream_reader.acquire() is not None
        stream_reader.release()
        assert history_reader.acquire(100) is not None
        history_reader.release(100)
        latest_reader.read()
        assert watch.take() == 9
        assert ready() == [False] * 4
        history_reader.seek(history_reader.position + 50)
        commit(149)
        assert ready() == [False] * 4
        commit(1)
        assert ready() == [False, True, False, False]


def test_space_is_ready_when_that_much_can_be_claimed_and_follows_the_writer(make: Make) -> None:
    bell = Bells(make("bells", 1))[0]
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        waiter = Waiter(bell, [writer.space(900)])
        for _ in range(200):
            while writer.claim(900) is not None:
                assert waiter.wait(past())
                writer.commit(900 if writer.full_count % 2 else 321)
            assert not waiter.wait(past())
            assert reader.acquire() is not None
            reader.release()
            assert waiter.wait(past()) == (writer.claim(900) is not None)
        with pytest.raises(TypeError, match="space"):
            Waiter(bell, [writer])  # type: ignore[list-item]


def test_a_plain_ring_ends_a_wait_only_when_asked_for(make: Make, soon: Soon) -> None:
    bell = Bells(make("bells", 1))[0]
    picky, any_ring = Waiter(bell), Waiter(bell, any_ring=True)
    assert not any_ring.wait(past())
    bell.ring()
    bell.ring()
    assert not picky.wait(past())
    assert any_ring.wait(soon()), "a ring from before the wait counts"
    assert not any_ring.wait(past()), "once"
    thread = threading.Thread(target=bell.ring)
    thread.start()
    assert any_ring.wait(soon())
    thread.join()


@pytest.mark.parametrize("spin_ns", [0, 50_000])
def test_threads_wake_each_other_through_two_bells_without_losing_a_wake(make: Make, soon: Soon, spin_ns: int) -> None:
    bells = Bells(make("bells", 2))
    there, back = make("stream", 4096), make("stream", 4096)
    rounds = 2000

    def answer() -> None:
        with StreamReader(there) as reader, StreamWriter(back, bells=[bells[0]]) as writer:
            waiter = Waiter(bells[1], [reader], spin_ns=spin_ns)
            for _ in range(rounds):
                if not waiter.wait(soon()) or waiter.missed:
                    return
                for record in reader:
                    writer.put(record.data)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with StreamWriter(there, bells=[bells[1]]) as writer, StreamReader(back) as reader:
        waiter = Waiter(bells[0], [reader], spin_ns=spin_ns)
        for i in range(rounds):
            assert writer.put(i.to_bytes(4, "little"))
            assert waiter.wait(soon()), "a wake-up was lost"
            assert waiter.missed == 0, "a wake-up was lost"
            assert [record.data.tobytes() for record in reader] == [i.to_bytes(4, "little")]
    thread.join()


def test_a_full_ring_wakes_its_writer_when_the_reader_gives_back(make: Make, soon: Soon) -> None:
    bells = Bells(make("bells", 2))
    name = make("stream", 4096)
    total = 3000

    def read() -> None:
        with StreamReader(name, bells=[bells[0]]) as reader:
            waiter = Waiter(bells[1], [reader])
            seen = 0
            while seen < total and waiter.wait(soon()) and not waiter.missed:
                for record in reader:
                    assert record.a == seen
                    seen += 1

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    with StreamWriter(name, bells=[bells[1]]) as writer:
        waiter = Waiter(bells[0], [writer.space(700)])
        for i in range(total):
            while not writer.put(bytes(700), a=i):
                assert waiter.wait(soon()), "a wake-up was lost"
                assert waiter.missed == 0, "a wake-up was lost"
    thread.join()


def test_several_producers_ring_one_bell(make: Make, soon: Soon, spawn: Spawn) -> None:
    names = [make("stream", 8192) for _ in range(3)]
    bells = make("bells", 4)
    code = """if True:
        import sys, time, ringbuf
        bells = ringbuf.Bells(sys.argv[2])
        with ringbuf.StreamWriter(sys.argv[1], bells=[bells[3]]) as writer:
            waiter = ringbuf.Waiter(bells[int(sys.argv[3])], [writer.space(8)])
            for i in range(2000):
                while not writer.put(i.to_bytes(8, "little")):
                    if not waiter.wait(time.monotonic_ns() + 60_000_000_000) or waiter.missed:
                        sys.exit("a wake-up was lost")
    """
    processes = [spawn(code, name, bells, str(i)) for i, name in enumerate(names)]
    line = Bells(bells)
    readers = [StreamReader(name, bells=[line[i]]) for i, name in enumerate(names)]
    waiter = Waiter(line[3], readers)
    seen = [0, 0, 0]
    while sum(seen) < 6000:
        assert waiter.wait(soon()), f"a wake-up was lost at {seen}"
        assert waiter.missed == 0, f"a wake-up was lost at {seen}"
        for i, reader in enumerate(readers):
            for record in reader:
                assert int.from_bytes(record.data.tobytes(), "little") == seen[i]
                seen[i] += 1
    for process in processes:
        assert process.wait() == 0
    for reader in readers:
        reader.close()


def test_ctrl_c_ends_a_wait_with_keyboard_interrupt(make: Make, spawn: Spawn) -> None:
    code = """if True:
        import sys, ringbuf
        waiter = ringbuf.Waiter(ringbuf.Bells(sys.argv[1])[0])
        try:
            print("waiting", flush=True)
            waiter.wait(None)
        except KeyboardInterrupt:
            print("interrupted")
    """
    process = spawn(code, make("bells", 1))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert process.wait() == 0


def test_a_signal_that_raises_nothing_does_not_end_a_wait(make: Make, soon: Soon) -> None:
    bell = Bells(make("bells", 1))[0]
    cells = Cells(make("cells", 1))
    calls: list[int] = []

    def handler(*_: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            cells.store(0, 1)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.01)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert Waiter(bell, [cells.watch(0)]).wait(soon())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(calls) == 3


def test_two_threads_on_one_bell_are_refused(make: Make, soon: Soon) -> None:
    bell = Bells(make("bells", 1))[0]
    outcome: list[bool] = []
    waiter = Waiter(bell, any_ring=True)
    thread = threading.Thread(target=lambda: outcome.append(waiter.wait(soon())))
    thread.start()
    refused = False
    while not refused:  # until the thread is there
        try:
            Waiter(bell).wait(time.monotonic_ns() + 1_000_000)
        except ringbuf.RingError as error:
            refused = "another thread" in str(error)
        except BaseException:
            bell.ring()
            raise
        if not thread.is_alive():
            break
    bell.ring()
    thread.join()
    assert refused
    assert outcome == [True]


def test_waiter_and_bell_misuse_is_refused(make: Make) -> None:
    bells = Bells(make("bells", 2))
    with pytest.raises(IndexError):
        bells[2]
    with pytest.raises(TypeError, match="inputs"):
        Waiter(bells[0], [5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="Bell"):
        StreamWriter(make("stream", 4096), bells=[1])  # type: ignore[list-item]
    cells = Cells(make("cells", 1))
    with pytest.raises(ValueError, match="32"):
        Waiter(bells[0], [cells.watch(0)] * 33)
    name = make("stream", 4096)
    with StreamReader(name) as reader, pytest.raises(TypeError, match="cell"):
        reader.watch.take()
    assert len(bells) == 2


def test_what_a_waiter_watches_may_be_closed(make: Make) -> None:
    bells = Bells(make("bells", 1))
    name = make("stream", 4096)
    reader = StreamReader(name)
    waiter = Waiter(bells[0], [reader])
    reader.close()
    bells.close()
    del reader
    assert waiter.wait(past()) is False
    with StreamWriter(name) as writer:
        writer.put(b"x")
    assert waiter.wait(past()) is True


def test_a_wake_that_a_killed_producer_did_not_send_is_found_and_counted(make: Make, soon: Soon) -> None:
    """Published but not rung, as by a producer killed in between."""
    bell = Bells(make("bells", 1))[0]
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        waiter = Waiter(bell, [reader])
        timer = threading.Timer(0.2, lambda: writer.put(b"x"))
        timer.start()
        assert waiter.wait(soon())
        timer.join()
        assert waiter.missed == 1
