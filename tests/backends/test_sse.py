"""Server-sent events, however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.backends.sse import LONGEST, Events


def test_comments_and_other_fields_say_nothing() -> None:
    assert Events().feed(b": ping\n\nevent: x\nid: 7\nretry: 9\ndata: a\n\n\n\n: ping\n\ndata:b\n\n") == ["a", "b"]


def test_several_data_lines_are_one_event() -> None:
    assert Events().feed(b"data: a\ndata:\ndata:  b\n\n") == ["a\n\n b"]


def test_the_last_event_may_lack_its_empty_line() -> None:
    events = Events()
    assert events.feed(b"data: a") == []
    assert events.end() == ["a"]
    assert Events().end() == []


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 60), max_size=20),
)
def test_it_does_not_matter_where_the_bytes_are_cut(texts: list[str], line_end: str, cuts: list[int]) -> None:
    raw = "".join(f"data: {text}{line_end}{line_end}" for text in texts).encode()
    events, found, places = Events(), [], sorted({0, *cuts, len(raw)})
    for start, end in pairwise(places):
        found += events.feed(raw[start:end])
    assert [*found, *events.end()] == texts


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_byte_by_byte(line_end: bytes) -> None:
    events, found = Events(), []
    for byte in "data: mé€".encode() + line_end * 2 + b"data: [DONE]" + line_end * 2:
        found += events.feed(bytes([byte]))
    assert [*found, *events.end()] == ["mé€", "[DONE]"]


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"], ids=["line", "lines"])
def test_an_event_that_never_ends_is_given_up(piece: bytes) -> None:
    events = Events()
    for _ in range(LONGEST // 65536 - 1):
        assert events.feed(piece) == []
    with pytest.raises(ValueError, match="longer than can be right"):
        events.feed(piece * 3)
