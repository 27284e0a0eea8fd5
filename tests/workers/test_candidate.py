"""What may be a voice: how much of it is speech beyond doubt, when it is gone, and when an s counts."""

from __future__ import annotations

import numpy as np
import pytest

from engine.contract import Pcm
from tests.workers.test_clarity import COUNT, HISS, HUM, NOISE, RATE, VOWEL, sound
from workers.candidate import GONE_HOPS, LIKELY, SURE, Candidate

ROOM = sound(NOISE, 60)
QUIET = (ROOM, 0.0)


class Ears:
    """A candidate, and voice activity that takes for a voice what is likely one from its first hop on."""

    def __init__(self) -> None:
        self.candidate = Candidate(COUNT, RATE)
        self._at, self._voice = 0, -1

    def hear(self, *hops: tuple[Pcm, float]) -> list[int]:
        """(sound, how sure voice activity is): how many hops were clear in all, after each; -1 where it is gone."""
        found = []
        for hop, probability in hops:
            if probability < 0.35:
                self._voice = -1
            elif self._voice < 0:
                self._voice = self._at
            self.candidate.follow(hop, probability, None if self._voice < 0 else self._voice, self._at)
            self._at += COUNT
            found.append(-1 if self.candidate.gone else self.candidate.clear // COUNT)
        return found


@pytest.fixture
def ears() -> Ears:
    ears = Ears()
    ears.hear(*[QUIET] * 5)
    return ears


VOICE = sound(VOWEL)


def test_a_room_that_is_too_quiet_to_be_looked_at_closely_is_followed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick, close, looked = Candidate(COUNT, RATE), Candidate(COUNT, RATE), list[Pcm]()
    monkeypatch.setattr(close._hop, "most", lambda _: float("inf"))
    look = quick._hop.look

    def counted(hop: Pcm) -> None:
        looked.append(hop)
        look(hop)

    monkeypatch.setattr(quick._hop, "look", counted)
    random = np.random.default_rng(0)
    for number in range(400):
        level = random.choice([0, 1, 15, 29, 31, 60, 500, 5000])
        hop = sound(random.choice([NOISE, VOWEL, HUM, HISS]), level) if level else np.zeros(COUNT, np.int16)
        probability = float(random.choice([0.0, 0.1, 0.14, 0.2, 0.4, 0.9]))
        voice = number * COUNT if probability >= 0.9 else None
        for candidate in (quick, close):
            candidate.follow(hop, probability, voice, number * COUNT)
        one, other = ((each.since, each.clear, each.loud, each.gone, each._room) for each in (quick, close))
        assert one == other
    assert len(looked) < 350


def test_an_open_mouth_is_clear_where_voice_activity_finds_it_likely_and_not_before(ears: Ears) -> None:
    assert ears.hear((VOICE, LIKELY - 0.01), (VOICE, LIKELY), (VOICE, SURE), QUIET) == [0, 1, 2, -1]
    assert ears.hear((VOICE, SURE)) == [1]  # each voice counts for itself


def test_a_hum_is_never_clear_however_sure_voice_activity_is(ears: Ears) -> None:
    assert ears.hear(*[(sound(HUM), 1.0)] * 10) == [0] * 10


def test_noise_that_is_likely_a_voice_has_to_repeat_itself_or_to_go_on_until_voice_activity_is_sure(ears: Ears) -> None:
    cough = sound(np.convolve(NOISE, np.ones(6), "same"))
    assert ears.hear((cough, SURE - 0.01), (cough, SURE - 0.01), (cough, SURE)) == [0, 0, 1]


def test_a_voice_that_dies_away_at_once_as_a_cough_does_is_not_clear_any_more(ears: Ears) -> None:
    hops = [(sound(VOWEL, peak), SURE - 0.01) for peak in (8000, 2000, 8000, 4000)]
    assert ears.hear(*hops) == [1, 1, 2, 3]


def test_it_is_gone_when_it_has_faded_although_voice_activity_remembers_it_and_it_may_come_back(ears: Ears) -> None:
    faded = (ROOM, 1.0)
    assert ears.hear((VOICE, 1.0), *[faded] * (GONE_HOPS - 1)) == [1] + [1] * (GONE_HOPS - 1)
    assert ears.hear(faded, faded) == [-1, -1]
    assert (ears.candidate.since, ears.candidate.loud) == (5 * COUNT, 6 * COUNT)
    assert ears.hear((VOICE, 1.0)) == [2]


def test_a_loud_s_counts_before_voice_activity_knows_it(ears: Ears) -> None:
    hiss = (sound(HISS), 0.01)
    assert ears.hear(hiss, hiss, (VOICE, SURE)) == [1, 2, 3]
    assert ears.candidate.since == 5 * COUNT


def test_a_hiss_that_is_no_louder_than_the_room_is_none(ears: Ears) -> None:
    assert ears.hear((sound(HISS, 150), 0.01)) == [-1]


def test_what_hisses_on_is_part_of_the_room_within_a_second(ears: Ears) -> None:
    found = ears.hear(*[(sound(HISS), 0.01)] * 60)
    assert found[0] == 1
    assert -1 in found[: RATE // COUNT + 1]
    assert set(found[RATE // COUNT :]) == {-1}
    ears.hear(*[QUIET] * 3)
    assert ears.hear((sound(HISS), 0.01)) == [1]


def test_in_a_digital_silence_a_breath_is_no_s() -> None:
    ears = Ears()
    ears.hear(*[(np.zeros(COUNT, np.int16), 0.0)] * 5)
    assert ears.hear((sound(HISS, 100), 0.01)) == [-1]


def test_after_sound_that_was_lost_or_muted_what_hisses_on_is_still_part_of_the_room(ears: Ears) -> None:
    steady = (sound(HISS, 4000), 0.01)
    ears.hear(*[steady] * 60)
    ears.hear(*[(np.zeros(COUNT, np.int16), 0.0)] * 2)
    assert set(ears.hear(*[steady] * 100)) == {-1}
