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
from workers.join import Seat, run


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

    def fill(self, out: Pcm, at_ns: int) -> None:
        """Fill `out`, whose first sample will be heard at `at_ns`."""
        allowed = audible.order_of(self._telemetry.get("audio.audible"))
        if self._playing != allowed:
            self._playing = None
        done = 0
        while done < len(out) and (record := self._next(allowed)) is not None:
            now_ns = at_ns + done * 1_000_000_000 // self._rate
            if record.kind == m.SOUND_END:
                self._end(record, now_ns)
                continue
            if self._playing is None:
                self._begin(record, allowed, now_ns)
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

    def _begin(self, record: ringbuf.Record, whose: int, at_ns: int) -> None:
        self._playing, self._played = whose, 0
        self._events.send(m.PlaybackBegan(tag=_tag(record), capture_ns=record.capture_ns, at_ns=at_ns))

    def _end(self, record: ringbuf.Record, at_ns: int) -> None:
        self._playing = None
        ended = m.PlaybackEnded(tag=_tag(record), capture_ns=record.capture_ns, at_ns=at_ns, samples=self._played)
        self._events.send(ended)
        self._release()


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

    def fill(self, out: Pcm, at_ns: int) -> None:
        self._mixer.fill(out, at_ns)

    def played(self, out: Pcm, at_ns: int) -> None:
        self._speaker.claim(len(out))[:] = out
        self._speaker.commit(len(out), capture_ns=at_ns)

    def missed(self, samples: int) -> None:
        block = self._seat.config.audio.block_ms * self._rate // 1000
        for _ in range(samples // block):
            self._speaker.claim(block)[:] = 0
            self._speaker.commit(block, capture_ns=0, flags=ringbuf.LOST)
            self._telemetry.count("audio.xruns")

    def ended(self) -> None:
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


if __name__ == "__main__":
    run(main)
