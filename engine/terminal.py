"""What a person at the terminal sees of the stream of events: turns on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO, TypeAlias

from engine import levels, story
from engine.errors import EngineError
from engine.hub import Happening
from engine.printer import Printer
from engine.waterfall import LEGEND, draw

Line: TypeAlias = tuple[TextIO, str, int]
"""Where it goes to, the text, and how grave it is."""
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "state": ("state",),
    "session": ("state", "reason"),
    "user.cut_off": ("seconds",),
    "answer.holding": (),
    "answer.paused": (),
    "answer.resumed": (),
    "answer.dropped": ("source",),
    "tool.cancel": ("call", "reason"),
    "mute": ("muted",),
    "volume": ("percent",),
}
"""Events that only who asks for details is shown, and what of them: never a word that was said."""
_INDENT, _WIDEST = "    ", 100
"""Of a drawing, in columns."""


class Terminal:
    """A subscriber. words: show what was said; a terminal may have it, a journal must not unless it was asked for.
    verbose: also where the time of each turn went, and what happens in between."""

    def __init__(self, printer: Printer, words: bool, verbose: bool = False) -> None:
        self._printer, self._words, self._verbose = printer, words, verbose
        self._explained = False
        self._views: dict[str, Callable[[Mapping[str, Any]], Line]] = {
            "answer.ended": self._turn,
            "device": lambda fields: (sys.stderr, fields["text"], levels.NOTICE),
            "error": _error,
            "rung": _rung,
            "stage": _stage,
            "tool": self._called,
            "tool.ended": lambda fields: (sys.stdout, f"        → {fields['tool']}: {fields['outcome']}", levels.INFO),
        }

    def __call__(self, happening: Happening) -> None:
        if view := self._views.get(happening.name):
            stream, text, level = view(happening.fields)
            if text:
                self._printer.line(stream, text, level)
        if self._verbose:
            self._details(happening)

    def say(self, text: str) -> None:
        """A line on stderr that is no event."""
        self._printer.line(sys.stderr, text, levels.NOTICE)

    def _details(self, happening: Happening) -> None:
        fields = happening.fields
        if (shown := _DETAILS.get(happening.name)) is not None:
            at = fields["time"]
            clock = f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at % 1 * 1000):03}"
            told = " ".join(f"{fields[name]}" for name in shown)
            self._printer.line(sys.stderr, f"engine: {clock} {happening.name} {told}".rstrip(), levels.DEBUG)
        elif happening.name == "answer.ended" and fields["record"] and fields["source"] != "say":
            columns = shutil.get_terminal_size((_WIDEST + len(_INDENT), 0)).columns
            drawn = draw(fields["record"], min(_WIDEST, columns - len(_INDENT))).splitlines()
            if drawn and not self._explained:
                self._explained = True
                drawn.append(LEGEND)
            for line in drawn:
                self._printer.line(sys.stdout, f"{_INDENT}{line}", levels.DEBUG)

    def _called(self, fields: Mapping[str, Any]) -> Line:
        arguments = json.dumps(fields["arguments"], ensure_ascii=False) if self._words else ""
        return sys.stdout, f"        → {fields['tool']} {arguments}".rstrip(), levels.INFO

    def _turn(self, fields: Mapping[str, Any]) -> Line:
        return sys.stdout, story.line(fields["record"], self._words) if fields["record"] else "", levels.INFO


def _rung(fields: Mapping[str, Any]) -> Line:
    way = "down" if fields["to"] > fields["from"] else "up"
    text = f"engine:{fields['stage']}: {way} to rung {fields['name']}: {fields['reason']}"
    return sys.stderr, text, levels.NOTICE


def _error(fields: Mapping[str, Any]) -> Line:
    return sys.stderr, f"engine:{fields['where']}: {EngineError(fields['what'], fields['remedy'])}", levels.ERROR


def _stage(fields: Mapping[str, Any]) -> Line:
    """That it is gone has been told as an error."""
    return sys.stderr, f"engine:{fields['stage']}: is back" if fields["state"] == "back" else "", levels.NOTICE
