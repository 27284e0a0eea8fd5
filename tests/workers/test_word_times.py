"""A word's sound is where the voice says that it begins: the recogniser hears it there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.contract import Job, Pcm, Rung, Sound, Tag, Word
from workers.backends.clauses import ClauseVoice
from workers.backends.espeak import Espeak
from workers.backends.flite import Flite
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.sound import AUDIBLE
from workers.backends.sphinx_library import Decoder

RATE = 16000
TEXTS = (
    "what are the opening hours of the museum today",
    "where can i get a coffee and something to eat",
    "when does the museum close",
)
MARGIN = np.zeros(4800, np.int16)
NEAR_MS = 50


class Collector:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.sound: Pcm = np.zeros(0, np.int16)

    def write(self, pcm: Pcm) -> bool:
        self.sound = np.concatenate([self.sound, pcm])
        return True


def said(voice: ClauseVoice, *clauses: str) -> tuple[Pcm, list[Word]]:
    """The sound of these clauses in one answer, and their words: start, in samples of the whole."""
    sink = Collector()
    job = Job(Tag(1, 1), sink=sink)
    voice.begin(job)
    for clause in clauses:
        voice.feed(job, clause)
    voice.finish(job)
    words, before = [], 0
    while not voice.idle:
        for event in voice.step(0):
            if isinstance(event, Sound):
                words += [Word(word.text, before + word.start) for word in event.words]
                before += event.samples
    assert before == len(sink.sound)
    return sink.sound, words


class Aligning(Decoder):
    """Notes at the end of an utterance where each word was found: its text, and the ms at which it began."""

    def end(self) -> None:
        super().end()
        self.found: list[tuple[str, int]] = []
        _, first, last = self._numbers
        segment = self._lib.ps_seg_iter(self._ps)
        while segment:
            word = self._lib.ps_seg_word(segment).decode()
            self._lib.ps_seg_frames(segment, first, last)
            if not word.startswith(("<", "[", "+")):
                self.found.append((word.partition("(")[0], first.value * 10))
            segment = self._lib.ps_seg_next(segment)


@pytest.fixture(scope="module")
def recogniser() -> PocketSphinx:
    backend = PocketSphinx()
    backend.load(Rung({}, expected=TEXTS))
    assert backend._decoder is not None
    backend._decoder.__class__ = Aligning
    return backend


def heard(recogniser: PocketSphinx, sound: Pcm) -> list[tuple[str, int]]:
    """The words that the recogniser finds in a sound, and the ms at which each begins."""
    job = Job(Tag(1, 1))
    recogniser.begin(job)
    recogniser.feed(job, np.concatenate([MARGIN, sound, MARGIN]))
    recogniser.finish(job)
    while not recogniser.idle:
        recogniser.step(10**9)
    decoder = recogniser._decoder
    assert isinstance(decoder, Aligning)
    return [(word, ms - MARGIN.size * 1000 // RATE) for word, ms in decoder.found]


@pytest.mark.parametrize("settings", [{"voice": "slt"}, {"voice": "slt", "speed": 1.3}, {"voice": "rms"}], ids=str)
def test_the_recogniser_hears_the_words_of_flite_where_it_says_that_they_are(
    recogniser: PocketSphinx, settings: dict[str, Any]
) -> None:
    voice = Flite()
    voice.load(Rung(settings))
    apart: list[float] = []
    for text in TEXTS:
        sound, words = said(voice, text)
        assert [word.text for word in words] == text.split()
        found = heard(recogniser, sound)
        if [word for word, _ in found] == text.split():
            apart += [abs(word.start * 1000 / RATE - ms) for word, (_, ms) in zip(words, found, strict=True)]
    voice.unload()
    # Flite is a little different each time, and one of the texts may be misheard.
    assert len(apart) >= 12
    assert np.median(apart) < NEAR_MS / 2
    assert np.percentile(apart, 90) < NEAR_MS


def edges(sound: Pcm) -> list[int]:
    """The samples at which sound begins after a silence of 60 ms or more."""
    audible = np.flatnonzero((sound > AUDIBLE) | (sound < -AUDIBLE))
    return [int(audible[0]), *(int(audible[i + 1]) for i in np.flatnonzero(np.diff(audible) > RATE * 60 // 1000))]


def voices() -> list[Any]:
    return [
        pytest.param(Flite, {"voice": "slt"}, id="flite"),
        pytest.param(Flite, {"voice": "slt", "speed": 0.7, "pause_ms": 400}, id="flite, slow"),
        pytest.param(Flite, {"voice": "kal"}, id="flite of 8 kHz"),
        pytest.param(Espeak, {}, id="espeak"),
    ]


@pytest.mark.parametrize(("backend", "settings"), voices())
def test_a_word_after_a_pause_begins_where_the_pause_ends(backend: type[ClauseVoice], settings: dict[str, Any]) -> None:
    voice = backend()
    voice.load(Rung(settings))
    sound, words = said(voice, "No, never, nowhere.", "Mr. Miller owes me €5, my friend — or more.")
    voice.unload()
    assert " ".join(word.text for word in words) == "No, never, nowhere. Mr. Miller owes me €5, my friend — or more."
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    begins = edges(sound)
    near = RATE * NEAR_MS // 1000
    for text in ("No,", "never,", "nowhere.", "Mr.", "my"):
        start = next(word.start for word in words if word.text == text)
        assert min(abs(start - begin) for begin in begins) <= near, text


@pytest.mark.parametrize(("backend", "settings"), voices())
def test_the_words_of_a_long_clause_are_told_once_whatever_pieces_it_is_said_in(
    backend: type[ClauseVoice], settings: dict[str, Any]
) -> None:
    voice = backend()
    voice.load(Rung(settings))
    text = "The museum opens at nine in the morning and closes at six in the evening " * 4
    sound, words = said(voice, text)
    voice.unload()
    assert [word.text for word in words] == text.split()
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    # The four sentences are alike, so they lie a quarter of the sound apart.
    quarters = [start / len(sound) for start in starts[::15]]
    assert quarters == pytest.approx([0, 0.25, 0.5, 0.75], abs=0.05)
