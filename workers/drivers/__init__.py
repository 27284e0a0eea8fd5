"""What a sound device is to the audio worker: it calls the port once a period, with memory of the rings in hand."""

from __future__ import annotations

from typing import Protocol

from engine.contract import Pcm


class Port(Protocol):
    """The engine's side of a device. Every method is bounded: it never waits."""

    @property
    def heard_samples(self) -> int:
        """Samples on the mic's timeline so far; more than 0 at the start when the worker was restarted."""

    @property
    def played_samples(self) -> int:
        """Samples on the loudspeaker's timeline so far."""

    def hear(self, samples: int) -> Pcm:
        """Memory of the mic ring for the next so many samples, to be filled by the device."""

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        """They are there; the first was captured at `capture_ns`. lost: the device had to leave them silent."""

    def fill(self, out: Pcm) -> None:
        """Fill the device's own `out` with what shall be heard next; `played` says when that is."""

    def played(self, out: Pcm, at_ns: int) -> None:
        """`out`, as it was filled, was handed over in time and is heard from `at_ns` on."""

    def missed(self, samples: int) -> None:
        """The loudspeaker played nothing for so many samples, because it had not been fed in time."""

    def ended(self) -> None:
        """The device has no more sound of its own (a file)."""

    def wait(self, until_ns: int) -> bool:
        """Sleep until then. False: the engine stops."""


class Driver(Protocol):
    """A sound device."""

    def open(self) -> None:
        """Get hold of it. Raises an EngineError that names it and the remedy."""

    def run(self, port: Port, start_ns: int) -> None:
        """Move samples until `port.wait` says stop. start_ns: when sample 0 of the timeline is captured."""
