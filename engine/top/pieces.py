"""What the parts of a frame are made of: lines of styled pieces, and how small things are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rich.cells import cell_len

Line: TypeAlias = tuple[tuple[str, str], ...]
"""Pieces of (text, style), as rich names styles; no line breaks in them."""

DIM, BOLD, GOOD, WARN, BAD = "dim", "bold", "green", "yellow", "bold red"
NAME_WIDTH = 9
_BETWEEN = "   "


def bar(share: float, wide: int) -> str:
    """A share as a bar of so many cells."""
    full = round(max(0.0, min(1.0, share)) * wide)
    return "▇" * full + "░" * (wide - full)


def label(text: str) -> str:
    """A line's name, before what it says."""
    return text.ljust(NAME_WIDTH)


def joined(pieces: Iterable[tuple[str, str]], between: str) -> Iterator[tuple[str, str]]:
    """With something dim in between."""
    for number, piece in enumerate(pieces):
        if number:
            yield between, DIM
        yield piece


def wrapped(name: str, pieces: Iterable[tuple[str, str]], width: int) -> Iterator[Line]:
    """Pieces below a name, in as many lines of `width` cells as they need."""
    line, used = [(label(name), DIM)], NAME_WIDTH
    for text, style in pieces:
        if used > NAME_WIDTH and used + len(_BETWEEN) + cell_len(text) > width:
            yield tuple(line)
            line, used = [(label(""), DIM)], NAME_WIDTH
        if used > NAME_WIDTH:
            line.append((_BETWEEN, DIM))
            used += len(_BETWEEN)
        line.append((text, style))
        used += cell_len(text)
    yield tuple(line)


def percent(cpu: float | None) -> str:
    """A share of one processor."""
    return "" if cpu is None else f"{100 * cpu:.1f} %"


def short(seconds: float) -> str:
    """An age."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def lasting(seconds: float) -> str:
    """A duration of seconds to days."""
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole} s" if minutes else f"{whole} s"
