"""What the usual voice says is understood by the usual recogniser."""

from __future__ import annotations

import numpy as np

from engine.contract import Heard, Job, Pcm, Rung, Tag
from workers.backends.flite import Flite
from workers.backends.pocketsphinx import PocketSphinx

PHRASES = ("when does the museum close", "what are the opening hours", "where can i get a coffee")


class Collector:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.sound: Pcm = np.zeros(0, np.int16)

    def write(self, pcm: Pcm) -> bool:
        self.sound = np.concatenate([self.sound, pcm])
        return True


def spoken(voice: Flite, number: int, text: str) -> Pcm:
    """`text` in the voice, with a moment of silence around it."""
    sink = Collector()
    job = Job(Tag(1, number), sink=sink)
    voice.begin(job)
    voice.feed(job, text + "?")
    voice.finish(job)
    while not voice.idle:
        voice.step(0)
    margin = np.zeros(4800, np.int16)
    return np.concatenate([margin, sink.sound, margin])


def heard(recogniser: PocketSphinx, number: int, sound: Pcm) -> str:
    """The final text."""
    job = Job(Tag(1, number))
    recogniser.begin(job)
    recogniser.feed(job, sound)
    recogniser.finish(job)
    events = [event for _ in iter(lambda: recogniser.idle, True) for event in recogniser.step(10**9)]
    return next(event.text for event in events if isinstance(event, Heard) and event.final)


def test_the_recogniser_understands_most_words_of_the_voice() -> None:
    voice, recogniser = Flite(), PocketSphinx()
    voice.load(Rung({"voice": "slt"}))
    recogniser.load(Rung({}, expected=PHRASES))
    understood = 0
    for number, text in enumerate(PHRASES):
        words = heard(recogniser, number, spoken(voice, number, text)).split()
        understood += len(set(text.split()) & set(words))
    # 16 words in all. The voice is a little different each time; in thirty runs all of them were understood.
    assert understood >= 12
