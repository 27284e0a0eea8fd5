"""How English words are pronounced: the dictionary that PocketSphinx comes with, looked up where it lies.

It has 134,000 words in their order, so one is found by halving; nothing of it is read into memory.
"""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Callable
from pathlib import Path

_IN_PACKAGE = "model/en-us/cmudict-en-us.dict"


def pronunciations() -> Callable[[str], str] | None:
    """What looks a word up: its pronunciation in ARPAbet, or nothing where it has none. None: no dictionary is
    there."""
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or spec.origin is None or not (path := Path(spec.origin).parent / _IN_PACKAGE).is_file():
        return None
    with path.open("rb") as file:
        lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def look_up(word: str) -> str:
        wanted = word.encode()
        low, high = 0, len(lines)
        while low < high:
            start = lines.rfind(b"\n", 0, (low + high) // 2) + 1
            end = lines.find(b"\n", start)
            end = len(lines) if end < 0 else end
            entry, _, said = lines[start:end].partition(b" ")
            if entry == wanted:
                return said.decode()
            if entry < wanted:
                low = end + 1
            else:
                high = start
        return ""

    return look_up
