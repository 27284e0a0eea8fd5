"""A visitor's questions as a recording, one after the other: for `make run`, and for trying out facts of one's own.

    python tools/visit.py FILE.wav QUESTION… [--voice rms] [--answer-s 6]

Said by another of flite's voices than the one that answers, mono int16 at 16 kHz, with as much silence after each
question as an answer needs.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np

from engine.contract import Rung
from workers.backends.flite import Flite
from workers.backends.kept import say

RATE = 16000
BEFORE_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("questions", nargs="+", metavar="QUESTION")
    parser.add_argument("--voice", default="rms")
    parser.add_argument("--answer-s", type=float, default=6.0)
    given = parser.parse_args()
    parts = [np.zeros(round(BEFORE_S * RATE), np.int16)]
    voice = Flite()
    voice.load(Rung({"voice": given.voice}, rate=RATE))
    for question in given.questions:
        parts += [say(voice, question).sound, np.zeros(round(given.answer_s * RATE), np.int16)]
    with wave.open(str(given.file), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.concatenate(parts).tobytes())


if __name__ == "__main__":
    main()
