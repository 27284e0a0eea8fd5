"""One frame of `engine top` as lines of styled pieces: pure, so that it can be looked at without a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from engine.printer import CONTROLS
from engine.snapshot import Snapshot
from engine.top.head import head
from engine.top.pieces import DIM, WARN, Line
from engine.top.stages import latencies, rings, stages
from engine.top.talk import Talk
from engine.top.turns import TURNS, now, turns

_ROOMY = 40
"""Lines from which on the newest turn is drawn as a whole waterfall."""
_UNSHOWABLE = {**CONTROLS, 9: " ", 10: " "}
"""Of lines and columns we know ourselves."""


def frame(seen: Snapshot, talk: Talk, width: int, height: int, *, words: bool) -> list[Line]:
    """The lines, none wider than `width` cells, at most `height` (below 1: as many as there are). words: show what was
    said instead of counting it."""
    drawn = height < 1 or height >= _ROOMY
    for most in range(TURNS, 0, -1):  # turns of before go first: what has just happened beside them is below
        blocks: tuple[Iterable[Line], ...] = (
            head(seen, talk, width),
            stages(seen, width),
            (*rings(seen, width), *latencies(seen, width)),
            now(seen, talk, words),
            turns(talk, width, words, drawn=drawn, most=most),
            (((note, WARN),) for note in talk.notes),
        )
        lines = _shortened(list(map(list, blocks)), height)
        if height < 1 or len(lines) <= height:
            break
    return [_fit(line, width) for line in (lines if height < 1 else lines[:height])]


def _shortened(blocks: list[list[Line]], height: int) -> list[Line]:
    """All lines, with an empty one between blocks; where there is no room for that without, and then without what is
    dim, the lowest first."""
    dense = [line for block in blocks for line in block]
    lines = [line for block in blocks if block for line in ((), *block)][1:]
    if height < 1 or len(lines) <= height:
        return lines
    for line in reversed(dense[:]):
        if len(dense) > height and all(style == DIM for _, style in line):
            dense.remove(line)
    return dense


def _fit(line: Line, width: int) -> Line:
    """Cut off what is too wide, and what a terminal would obey instead of showing."""
    left, found = width, []
    for text, style in line:
        clean = text.translate(_UNSHOWABLE)
        wide = cell_len(clean)
        if wide > left:
            clean, wide = set_cell_size(clean, left), left
        if clean:
            found.append((clean, style))
        left -= wide
        if left <= 0:
            break
    return tuple(found)
