"""Between the microphone's ring and the model libraries no sample is copied.

The workers' own loops run here on a real ring with the real libraries; a spy looks at the address that the last call
before the library carries. A backend that copies is caught, which shows that the spy would see one.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ringbuf
from engine import messages as m
from engine.contract import Backend, Job, Rung, Tag
from tests.engine_run import RATE, WATCHDOG_S, question
from tests.rings import Rings, messages
from workers import asr, vad
from workers.backends import registry
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.silero import Silero
from workers.join import Seat

BLOCK = 320


class Spy:
    """Stands before an object of a library and notes where the sound lies that one of its functions is given."""

    def __init__(self, library: Any, function: str, where: Callable[[tuple[Any, ...]], tuple[int, int]]) -> None:
        self._library, self._function, self._where = library, function, where
        self.seen: list[tuple[int, int]] = []
        """(address, bytes) of each call."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        if name != self._function:
            return found

        def call(*arguments: Any) -> Any:
            self.seen.append(self._where(arguments))
            return found(*arguments)

        return call


class WatchedSilero(Silero):
    """ONNX Runtime reads from the address that is bound to its input."""

    def load(self, rung: Rung) -> None:
        super().load(rung)
        self.spy = Spy(self._pcm, "bind_input", lambda call: (call[5], int(np.prod(call[4])) * 2))
        self._pcm = self.spy

    def warm_up(self) -> None:
        super().warm_up()
        self.spy.seen.clear()  # that was no sound from the ring


class WatchedPocketSphinx(PocketSphinx):
    """The C library reads from the pointer that it is given, and moves it on."""

    def warm_up(self) -> None:
        super().warm_up()
        assert self._cepstra is not None
        front_ends = self._cepstra._front, self._cepstra._raw_front
        where = lambda call: (call[1]._obj.value or 0, call[2]._obj.value * 2)  # noqa: E731
        self.spies = [Spy(each._lib, "fe_process_frames", where) for each in front_ends]
        for each, spy in zip(front_ends, self.spies, strict=True):
            each._lib = spy


class CopyingSilero(WatchedSilero):
    def feed(self, job: Job, data: Any) -> None:
        super().feed(job, data.copy())


class CopyingPocketSphinx(WatchedPocketSphinx):
    def feed(self, job: Job, data: Any) -> None:
        super().feed(job, data.copy())


class WatchedSeat(Seat):
    """Keeps the worker's own reading end of the ring, whose mapping is the one that counts."""

    mic: ringbuf.HistoryReader

    def history_reader(self, *arguments: Any, **options: Any) -> ringbuf.HistoryReader:
        self.mic = super().history_reader(*arguments, **options)
        return self.mic


def work(rings: Rings, stage: Any, name: str, said: str, ask: list[m.Message]) -> tuple[WatchedSeat, list[m.Message]]:
    """Run a worker's main in a thread while the question is heard; what it says on channel `said`."""
    seat, audio, turns = rings.seat(name, WatchedSeat), rings.seat("audio"), rings.seat("turns")
    assert isinstance(seat, WatchedSeat)
    mic, told = audio.history_writer("mic"), turns.stream_reader(said)
    worker = threading.Thread(target=stage.main, args=(seat,))
    worker.start()
    limit = time.monotonic() + WATCHDOG_S

    def until(true: Callable[[], bool]) -> None:
        while not true():
            assert worker.is_alive()
            assert time.monotonic() < limit
            time.sleep(0.005)

    try:
        until(lambda: rings.telemetry.get(f"{name}.state") == 2)
        for message in ask:
            turns.outlet("listen").send(message)
        sound = np.concatenate([np.zeros(BLOCK * 30, np.int16), question(), np.zeros(BLOCK * 30, np.int16)])
        for start in range(0, len(sound) - BLOCK, BLOCK):
            mic.claim(BLOCK)[:] = sound[start : start + BLOCK]
            mic.commit(BLOCK, capture_ns=time.monotonic_ns())
        found: list[m.Message] = []

        def over() -> bool:
            found.extend(messages(told))
            return any(isinstance(message, m.SpeechPaused) or getattr(message, "final", 0) for message in found)

        until(over)
    finally:
        rings.stop()
        worker.join()
    return seat, found


def copied(seat: WatchedSeat, spy: Spy) -> list[tuple[int, int]]:
    """The calls whose sound did not lie in the ring."""

    def inside(address: int, size: int) -> bool:
        return seat.mic.contains(np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)))

    return [call for call in spy.seen if not inside(*call)]


def hired(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """Let the worker take this backend for the configured one."""
    monkeypatch.setattr(registry, "make", lambda *_: backend)


@pytest.mark.parametrize("backend", [WatchedSilero, CopyingSilero])
def test_onnx_runtime_reads_the_voice_activity_s_sound_in_the_microphone_s_ring(
    rings: Rings, monkeypatch: pytest.MonkeyPatch, backend: type[WatchedSilero]
) -> None:
    silero = backend()
    hired(monkeypatch, silero)
    seat, told = work(rings, vad, "vad", "speech", [])
    began, paused = (message for message in told if not isinstance(message, m.Joined))
    assert (type(began), type(paused)) == (m.SpeechBegan, m.SpeechPaused)
    assert len(silero.spy.seen) > 60
    assert all(size == 576 * 2 for _, size in silero.spy.seen)
    wrong = copied(seat, silero.spy)
    assert wrong == ([] if backend is WatchedSilero else silero.spy.seen)


@pytest.mark.parametrize("backend", [WatchedPocketSphinx, CopyingPocketSphinx])
def test_pocketsphinx_reads_the_question_in_the_microphone_s_ring(
    rings: Rings, monkeypatch: pytest.MonkeyPatch, backend: type[WatchedPocketSphinx]
) -> None:
    sphinx = backend()
    hired(monkeypatch, sphinx)
    tag = Tag(1, 1, 1)
    stop = BLOCK * 30 + len(question())
    ask = [m.Listen(tag=tag, start=BLOCK * 20, language="en"), m.Finish(tag=tag, stop=stop)]
    seat, told = work(rings, asr, "asr", "texts", ask)
    (final,) = [message for message in told if isinstance(message, m.Text) and message.final]
    assert final.text == "what time does the museum close"
    assert final.upto == stop
    for spy in sphinx.spies:
        assert sum(1 for _, size in spy.seen if size) > 30
        assert copied(seat, spy) == ([] if backend is WatchedPocketSphinx else spy.seen)
    assert seat.mic.rate == RATE
