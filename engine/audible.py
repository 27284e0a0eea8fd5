"""What may be heard: one 64-bit cell that only turns writes, and audio and the voices read.

session (24 bits) | turn (20) | attempt (12) | source (8). Numbers of this form grow with time, from attempt to attempt,
turn to turn, session to session, and within an attempt from source to source: whatever is smaller than what may be
heard is stale, and whatever is larger is not wanted yet.
"""

from __future__ import annotations

from engine.contract import Tag

NOTHING, HOLDING, VOCODER, FLOOR = range(4)
"""Sources, in the order in which those of one attempt may be heard: none of them yet; a phrase that holds the turn; the
voice; and the floor's voice, which takes over from it and never gives back."""
RINGS = {HOLDING: "holding", VOCODER: "speaker", FLOOR: "floor"}
"""The ring that each writes (engine/channels.py)."""


def pack(source: int, tag: Tag) -> int:
    """The cell's value. ValueError: a number is too large for it, and what is stale could not be told any more."""
    if tag.session >> 24 or tag.turn >> 20 or tag.attempt >> 12:
        raise ValueError(f"{tag} does not fit into the cell of what may be heard")
    return tag.session << 40 | tag.turn << 20 | tag.attempt << 8 | source


def tag_of(cell: int) -> Tag:
    """Whose sound may be heard."""
    return Tag(cell >> 40, cell >> 20 & 0xFFFFF, cell >> 8 & 0xFFF)


def source_of(cell: int) -> int:
    """From whom it comes."""
    return cell & 0xFF
