"""What speaks against a device, and how that is found to be over without giving up one that works."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from engine.devices import Device
from workers.drivers import Card, Trial

RETRY_S, MOST_RETRY_S = 5.0, 60.0
"""A device that could not be used is tried again after so long: whoever kept it to themselves may be done. Trials, each
a process, come at longer and longer intervals, up to so long; when devices come or go, at once."""


@dataclass(slots=True)
class _Doubt:
    why: str
    """Words that follow its name."""
    harmless: bool
    """It was refused, and may be again: that costs nothing. Else it might be opened and not run, which ends the
    worker: first it is tried out."""
    pause_s: float
    retry_s: float
    """When to try again, on time.monotonic()."""


class Doubts:
    """Those of one side. Everything in it belongs to the keeper's thread.

    silent: the names of devices that did not run. wake: called, from any thread, when `may_open` has to be asked again.
    """

    def __init__(self, card: Card, silent: Container[str], wake: Callable[[], None]) -> None:
        self._card, self._silent, self._wake = card, silent, wake
        self._doubts: dict[str, _Doubt] = {}
        self._trial: Trial | None = None
        self._proven = ""
        """The name of a device that has passed its trial."""

    def news(self) -> None:
        """Devices came or went: what was wrong may be right now, or the other way round."""
        self._proven = ""
        for doubt in self._doubts.values():
            doubt.pause_s, doubt.retry_s = RETRY_S, 0.0

    def refused(self, device: Device) -> None:
        """It could not be opened."""
        self._proven = ""
        self._doubts[device.name] = _Doubt("cannot be used", True, RETRY_S, time.monotonic() + RETRY_S)

    def opened(self, device: Device) -> None:
        """It could be opened."""
        self._proven = ""
        self._doubts.pop(device.name, None)

    def why(self, device: Device) -> str:
        """What speaks against it, in words that follow its name; empty: nothing."""
        doubt = self._of(device)
        return doubt.why if doubt else ""

    def is_silent(self, device: Device) -> bool:
        """It may have been opened, and did not run: waiting for it is in vain."""
        doubt = self._of(device)
        return doubt is not None and not doubt.harmless

    def may_open(self, device: Device, *, beside: bool) -> bool:
        """Whether to open it now. beside: another one is open and works; then it has to pass a trial first. That begins
        when its time has come, and ends with `wake`."""
        self._settle()
        doubt = self._of(device)
        due = doubt is None or doubt.retry_s <= time.monotonic()
        if not beside and due and (doubt is None or doubt.harmless):
            return True
        if due and self._proven != device.name and self._trial is None:
            self._trial = self._card.try_out(device, self._wake)
            self._settle()
        return self._proven == device.name

    def next_s(self, device: Device) -> float | None:
        """In how many seconds `may_open` may answer otherwise by itself; None: it calls `wake`."""
        doubt = self._of(device)
        return None if self._trial or not doubt else max(0.0, doubt.retry_s - time.monotonic())

    def cancel(self) -> None:
        """Nothing is tried out any more when this returns."""
        if self._trial is not None:
            self._trial.cancel()
            self._trial = None

    def _of(self, device: Device) -> _Doubt | None:
        if device.name in self._silent and device.name not in self._doubts and device.name != self._proven:
            self._doubts[device.name] = _Doubt("was opened, but does not run", False, RETRY_S, 0.0)
        return self._doubts.get(device.name)

    def _settle(self) -> None:
        """Take the result of a trial that is over."""
        trial = self._trial
        if trial is None or trial.works is None:
            return
        self._trial = None
        name = trial.device.name
        if trial.works:
            self._proven = name
            self._doubts.pop(name, None)
            return
        doubt = self._doubts.setdefault(name, _Doubt(f"cannot be used: {trial.why}", False, RETRY_S, 0.0))
        doubt.harmless = False
        doubt.retry_s = time.monotonic() + doubt.pause_s
        doubt.pause_s = min(2 * doubt.pause_s, MOST_RETRY_S)
