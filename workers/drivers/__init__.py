"""What a sound device is to the audio worker.

A `Driver` moves samples between a device and the port until the engine stops. The virtual card is one by itself. Real
devices have clocks, rates and an absence of their own: a `Card` finds and opens them, and one driver for all of them,
the desk (workers/sound/desk.py), does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from engine.contract import Pcm
from engine.devices import Device, Side


class Port(Protocol):
    """The engine's side of a device. Every method is bounded: it never waits.

    lull: nobody speaks or is spoken with (workers/lull.py), so that sound may be moved in larger pieces.
    """

    lull: bool = False

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

    def skip(self, samples: int, *, lost: bool = False) -> None:
        """The mic's timeline goes on for so many samples that no microphone heard: silence, marked as lost. lost: there
        was one, but what it heard was not fetched in time."""

    def pass_over(self, samples: int) -> None:
        """The loudspeaker's timeline goes on for so many samples in which there was no loudspeaker."""

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


class Stream(Protocol):
    """An opened microphone or loudspeaker. rate: its frames a second; channels: int16 samples in each of them."""

    rate: int
    channels: int

    @property
    def last_ns(self) -> int:
        """When the device called last, CLOCK_MONOTONIC; 0 before that."""

    @property
    def next_ns(self) -> int | None:
        """When there will be something next; None where the doorbell rings for it."""

    def close(self) -> None:
        """Let go of it. May take a while. DeviceError: it may still be open."""


class Microphone(Stream, Protocol):
    """An opened microphone."""

    @property
    def ended(self) -> bool:
        """It has no more sound of its own: it was a recording."""

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        """The periods that have come: their frames, shape [n, channels]; the index of the first of these since the
        device was opened; and when the last of them had passed, CLOCK_MONOTONIC. Frames are borrowed until the next."""


class Mark(NamedTuple):
    """A loudspeaker asked for more."""

    first: int
    """The first frame it asked for, counted since it was opened."""
    frames: int
    lost: int
    """Frames of silence so far, this call's included, because there was no sound in time."""
    at_ns: int
    """When it asked, CLOCK_MONOTONIC."""
    latency_ns: int
    """How much later that first frame is heard."""


class Loudspeaker(Stream, Protocol):
    """An opened loudspeaker."""

    def put(self, frames: Pcm) -> bool:
        """Add frames, shape [n, channels], to what it plays from. False: there is no room."""

    def marks(self) -> Iterator[Mark]:
        """Its calls since the last time."""


class Trial(Protocol):
    """A device is being tried out, beside those that are open."""

    device: Device
    works: bool | None
    """It can be opened and runs; None: that is not known yet."""
    why: str
    """What is wrong with it, once it is known not to work."""

    def cancel(self) -> None:
        """End it: afterwards it does not have the device open any more."""


class Card(Protocol):
    """What finds devices and opens them. Its methods may take a while: they are called from several threads, but only
    those that say so from the audio worker's main thread."""

    look_again_s: float
    """How often to look for a device that is not there, though nothing told of a change."""

    def find(self, side: Side, wanted: str) -> Device:
        """The device of this name, the system's default if it is empty. DeviceError: it is not there, or the name
        stands for several."""

    def is_there(self, device: Device) -> bool | None:
        """Whether a device that is open is still there; None: that cannot be told now."""

    def try_out(self, device: Device, done: Callable[[], None]) -> Trial:
        """Begin a trial. `done` is called, from any thread, once its result is known."""

    def open_microphone(self, device: Device) -> Microphone:
        """Open it and let it run. DeviceError: it cannot be used."""

    def open_loudspeaker(self, device: Device) -> Loudspeaker:
        """Open it and let it run. DeviceError: it cannot be used."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed`, from any thread, whenever devices came or went."""

    def drain(self, side: Side) -> None:
        """From the main thread, where nobody reads the stream of this side: drop what came of it."""

    def wipe(self, side: Side) -> None:
        """From the main thread, when no device of this side is open: overwrite what it heard last and nobody fetched,
        or what it was given and did not play."""

    def account(self) -> None:
        """About once a second, from the main thread: add what its callbacks counted to the telemetry."""
