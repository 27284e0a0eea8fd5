"""From probabilities to the beginnings and pauses of speech."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.vad import Gate

HOP = 512


def judged(probabilities: list[float], min_speech: int = 2 * HOP) -> list[tuple[str, int]]:
    """What a gate says, with samples counted in hops."""
    gate = Gate(0.5, 0.35, min_speech)
    said = []
    for number, probability in enumerate(probabilities):
        if decision := gate.judge(probability, number * HOP, (number + 1) * HOP):
            what, sample = decision
            assert sample % HOP == 0
            said.append((what, sample // HOP))
    return said


def test_speech_begins_where_the_voice_began_not_where_it_was_sure() -> None:
    assert judged([0.1, 0.6, 0.7, 0.8]) == [("began", 1)]


def test_a_noise_shorter_than_speech_is_none() -> None:
    assert judged([0.1, 0.9, 0.1, 0.9, 0.1]) == []


def test_speech_pauses_with_the_first_hop_below_release() -> None:
    assert judged([0.9, 0.9, 0.4, 0.36, 0.34, 0.1]) == [("began", 0), ("paused", 4)]


def test_between_the_thresholds_speech_goes_on_but_does_not_begin() -> None:
    assert judged([0.4] * 10) == []
    assert judged([0.9, 0.4, 0.4, 0.4]) == [("began", 0)]


def test_speech_begins_again_after_a_pause() -> None:
    assert judged([0.9, 0.9, 0.1, 0.9, 0.9]) == [("began", 0), ("paused", 2), ("began", 3)]


def test_no_least_length_means_at_once() -> None:
    assert judged([0.5], min_speech=0) == [("began", 0)]


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, 4 * HOP))
def test_beginnings_and_pauses_alternate_and_their_samples_grow(probabilities: list[float], min_speech: int) -> None:
    said = judged(probabilities, min_speech)
    assert [what for what, _ in said] == ["began", "paused"] * (len(said) // 2) + ["began"] * (len(said) % 2)
    places = [place for _, place in said]
    assert places == sorted(places)
    for (_, began), (_, paused) in zip(said[::2], said[1::2], strict=False):
        assert (paused - began) * HOP >= min_speech
        assert all(probability >= 0.35 for probability in probabilities[began:paused])
