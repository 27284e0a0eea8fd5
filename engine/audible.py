"""What may be heard: one 64-bit cell that only turns writes and audio and the voices read.

source (8 bits) | session (16) | turn (24) | attempt (16). Without the source the numbers grow with time, so whatever
is smaller is stale, and whatever is larger is not confirmed yet.
"""

from __future__ import annotations

from engine.contract import Tag

VOCODER = 1
"""Sources, one for each ring that can hold sound for the loudspeaker."""

_MASK = (1 << 56) - 1


def order(session: int, turn: int, attempt: int) -> int:
    """A number that grows from attempt to attempt, turn to turn, session to session."""
    return (session & 0xFFFF) << 40 | (turn & 0xFFFFFF) << 16 | attempt & 0xFFFF


def pack(source: int, tag: Tag) -> int:
    """The cell's value."""
    return source << 56 | order(tag.session, tag.turn, tag.attempt)


def order_of(cell: int) -> int:
    """The cell's value without its source."""
    return cell & _MASK


def source_of(cell: int) -> int:
    """The ring that may be heard."""
    return cell >> 56
