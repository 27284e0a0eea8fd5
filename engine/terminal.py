"""What a person at the terminal sees of the stream of events: turns on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from engine import story
from engine.errors import EngineError
from engine.hub import Happening
from engine.printer import Printer


class Terminal:
    """A subscriber. words: show what was said; a terminal may have it, a journal must not unless it was asked for."""

    def __init__(self, printer: Printer, words: bool) -> None:
        self._printer, self._words = printer, words
        self._views: dict[str, Callable[[Mapping[str, Any]], tuple[TextIO, str]]] = {
            "answer.ended": self._turn,
            "device": lambda fields: (sys.stderr, fields["text"]),
            "error": _error,
            "rung": _rung,
            "stage": _stage,
            "tool": self._called,
            "tool.ended": lambda fields: (sys.stdout, f"        → {fields['tool']}: {fields['outcome']}"),
        }

    def __call__(self, happening: Happening) -> None:
        if view := self._views.get(happening.name):
            stream, text = view(happening.fields)
            if text:
                self._printer.line(stream, text)

    def say(self, text: str) -> None:
        """A line on stderr that is no event."""
        self._printer.line(sys.stderr, text)

    def _called(self, fields: Mapping[str, Any]) -> tuple[TextIO, str]:
        arguments = json.dumps(fields["arguments"], ensure_ascii=False) if self._words else ""
        return sys.stdout, f"        → {fields['tool']} {arguments}".rstrip()

    def _turn(self, fields: Mapping[str, Any]) -> tuple[TextIO, str]:
        return sys.stdout, story.line(fields["record"], self._words) if fields["record"] else ""


def _rung(fields: Mapping[str, Any]) -> tuple[TextIO, str]:
    way = "down" if fields["to"] > fields["from"] else "up"
    return sys.stderr, f"engine:{fields['stage']}: {way} to rung {fields['name']}: {fields['reason']}"


def _error(fields: Mapping[str, Any]) -> tuple[TextIO, str]:
    return sys.stderr, f"engine:{fields['where']}: {EngineError(fields['what'], fields['remedy'])}"


def _stage(fields: Mapping[str, Any]) -> tuple[TextIO, str]:
    """That it is gone has been told as an error."""
    return sys.stderr, f"engine:{fields['stage']}: is back" if fields["state"] == "back" else ""
