"""The mic ring behind an echo canceller."""

from __future__ import annotations

import numpy as np

import ringbuf
from engine.contract import Pcm
from workers.sound.echo import FRAME_MS, Canceller

_SECOND = 1_000_000_000


class Ear:
    """Takes what was heard as the mic ring itself would, and puts it there without echo: sample n in the ring is sample
    n that was heard, but it comes `behind` samples later, since a canceller works on whole frames and looks ahead.
    What was lost, and what no microphone heard, goes past the canceller.

    played: the ring of what was played. most: how many samples
    `claim` may be asked for. step: a worker that takes the place of another begins at a multiple of so many samples.
    """

    def __init__(
        self,
        mic: ringbuf.HistoryWriter,
        played: ringbuf.HistoryReader,
        canceller: Canceller,
        most: int,
        step: int,
    ) -> None:
        self._mic, self._played, self._canceller = mic, played, canceller
        frame = self._frame = mic.rate * FRAME_MS // 1000
        self._late = canceller.late
        self._raw = np.zeros(most + frame, np.int16)
        """What was heard and is less than a frame, and room for more."""
        self._waiting = 0
        self._reference, self._clean = np.zeros(frame, np.int16), np.zeros(most + frame, np.int16)
        self._drop = self._late
        """Samples that the canceller gives before the first of those that it was given."""
        if missing := -mic.position % step:  # what a predecessor had heard and not written
            self._silence(missing, 0, ringbuf.LOST)
        self._position = mic.position

    @property
    def position(self) -> int:
        """Samples that were heard."""
        return self._position

    @property
    def behind(self) -> int:
        """How many of them are not in the ring yet."""
        return self._position - self._mic.position

    def claim(self, samples: int) -> Pcm:
        """Memory for the next ones."""
        return self._raw[self._waiting : self._waiting + samples]

    def commit(self, samples: int, *, capture_ns: int, flags: int = 0) -> None:
        """They are there; the first was captured at `capture_ns`. With flags they are silence."""
        start_ns = capture_ns - self._position * _SECOND // self._mic.rate
        self._position += samples
        if flags:
            self._drain(self._position - samples, start_ns)
            self._silence(samples, capture_ns, flags)
            return
        self._waiting += samples
        whole = self._waiting // self._frame * self._frame
        self._pass(self._raw[:whole], self._position - self._waiting, start_ns, self._position)
        self._waiting -= whole
        self._raw[: self._waiting] = self._raw[whole : whole + self._waiting]

    def beware(self) -> None:
        """The loudspeaker is another one, or has stood still."""
        self._canceller.beware()

    def scrub(self, begin: int, end: int) -> None:
        """Overwrite those samples, wherever they are."""
        self._mic.scrub(begin, min(end, self._mic.position))
        if end > self._mic.position:
            self._raw.fill(0)
            self._canceller.forget()

    def _drain(self, heard: int, start_ns: int) -> None:
        """Write all of what was heard so far, and begin anew after it."""
        at = heard - self._waiting
        while self._mic.position < heard:
            self._raw[self._waiting : self._frame] = 0
            self._pass(self._raw[: self._frame], at, start_ns, heard)
            self._waiting = 0
            at += self._frame
        self._waiting, self._drop = 0, self._late
        self._canceller.beware()

    def _pass(self, frames: Pcm, at: int, start_ns: int, upto: int) -> None:
        """Frames, whose first sample is number `at`, through the canceller and all at once into the ring: each time
        something comes there, its readers wake. The ring gets no sample from `upto` on."""
        for begin in range(0, len(frames), self._frame):
            part = slice(begin, begin + self._frame)
            self._look_up(at + begin - self._canceller.shift)
            self._canceller(frames[part], self._reference, self._clean[part])
        dropped = min(self._drop, len(frames))
        self._drop -= dropped
        if (count := min(len(frames) - dropped, upto - self._mic.position)) > 0:
            self._mic.claim(count)[:] = self._clean[dropped : dropped + count]
            self._mic.commit(count, capture_ns=start_ns + self._mic.position * _SECOND // self._mic.rate)

    def _look_up(self, at: int) -> None:
        """What was played from the sample `at` on. What is not there was not played."""
        begin, end = max(at, 0), min(at + self._frame, self._played.position)
        view = self._played.view(begin, end) if begin < end else None
        self._reference.fill(0)
        if view is not None:
            self._reference[begin - at : end - at] = view

    def _silence(self, samples: int, capture_ns: int, flags: int) -> None:
        self._mic.claim(samples)[:] = 0
        self._mic.commit(samples, capture_ns=capture_ns, flags=flags)
