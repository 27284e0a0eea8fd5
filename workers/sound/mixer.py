"""What may be heard: taken from the speaker ring."""

from __future__ import annotations

import time

import numpy as np

import ringbuf
from engine import audible
from engine import messages as m
from engine.contract import Pcm, Tag
from workers.join import Seat

_FADE_MS = 5
"""Sound that is cut off or held fades out in this time, and sound that goes on fades in: it does not click."""
_LOST_NS = 1_000_000_000
"""Voice activity that has not come round its loop for so long is in trouble, and what it heard last counts no longer;
turns gives it as much time (`LOST_MS` in engine/turns/interrupting.py)."""


class Mixer:
    """Takes from the speaker ring what may be heard.

    While it is held, it fades out and nothing more is taken: what was faded is played again when it goes on, from the
    very sample at which it stood.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat, self._telemetry = seat, seat.telemetry
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
        self._capture_ns = 0
        self._silent = True
        """It has been held, or a predecessor died in it, and it has not gone on yet."""
        self._faded = np.zeros(len(self._fade), np.int16)
        self._left = 0
        """How many samples of `_faded`, from its beginning, come again."""
        self._marks: list[tuple[int, type[m.PlaybackBegan | m.PlaybackEnded], Tag, int, int]] = []
        """What begins and ends in the block that was filled: where, what, whose, capture_ns, and samples played."""

    def fill(self, out: Pcm) -> None:
        """Fill `out` with what comes next."""
        allowed = self._allowed
        hold, done = self._shall_hold(allowed), 0
        if self._playing is not None and self._playing != allowed:
            done = self._cut(out)
        elif hold and not self._silent:
            done = self._fade_out(out)
            self._silent = True
        if not hold:
            done = self._play(out, done, allowed)
            if done < len(out) and self._playing is not None:
                self._telemetry.count("audio.starved")
        out[done:] = 0
        self._telemetry.set("audio.played", self._played)
        self._telemetry.set("audio.playing", self._playing or 0)

    @property
    def _allowed(self) -> int:
        """The attempt whose sound may be heard."""
        cell = self._telemetry.get("audio.audible")
        # There is one source yet; while another may be heard, this one's sound stays where it is.
        return audible.order_of(cell) if audible.source_of(cell) == audible.VOCODER else 0

    @property
    def cutting(self) -> bool:
        """What was being heard may be heard no longer, and fades out in the next block."""
        return self._playing is not None and self._playing != self._allowed

    def drop(self) -> None:
        """There is no loudspeaker: drop at once what may be heard no longer."""
        allowed = self._allowed
        if self._playing is not None and self._playing != allowed:
            self._playing, self._left = None, 0
            self._telemetry.set("audio.playing", 0)
        self._next(allowed)

    def _shall_hold(self, allowed: int) -> bool:
        """Turns wants it, or there may be a voice that turns has not judged yet."""
        if not allowed:
            return False
        if self._telemetry.get("turns.holds") == allowed:
            return True
        at_once = self._seat.config.turns.barge_in == "on"
        return at_once and self._telemetry.get("turns.yields") == allowed and self._is_voice

    @property
    def _is_voice(self) -> bool:
        """Voice activity says so, and is there to say when it is over."""
        get = self._telemetry.get
        return get("vad.voice") != 0 and time.monotonic_ns() - get("vad.beat_ns") < _LOST_NS

    def _play(self, out: Pcm, done: int, allowed: int) -> int:
        """Fill `out` from `done` on, as far as there is sound. Returns how far that is."""
        begin, again = done, self._playing is not None and self._silent
        if again and ((record := self._next(allowed)) or self._left):
            self._silent = False
            self._capture_ns = record.capture_ns if record else self._capture_ns
            self._mark(done, m.PlaybackBegan)
            done += self._repeat(out[done:])
        while done < len(out) and (record := self._next(allowed)) is not None:
            if self._playing is None:
                self._playing, self._played, self._silent = allowed, 0, False
                self._capture_ns = record.capture_ns
                if record.kind == m.SOUND:
                    self._mark(done, m.PlaybackBegan)
            if record.kind == m.SOUND_END:
                self._mark(done, m.PlaybackEnded)
                self._playing = None
                self._release()
                continue
            count = self._copy(record, out[done:])
            self._played += count
            done += count
        if again:
            loud = out[begin:done][: len(self._fade)]
            np.multiply(loud, self._fade[::-1][: len(loud)], out=loud, casting="unsafe")
        return done

    def _repeat(self, out: Pcm) -> int:
        """Fill `out` with what was faded out. Returns how much that was."""
        count = min(self._left, len(out))
        out[:count] = self._faded[:count]
        self._faded[: self._left - count] = self._faded[count : self._left]
        self._left -= count
        self._played += count
        return count

    def _fade_out(self, out: Pcm) -> int:
        """The next few ms of what is heard fade out, and do not count: they come again. How many samples that were."""
        most = min(len(self._fade), len(out))
        if self._playing is not None:
            self._left += self._read(self._faded[self._left : most], self._playing)
        count = min(self._left, most)
        np.multiply(self._faded[:count], self._fade[:count], out=out[:count], casting="unsafe")
        return count

    def _cut(self, out: Pcm) -> int:
        """What was being heard may be heard no longer: its next few ms fade out. How many samples that were."""
        done = 0 if self._silent else self._fade_out(out)
        self._playing, self._left = None, 0
        return done

    def _read(self, out: Pcm, ours: int) -> int:
        """Take sound of this attempt, as far as there is some before its end. How many samples that were."""
        done = 0
        while done < len(out) and (record := self._next(ours)) is not None and record.kind == m.SOUND:
            done += self._copy(record, out[done:])
        return done

    def _copy(self, record: ringbuf.Record, out: Pcm) -> int:
        """The rest of a record, as much as `out` can hold. Returns how much that was."""
        count = min(len(record.data) - self._offset, len(out))
        out[:count] = record.data[self._offset : self._offset + count]
        self._offset += count
        if self._offset == len(record.data):
            self._release()
        return count

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

    def _mark(self, at: int, what: type[m.PlaybackBegan | m.PlaybackEnded]) -> None:
        """Note that the present answer begins or goes on, or ends, at this sample of the block."""
        assert self._playing is not None
        self._marks.append((at, what, audible.tag_of(self._playing), self._capture_ns, self._played))

    def heard_at(self, at_ns: int) -> None:
        """The block that was filled is heard from `at_ns` on: tell what begins and ends in it."""
        for at, what, tag, capture_ns, samples in self._marks:
            when = at_ns + at * 1_000_000_000 // self._rate
            if what is m.PlaybackBegan:
                self._events.send(m.PlaybackBegan(tag=tag, capture_ns=capture_ns, at_ns=when, sample=samples))
            else:
                self._events.send(m.PlaybackEnded(tag=tag, capture_ns=capture_ns, at_ns=when, samples=samples))
        self._marks.clear()


def _order(record: ringbuf.Record) -> int:
    return audible.order(record.session, record.turn, record.attempt)
