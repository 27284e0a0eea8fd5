"""When a device's frames pass, on CLOCK_MONOTONIC."""

from __future__ import annotations

import math

_FIRST_HZ, _LAST_HZ = 2.0, 0.05
"""The loop's bandwidth when it starts and once it has settled: first it learns, then it smooths."""
_SETTLE_S = 8.0
APART_S = 0.05
"""Further apart than this, device and timeline are not brought together by running faster or slower, but at once."""
_PULL_S = 10.0
"""Being apart is made up for in about this time."""
WORST = 0.003
"""No quartz is that far off: a rate beyond this is a fault in the stamps."""
_ODD_NS, _SURE_S = 10e6, 0.1
"""A stamp that is further off than this is left out: a call was late, and those after it will catch up. When all were
for so long, it is the device that stood still and did not count what it missed, as real ones do after an xrun."""


class DeviceClock:
    """Turns a device's frame counts into times, though each is stamped late by the machine's own jitter.

    A delay-locked loop of second order: F. Adriaensen, "Using a DLL to filter time" (Linux Audio Conference 2005), with
    a bandwidth that narrows while it settles and steps of any length. rate: nominal frames a second.
    """

    def __init__(self, rate: float) -> None:
        self._nominal = 1e9 / rate
        self.frame_ns = self._nominal
        """How long a frame takes by our clock."""
        self._index = 0
        self._at = 0.0
        self._age_s = -1.0
        self.stood_ns = 0
        """For how long the device was found to have stood still, at the last update."""
        self._odd_s = self._odd_by = 0.0
        """For how long stamps have been left out, and the least by which they were off, in ns."""

    @property
    def running(self) -> bool:
        """There was a stamp."""
        return self._age_s >= 0

    @property
    def ppm(self) -> float:
        """How fast the device runs, in parts per million over its nominal rate."""
        return (self._nominal / self.frame_ns - 1) * 1e6

    def update(self, index: int, at_ns: int) -> None:
        """The frame `index` passed at about `at_ns`."""
        self.stood_ns = 0
        if not self.running:
            self._index, self._at, self._age_s = index, float(at_ns), 0.0
            return
        frames = index - self._index
        if frames <= 0:
            return
        step_s = frames * self._nominal / 1e9
        self._age_s += step_s
        self._index, self._at = index, self.time_of(index)
        error = at_ns - self._at
        if self._is_odd(error, step_s):
            return
        settled = min(self._age_s / _SETTLE_S, 1.0)
        bandwidth = _FIRST_HZ * (_LAST_HZ / _FIRST_HZ) ** settled
        omega = min(2 * math.pi * bandwidth * step_s, 0.5)
        self._at += math.sqrt(2) * omega * error
        self.frame_ns += omega * omega * error / frames
        lowest, highest = self._nominal * (1 - WORST), self._nominal * (1 + WORST)
        self.frame_ns = min(max(self.frame_ns, lowest), highest)

    def _is_odd(self, error: float, step_s: float) -> bool:
        """The stamp is not to be learnt from. Once that is so for long, the clock is set anew; its rate stays."""
        if abs(error) <= _ODD_NS:
            self._odd_s = 0.0
            return False
        if not self._odd_s or error * self._odd_by < 0:
            self._odd_s, self._odd_by = 0.0, error
        self._odd_s += step_s
        self._odd_by = min(self._odd_by, error)  # calls may be late, but never early
        if self._odd_s >= _SURE_S:
            self._at += self._odd_by
            self.stood_ns = max(0, round(self._odd_by))
            self._odd_s = 0.0
        return True

    def time_of(self, index: float) -> float:
        """When the frame `index` passes, in ns."""
        return self._at + (index - self._index) * self.frame_ns

    def samples_per_frame(self, rate: int, apart: float) -> float:
        """Samples of a timeline of `rate` for each frame: as many as pass in a frame's true time, and a little more or
        less, so that a timeline that is `apart` samples behind catches up (above 0) or is waited for (below 0)."""
        return self.frame_ns * rate / 1e9 * (1 + apart / (rate * _PULL_S))
