"""Edges and resampling of a voice's sound, on sound made up for it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.contract import Pcm
from workers.backends.sound import AUDIBLE, LEAD_MS, TAIL_MS, Edges, Resampler

RATE = 16000
LEAD, TAIL = RATE * LEAD_MS // 1000, RATE * TAIL_MS // 1000


def quiet(samples: int) -> Pcm:
    """Silence in which every sample differs from its neighbours, so that a wrong order is seen."""
    return (np.arange(samples) % AUDIBLE).astype(np.int16)


def loud(samples: int) -> Pcm:
    return (1000 + np.arange(samples) % 9000).astype(np.int16)


def through(edges: Edges, pcm: Pcm, block: int) -> Pcm:
    out: list[Pcm] = [np.empty(0, np.int16)]

    def write(each: Pcm) -> bool:
        out.append(each.copy())
        return True

    for start in range(0, pcm.size, block):
        assert edges.put(pcm[start : start + block], write)
    return np.concatenate(out)


@pytest.mark.parametrize("block", [1, 7, 160, 320, 1000, RATE])
def test_silence_goes_at_the_edges_and_stays_inside_whatever_the_blocks(block: int) -> None:
    pcm = np.concatenate([quiet(3333), loud(2000), quiet(2500), -loud(700), quiet(4000)])
    edges = Edges(RATE, 200)
    edges.begin(None)
    assert np.array_equal(through(edges, pcm, block), pcm[3333 - LEAD : 3333 + 5200 + TAIL])
    assert edges.quiet == TAIL


@pytest.mark.parametrize("block", [13, 320, RATE])
def test_a_silence_longer_than_what_can_be_held_is_kept_inside_and_dropped_in_front(block: int) -> None:
    pcm = np.concatenate([quiet(3 * RATE), loud(100), quiet(5 * RATE // 2), loud(100)])
    edges = Edges(RATE, 200)
    edges.begin(None)
    assert np.array_equal(through(edges, pcm, block), pcm[3 * RATE - LEAD :])


def test_sound_from_the_first_sample_loses_nothing() -> None:
    pcm = np.concatenate([loud(10), quiet(5)])
    edges = Edges(RATE, 200)
    edges.begin(None)
    assert np.array_equal(through(edges, pcm, 4), pcm)
    assert edges.quiet == 5


@pytest.mark.parametrize(("front", "back"), [(3000, 3000), (0, 3000), (3000, 0), (50, 100)])
def test_the_pause_counts_the_silence_that_is_there_already(front: int, back: int) -> None:
    edges = Edges(RATE, 200)
    edges.begin(None)
    first = through(edges, np.concatenate([loud(100), quiet(back)]), 320)
    edges.begin(edges.quiet)
    both = np.concatenate([first, through(edges, np.concatenate([quiet(front), loud(100)]), 320)])
    assert both.size == 100 + RATE // 5 + 100
    assert both[100 + RATE // 5] == 1000


@pytest.mark.parametrize("block", [1, 13, 320, RATE])
@pytest.mark.parametrize(("front", "quiet_before"), [(3000, None), (50, None), (0, 0), (3000, 100), (2 * RATE, 0)])
def test_the_shift_says_where_each_sample_went(block: int, front: int, quiet_before: int | None) -> None:
    edges = Edges(RATE, 200)
    edges.begin(quiet_before)
    marked = np.concatenate([quiet(front), loud(100), quiet(RATE * 3 // 2), -loud(10)])
    out = through(edges, marked, block)
    assert int(np.flatnonzero(out == 1000)[0]) == front + edges.shift
    assert int(np.flatnonzero(out == -1000)[0]) == front + 100 + RATE * 3 // 2 + edges.shift


def test_silence_alone_writes_nothing() -> None:
    edges = Edges(RATE, 200)
    edges.begin(0)
    assert not through(edges, quiet(3 * RATE), 320).size


@pytest.mark.parametrize("refused", range(5))
def test_a_refusal_is_told_at_once_and_nothing_is_written_after_it(refused: int) -> None:
    pcm = np.concatenate([quiet(500), loud(100), quiet(2000), loud(100)])
    edges, asked = Edges(RATE, 200), 0

    def write(each: Pcm) -> bool:
        nonlocal asked
        asked += 1
        return asked <= refused

    edges.begin(0)
    # Five writes when all is wanted: the pause, the lead, the sound, the tail, and the silence that was held with it.
    for start in range(0, pcm.size, 100):
        if not edges.put(pcm[start : start + 100], write):
            break
    assert asked == refused + 1


def test_after_a_clearing_nothing_of_the_last_sound_is_left() -> None:
    edges = Edges(RATE, 200)
    edges.begin(None)
    through(edges, np.concatenate([loud(100), quiet(5000)]), 320)
    assert edges._held.any()
    edges.clear()
    assert not edges._held.any()
    assert np.array_equal(through(edges, loud(100), 320), loud(100))


def test_the_loudest_negative_sample_is_sound() -> None:
    edges = Edges(RATE, 200)
    edges.begin(None)
    assert through(edges, np.full(3, -32768, np.int16), 3).size == 3


@pytest.mark.parametrize("source", [8000, 22050, 24000])
def test_resampling_keeps_length_pitch_and_level(source: int) -> None:
    tone = np.rint(20000 * np.sin(2 * np.pi * 1000 * np.arange(source) / source)).astype(np.int16)
    resample = Resampler(source, RATE)
    out = np.concatenate([resample(tone[start : start + source // 50]) for start in range(0, source, source // 50)])
    assert out.size == pytest.approx(RATE, abs=RATE // 400)
    middle = out[2000:-2000].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert spectrum.argmax() * RATE / middle.size == pytest.approx(1000, abs=2)
    assert np.abs(middle).max() == pytest.approx(20000, rel=0.03)


def test_resampling_does_not_wrap_at_full_scale() -> None:
    square = np.where(np.arange(22050) // 50 % 2, 32767, -32768).astype(np.int16)
    out = Resampler(22050, RATE)(square)
    # Far from the edges of a half wave, sound at full scale stays on its own side of zero.
    halves = np.arange(out.size) * 22050 / RATE
    clear = np.abs(halves % 50 - 25) < 15
    assert np.array_equal(out[clear] > 0, (halves // 50 % 2 == 1)[clear])


def test_after_a_reset_nothing_of_the_last_sound_is_left() -> None:
    resample = Resampler(8000, RATE)
    fresh = resample(loud(400))
    resample(-loud(400))
    resample.reset()
    assert np.array_equal(resample(loud(400)), fresh)
