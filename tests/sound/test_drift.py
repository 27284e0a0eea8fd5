"""Both lines on devices with clocks of their own: sound stays whole and in its place for as long as they run."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sound.rig import MS, RATE, Rig, bursts, exponential, strongest_hz

# A device calls up to 2 ms after a whole period of the timeline, and a busy machine's calls come late.
JITTER = exponential(0.4)


def test_five_minutes_with_clocks_300_ppm_apart_lose_nothing_and_get_no_later() -> None:
    """`bench/devices.py drift` simulates half an hour."""
    rig = Rig(16000, 150, -150, jitter=JITTER, hz=130)  # the rate that is simulated fastest
    minutes: list[tuple[float, float, float, float]] = []
    late: list[float] = []
    waiting: list[int] = []
    heard = 0

    def look() -> None:
        nonlocal heard
        if heard != rig.timeline.heard_samples:  # just now a period was heard
            heard = rig.timeline.heard_samples
            late.append(rig.lateness_ms)
        waiting.append(rig.playout.waiting)

    rig.run(2, look)
    lost = rig.loudspeaker.lost
    for minute in range(1, 6):
        late.clear()
        waiting.clear()
        rig.run(60 * minute, look)
        minutes.append((float(np.mean(late)), max(late), min(waiting) / 16, max(waiting) / 16))
        # Both are where they belong: within 2 ms of the clock.
        assert abs(rig.heard_delay_ms) < 2
        assert abs(rig.played_delay_ms) < 2
        del rig.timeline.mic[:-100], rig.loudspeaker.tape[:-100]
    assert rig.loudspeaker.lost == lost  # no underrun
    assert rig.timeline.misses == []
    assert rig.timeline.skips == []  # no overrun: nothing had to be left out, nor filled up
    assert [sample for sample, _ in rig.timeline.passes] == [0]
    first, last = np.array(minutes[1]), np.array(minutes[-1])
    assert np.abs(last - first).max() < 0.5  # ms
    assert last[1] < 12  # a period, and the calls' own lateness
    assert last[2] >= 30  # what shall lie ready, and no more than a piece above it
    assert last[3] < 36
    assert rig.capture.clock.ppm == pytest.approx(150, abs=15)
    assert rig.playout.clock.ppm == pytest.approx(-150, abs=15)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_comes_through_clean_at_its_own_frequency_and_in_its_place(rate: int) -> None:
    rig = Rig(rate, -150, 150, jitter=JITTER)
    rig.run(40)
    hz, over_noise_db = strongest_hz(rig.heard(15, 40), RATE)
    assert hz == pytest.approx(440, abs=0.01)  # 23 ppm
    assert over_noise_db > 60
    played = rig.loudspeaker.played[15 * rate :, 0].astype(np.float64)
    hz, over_noise_db = strongest_hz(played, rate * (1 + 150e-6))
    assert hz == pytest.approx(440, abs=0.01)
    assert over_noise_db > 60
    if rate > 8000:  # whose filter alone takes 2 ms
        assert max(abs(rig.heard_delay_ms), abs(rig.played_delay_ms)) < 2 / 2
    assert rig.timeline.misses == []


@pytest.mark.parametrize(
    ("jitter", "late"),
    [(bursts(), [0]), (JITTER, [0] * 49 + [15 * MS]), (JITTER, [5 * MS])],
    ids=["calls in bursts", "a loop that is late at times", "a loop that is always late"],
)
def test_what_comes_late_is_not_heard(jitter: list[int], late: list[int]) -> None:
    rig = Rig(48000, 100, -100, jitter=jitter[10:], late=late)
    rig.run(2)
    lost = rig.loudspeaker.lost
    rig.run(40)
    assert (rig.loudspeaker.lost, rig.timeline.misses, rig.timeline.skips) == (lost, [], [])
    for sound, rate in (
        (rig.heard(15, 40), RATE),
        (rig.loudspeaker.played[15 * 48000 :, 0].astype(np.float64), 48000 * (1 - 100e-6)),
    ):
        hz, over_noise_db = strongest_hz(sound, rate)
        assert hz == pytest.approx(440, abs=0.01)
        assert over_noise_db > 60
