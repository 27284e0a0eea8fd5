"""What PortAudio's driver makes of its callbacks' records, without a device: the test calls in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from ctypes import c_void_p
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import ringbuf
from engine.channels import segment
from engine.devices import Side
from engine.errors import DeviceError
from engine.telemetry import AT
from tests.ringbuf.conftest import Make
from tests.rings import Rings
from workers.drivers import portaudio
from workers.drivers._callback import Callback
from workers.drivers.portaudio import Opened, PortAudio
from workers.drivers.portaudio_card import Ends, PortAudioCard, _Loudspeaker, _Microphone

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


def opened(callback: Callback, channels: int) -> Opened:
    return Opened(cast(Any, None), c_void_p(), callback, 48000, channels, [])


@pytest.fixture
def hear(ends: Ends) -> Callable[[float], tuple[list[int], int, int]]:
    """hear(latency_ms): a call of a stereo microphone: its left channel, its index, and how much earlier than the call
    it is dated."""
    callback = Callback(2, ends.told["microphone"].handle())
    microphone = _Microphone(opened(callback, 2), ends.frames)

    def call(latency_ms: float) -> tuple[list[int], int, int]:
        callback.run(np.arange(20, dtype=np.int16), 10, latency_ms / 1000)
        ((frames, index, at_ns),) = microphone.read()
        return frames[:, 0].tolist(), index, callback.last_ns - at_ns

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
    callback = Callback(1, ends.told["loudspeaker"].handle(), ends.played.handle())
    loudspeaker = _Loudspeaker(opened(callback, 1), ends.playout, ends.marks)
    out = np.zeros(480, np.int16)
    callback.run(out, 480, 0.03)
    assert loudspeaker.put(np.full((300, 1), 7, np.int16))
    callback.run(out, 480, 0.03)
    first, second = loudspeaker.marks()
    assert (first.first, first.frames, first.lost, first.latency_ns) == (0, 480, 480, 30 * MS)
    assert (second.first, second.frames, second.lost) == (480, 480, 480 + 180)
    assert second.at_ns == callback.last_ns
    assert out[:300].tolist() == [7] * 300
    assert list(loudspeaker.marks()) == []


def test_what_the_callbacks_counted_is_added_to_the_telemetry_once(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.drivers.portaudio_card.PortAudio", lambda library_messages: None)
    card = PortAudioCard(Ends.of(rings.seat("audio")), cells=rings.telemetry.cells)
    ear, mouth = card._callback("microphone", 1), card._callback("loudspeaker", 1)
    for flags in (0, 2, 2, 4):
        ear.run(bytes(2), 1, 0.0, flags)
        mouth.run(bytearray(2), 1, 0.0, flags)
    for _ in range(2):
        card.account()
        assert [rings.telemetry.get(f"audio.{name}") for name in ("lost_blocks", "xruns")] == [2, 1]
        for name in ("audio.capture_ns", "audio.playout_ns"):
            assert rings.telemetry.cells.array[AT[name] : AT[name] + 200].sum() == 4
    again = card._callback("loudspeaker", 1)  # opened anew
    again.run(bytearray(2), 1, 0.0, 4)
    card.account()
    assert rings.telemetry.get("audio.xruns") == 2


@pytest.mark.parametrize("code", [0, -9988])
def test_a_stream_that_could_not_be_closed_may_go_on_calling_and_what_it_calls_is_kept(ends: Ends, code: int) -> None:
    library = object.__new__(PortAudio)
    library.lock = threading.Lock()
    calls = SimpleNamespace(
        Pa_AbortStream=lambda _stream: -9983,
        Pa_CloseStream=lambda _stream: code,
        Pa_GetErrorText=lambda code: f"error {code}".encode(),
    )
    library._library = cast(Any, calls)
    callback = Callback(1, ends.told["microphone"].handle())
    portaudio._running.add(callback)
    one = Opened(library, c_void_p(), callback, 48000, 1, [])
    if code:
        with pytest.raises(DeviceError, match="error -9988"):
            one.close()
    else:
        one.close()
    assert (callback in portaudio._running) == (code != 0)
    portaudio._running.discard(callback)
    assert not library.lock.locked()


def test_what_a_stream_left_is_dropped_and_what_was_heard_or_should_have_been_played_overwritten(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.drivers.portaudio_card.PortAudio", lambda library_messages: None)
    sound = np.full(480, 0x5A5A, np.int16)
    capture, playout = (Path("/dev/shm", segment(rings.instance, name)) for name in ("capture", "playout"))

    def left(ring: Path) -> bool:
        return b"\x5a" * 8 in ring.read_bytes()

    ends = Ends.of(rings.seat("audio"))
    card = PortAudioCard(ends)
    ear, mouth = card._callback("microphone", 1), card._callback("loudspeaker", 1)
    for _ in range(100):
        ear.run(sound, 480)
        ends.playout.put(sound)
        mouth.run(np.zeros(480, np.int16), 480)
    ends.playout.put(sound)
    card.drain("microphone")
    assert list(ends.frames) == []
    assert len(list(ends.marks)) == 100
    mouth.run(np.zeros(0, np.int16), 0)
    card.drain("loudspeaker")
    assert list(ends.marks) == []
    assert left(capture)
    assert left(playout)
    ear.run(sound, 480)  # nobody fetched this
    card.wipe("microphone")
    card.wipe("loudspeaker")
    assert not left(capture)
    assert not left(playout)
    assert list(ends.frames) == list(ends.played) == []


def test_what_the_loudspeaker_has_played_is_gone_with_the_workers_next_beat(rings: Rings) -> None:
    seat = rings.seat("audio")
    ends = Ends.of(seat)
    ends.playout.put(np.full(480, 0x5A5A, np.int16))
    for _ in ends.played:
        pass
    seat.beat()
    assert b"\x5a" * 8 not in Path("/dev/shm", segment(rings.instance, "playout")).read_bytes()
