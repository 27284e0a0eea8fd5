"""One utterance in a stream of sherpa-onnx: the sound of it, and the silence that stands in for what is not there yet.

Samples are those of the utterance, frames are those of the stream: 10 ms, inserted silence included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.contract import Pcm, Tag
from workers.backends.sherpa_model import Files

RATE = 16000
HOP = 160
EDGE = 4
"""Frames that the library keeps back because their window is not full."""
TAIL = 30
"""Frames of silence that the model hears after the last word, at least: it may write a word so late."""


@dataclass(slots=True)
class Utterance:
    """What was fed, and how much of it is decoded."""

    tag: Tag
    language: str
    stream: Any
    fed: list[Pcm] = field(default_factory=list)
    samples: int = 0
    """Taken in."""
    silences: list[tuple[int, int]] = field(default_factory=list)
    """After which sample silence was put into the stream, and how many samples of it."""
    decoded: int = 0
    """Frames."""
    end: int = 0
    """The sample at which the voice has paused; 0: nowhere."""
    finished: bool = False
    filled: bool = False
    """There is silence in the stream for this pause."""
    wanted: int = 0
    """Frames until when all that was said before it is decoded."""
    at_endpoint: bool = False
    found: tuple[str, float] = ("", 0.0)
    """Text and confidence."""
    told: tuple[str, int] = ("", 0)

    def pause(self, end: int) -> None:
        """The voice has paused, or goes on."""
        if end != self.end:
            self.end, self.filled = end, False

    @property
    def _wants_silence(self) -> bool:
        return not self.filled and self.samples > 0 and (self.finished or 0 < self.end <= self.samples)

    @property
    def has_news(self) -> bool:
        """`take_in` has something to do."""
        return bool(self.fed) or self._wants_silence

    @property
    def is_heard(self) -> bool:
        """It is finished, and all of it is decoded."""
        return self.finished and not self.has_news and self.decoded >= self.wanted

    def take_in(self, files: Files) -> None:
        """Into the stream with what was fed, and with silence where the voice has paused."""
        for pcm in self.fed:
            self.stream.accept_waveform(RATE, np.multiply(pcm, 1 / 32768, dtype=np.float32))
            self.samples += len(pcm)
        self.fed.clear()
        if self._wants_silence:
            self.filled = True
            chunks = max(0, -(-(self._streamed // HOP + TAIL - self.decoded) // files.chunk))
            self.wanted = self.decoded + chunks * files.chunk
            frames = self.wanted - files.chunk + files.window + EDGE
            missing = max(0, frames * HOP - self._streamed)
            self.stream.accept_waveform(RATE, np.zeros(missing, np.float32))
            self.silences.append((self.samples, missing))

    @property
    def _streamed(self) -> int:
        """Samples in the stream."""
        return self.samples + sum(count for _, count in self.silences)

    def ends_in_sound(self, words_at: Sequence[float]) -> bool:
        """No silence that was put there lies between the last word and what was decoded last. words_at: when each was
        found, in s."""
        last = round(words_at[-1] * RATE) if words_at else 0
        passed = 0
        for at, count in self.silences:
            if last < at + passed + count and self.decoded * HOP > at + passed:
                return False
            passed += count
        return True

    @property
    def upto(self) -> int:
        """The samples that are decoded."""
        position, passed = self.decoded * HOP, 0
        for at, count in self.silences:
            if position > at + passed:
                passed += min(count, position - at - passed)
        return min(position - passed, self.samples)
