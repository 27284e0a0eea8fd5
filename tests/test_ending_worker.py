"""The ending worker between the microphone's ring and a judge: it judges in place, the newest pause only, and nobody
waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ringbuf
from engine import messages as m
from engine.contract import Pcm, Rung, Tag
from tests.conftest import Start
from tests.engine_run import RATE, WATCHDOG_S, WORKERS, silence, write
from tests.rings import Rings, messages
from workers import ending
from workers.backends import registry
from workers.backends.judge import Judge
from workers.join import Seat

BLOCK = 320


class Noting(Judge):
    """Notes what it was given, and where that lay."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Pcm] = []
        self.fails = False

    def _open(self, rung: Rung) -> None:
        pass

    def warm_up(self) -> None:
        pass

    def _judge(self, sound: Pcm) -> float:
        self.heard.append(sound)
        if self.fails:
            raise RuntimeError("it broke")
        return 0.75


class KeepingSeat(Seat):
    """Keeps the worker's own reading end of the ring, whose mapping is the one that counts."""

    mic: ringbuf.HistoryReader

    def history_reader(self, *arguments: object, **options: object) -> ringbuf.HistoryReader:
        self.mic = super().history_reader(*arguments, **options)  # type: ignore[arg-type]
        return self.mic


class Desk:
    """The worker's main in a thread; the test is the microphone and the turns."""

    def __init__(self, rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rings, self.judge = rings, Noting()
        monkeypatch.setattr(registry, "make", lambda *_: self.judge)
        self.mic = rings.seat("audio").history_writer("mic")
        turns = rings.seat("turns")
        self._ask, self._told = turns.outlet("pauses"), turns.stream_reader("endings")
        seat = rings.seat("ending", KeepingSeat)
        assert isinstance(seat, KeepingSeat)
        self.seat = seat
        self._worker = threading.Thread(target=ending.main, args=(seat,))
        self._worker.start()
        self.until(lambda: rings.telemetry.get("ending.state") == 2)
        assert messages(self._told) == [m.Renewed(stage="ending", version=0)]

    def until(self, true: Callable[[], bool]) -> None:
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            assert self._worker.is_alive()
            assert time.monotonic() < limit
            time.sleep(0.005)

    def hear(self, samples: int) -> None:
        for at in range(0, samples, BLOCK):
            self.mic.claim(BLOCK)[:] = at // BLOCK + 1
            self.mic.commit(BLOCK, capture_ns=time.monotonic_ns())

    def ask(self, *stretches: tuple[int, int]) -> None:
        for number, (start, end) in enumerate(stretches, 1):
            self._ask.send(m.JudgeEnding(tag=Tag(1, number, 1), capture_ns=number, start=start, end=end))

    def answers(self, count: int) -> list[m.Message]:
        found: list[m.Message] = []

        def there() -> bool:
            found.extend(messages(self._told))
            return len(found) >= count

        self.until(there)
        return found

    def come_round(self) -> None:
        """Let the worker take what it was asked."""
        for _ in range(2):
            before = self.rings.telemetry.get("ending.beat_ns")
            self.until(lambda before=before: self.rings.telemetry.get("ending.beat_ns") > before)  # type: ignore[misc]

    def end(self) -> None:
        self.rings.stop()
        self._worker.join()


@pytest.fixture
def desk(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(rings, monkeypatch)
    yield one
    one.end()


def test_a_pause_is_judged_by_the_sound_before_it_where_it_lies(desk: Desk) -> None:
    desk.hear(2 * RATE)
    desk.ask((BLOCK, 10 * BLOCK))
    assert desk.answers(1) == [m.EndingJudged(tag=Tag(1, 1, 1), capture_ns=1, end=10 * BLOCK, complete=0.75)]
    (sound,) = desk.judge.heard
    assert sound[::BLOCK].tolist() == list(range(2, 11))
    assert desk.seat.mic.contains(sound)
    assert desk.rings.telemetry.percentiles("ending.judge_ns", 50) is not None


def test_of_a_long_utterance_the_last_seconds_are_judged(desk: Desk) -> None:
    desk.hear(11 * RATE)
    desk.ask((0, 10 * RATE))
    desk.answers(1)
    (sound,) = desk.judge.heard
    assert len(sound) == ending.LONGEST_S * RATE
    assert sound[-1] == 10 * RATE // BLOCK


def test_of_several_pauses_the_newest_is_judged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.hear(2 * RATE)
    go_on = threading.Event()
    wait = desk.seat.wait
    monkeypatch.setattr(desk.seat, "wait", lambda: (wait(), go_on.wait(WATCHDOG_S)))
    desk.ask((0, BLOCK * 5), (0, BLOCK * 6), (0, BLOCK * 7))
    go_on.set()
    ends = [message.end for message in desk.answers(1) if isinstance(message, m.EndingJudged)]
    assert ends[-1] == BLOCK * 7
    assert len(desk.judge.heard) == len(ends)


def test_sound_that_is_gone_and_a_judge_that_fails_give_no_answer_and_do_no_harm(desk: Desk) -> None:
    desk.hear(desk.mic.capacity + 2 * RATE)
    desk.ask((0, RATE))  # overwritten since
    now = desk.mic.position
    desk.come_round()
    assert not desk.judge.heard
    desk.judge.fails = True
    desk.ask((now - RATE, now))
    desk.until(lambda: len(desk.judge.heard) == 1)
    desk.judge.fails = False
    desk.ask((now - RATE, now - BLOCK))
    assert [message.end for message in desk.answers(1) if isinstance(message, m.EndingJudged)] == [now - BLOCK]


def test_a_stretch_without_sound_is_not_judged(desk: Desk) -> None:
    desk.hear(2 * RATE)
    for stretch in ((RATE, RATE), (RATE, BLOCK)):
        desk.ask(stretch)
        desk.come_round()
    desk.ask((RATE, 2 * RATE))
    assert len(desk.answers(1)) == 1
    assert [len(sound) for sound in desk.judge.heard] == [RATE]


def test_where_nobody_judges_there_is_no_process_for_it(start: Start, tmp_path: Path) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))), "--set", "ending.backend=off")
    engine.until_ready()
    assert set(engine.pids()) == set(WORKERS) - {"recorder", "ending"}
    engine.process.terminate()
    assert engine.end() == 0
