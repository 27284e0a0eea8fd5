"""A clause in pieces knows which word each of its characters belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import Word
from workers.backends.pieces import Clause, cut
from workers.backends.plain import plain_english


def test_each_character_belongs_to_the_word_it_stands_for_whatever_the_library_reads() -> None:
    (piece,) = cut("Well — €5 “now”, Müller", plain_english, 160)
    assert piece.text == "Well , euros 5 now , Muller"
    words = piece.clause.words
    assert words == ["Well", "—", "€5", "“now”,", "Müller"]
    parts = {"Well": 0, ",": 1, "euros": 2, "5": 2, "now": 3, "Muller": 4}
    for part, number in parts.items():
        at = piece.text.index(part)
        assert piece.word_at(at) == piece.word_at(at + len(part) - 1) == number


def test_the_blank_after_a_word_belongs_to_it() -> None:
    (piece,) = cut("one two", str, 160)
    assert [piece.word_at(at) for at in range(8)] == [0, 0, 0, 0, 1, 1, 1, 1]


@given(st.text(alphabet="abc -.\n€", max_size=60), st.integers(3, 20))
def test_the_pieces_hold_every_part_in_order_and_none_is_too_long(text: str, longest: int) -> None:
    pieces = cut(text, plain_english, longest)
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(len(piece.text) <= longest for piece in pieces)
    said = "".join(piece.text for piece in pieces).replace(" ", "")
    plain = plain_english(text)
    assert said == ("".join(plain.split()) if any(map(str.isalnum, plain)) else "")
    assert all(piece.clause is pieces[0].clause for piece in pieces)
    assert pieces[0].clause.words == text.split()


def test_a_word_without_a_sound_of_its_own_is_spoken_with_the_one_before_it() -> None:
    clause = Clause("- one - two ...")
    clause.begins(1, 100)
    clause.begins(3, 500)
    assert [(word.text, word.start) for word in clause.spoken] == [
        ("-", 100),
        ("one", 100),
        ("-", 100),
        ("two", 500),
        ("...", 500),
    ]


def test_a_word_said_in_several_parts_begins_with_the_first() -> None:
    clause = Clause("$5.50")
    for sample in (10, 20, 30):
        clause.begins(0, sample)
    assert clause.spoken == (Word("$5.50", 10),)


@pytest.mark.parametrize("text", ["", "one two"])
def test_where_nothing_is_known_nothing_is_told(text: str) -> None:
    assert Clause(text).spoken == ()
