"""What may be heard: taken from the speaker ring."""

from __future__ import annotations

import numpy as np

import ringbuf
from engine import audible
from engine import messages as m
from engine.contract import Pcm, Tag
from workers.join import Seat

_FADE_MS = 5
"""Sound that is cut off fades out in this time: it is gone, and does not click."""


class Mixer:
    """Takes from the speaker ring what may be heard."""

    def __init__(self, seat: Seat) -> None:
        self._telemetry = seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._fade = np.linspace(1, 0, self._rate * _FADE_MS // 1000, dtype=np.float32)
        self._ring = seat.stream_reader("speaker", np.int16, wake=False)
        self._events = seat.outlet("playback")
        self._record: ringbuf.Record | None = None
        self._offset = 0
        # A predecessor may have died in mid-answer: it goes on.
        self._playing: int | None = seat.telemetry.get("audio.playing") or None
        """Whose sound is under way, from its first sample to its end."""
        self._played = seat.telemetry.get("audio.played")
        self._marks: list[tuple[int, Tag, int, int | None]] = []
        """Beginnings and ends in the block that was filled: sample, whose, capture_ns, and samples played at an end."""

    def fill(self, out: Pcm) -> None:
        """Fill `out` with what comes next."""
        cell = self._telemetry.get("audio.audible")
        # There is one source yet; while another may be heard, this one's sound stays where it is.
        allowed = audible.order_of(cell) if audible.source_of(cell) == audible.VOCODER else 0
        done = 0
        if self._playing is not None and self._playing != allowed:
            done = self._cut(out)
        while done < len(out) and (record := self._next(allowed)) is not None:
            if record.kind == m.SOUND_END:
                samples = 0 if self._playing is None else self._played
                self._marks.append((done, _tag(record), record.capture_ns, samples))
                self._playing = None
                self._release()
                continue
            if self._playing is None:
                self._marks.append((done, _tag(record), record.capture_ns, None))
                self._playing, self._played = allowed, 0
            sound = record.data
            count = min(len(sound) - self._offset, len(out) - done)
            out[done : done + count] = sound[self._offset : self._offset + count]
            self._offset += count
            self._played += count
            done += count
            if self._offset == len(sound):
                self._release()
        out[done:] = 0
        if done < len(out) and self._playing is not None:
            self._telemetry.count("audio.starved")
        self._telemetry.set("audio.played", self._played)
        self._telemetry.set("audio.playing", self._playing or 0)

    def _cut(self, out: Pcm) -> int:
        """What was being heard may be heard no longer: its next few ms fade out. How many samples that were."""
        ours, self._playing = self._playing, None
        done, most = 0, min(len(self._fade), len(out))
        while done < most:
            record = self._record or self._ring.acquire()
            if record is None or _order(record) != ours or record.kind != m.SOUND:
                return done
            if self._record is None:
                self._record, self._offset = record, 0
            rest = record.data[self._offset : self._offset + most - done]
            fade, into = self._fade[done : done + len(rest)], out[done : done + len(rest)]
            np.multiply(rest, fade, out=into, casting="unsafe")
            done += len(rest)
            self._release()
        return done

    def _next(self, allowed: int) -> ringbuf.Record | None:
        """The record whose sound comes next; stale ones are dropped, an unconfirmed one is left where it is."""
        while True:
            if self._record is None:
                self._record, self._offset = self._ring.acquire(), 0
            record = self._record
            if record is None:
                return None
            whose = _order(record)
            if whose == allowed:
                return record
            if whose > allowed and whose >= audible.order_of(self._telemetry.get("turns.newest")):
                return None
            self._release()

    def _release(self) -> None:
        self._ring.release()
        self._record = None

    def heard_at(self, at_ns: int) -> None:
        """The block that was filled is heard from `at_ns` on: tell what begins and ends in it."""
        for sample, tag, capture_ns, samples in self._marks:
            when = at_ns + sample * 1_000_000_000 // self._rate
            if samples is None:
                self._events.send(m.PlaybackBegan(tag=tag, capture_ns=capture_ns, at_ns=when))
            else:
                self._events.send(m.PlaybackEnded(tag=tag, capture_ns=capture_ns, at_ns=when, samples=samples))
        self._marks.clear()


def _order(record: ringbuf.Record) -> int:
    return audible.order(record.session, record.turn, record.attempt)


def _tag(record: ringbuf.Record) -> Tag:
    return Tag(record.session, record.turn, record.attempt)
