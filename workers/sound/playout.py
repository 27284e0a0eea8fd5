"""From samples of the timeline to a loudspeaker's frames."""

from __future__ import annotations

import numpy as np
import samplerate
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.drivers import Loudspeaker, Mark, Port
from workers.drivers.reserve import Reserve
from workers.lull import PIECE_MS
from workers.sound.clock import APART_S, DeviceClock

SHORTEST_MS, LONGEST_MS = 5, 20
"""Sound made at a time: what is missing, within these."""
MORE_MS, MOST_MS = 10, 60
"""After a miss so much more lies ready, up to so much more than was asked for; a minute without one takes it back."""
_CALM_S = 60


class PlayLine:
    """Keeps one opened loudspeaker fed: `ahead_ms` of sound lie ready for its callback, made from the samples of the
    timeline that will be heard then: sample n at start_ns + n / rate. The device's clock is tracked as in CaptureLine.
    Where that was not enough, more lies ready for a while.
    """

    def __init__(self, port: Port, loudspeaker: Loudspeaker, ahead_ms: int, start_ns: int, rate: int) -> None:
        self._port, self._queue = port, loudspeaker
        device_rate = self._device_rate = loudspeaker.rate
        self._channels = loudspeaker.channels
        self._start_ns, self._rate = start_ns, rate
        least, more, most = (ms * device_rate // 1000 for ms in (ahead_ms, MORE_MS, MOST_MS))
        self._ahead = Reserve(least, more, least + most, _CALM_S * device_rate)
        """In frames, its times, too."""
        self._lull = PIECE_MS * device_rate // 1000
        """So many more lie ready in a lull, in which we come by less often."""
        self.clock = DeviceClock(device_rate)
        self._convert = samplerate.Resampler("sinc_fastest", channels=1)
        self._piece = np.zeros(LONGEST_MS * rate // 1000, np.int16)
        self._taken = self._given = self._lost = 0
        """Frames that the device took; that it was given or had to do without; that it had to do without."""
        self._held = np.zeros((0, self._channels), np.int16)
        """Frames that found no room."""
        self._silent = 0
        """Frames of silence still to be given: the timeline is ahead of the device."""
        self._still, self._part = False, 0.0
        """The last piece was silent, so that nothing sounds on in the resampler; and the part of a frame that a silence
        made without it is longer than its frames."""
        self._fed = False

    @property
    def waiting(self) -> int:
        """Frames that lie ready."""
        return self._given - self._taken

    @property
    def apart(self) -> float:
        """Samples by which the timeline is behind what the next frame's time asks for; below 0: ahead of it."""
        due = (self.clock.time_of(self._given + self._silent) - self._start_ns) * self._rate / 1e9
        return due - self._port.played_samples

    def mark(self, mark: Mark) -> None:
        """The device asked for frames."""
        self.clock.update(mark.first, mark.at_ns + mark.latency_ns)
        self._taken = mark.first + mark.frames
        if not self._fed:  # until now it had to do without
            self._given, self._lost = self._taken, mark.lost
        elif missing := mark.lost - self._lost:
            self._lost += missing
            self._given += missing
            self._port.missed(round(missing * self._rate / self._device_rate))
            self._ahead.short(self._taken)
        elif self.clock.stood_ns:  # a sound server's own underrun: it did not ask in time, and says nothing of it
            self._port.missed(self.clock.stood_ns * self._rate // 1_000_000_000)
        else:
            self._ahead.well(self._taken)

    def feed(self) -> None:
        """Make what is missing of the sound that shall lie ready."""
        if not self.clock.running:
            return
        if not self._fed or abs(self.apart) > APART_S * self._rate:
            self._fed = True
            self._come_together()
        ahead = self._ahead.now + self._lull * self._port.lull
        while self._hand_over() and self.waiting < ahead:
            self._held = self._frames(self._make(ahead - self.waiting))

    def _come_together(self) -> None:
        apart = round(self.apart)
        if apart > 0:
            self._port.pass_over(apart)
        else:
            self._silent -= apart * self._device_rate // self._rate

    def _make(self, missing: int) -> NDArray[np.float32]:
        """The next piece, at the device's rate: so many frames or a few more, as far as pieces are that long."""
        ms = min(max(SHORTEST_MS, -(-missing * 1000 // self._device_rate)), LONGEST_MS)
        if self._silent:
            count = min(self._silent, ms * self._device_rate // 1000)
            self._silent -= count
            return np.zeros(count, np.float32)
        piece = self._piece[: ms * self._rate // 1000]
        by = 1 / self.clock.samples_per_frame(self._rate, self.apart)
        at_ns = self._start_ns + self._port.played_samples * 1_000_000_000 // self._rate
        self._port.fill(piece)
        self._port.played(piece, at_ns)
        still, self._still = self._still, not piece.any()
        if still and self._still:  # most of the time nothing is played
            frames, self._part = divmod(len(piece) * by + self._part, 1.0)
            return np.zeros(int(frames), np.float32)
        self._convert.set_ratio(by)
        sound: NDArray[np.float32] = self._convert.process(piece.astype(np.float32), by)
        return sound

    def _frames(self, sound: NDArray[np.float32]) -> Pcm:
        """The same on every channel."""
        frames = np.empty((len(sound), self._channels), np.int16)
        np.clip(np.rint(sound), -32768, 32767, out=sound)
        frames[:] = sound[:, None]
        return frames

    def _hand_over(self) -> bool:
        """Give the device what is held. False: it has no room."""
        if len(self._held):
            if not self._queue.put(self._held):
                return False
            self._given += len(self._held)
            self._held = self._held[:0]
        return True
