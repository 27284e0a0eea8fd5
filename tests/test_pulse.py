"""The PulseAudio daemon that tests talk to, and the recorder that measures what its sinks play."""

from __future__ import annotations

import ctypes
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.pulse import RATE, PulseServer, Recording

ALIGNED_MS = 3
CLICKS = 12
BLOCK = RATE // 100
"""Samples of 10 ms."""


@pytest.fixture
def server() -> Iterator[PulseServer]:
    """Its defaults are its own choice, not ours."""
    with PulseServer() as made:
        yield made


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _BufferAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


def _click(server: PulseServer, sink: str, latency_ms: int, said_ns: list[int]) -> None:
    """Play clicks into a sink; `said_ns`: when PulseAudio itself says that each is heard."""
    library = ctypes.CDLL("libpulse-simple.so.0")
    library.pa_simple_new.restype = ctypes.c_void_p
    library.pa_simple_get_latency.restype = ctypes.c_uint64
    s16le, playback, default = 3, 1, 2**32 - 1
    stream = ctypes.c_void_p(
        library.pa_simple_new(
            server.environ["PULSE_SERVER"].encode(),
            b"test",
            playback,
            sink.encode(),
            b"clicks",
            ctypes.byref(_SampleSpec(s16le, RATE, 1)),
            None,
            ctypes.byref(_BufferAttributes(default, latency_ms * RATE // 500, default, default, default)),
            None,
        )
    )
    assert stream
    silence = np.zeros(BLOCK, np.int16)
    click = silence.copy()
    click[0] = 30000
    for number in range(CLICKS * 20):
        sound = silence
        if number % 20 == 10:
            sound = click
            before_ns = time.monotonic_ns()
            latency_us = library.pa_simple_get_latency(stream, None)
            said_ns.append((before_ns + time.monotonic_ns()) // 2 + latency_us * 1000)
        library.pa_simple_write(stream, sound.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(sound.nbytes), None)
    library.pa_simple_drain(stream, None)
    library.pa_simple_free(stream)


def _sound(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def _click_errors_ms(recording: Recording, channel: int, said_ns: list[int]) -> list[float]:
    found = np.flatnonzero(_sound(recording.path)[:, channel] > 10000)
    assert len(found) == len(said_ns) == CLICKS
    return [(recording.start_ns + at / RATE * 1e9 - ns) / 1e6 for at, ns in zip(found, said_ns, strict=True)]


@pytest.mark.parametrize("latencies_ms", [(20, 20), (100, 10)])
def test_both_channels_of_a_recording_are_on_one_clock(
    server: PulseServer, tmp_path: Path, latencies_ms: tuple[int, int]
) -> None:
    said: tuple[list[int], list[int]] = ([], [])
    with server.record(tmp_path / "both.wav", "person", "speaker") as recording:
        threads = [
            threading.Thread(target=_click, args=(server, sink, latency, times))
            for sink, latency, times in zip(("person", "speaker"), latencies_ms, said, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    errors = [float(np.median(_click_errors_ms(recording, channel, said[channel]))) for channel in (0, 1)]
    assert np.abs(errors).max() < ALIGNED_MS


def test_recording_goes_on_in_its_place_when_a_sink_returns(server: PulseServer, tmp_path: Path) -> None:
    """Nothing else is recorded meanwhile, though the daemon would offer another source."""
    said: tuple[list[int], list[int]] = ([], [])
    with server.record(tmp_path / "both.wav", "person", "speaker") as recording:
        _click(server, "person", 20, said[0])
        server.unplug("person")
        _click(server, "speaker", 20, said[1])
        server.plug("person")
        _click(server, "person", 20, said[0])
    found = np.flatnonzero(_sound(recording.path)[:, 0] > 10000)
    assert len(found) == 2 * CLICKS
    errors = [(recording.start_ns + at / RATE * 1e9 - ns) / 1e6 for at, ns in zip(found, said[0], strict=True)]
    assert np.abs([np.median(errors[:CLICKS]), np.median(errors[CLICKS:])]).max() < ALIGNED_MS
    assert np.abs(np.median(_click_errors_ms(recording, 1, said[1]))) < ALIGNED_MS


def test_file_that_is_played_is_recorded_whole(server: PulseServer, tmp_path: Path) -> None:
    sound = (np.sin(np.arange(RATE) * 0.05) * 10000).astype(np.int16)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    with server.record(tmp_path / "both.wav", "person", "speaker") as recording:
        assert server.play(tmp_path / "tone.wav", "person", latency_ms=500).wait() == 0
    heard = _sound(recording.path)
    (loud,) = np.nonzero(heard[:, 0])
    assert np.abs(heard[loud[0] : loud[0] + 40000, 0].astype(int) - sound[1:40001]).max() <= 2
    assert not heard[:, 1].any()


def test_servers_do_not_see_each_other(server: PulseServer) -> None:
    with PulseServer(sinks={"alone": 1}) as other:
        assert [sink.name for sink in other.ask(lambda pulse: pulse.sink_list())] == ["alone"]
        assert [sink.name for sink in server.ask(lambda pulse: pulse.sink_list())] == ["person", "speaker"]


def test_server_comes_back_after_it_died(server: PulseServer) -> None:
    server.stop()
    server.start()
    server.set_default(sink="speaker", source="person.monitor")
    info = server.ask(lambda pulse: pulse.server_info())
    assert (info.default_sink_name, info.default_source_name) == ("speaker", "person.monitor")
