"""What a running engine remembers of its last turns: their records (engine/story.py), for whoever wants to see where
the time went. Of a visitor who has left no word is kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from engine.channels import ENGINE
from engine.hub import Happening

KEPT = 32
WORDS = ("transcript", "answer", "heard")
"""What of a record is words."""


def placed(record: Mapping[str, Any], pids: Mapping[str, int]) -> dict[str, Any]:
    """A record, and which process each stage was when the turn ended."""
    return {**record, "pids": {ENGINE: os.getpid(), **pids}}


def wordless(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what was said."""
    return {**record, **dict.fromkeys(WORDS, "")}


class LastTurns:
    """A subscriber. pids: the workers that run, by name."""

    def __init__(self, pids: Callable[[], Mapping[str, int]]) -> None:
        self._pids = pids
        self._records: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def __call__(self, happening: Happening) -> None:
        fields = happening.fields
        if happening.name == "answer.ended" and fields["record"]:
            self._records.append(placed(fields["record"], self._pids()))
        elif happening.name == "session" and fields["state"] == "ended":
            for at, record in enumerate(self._records):
                if record["session"] == fields["session"]:
                    self._records[at] = wordless(record)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return list(self._records)
