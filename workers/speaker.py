"""The sink of a voice: its sound goes into a speaker ring, and stops when nobody will hear it any more."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine import audible
from engine import messages as m
from engine.contract import Pcm, Tag
from workers.due import SPOKEN_NEXT_NS
from workers.join import Seat

RECORD_MS = 20
"""Sound in one record of the ring: as fine as the device takes it, so that little is lost to a change of mind."""


class Speaker:
    """The sink of one job: sound goes from the voice's own memory into the ring, and nowhere in between.

    While the ring is full it sleeps; the audio worker's release wakes it. It stops as soon as there is a newer attempt
    than its own, or another voice speaks for it, without waiting for a message.

    on_sound: called when the first sound of a clause, or of what was left of one, is in the ring.
    """

    def __init__(self, seat: Seat, ring: SpeakerRing, tag: Tag, capture_ns: int) -> None:
        self._seat, self._ring, self._tag, self._capture_ns = seat, ring, tag, capture_ns
        self._place = audible.pack(ring.source, tag)
        self.on_sound: Callable[[], None] = lambda: None
        self.first_ns = 0

    @property
    def stale(self) -> bool:
        """Nobody will hear it any more."""
        return self._seat.stopping or self._seat.telemetry.get("turns.newest") > self._place

    def write(self, pcm: Pcm) -> bool:
        for start in range(0, len(pcm), self._ring.record):
            part = pcm[start : start + self._ring.record]
            if not self._put(m.SOUND, part):
                return False
            self.first_ns = self.first_ns or time.monotonic_ns()
            self.on_sound()
        return True

    def end(self) -> None:
        """The answer's sound is complete."""
        self._put(m.SOUND_END, _NOTHING)

    def _put(self, kind: int, part: Pcm) -> bool:
        while not self.stale:
            if (view := self._ring.writer.claim(len(part))) is not None:
                view[:] = part
                tag = self._tag
                self._ring.writer.commit(
                    len(part),
                    kind=kind,
                    session=tag.session,
                    turn=tag.turn,
                    attempt=tag.attempt,
                    capture_ns=self._capture_ns,
                )
                self._seat.progress()
                return True
            computing = self._seat.lease.give()  # not while it sleeps
            self._seat.wait_for(self._ring.writer.space(len(part)))
            if computing:
                self._seat.lease.take(time.monotonic_ns() + SPOKEN_NEXT_NS)
        return False


_NOTHING = np.zeros(0, np.int16)


class SpeakerRing:
    """The ring that all jobs of this voice share."""

    def __init__(self, seat: Seat, source: int) -> None:
        self.source = source
        self.writer = seat.stream_writer(audible.RINGS[source], np.int16)
        self.record = RECORD_MS * seat.config.audio.rate_hz // 1000
