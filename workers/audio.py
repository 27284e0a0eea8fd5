"""The audio worker: moves samples between the device and the rings, and nothing else."""

from __future__ import annotations

import gc
import time

import numpy as np

import ringbuf
from engine import audible, wav
from engine import messages as m
from engine.contract import Pcm, Tag
from workers.drivers import Driver, Port
from workers.drivers.virtual import VirtualCard
from workers.join import Seat


class Mixer:
    """Takes from the speaker ring what may be heard."""

    def __init__(self, seat: Seat) -> None:
        self._telemetry = seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._ring = seat.stream_reader("speaker", np.int16, wake=False)
        self._events = seat.outlet("playback")
        self._record: ringbuf.Record | None = None
        self._offset = 0
        self._playing: int | None = None
        """Whose sound is under way, from its first sample to its end."""
        self._played = 0
        self._marks: list[tuple[int, Tag, int, int | None]] = []
        """Beginnings and ends in the block that was filled: sample, whose, capture_ns, and samples played at an end."""

    def fill(self, out: Pcm) -> None:
        """Fill `out` with what comes next."""
        cell = self._telemetry.get("audio.audible")
        # There is one source yet; while another may be heard, this one's sound stays where it is.
        allowed = audible.order_of(cell) if audible.source_of(cell) == audible.VOCODER else 0
        if self._playing != allowed:
            self._playing = None
        done = 0
        while done < len(out) and (record := self._next(allowed)) is not None:
            if record.kind == m.SOUND_END:
                self._marks.append((done, _tag(record), record.capture_ns, self._played))
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

    def _next(self, allowed: int) -> ringbuf.Record | None:
        """The record whose sound comes next; stale ones are dropped, unconfirmed ones left where they are."""
        while True:
            if self._record is None:
                self._record, self._offset = self._ring.acquire(), 0
            record = self._record
            if record is None:
                return None
            whose = audible.order(record.session, record.turn, record.attempt)
            if whose >= allowed:
                return record if whose == allowed else None
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


def _tag(record: ringbuf.Record) -> Tag:
    return Tag(record.session, record.turn, record.attempt)


class RingPort(Port):
    """The rings behind a device."""

    def __init__(self, seat: Seat) -> None:
        self._seat, self._telemetry = seat, seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._mic, self._speaker = seat.history_writer("mic"), seat.history_writer("played")
        self._mixer = Mixer(seat)
        self._events = seat.outlet("playback")

    @property
    def heard_samples(self) -> int:
        return self._mic.position

    @property
    def played_samples(self) -> int:
        return self._speaker.position

    def hear(self, samples: int) -> Pcm:
        return self._mic.claim(samples)

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        self._mic.commit(samples, capture_ns=capture_ns, flags=ringbuf.LOST if lost else 0)
        ended_ns = capture_ns + samples * 1_000_000_000 // self._rate
        self._telemetry.observe("audio.lateness_ns", time.monotonic_ns() - ended_ns)
        if lost:
            self._telemetry.count("audio.lost_blocks")

    def fill(self, out: Pcm) -> None:
        self._mixer.fill(out)

    def played(self, out: Pcm, at_ns: int) -> None:
        self._speaker.claim(len(out))[:] = out
        self._speaker.commit(len(out), capture_ns=at_ns)
        self._mixer.heard_at(at_ns)

    def missed(self, samples: int) -> None:
        block = self._seat.config.audio.block_ms * self._rate // 1000
        for _ in range(samples // block):
            self._speaker.claim(block)[:] = 0
            self._speaker.commit(block, capture_ns=0, flags=ringbuf.LOST)
            self._telemetry.count("audio.xruns")

    def ended(self) -> None:
        # The cell is for a turns worker that is started again after the message was read.
        self._telemetry.set("audio.input_end", self._mic.position + 1)
        self._events.send(m.InputEnded(sample=self._mic.position))

    def wait(self, until_ns: int) -> bool:
        self._seat.wait(until_ns)
        return not self._seat.stopping


def make_driver(seat: Seat) -> Driver:
    """The device that the configuration names."""
    audio = seat.config.audio
    sound = wav.read(audio.input, audio.rate_hz)
    return VirtualCard(sound, audio.rate_hz, audio.block_ms * audio.rate_hz // 1000, audio.queued_blocks)


def main(seat: Seat) -> None:
    driver = make_driver(seat)
    driver.open()
    port = RingPort(seat)
    telemetry = seat.telemetry
    go = telemetry.watch("engine.go")
    seat.ready()
    gc.disable()  # this loop makes no cycles
    while not telemetry.get("engine.go") and not seat.stopping:
        seat.wait_for(go)
    if not (start_ns := telemetry.get("audio.start_ns")):
        # A block from now, so that the first output blocks are there before their time.
        start_ns = time.monotonic_ns() + seat.config.audio.block_ms * 1_000_000
        telemetry.set("audio.start_ns", start_ns)
    driver.run(port, start_ns)
