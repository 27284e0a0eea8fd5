"""From the speaker rings to the loudspeaker: what may be heard, from the source that may be heard."""

from __future__ import annotations

import time
from typing import TypeAlias

import numpy as np

import ringbuf
from engine import audible
from engine import messages as m
from engine.contract import Pcm
from workers.join import Seat
from workers.sound.incoming import Incoming

_FADE_MS = 5
"""Sound that is cut off or held fades out in this time, and sound that goes on fades in: it does not click."""
_LOST_NS = m.VOICE_LOST_MS * 1_000_000

_Told: TypeAlias = type[m.PlaybackBegan | m.PlaybackDry | m.PlaybackEnded]


class Mixer:
    """Takes from the speaker rings what may be heard: from that of the one source that may be. In the others what is
    stale is dropped, and what may be wanted yet stays.

    While it is held, it fades out and nothing more is taken: what was faded is played again when it goes on, from the
    very sample at which it stood.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat, self._telemetry = seat, seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._fade = np.linspace(1, 0, self._rate * _FADE_MS // 1000, dtype=np.float32)
        self._rings = {source: Incoming(seat, source) for source in audible.RINGS}
        self._events = seat.outlet("playback")
        # A predecessor may have died in mid-answer: it goes on.
        self._playing: int | None = seat.telemetry.get("audio.playing") or None
        """Whose sound is under way, from its first sample to its end."""
        self._last = self._playing or 0
        """Whose was, before it ended or was cut off."""
        self._played = seat.telemetry.get("audio.played")
        self._capture_ns = 0
        self._silent = True
        """It has been held, or a predecessor died in it, and it has not gone on yet."""
        self._faded = np.zeros(len(self._fade), np.int16)
        self._left = 0
        """How many samples of `_faded`, from its beginning, come again."""
        self._dry = False
        """Its sound was not there when it was due, and turns was told."""
        self._marks: list[tuple[int, _Told, int, int, int]] = []
        """What begins, ends or is missing in the block that was filled: where, what, whose, capture_ns, and samples
        played."""

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
                if not self._dry:
                    self._dry = True
                    self._mark(done, m.PlaybackDry)
        out[done:] = 0
        self._drop_stale(allowed)
        self._telemetry.set("audio.played", self._played)
        self._telemetry.set("audio.playing", self._playing or 0)

    @property
    def _allowed(self) -> int:
        """Whose sound may be heard, and from which source."""
        return self._telemetry.get("audio.audible")

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
        self._drop_stale(allowed)

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
                self._begin(allowed)
                self._capture_ns = record.capture_ns
                if record.kind == m.SOUND:
                    self._mark(done, m.PlaybackBegan)
            if record.kind == m.SOUND_END:
                self._mark(done, m.PlaybackEnded)
                self._playing = None
                self._ring(allowed).release()
                continue
            count = self._ring(allowed).copy(out[done:])
            self._played += count
            self._dry = False
            done += count
        if again:
            loud = out[begin:done][: len(self._fade)]
            np.multiply(loud, self._fade[::-1][: len(loud)], out=loud, casting="unsafe")
        return done

    def _begin(self, place: int) -> None:
        """The first sound of this place. Where another voice goes on with an answer, its samples are counted on."""
        same = audible.tag_of(self._last) == audible.tag_of(place)
        if not same or audible.source_of(self._last) == audible.HOLDING:
            self._played = 0
        self._playing, self._last, self._silent, self._dry = place, place, False, False

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
        """What was being heard may be heard no longer: its next few ms fade out, unless it was silent or had no more
        sound. How many samples that were."""
        done = 0 if self._silent or self._dry else self._fade_out(out)
        self._playing, self._left = None, 0
        return done

    def _read(self, out: Pcm, ours: int) -> int:
        """Take sound of this attempt, as far as there is some before its end. How many samples that were."""
        done = 0
        while done < len(out) and (record := self._next(ours)) is not None and record.kind == m.SOUND:
            done += self._ring(ours).copy(out[done:])
        return done

    def _next(self, place: int) -> ringbuf.Record | None:
        """The record of this place that comes next."""
        ring = self._rings.get(audible.source_of(place))
        return ring.next(place, self._newest) if ring else None

    def _ring(self, place: int) -> Incoming:
        return self._rings[audible.source_of(place)]

    @property
    def _newest(self) -> int:
        return self._telemetry.get("turns.newest")

    def _drop_stale(self, allowed: int) -> None:
        """Make room in all rings."""
        for ring in self._rings.values():
            ring.next(allowed, self._newest)

    def _mark(self, at: int, what: _Told) -> None:
        """Note that the present answer begins or goes on, ends, or has no sound, at this sample of the block."""
        assert self._playing is not None
        self._marks.append((at, what, self._playing, self._capture_ns, self._played))

    def heard_at(self, at_ns: int) -> None:
        """The block that was filled is heard from `at_ns` on: tell what begins and ends in it."""
        for at, what, place, capture_ns, samples in self._marks:
            when = at_ns + at * 1_000_000_000 // self._rate
            tag, source = audible.tag_of(place), audible.source_of(place)
            if what is m.PlaybackBegan:
                began = m.PlaybackBegan(tag=tag, capture_ns=capture_ns, at_ns=when, sample=samples, source=source)
                self._events.send(began)
            else:
                kind = m.PlaybackDry if what is m.PlaybackDry else m.PlaybackEnded
                self._events.send(kind(tag=tag, capture_ns=capture_ns, at_ns=when, samples=samples, source=source))
        self._marks.clear()
