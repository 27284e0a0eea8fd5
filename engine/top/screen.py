"""The terminal that frames go into: only lines that are others than before are written, which is kind to ssh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style

from engine.top.pieces import Line

_TO_END = 0


class Screen:
    """The alternate screen of a terminal, as a context manager; what was on it comes back at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._context = console.screen(hide_cursor=True)
        self._size: tuple[int, int] = (0, 0)
        self._lines: list[Line] = []

    def __enter__(self) -> Screen:
        self._context.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(None, None, None)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        return self._console.size

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines, which fit into `size`."""
        if self._size != self.size:  # whatever was shown is somewhere else now
            self._size, self._lines = self.size, []
            self._console.control(Control.clear())
        changed = _Changed(self._lines, list(lines)[: self._size[1]])
        self._console.print(changed, end="", crop=False)
        self._lines = changed.new


class _Changed:
    """What has to be written to make new lines of old ones."""

    def __init__(self, old: list[Line], new: list[Line]) -> None:
        self._old, self.new = old, new

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for row in range(max(len(self._old), len(self.new))):
            before = self._old[row] if row < len(self._old) else ()
            now = self.new[row] if row < len(self.new) else ()
            if now != before:
                yield Control((ControlType.CURSOR_MOVE_TO, 0, row)).segment
                yield from segments(now)
                yield Control((ControlType.ERASE_IN_LINE, _TO_END)).segment


def segments(line: Line) -> Iterator[Segment]:
    """A line as rich writes it."""
    for text, style in line:
        yield Segment(text, Style.parse(style) if style else None)


class Printed:
    """Lines to be printed one below the other, where there is no screen."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
            yield from segments(line)
            yield Segment.line()
