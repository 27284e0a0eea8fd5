"""The virtual card with faults: it does to the engine what real ones do, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import Pcm
from engine.devices import Side
from engine.errors import DeviceError
from engine.settings import Virtual
from tests.sound.rig import MS, OPENED, S, exponential, strongest_hz
from workers.drivers.simulated import LATENCY_MS, SimulatedCard, SimulatedLoudspeaker, SimulatedMicrophone

RATE = 48000


class Clock:
    """Time in hand."""

    def __init__(self) -> None:
        self.ns = OPENED

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ramp(seconds: float) -> Pcm:
    return (np.arange(round(seconds * RATE)) % 30000 + 1).astype(np.int16)


def periods(microphone: SimulatedMicrophone) -> list[tuple[int, list[int], int]]:
    return [(index, frames[:, 0].tolist(), at_ns) for frames, index, at_ns in microphone.read()]


def test_a_period_is_heard_once_it_has_passed_and_the_sound_begins_where_it_was_said_to(clock: Clock) -> None:
    microphone = SimulatedMicrophone(ramp(1), lambda: OPENED + 15 * MS, RATE, clock=clock)
    assert periods(microphone) == []
    assert (microphone.last_ns, microphone.next_ns) == (0, OPENED + 10 * MS)
    clock.ns += 10 * MS
    assert periods(microphone) == [(0, [0] * 480, OPENED + 10 * MS)]
    clock.ns += 25 * MS
    (first, second) = periods(microphone)
    assert first == (480, [0] * 240 + list(range(1, 241)), OPENED + 20 * MS)
    assert second == (960, list(range(241, 721)), OPENED + 30 * MS)
    assert (microphone.last_ns, microphone.next_ns) == (OPENED + 30 * MS, OPENED + 40 * MS)


def test_before_the_timeline_has_begun_it_is_silent_loses_nothing_and_has_no_end(clock: Clock) -> None:
    began = [0]
    microphone = SimulatedMicrophone(ramp(0.02), lambda: began[0], RATE, lost_s=(0.005,), clock=clock)
    clock.ns += S
    assert [(index, set(frames)) for index, frames, _ in periods(microphone)] == [
        (index * 480, {0}) for index in range(100)
    ]
    assert not microphone.ended
    began[0] = clock.ns
    clock.ns += 30 * MS
    assert [(index, frames[0]) for index, frames, _ in periods(microphone)] == [(101 * 480, 481), (102 * 480, 0)]
    assert microphone.ended


def test_a_call_that_nobody_took_yet_shows_that_the_device_runs(clock: Clock) -> None:
    microphone, loudspeaker = (
        SimulatedMicrophone(ramp(1), lambda: OPENED, RATE, clock=clock),
        SimulatedLoudspeaker(RATE, clock=clock),
    )
    clock.ns += 12 * MS
    assert microphone.last_ns == loudspeaker.last_ns == OPENED + 10 * MS


@settings(deadline=None)
@given(ppm=st.integers(-1000, 1000), waits_ms=st.lists(st.integers(0, 60), max_size=50), seed=st.integers(0, 5))
def test_every_frame_comes_once_and_in_its_place_however_seldom_it_is_looked_at(
    ppm: int, waits_ms: list[int], seed: int
) -> None:
    clock, sound = Clock(), ramp(0.5)
    microphone = SimulatedMicrophone(sound, lambda: OPENED, RATE, ppm, clock=clock, jitter=exponential(1.0, seed))
    heard: list[int] = []
    for ms in waits_ms:
        clock.ns += ms * MS
        for index, frames, at_ns in periods(microphone):
            assert index == len(heard)
            assert at_ns <= clock.ns
            heard += frames
            true_ns = OPENED + len(heard) * S / (RATE * (1 + ppm / 1e6))
            assert 0 <= at_ns - true_ns + 1 <= 8.1 * MS
    expected = np.zeros(len(heard), np.int16)
    expected[: len(sound)] = sound[: len(heard)]
    assert heard == expected.tolist()
    assert microphone.ended == (len(heard) >= len(sound))


def test_lost_periods_leave_out_their_indices_and_no_more(clock: Clock) -> None:
    lost_s = (-0.005, 0.035, 0.036, 0.047, 0.2)
    microphone = SimulatedMicrophone(ramp(1), lambda: OPENED, RATE, lost_s=lost_s, clock=clock)
    clock.ns += 300 * MS
    got = {index // 480: frames for index, frames, _ in periods(microphone)}
    assert set(range(30)) - set(got) == {3, 4, 20}
    assert all(frames[0] == period * 480 + 1 for period, frames in got.items())


def test_a_loudspeaker_takes_what_it_was_given_and_tells_what_it_had_to_do_without(clock: Clock) -> None:
    loudspeaker = SimulatedLoudspeaker(RATE, clock=clock)
    assert loudspeaker.put(np.zeros((700, 1), np.int16))
    clock.ns += 30 * MS
    marks = list(loudspeaker.marks())
    assert [(mark.first, mark.frames, mark.lost) for mark in marks] == [(0, 480, 0), (480, 480, 260), (960, 480, 740)]
    assert [mark.at_ns for mark in marks] == [OPENED + ms * MS for ms in (10, 20, 30)]
    assert {mark.latency_ns for mark in marks} == {LATENCY_MS * MS}


def test_a_loudspeaker_has_room_for_so_much_and_no_more(clock: Clock) -> None:
    loudspeaker = SimulatedLoudspeaker(RATE, clock=clock)
    second = np.zeros((RATE, 1), np.int16)
    assert loudspeaker.put(second)
    assert loudspeaker.put(second[:1])
    assert not loudspeaker.put(second[:1])
    clock.ns += 50 * MS
    list(loudspeaker.marks())
    assert loudspeaker.put(second[:1])


def test_a_device_that_is_pulled_out_falls_silent_without_a_word(clock: Clock) -> None:
    out_ns = OPENED + 25 * MS
    devices = [
        SimulatedMicrophone(ramp(1), lambda: OPENED, RATE, there=lambda ns: ns < out_ns, clock=clock),
        SimulatedLoudspeaker(RATE, there=lambda ns: ns < out_ns, clock=clock),
    ]
    clock.ns += 500 * MS
    calls = [len(list(devices[0].read())), len(list(devices[1].marks()))]  # type: ignore[attr-defined]
    assert calls == [2, 2]
    assert [device.last_ns for device in devices] == [OPENED + 20 * MS] * 2


# ---- the card ----


def card(at_s: float, sound: Pcm | None = None, **faults: Any) -> SimulatedCard:
    """The card so many seconds after the engine began to hear."""
    none = {
        "rate_hz": 48000,
        "microphone_ppm": 0,
        "loudspeaker_ppm": 0,
        "absent_s": 0.0,
        "unplug_s": (),
        "lost_s": (),
    } | {"echo": ""}
    virtual = Virtual(**{**none, **faults})
    began_ns = round(time.monotonic_ns() - at_s * S)
    return SimulatedCard(np.zeros(16000, np.int16) if sound is None else sound, 16000, virtual, lambda: began_ns)


FAULTS: dict[str, tuple[float, dict[str, Any], bool]] = {
    "present": (5, {}, True),
    "not yet": (5, {"absent_s": 100.0}, False),
    "come": (5, {"absent_s": 4.0}, True),
    "pulled out": (50, {"unplug_s": (10.0, 100.0)}, False),
    "back": (50, {"unplug_s": (10.0, 30.0)}, True),
    "pulled out again": (500, {"unplug_s": (10.0, 30.0, 400.0, 1000.0)}, False),
}


@pytest.mark.parametrize(("at_s", "faults", "there"), FAULTS.values(), ids=FAULTS)
def test_the_card_is_there_when_it_was_asked_to_be(at_s: float, faults: dict[str, Any], there: bool) -> None:
    one = card(at_s, **faults)
    device = card(5).find("microphone", "")
    assert one.is_there(device) == there
    sides: tuple[Side, ...] = ("microphone", "loudspeaker")
    for side, open_it in zip(sides, (one.open_microphone, one.open_loudspeaker), strict=True):
        if there:
            assert one.find(side, "").rate_hz == open_it(device).rate == 48000
        else:
            with pytest.raises(DeviceError, match=f"there is no {side}"):
                one.find(side, "")
            with pytest.raises(DeviceError, match="pulled out"):
                open_it(device)


@pytest.mark.parametrize(("rate", "ppm"), [(8000, 0), (48000, 1000), (96000, -1000)])
def test_the_recording_takes_its_true_time_at_any_rate_and_drift(rate: int, ppm: int) -> None:
    said = (8000 * np.sin(2 * np.pi * 400 * np.arange(32000) / 16000)).astype(np.int16)
    one = card(1.0, said, rate_hz=rate, microphone_ppm=ppm)
    device = one.find("microphone", "")
    assert device.rate_hz == rate
    sound = one.open_microphone(device)._sound
    assert len(sound) == pytest.approx(2 * rate * (1 + ppm / 1e6), abs=3)
    hz, _ = strongest_hz(sound[rate // 2 : rate + rate // 2].astype(np.float64), rate * (1 + ppm / 1e6))
    assert hz == pytest.approx(400, abs=0.01)


def test_a_card_that_is_opened_in_the_middle_hears_the_middle() -> None:
    one = card(1.0, np.concatenate([np.zeros(16000, np.int16), np.full(16000 * 60, 5000, np.int16)]))
    device = one.find("microphone", "")
    microphone = one.open_microphone(device)

    def heard() -> Iterator[int]:
        while True:
            for frames, _, _ in microphone.read():
                yield int(frames[-1, 0])
            time.sleep(0.001)

    assert next(heard()) == pytest.approx(5000, abs=5)
