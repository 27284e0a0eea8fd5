"""Tokens to text while they come: whole characters, all of them, in order."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from workers.backends.detokeniser import Detokeniser

TEXTS = st.text(st.sampled_from("ab é€😀ß\n漢"), max_size=20)


def decode(numbers: Sequence[int]) -> str:
    """A tokenizer whose tokens are bytes."""
    return bytes(numbers).decode("utf-8", "replace")


def pieces(numbers: Sequence[int]) -> list[str]:
    text = Detokeniser(decode)
    return [*(text.add(number) for number in numbers), text.end()]


@given(TEXTS)
def test_pieces_are_whole_characters_and_make_up_the_text(text: str) -> None:
    found = pieces(text.encode())
    assert "".join(found) == text
    assert not any("\ufffd" in piece for piece in found)
    assert max(map(len, found)) <= 1  # each as soon as it is whole


@given(TEXTS, st.integers(1, 3))
def test_of_a_text_that_breaks_off_within_a_character_the_whole_ones_are_given(text: str, missing: int) -> None:
    cut = text.encode()[:-missing]
    assert "".join(pieces(cut)) == cut.decode(errors="ignore")


def test_what_is_no_utf8_does_not_hold_back_what_follows() -> None:
    found = "".join(pieces(b"\x80" * 20 + b"and so on"))
    assert found.endswith("and so on")


def test_text_that_depends_on_the_tokens_before_it_is_as_if_read_at_once() -> None:
    words = ["Hello", "there", ",", "you"]

    def spaced(numbers: Sequence[int]) -> str:
        """A tokenizer that leaves out the space at the very beginning, as SentencePiece's do."""
        return "".join(f" {words[number]}" for number in numbers).removeprefix(" ")

    text = Detokeniser(spaced)
    assert [text.add(number) for number in (0, 1, 2, 3)] == ["Hello", " there", " ,", " you"]
