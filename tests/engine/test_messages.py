"""Messages survive the wire."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from engine import messages as m
from engine.contract import Tag

SAMPLES = {
    "int": -7,
    "float": 0.25,
    "str": "Grüße, 世界",
    "tuple[str, ...]": ("a", "", "ü"),
    "tuple[int, ...]": (3, -4),
}


@dataclass
class Record:
    """A ring's record, as a reader sees it."""

    kind: int
    session: int
    turn: int
    attempt: int
    capture_ns: int
    deadline_ns: int
    data: bytes


def record_of(message: m.Message, data: bytes | None = None) -> Record:
    tag = message.tag
    body = m.encode(message) if data is None else data
    return Record(message.kind, tag.session, tag.turn, tag.attempt, message.capture_ns, message.deadline_ns, body)


@pytest.mark.parametrize("cls", list(m.KINDS.values()), ids=lambda cls: cls.__name__)
def test_every_message_comes_back_as_it_was_sent(cls: type[m.Message]) -> None:
    values = {f.name: SAMPLES[str(f.type)] for f in fields(cls) if f.name not in ("tag", "capture_ns", "deadline_ns")}
    message = cls(tag=Tag(1, 2, 3), capture_ns=4, deadline_ns=5, **values)
    assert m.decode(record_of(message)) == message


def test_a_record_that_holds_no_message_is_an_error_and_not_a_wrong_message() -> None:
    text = m.Piece(tag=Tag(1, 1, 1), text="hello")
    for damaged in (b"", m.encode(text)[:5], b"\xff" * 16):
        with pytest.raises(ValueError, match="holds no message"):
            m.decode(record_of(text, damaged))
    with pytest.raises(ValueError, match="kind 12345"):
        m.decode(Record(12345, 0, 0, 0, 0, 0, b""))


def test_a_text_shorter_than_its_length_says_is_an_error() -> None:
    body = m.encode(m.Piece(text="hello"))
    with pytest.raises(ValueError, match="holds no message"):
        m.decode(record_of(m.Piece(text=""), body[:-2]))


def test_half_a_character_does_not_keep_a_message_from_being_sent() -> None:
    """What a library or a server gives for text may have halves of surrogate pairs in it."""
    sent = m.decode(record_of(m.Piece(text="so \ud83d it goes")))
    assert isinstance(sent, m.Piece)
    assert sent.text == "so ? it goes"
