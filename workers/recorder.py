"""The recorder worker: writes what was heard and what was played into a stereo WAV file, away from the audio path.

Left is the microphone, right the loudspeaker; both have one timeline, so a sample index is a place in the file. A
restarted recorder goes on where the file ends, from the rings' history.
"""

from __future__ import annotations

import numpy as np

from engine.errors import OutputError
from engine.wav import Recording, place
from workers.join import Seat


def main(seat: Seat) -> None:
    try:
        record(seat)
    except OSError as error:
        path = place(seat.config.audio.output)
        raise OutputError(f"{path}: {error.strerror}", "make room there, or choose another --output") from error


def record(seat: Seat) -> None:
    """Write until the engine stops."""
    rate = seat.config.audio.rate_hz
    recording = Recording(seat.config.audio.output, 2, rate)
    mic = seat.history_reader("mic", recording.frames)
    played = seat.history_reader("played", recording.frames, wake=False)
    chunk = rate // 4
    mic.want(chunk)
    frames = np.zeros((rate, 2), np.int16)

    def write() -> None:
        """Write what both rings have."""
        while count := min(mic.position, played.position, recording.frames + rate) - recording.frames:
            for side, ring in enumerate((mic, played)):
                view = ring.view(recording.frames, recording.frames + count)
                # What was overwritten before we came is silence in the file; the rest keeps its place.
                frames[:count, side] = 0 if view is None else view
            recording.write(frames[:count])
            mic.seek(recording.frames)

    seat.ready()
    while not seat.stopping:
        seat.wait()
        seat.reloaded()  # nothing for us, but unread it would wake us for ever
        if mic.position - recording.frames >= chunk:
            write()
        mic.seek(mic.position)  # what the loudspeaker's ring does not have yet is nothing to be woken for
    write()
    recording.close()
