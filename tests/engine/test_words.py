"""Which words of an answer were heard, and when."""

from __future__ import annotations

import pytest

from engine.turns.words import SELDOM_NS, Words, spread

RATE = 16000
MS = 1_000_000
BEGAN = 5_000 * MS


def told(words: Words, ms: float, played_ms: float = 1e9) -> list[tuple[str, float]]:
    """The words that began to be heard by `ms` after the first sample, and at how many ms each did."""
    heard = words.heard_by(BEGAN + round(ms * MS), round(played_ms * 16))
    return [(word.text, (word.at_ns - BEGAN) / MS) for word in heard]


def due(words: Words) -> float | None:
    """When the next word is to be looked for, in ms after the first sample."""
    return None if words.next_ns is None else (words.next_ns - BEGAN) / MS


def three_words() -> Words:
    """One at 10 ms, two at 100 ms, three at 250 ms."""
    words = Words(RATE)
    words.add("one two", 3200, ("one", "two"), (160, 1600))
    words.add("three", 3200, ("three",), (800,))
    return words


def test_each_word_is_told_when_its_sample_is_heard() -> None:
    words = three_words()
    words.began(BEGAN, BEGAN)
    assert (told(words, 9), due(words)) == ([], 10)
    assert (told(words, 10), due(words)) == ([("one", 10)], 100)
    assert (told(words, 99), words.heard) == ([], "one")
    assert (told(words, 300), words.heard) == ([("two", 100), ("three", 250)], "one two three")
    assert due(words) is None


def test_before_the_first_sample_is_heard_no_word_is() -> None:
    words = three_words()
    assert (told(words, 1000), due(words)) == ([], None)


def test_words_of_a_clause_that_was_voiced_late_are_told_at_once_with_their_time() -> None:
    words = Words(RATE)
    words.began(BEGAN, BEGAN)
    assert told(words, 30) == []
    words.add("one two", 3200, ("one", "two"), (160, 1600))
    assert told(words, 30) == [("one", 10)]


def test_a_word_whose_sound_the_loudspeaker_was_not_given_waits_for_it_and_so_do_those_after_it() -> None:
    words = three_words()
    words.began(BEGAN, BEGAN - 40 * MS)  # sound is given to the loudspeaker 40 ms before it is heard
    assert told(words, 100, played_ms=100) == [("one", 10)]
    assert due(words) == 116
    assert told(words, 400, played_ms=100) == []
    assert told(words, 600, played_ms=120) == []  # it was given now, and is heard in 40 ms
    assert due(words) == 640
    assert told(words, 640, played_ms=160) == [("two", 640)]
    assert due(words) == 790


def test_a_loudspeaker_that_is_gone_is_looked_after_ever_less_often() -> None:
    words = three_words()
    words.began(BEGAN, BEGAN)
    now, looks = 100.0, 0
    while now < 60_000:
        told(words, now, played_ms=90)
        assert words.next_ns is not None
        now, looks = (words.next_ns - BEGAN) / MS, looks + 1
    assert looks < 60_000 / (SELDOM_NS / MS) + 10


def test_a_restarted_loudspeaker_goes_on_where_it_was() -> None:
    words = three_words()
    words.began(BEGAN, BEGAN)
    told(words, 50)
    words.began(BEGAN + 500 * MS, BEGAN + 500 * MS, sample=1280)  # 80 ms of it had been played
    assert due(words) == 100
    assert told(words, 519) == []
    assert told(words, 700) == [("two", 520), ("three", 670)]


def test_at_the_end_every_word_was_heard_and_none_after_it() -> None:
    words = three_words()
    words.began(BEGAN, BEGAN)
    told(words, 50)
    rest = words.rest(BEGAN + 200 * MS)
    assert [(word.text, word.number, (word.at_ns - BEGAN) / MS) for word in rest] == [
        ("two", 1, 100),
        ("three", 2, 200),
    ]
    assert words.heard == "one two three"
    assert words.rest(BEGAN + 300 * MS) == []


@pytest.mark.parametrize(
    ("said", "starts"), [((), ()), (("one",), (0,)), (("uno", "dos"), (0, 5)), (("one", "two"), (0,))]
)
def test_where_the_voice_does_not_tell_its_words_they_are_spread_over_the_sound(
    said: tuple[str, ...], starts: tuple[int, ...]
) -> None:
    words = Words(RATE)
    words.add("one two", 3200, said, starts)
    words.began(BEGAN, BEGAN)
    assert told(words, 200) == [("one", 0), ("two", 100)]


def test_longer_words_take_longer() -> None:
    assert spread("a  extraordinary thing", 2200) == (0, 200, 1600)
    assert spread("", 100) == ()
