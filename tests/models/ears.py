"""PocketSphinx as it comes, but for its dictionary: the few words that are said in tests.

Loaded with the 134,000 of the whole one it takes a second of a processor at every start of an engine, and again for
every question. The few are those of the packaged configuration, which no engine has to complain of.
"""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

from engine.config import load
from engine.config_layers import PACKAGED, SYSTEM_CONFIG
from engine.wording import words_of
from workers.backends.sphinx_model import Model

_places: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when this process ends."""


@functools.cache
def few_words() -> Path:
    """The directory of the model; made once in a process, in a moment."""
    expected = load(environ={SYSTEM_CONFIG: "", "XDG_CONFIG_HOME": "/none"}).expected_phrases()
    words = set(re.findall(r"[a-z']+", PACKAGED.read_text().lower())) | {w for each in expected for w in words_of(each)}
    whole = Model.find("")
    _places.append(tempfile.TemporaryDirectory(prefix="ears-"))
    place = Path(_places[-1].name)
    for part in (whole.acoustic, whole.language):
        (place / part.name).symlink_to(part)
    with whole.dictionary.open(encoding="utf-8") as lines, (place / "few.dict").open("w", encoding="utf-8") as few:
        few.writelines(line for line in lines if line.partition(" ")[0].partition("(")[0] in words)
    return place
