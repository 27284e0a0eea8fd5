"""In a hall: who stands in front of the microphone is told from who speaks behind them, by how loud they are."""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm
from workers.foreground import EVERY, KEEPS_HOPS, LEAST_HOPS, Foreground

HOP, HALL = 512, 300.0
_NOISE = np.random.default_rng(0).standard_normal(HOP)


SWELLS = (0, -2, -5, -9, -12, -12, -7, -3)
"""A crowd is not equally loud all the time: dB."""


def crowd(hop: int) -> Pcm:
    """The crowd's hop of this number."""
    return sound(SWELLS[hop // 4 % len(SWELLS)])


def sound(db: float) -> Pcm:
    """A hop so much louder than the crowd at its loudest."""
    return (_NOISE * HALL * 10 ** (db / 20)).astype(np.int16)


def in_the_hall(above_db: float = 6.0) -> Foreground:
    """Has heard the hall for as long as it remembers."""
    foreground = Foreground()
    foreground.above_db = above_db
    for hop in range(KEEPS_HOPS):
        foreground.hides(crowd(hop), False, False)
    return foreground


def test_by_default_nobody_is_hidden() -> None:
    assert not in_the_hall(0).hides(sound(-40), False, False)


def test_a_visitor_in_front_is_heard_and_the_hall_is_not() -> None:
    assert in_the_hall().hides(sound(0), False, False)
    assert in_the_hall().hides(sound(5), False, False)
    assert not in_the_hall().hides(sound(7), False, False)


def test_a_softer_syllable_of_who_speaks_already_is_heard() -> None:
    foreground = in_the_hall()
    assert not foreground.hides(sound(8), False, False)
    assert not foreground.hides(sound(0), True, False)


def test_a_pause_of_the_visitor_is_found_though_the_hall_goes_on() -> None:
    foreground = in_the_hall()
    foreground.hides(sound(12), False, False)
    hidden = [foreground.hides(crowd(hop), True, True) for hop in range(30)]
    assert not hidden[0]
    assert any(hidden)


def test_a_second_is_enough_to_know_the_hall_and_until_then_everybody_is_heard() -> None:
    foreground = Foreground()
    foreground.above_db = 6.0
    heard = [not foreground.hides(sound(0), True, True) for _ in range(2 * LEAST_HOPS)]
    assert heard[0]
    assert all(foreground.hides(sound(0), False, False) for _ in range(2))


def test_a_hall_that_becomes_louder_while_someone_speaks_is_learnt_though_slowly() -> None:
    foreground = in_the_hall()
    louder = [sound(12 + db) for db in SWELLS for _ in range(4)]
    soon = [foreground.hides(louder[hop % 32], True, True) for hop in range(EVERY * 10)]
    assert not any(soon)
    later = [foreground.hides(louder[hop % 32], True, True) for hop in range(EVERY * KEEPS_HOPS * 2)]
    assert any(later[-32:])


def test_speech_of_the_visitor_is_not_taken_for_the_hall() -> None:
    foreground = in_the_hall()
    for _ in range(150):  # five seconds
        foreground.hides(sound(15), True, True)
    for hop in range(30):
        foreground.hides(crowd(hop), False, False)
    assert not foreground.hides(sound(8), False, False)


def test_silence_before_the_device_begins_hides_nobody() -> None:
    foreground = Foreground()
    foreground.above_db = 6.0
    for _ in range(KEEPS_HOPS):
        foreground.hides(np.zeros(HOP, np.int16), False, False)
    assert not foreground.hides(sound(0), False, False)
