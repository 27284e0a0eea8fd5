"""What may be heard: one 64-bit cell that only turns writes and audio and the voices read.

source (8 bits) | session (24) | turn (20) | attempt (12). Without the source the numbers grow with time, so whatever
is smaller is stale, and whatever is larger is not confirmed yet.
"""

from __future__ import annotations

from engine.contract import Tag

VOCODER = 1
"""Sources, one for each ring that can hold sound for the loudspeaker."""

_MASK = (1 << 56) - 1


def order(session: int, turn: int, attempt: int) -> int:
    """A number that grows from attempt to attempt, turn to turn, session to session."""
    return session << 32 | turn << 12 | attempt


def pack(source: int, tag: Tag) -> int:
    """The cell's value. ValueError: a number is too large for it, and what is stale could not be told any more."""
    if tag.session >> 24 or tag.turn >> 20 or tag.attempt >> 12:
        raise ValueError(f"{tag} does not fit into the cell of what may be heard")
    return source << 56 | order(tag.session, tag.turn, tag.attempt)


def order_of(cell: int) -> int:
    """The cell's value without its source."""
    return cell & _MASK


def tag_of(cell: int) -> Tag:
    """Whose sound may be heard."""
    return Tag(cell >> 32 & 0xFFFFFF, cell >> 12 & 0xFFFFF, cell & 0xFFF)


def source_of(cell: int) -> int:
    """The ring that may be heard."""
    return cell >> 56
