"""Opens a microphone and a loudspeaker for a few seconds and says what was heard, as one line of JSON. For `engine
doctor`, which must not crash when a sound library does, and for trials of devices (trial.py):

    python -m workers.drivers.probe [--microphone PCM [FALLBACK]] [--loudspeaker PCM [FALLBACK]]
                                    [--channels N] [--rate HZ] [--channel K]
                                    [--seconds 3] [--tone] [--messages] [--parent PID]

The seconds begin when both run, which they may take 5 s for.

{"error": null or why it could not be done, "rate_hz", "channels" (of the microphone), "peak_dbfs", "rms_dbfs",
"clipped" (samples at full scale), "tone_dbfs", "tone_delay_ms" (null: not heard)}: of channel K, as the engine hears it
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ringbuf
from engine.devices import Device, Side
from engine.errors import EngineError
from workers.drivers import Microphone
from workers.drivers.portaudio_card import Ends, PortAudioCard
from workers.join import die_with
from workers.sound.capture import pick

TONE_HZ, TONE_DBFS, TONE_S, TONE_AT_S = 1000, -20.0, 0.4, 1.0
"""The test tone, and when it comes: some devices need a while until they play."""
_WINDOW_MS = 5
_FAINTEST = -70
"""dBFS below which it is not looked for."""
_QUIETEST = -120.0
_START_S, _RUN_S = 5.0, 0.2
"""Until it runs it may take so long; it runs once it has called for so much sound. A loudspeaker calls for what fills
its buffer, a few periods, also when it stands still."""


@contextlib.contextmanager
def rings() -> Iterator[tuple[Ends, ringbuf.Bell]]:
    """Rings of our own, as the audio worker has."""
    name = f"antiphon.probe.{os.getpid()}"
    with contextlib.ExitStack() as stack:
        for one in ("capture", "marks", "playout"):
            segment = stack.enter_context(ringbuf.create_stream(f"{name}.{one}", 1 << 20))
            stack.callback(segment.unlink)
        bells = stack.enter_context(ringbuf.create_bells(f"{name}.bells", 1))
        stack.callback(bells.unlink)
        bell = ringbuf.Bells(f"{name}.bells")[0]
        told: dict[Side, ringbuf.StreamWriter] = {
            "microphone": ringbuf.StreamWriter(f"{name}.capture", bells=[bell], dtype=np.int16),
            "loudspeaker": ringbuf.StreamWriter(f"{name}.marks", bells=[bell]),
        }
        yield (
            Ends(
                told,
                ringbuf.StreamReader(f"{name}.capture", dtype=np.int16),
                ringbuf.StreamReader(f"{name}.marks"),
                ringbuf.StreamWriter(f"{name}.playout", dtype=np.int16),
                ringbuf.StreamReader(f"{name}.playout", dtype=np.int16),
            ),
            bell,
        )


def device(side: Side, pcms: Sequence[str], channels: int = 0, rate: int = 0) -> Device | None:
    """A device of which no more is known. pcms: what opens it, and maybe what does when that refuses; none: None."""
    if not pcms:
        return None
    pcm, fallback = (*pcms, "")[:2]
    return Device(side, pcm, pcm, pcm, "alsa", channels, rate, pcm_fallback=fallback)


def _decibel(ratio: float) -> float:
    return round(max(_QUIETEST, 20 * float(np.log10(max(ratio, 1e-9)))), 1)


def _tone(rate: int, channels: int) -> NDArray[np.int16]:
    at = np.arange(int(rate * TONE_S)) / rate
    edges = np.minimum(1, np.minimum(at, at[::-1]) / 0.01)
    sound = 32767 * 10 ** (TONE_DBFS / 20) * edges * np.sin(2 * np.pi * TONE_HZ * at)
    return np.repeat(sound.astype(np.int16)[:, None], channels, axis=1)


def _find_tone(sound: NDArray[np.float64], rate: int) -> tuple[int, float] | None:
    """Where the tone begins, as a sample, and its amplitude; full scale is 1. It is there where for most of its length
    most of the power of each window of 5 ms is at its frequency (the Fourier sum), which no voice does."""
    size, many = rate * _WINDOW_MS // 1000, round(0.75 * TONE_S * 1000 / _WINDOW_MS)
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    if len(windows) < many:
        return None
    at_tone = np.abs(windows @ np.exp(-2j * np.pi * TONE_HZ * np.arange(size) / rate)) * 2 / size
    pure = (at_tone**2 / 2 > 0.5 * (windows**2).mean(1)) & (at_tone > 10 ** (_FAINTEST / 20))
    first = np.flatnonzero(pure & (np.convolve(pure, np.ones(many), "full")[many - 1 :] >= 0.9 * many))
    if not len(first):
        return None
    begin = int(first[0])
    return begin * size, float(np.median(at_tone[begin : begin + many]))


def probe(
    microphone: Device | None, loudspeaker: Device | None, channel: int, seconds: float, tone: bool, messages: bool
) -> dict[str, Any]:
    """Do it; see the module. Raises EngineError."""
    with rings() as (ends, bell):
        card = PortAudioCard(ends, library_messages=messages)
        ear = card.open_microphone(microphone) if microphone else None
        mouth = card.open_loudspeaker(loudspeaker) if loudspeaker else None
        waiter = ringbuf.Waiter(bell, [ends.frames, ends.marks])
        heard: list[NDArray[np.int16]] = []
        heard_s = 0.0 if ear else _RUN_S
        asked_s = 0.0 if mouth else _RUN_S
        began = time.monotonic()
        runs_s = first_ns = played_ns = 0.0
        while (now := time.monotonic()) < began + seconds or (not runs_s and now < began + seconds + _START_S):
            waiter.wait(time.monotonic_ns() + 100_000_000)
            for frames, index, at_ns in ear.read() if ear else ():
                heard.append(frames.copy())
                heard_s = (index + len(frames)) / ear.rate if ear else 0
                first_ns = first_ns or at_ns - len(frames) / ear.rate * 1e9 if ear else 0
            for mark in mouth.marks() if mouth else ():
                asked_s = (mark.first + mark.frames) / mouth.rate if mouth else 0
            if not runs_s and min(heard_s, asked_s) >= _RUN_S:
                runs_s = began = time.monotonic()  # devices take their time to start
            if tone and mouth and runs_s and not played_ns and now > runs_s + TONE_AT_S:
                played_ns = time.monotonic_ns()
                mouth.put(_tone(mouth.rate, mouth.channels))
        for stream in (ear, mouth):
            if stream:
                stream.close()
        return _found(ear, channel, heard, first_ns, played_ns, bool(runs_s))


def _found(
    ear: Microphone | None, channel: int, heard: list[NDArray[np.int16]], first_ns: float, played_ns: float, runs: bool
) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(
        ("error", "rate_hz", "channels", "peak_dbfs", "rms_dbfs", "clipped", "tone_dbfs", "tone_delay_ms")
    )
    if not runs:
        found["error"] = "the device was opened, but does not run"
    if ear is None or not heard:
        return found
    frames = np.concatenate(heard)
    heard_of = frames if channel == 0 else pick(frames, channel)[:, None]
    sound = pick(frames, channel).astype(np.float64) / 32768
    found |= {
        "rate_hz": ear.rate,
        "channels": ear.channels,
        "peak_dbfs": _decibel(float(np.abs(sound).max())),
        "rms_dbfs": _decibel(float(np.sqrt((sound**2).mean()))),
        "clipped": int((np.abs(heard_of.astype(np.int32)).max(1) >= 32767).sum()),
    }
    at = max(0, int((played_ns - first_ns) / 1e9 * ear.rate))
    if played_ns and (tone := _find_tone(sound[at:], ear.rate)):
        found["tone_delay_ms"], found["tone_dbfs"] = round(tone[0] / ear.rate * 1000), _decibel(tone[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microphone", nargs="+", default=[], metavar="PCM")
    parser.add_argument("--loudspeaker", nargs="+", default=[], metavar="PCM")
    parser.add_argument("--channels", type=int, default=0, metavar="N", help="as many as it has; 0: not known")
    parser.add_argument("--rate", type=int, default=0, metavar="HZ", help="that of its own; 0: not known")
    parser.add_argument("--channel", type=int, default=0, metavar="K", help="the one to listen to; 0: their mean")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--tone", action="store_true", help="play a tone and listen for it")
    parser.add_argument("--messages", action="store_true", help="let the sound libraries write to stderr")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end with this process, which started it")
    given = parser.parse_args()
    if given.parent and not die_with(given.parent):
        os._exit(1)
    try:
        ear = device("microphone", given.microphone, given.channels, given.rate)
        own = (0, 0) if ear else (given.channels, given.rate)  # where there are two, they are the microphone's
        mouth = device("loudspeaker", given.loudspeaker, *own)
        found = probe(ear, mouth, given.channel, given.seconds, given.tone, given.messages)
    except EngineError as error:
        found = {"error": str(error)}
    print(json.dumps(found), flush=True)
    os._exit(0)  # a device that hangs shall not keep us


if __name__ == "__main__":
    main()
