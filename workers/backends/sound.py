"""What a voice's sound passes on its way to the sink: another sample rate, and no needless silence at its edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import samplerate

from engine.contract import Pcm

AUDIBLE = 104
"""Samples above this are sound, below it silence: -50 dB of full scale."""
LEAD_MS = 10
"""Silence kept before the first sound of a clause: a soft consonant rises out of it."""
TAIL_MS = 50
"""Silence kept after the last sound of a clause."""


class Resampler:
    """Streaming conversion of int16 sound from `source` to `target` samples a second (libsamplerate, band-limited
    sinc interpolation). It runs 1.25 ms behind at 16 kHz, which is what a stream's end loses: voices end in silence."""

    def __init__(self, source: int, target: int) -> None:
        self._ratio = target / source
        self._filter = samplerate.Resampler("sinc_fastest", channels=1)

    def __call__(self, pcm: Pcm) -> Pcm:
        out = self._filter.process(pcm.astype(np.float32), self._ratio, end_of_input=False)
        np.rint(out, out=out)
        # The filter rings over full scale at steep edges, and int16 would wrap there.
        np.clip(out, -32768, 32767, out=out)
        pcm16: Pcm = out.astype(np.int16)
        return pcm16

    def reset(self) -> None:
        """Forget the sound so far."""
        self._filter.reset()


class Edges:
    """Cuts the silence at both ends of a clause while its sound streams through; silence inside it stays as it is.

    Sound goes on in place, at once. Only silence is held, until it is known to lie inside the clause: at most a
    second, in memory taken once. Between two clauses of a job `pause_ms` of silence are heard.

    shift: how many samples later than it was put in a sample comes out; below 0 where silence was cut before it.
    """

    def __init__(self, rate: int, pause_ms: int) -> None:
        self._lead = rate * LEAD_MS // 1000
        self._tail = rate * TAIL_MS // 1000
        self._held = np.empty(rate + self._lead, np.int16)
        self._filled = 0
        self._pause = np.zeros(rate * pause_ms // 1000, np.int16)
        self._missing = self._quiet = self._taken = 0
        self._sounding = False
        self.shift = 0

    @property
    def quiet(self) -> int:
        """Samples of silence that the clause has ended with so far."""
        return min(self._quiet, self._tail)

    def begin(self, quiet: int | None) -> None:
        """A clause begins. quiet: samples of silence that its job ends with so far; None when it has no sound yet."""
        self._missing = 0 if quiet is None else max(0, self._pause.size - quiet)
        self._sounding = False
        self._filled = self._quiet = self._taken = self.shift = 0

    def clear(self) -> None:
        """Keep nothing of the sound so far."""
        self.begin(None)
        self._held.fill(0)

    def put(self, pcm: Pcm, write: Callable[[Pcm], bool]) -> bool:
        """Pass on the next sound of the clause, at most a second of it. False as soon as `write` says so."""
        if not pcm.size:
            return True
        before, self._taken = self._taken, self._taken + pcm.size
        audible = (pcm > AUDIBLE) | (pcm < -AUDIBLE)
        first = int(audible.argmax())
        if not audible[first]:
            return self._put_silence(pcm, write)
        end = pcm.size - int(audible[::-1].argmax())
        if self._sounding:
            begin, held = 0, self._held[: self._filled]
        else:
            begin = max(0, first - self._lead)
            held = self._held[max(0, self._filled - self._lead + first - begin) : self._filled]
            pause = self._pause[: max(0, self._missing - held.size - first + begin)]
            self.shift = pause.size + held.size - before - begin
            if not self._write(pause, write):
                return False
        self._sounding, self._filled, self._quiet = True, 0, 0
        return self._write(held, write) and self._write(pcm[begin:end], write) and self._put_silence(pcm[end:], write)

    def _put_silence(self, pcm: Pcm, write: Callable[[Pcm], bool]) -> bool:
        if self._sounding:
            kept = pcm[: max(0, self._tail - self._quiet)]
            self._quiet += pcm.size
            if not self._write(kept, write):
                return False
            pcm = pcm[kept.size :]
        if self._filled + pcm.size > self._held.size:
            if self._sounding:  # A pause this long is meant.
                if not self._write(self._held[: self._filled], write):
                    return False
                self._filled = 0
            else:
                kept_lead = min(self._lead, self._filled)
                self._held[:kept_lead] = self._held[self._filled - kept_lead : self._filled]
                self._filled = kept_lead
        self._held[self._filled : self._filled + pcm.size] = pcm
        self._filled += pcm.size
        return True

    @staticmethod
    def _write(pcm: Pcm, write: Callable[[Pcm], bool]) -> bool:
        return not pcm.size or write(pcm)
