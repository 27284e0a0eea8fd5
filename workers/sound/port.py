"""The rings behind a device, and the host's hand on mute and volume."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import ringbuf
from engine import messages as m
from engine.contract import Pcm
from engine.events import Event, Mute, Volume, dump
from engine.telemetry import AT
from workers.drivers import Port
from workers.join import Seat
from workers.lull import PIECE_MS, Lull
from workers.sound import echo
from workers.sound.ear import Ear
from workers.sound.level import Level, factor, loudness
from workers.sound.mixer import Mixer

_SECOND = 1_000_000_000
_PIECE_NS = PIECE_MS * 1_000_000
_AHEAD_S = 0.5
"""More than what is made for the loudspeaker ahead of the time when it is heard."""


class RingPort(Port):
    """The rings behind a device. Everything in it belongs to the audio worker's main thread.

    microphone: the level of what is heard, for whoever fills the mic ring. muted: the microphone shall be closed.
    on_mute is called when that changes; it returns whether that is done already, or else `mute_done` will be called.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat, self._telemetry = seat, seat.telemetry
        audio = seat.config.audio
        self._rate = audio.rate_hz
        self._speaker = seat.history_writer("played")
        mic, canceller = seat.history_writer("mic"), echo.make(audio)
        self._ear = None
        if canceller is not None:
            played = seat.history_reader("played", wake=False)
            self._ear = Ear(mic, played, canceller, self._rate, audio.block_ms * self._rate // 1000)
        self._mic = self._ear or mic
        self._mixer = Mixer(seat)
        self._events = seat.outlet("playback")
        self._told = seat.outlet("devices")
        self._controls = seat.stream_reader("controls")
        self._forget = seat.cells.watch(AT["audio.forget_upto"])
        seat.wake_on(self._forget)
        self._forgotten = 0  # a predecessor may have died before it was done
        # A microphone's own peaks cannot be mended here: its limiter is for what the gain adds.
        self.microphone, self._loudspeaker = Level(self._rate, 0.0), Level(self._rate, audio.limit_db)
        self.microphone.jump(factor(audio.gain_db))
        self.volume = self._telemetry.get("audio.volume") - 1
        if self.volume < 0:
            self.volume = audio.volume
            self._telemetry.set("audio.volume", self.volume + 1)
            self._telemetry.set("audio.configured_volume", self.volume + 1)
        self._loudspeaker.jump(loudness(self.volume))
        self.muted = bool(self._telemetry.get("audio.muted"))
        self.on_mute: Callable[[], bool] = lambda: True
        self._lull = Lull(self._telemetry)
        self._closing = False
        """The microphone is about to be closed; then `_unanswered` commands are answered."""
        self._unanswered: list[int] = []
        self._take_volume()

    def join(self) -> None:
        """Tell that we are here: commands that a predecessor had not answered come again."""
        self._told.send(m.Joined(stage="audio"))

    # Sound.

    @property
    def heard_samples(self) -> int:
        return self._mic.position

    @property
    def played_samples(self) -> int:
        return self._speaker.position

    def hear(self, samples: int) -> Pcm:
        self._claimed = self._mic.claim(samples)
        return self._claimed

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        if self.muted:  # the device may not be closed yet, and the virtual one never is
            self._claimed[:samples] = 0
        self._mic.commit(samples, capture_ns=capture_ns, flags=ringbuf.LOST if lost else 0)
        behind = self._ear.behind if self._ear else 0
        self._telemetry.set("audio.behind", behind)
        ended_ns = capture_ns + (samples - behind) * _SECOND // self._rate
        late_ns = time.monotonic_ns() - ended_ns
        if self.lull:  # it waited for the rest of its piece: what is meant to be so is not late
            late_ns = max(0, late_ns - _PIECE_NS)
        self._telemetry.observe("audio.lateness_ns", late_ns)
        if lost:
            self._telemetry.count("audio.lost_blocks")

    def skip(self, samples: int, *, lost: bool = False) -> None:
        if lost:
            self._telemetry.count("audio.lost_blocks", self._blocks(samples))
        for count in _pieces(samples, self._rate):
            at_ns = self._time_of(self._mic.position)
            self._mic.claim(count)[:] = 0
            self._mic.commit(count, capture_ns=at_ns, flags=ringbuf.LOST | ringbuf.DISCONTINUITY)

    def fill(self, out: Pcm) -> None:
        self._mixer.fill(out)
        self._loudspeaker(out, out)

    def played(self, out: Pcm, at_ns: int) -> None:
        self._speaker.claim(len(out))[:] = out
        self._speaker.commit(len(out), capture_ns=at_ns)
        self._mixer.heard_at(at_ns)

    def pass_over(self, samples: int) -> None:
        self._mixer.drop()
        if self._ear:
            self._ear.beware()
        self._play_nothing(samples)

    def _play_nothing(self, samples: int) -> None:
        for count in _pieces(samples, self._rate):
            at_ns = self._time_of(self._speaker.position)
            self._speaker.claim(count)[:] = 0
            self._speaker.commit(count, capture_ns=at_ns, flags=ringbuf.LOST)

    def missed(self, samples: int) -> None:
        self._play_nothing(samples)
        self._telemetry.count("audio.xruns", self._blocks(samples))

    def _time_of(self, sample: int) -> int:
        """When a sample of either timeline passes, CLOCK_MONOTONIC in ns."""
        return self._telemetry.get("audio.start_ns") + sample * _SECOND // self._rate

    def _blocks(self, samples: int) -> int:
        """So many samples in blocks, the last of which may be shorter."""
        return -(-samples * 1000 // (self._rate * self._seat.config.audio.block_ms))

    def ended(self) -> None:
        # The cell is for a turns worker that is started again after the message was read.
        self._telemetry.set("audio.input_end", self._mic.position + 1)
        self._events.send(m.InputEnded(sample=self._mic.position))

    # What is asked for, and told.

    def wait(self, until_ns: int) -> bool:
        self._seat.wait(until_ns)
        self.lull = self._lull.at(time.monotonic_ns())
        for record in self._controls:
            message = m.decode(record)
            if 0 < message.deadline_ns < time.monotonic_ns():
                continue  # the host was told that it did not come about
            if isinstance(message, m.SetVolume):
                self._turn(message.percent)
                self._told.send(m.Done(number=message.number, ok=1))
            elif isinstance(message, m.SetMute):
                self._unanswered.append(message.number)
                self._mute(bool(message.on))
        self._scrub()
        if self._seat.reloaded():
            self._reload()
        return not self._seat.stopping

    def tell(self, event: Event) -> None:
        """Tell the host."""
        self._told.send(m.Happened(at_ns=time.monotonic_ns(), event=dump(event)))

    def _turn(self, percent: int) -> None:
        self.volume = percent
        self._telemetry.set("audio.volume", percent + 1)
        self._loudspeaker.turn(loudness(percent))
        self.tell(Volume(percent))

    def _mute(self, on: bool) -> None:
        changed, self.muted = on != self.muted, on
        self._telemetry.set("audio.muted", int(on))
        if changed:
            self._events.send(m.MicrophoneMuted(on=int(on)))
            self._closing = not self.on_mute()
        if not self._closing:
            self.mute_done(told=not changed)

    def mute_done(self, *, told: bool = False) -> None:
        """The microphone is as `muted` wants it. What it heard is gone when it is closed. told: the host knows."""
        self._closing = False
        if self.muted:
            self._mic.scrub(0, self._mic.position)
        if not told:
            self.tell(Mute(self.muted))
        while self._unanswered:
            self._told.send(m.Done(number=self._unanswered.pop(), ok=1))

    def _scrub(self) -> None:
        """What visitors who have left said is gone, and what was said to them."""
        upto = self._forget.take()
        if upto > self._forgotten and not self._mixer.cutting:  # else what fades out would be played after it
            self._mic.scrub(self._forgotten, upto)
            self._speaker.scrub(self._forgotten, upto + int(_AHEAD_S * self._rate))
            self._forgotten = upto

    def _reload(self) -> None:
        audio = self._seat.config.audio
        self._loudspeaker.limit(audio.limit_db)
        self.microphone.turn(factor(audio.gain_db))
        self._take_volume()

    def _take_volume(self) -> None:
        """The configuration's volume counts once it is another one, be it while a predecessor was here."""
        volume = self._seat.config.audio.volume
        if volume + 1 != self._telemetry.get("audio.configured_volume"):
            self._turn(volume)
            self._telemetry.set("audio.configured_volume", volume + 1)


def _pieces(samples: int, most: int) -> Iterator[int]:
    """`samples` in pieces of at most `most`."""
    while samples > 0:
        yield min(samples, most)
        samples -= most
