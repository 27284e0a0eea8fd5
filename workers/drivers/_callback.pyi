"""What a sound device calls (native/callback.h)."""

from ringbuf._core import Payload

class Callback:
    """What one side of a device calls. told: handle of the stream that the callback writes; sound: of the one that it
    plays from, for a loudspeaker; durations: cells of a histogram of how long the callback takes."""

    def __init__(
        self, channels: int, told: object, sound: object | None = None, durations: Payload | None = None
    ) -> None: ...
    @property
    def function(self) -> int:
        """The address of the callback."""
    @property
    def state(self) -> int:
        """The address of its user data. Valid while this object lives."""
    @property
    def index(self) -> int:
        """Frames so far."""
    @property
    def lost(self) -> int:
        """Frames that found no room (capture), or were not there in time (playout)."""
    @property
    def xruns(self) -> int:
        """Calls before which the device itself lost sound: it was not served in time."""
    @property
    def last_ns(self) -> int:
        """When the device called last, CLOCK_MONOTONIC; 0 before that."""
    def end(self) -> None:
        """Let the device stop calling, after its next call."""
    def run(self, buffer: Payload, frames: int, latency_s: float = 0.0, flags: int = 0, /) -> int:
        """Be called as by the device, with its buffer of int16 frames."""
