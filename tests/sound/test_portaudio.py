"""What PortAudio's driver makes of its callbacks' records, without a device: the test calls in its place."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_void_p
from typing import Any, cast

import numpy as np
import pytest

import ringbuf
from engine.devices import Side
from engine.telemetry import AT
from tests.ringbuf.conftest import Make
from tests.rings import Rings
from workers.drivers import _callback
from workers.drivers.portaudio import Ends, PortAudioCard, _Loudspeaker, _Microphone, _Open

MS = 1_000_000


@pytest.fixture
def ends(make: Make) -> Ends:
    capture, marks, playout = (make("stream", 1 << 16) for _ in range(3))
    told: dict[Side, ringbuf.StreamWriter] = {
        "microphone": ringbuf.StreamWriter(capture, dtype=np.int16),
        "loudspeaker": ringbuf.StreamWriter(marks, dtype=np.int16),
    }
    return Ends(
        told,
        ringbuf.StreamReader(capture, dtype=np.int16),
        ringbuf.StreamReader(marks, dtype=np.int16),
        ringbuf.StreamWriter(playout, dtype=np.int16),
        ringbuf.StreamReader(playout, dtype=np.int16),
    )


def opened(called: _callback.Side, channels: int) -> _Open:
    return _Open(cast(Any, None), c_void_p(), called, 48000, channels, [])


@pytest.fixture
def hear(ends: Ends) -> Callable[[float], tuple[list[int], int, int]]:
    """hear(latency_ms): a call of a stereo microphone: its left channel, its index, and how much earlier than the call
    it is dated."""
    called = _callback.Side(2, ends.told["microphone"].handle())
    microphone = _Microphone(opened(called, 2), ends)

    def call(latency_ms: float) -> tuple[list[int], int, int]:
        called.run(np.arange(20, dtype=np.int16), 10, latency_ms / 1000)
        ((frames, index, at_ns),) = microphone.read()
        return frames[:, 0].tolist(), index, called.last_ns - at_ns

    return call


Hear = Callable[[float], tuple[list[int], int, int]]


def test_periods_come_with_their_channels_and_their_place(hear: Hear) -> None:
    assert hear(0)[:2] == (list(range(0, 20, 2)), 0)
    assert hear(0)[:2] == (list(range(0, 20, 2)), 10)


@pytest.mark.parametrize("least", [0.05, 10])
def test_a_call_is_dated_by_how_long_its_sound_has_been_waiting(hear: Hear, least: float) -> None:
    waited = [hear(least + late)[2] for late in (3, 0, 0.5, 8, 0, 2)]
    assert waited == [0, 0, *[pytest.approx(late * MS, abs=2) for late in (0.5, 8, 0, 2)]]


def test_a_latency_that_is_not_known_dates_nothing(hear: Hear) -> None:
    assert [hear(latency)[2] for latency in (10, 0, -5, 11_000)] == [0, 0, 0, 0]
    assert hear(12)[2] == pytest.approx(2 * MS, abs=2)


def test_marks_say_what_a_loudspeaker_asked_for(ends: Ends) -> None:
    called = _callback.Side(1, ends.told["loudspeaker"].handle(), ends.played.handle())
    loudspeaker = _Loudspeaker(opened(called, 1), ends.playout, ends.marks)
    out = np.zeros(480, np.int16)
    called.run(out, 480, 0.03)
    assert loudspeaker.put(np.full((300, 1), 7, np.int16))
    called.run(out, 480, 0.03)
    first, second = loudspeaker.marks()
    assert (first.first, first.frames, first.lost, first.latency_ns) == (0, 480, 480, 30 * MS)
    assert (second.first, second.frames, second.lost) == (480, 480, 480 + 180)
    assert second.at_ns == called.last_ns
    assert out[:300].tolist() == [7] * 300
    assert list(loudspeaker.marks()) == []


def test_what_the_callbacks_counted_is_added_to_the_telemetry_once(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.drivers.portaudio.PortAudio", lambda library_messages: None)
    card = PortAudioCard(Ends.of(rings.seat("audio")), cells=rings.telemetry.cells)
    ear, mouth = card._called("microphone", 1), card._called("loudspeaker", 1)
    for flags in (0, 2, 2, 4):
        ear.run(bytes(2), 1, 0.0, flags)
        mouth.run(bytearray(2), 1, 0.0, flags)
    for _ in range(2):
        card.account()
        assert [rings.telemetry.get(f"audio.{name}") for name in ("lost_blocks", "xruns")] == [2, 1]
        for name in ("audio.capture_ns", "audio.playout_ns"):
            assert rings.telemetry.cells.array[AT[name] : AT[name] + 200].sum() == 4
    again = card._called("loudspeaker", 1)  # opened anew
    again.run(bytearray(2), 1, 0.0, 4)
    card.account()
    assert rings.telemetry.get("audio.xruns") == 2
