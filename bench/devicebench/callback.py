"""How steadily the C core is reached: from PortAudio's own thread, and from PyAudio's Python callback.

Both call the same C function once a period of 10 ms, for a microphone and a loudspeaker of the same sound server. How
late a call is, is measured by the frames: they come at the device's own steady rate, so the earliest call of each
second tells when the others should have come. "Under load" the same process also does what the audio worker's other
thread does, as fast as it can (resampling, in Python), and each core has a busy process besides.

Runs in a process of its own, with the server in its environment; prints one line of JSON.

    python bench/devicebench/callback.py ours|pyaudio SECONDS [--load]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import samplerate

from engine.devices import Device, quiet
from workers.drivers import _callback
from workers.drivers.portaudio_card import Ends, PortAudioCard
from workers.drivers.probe import rings

RATE, PERIOD_MS = 48000, 10
PERIOD = RATE * PERIOD_MS // 1000
SETTLE_S = 3.0
"""Devices take a while until they run evenly."""
MICROPHONE, LOUDSPEAKER = "person.monitor", "speaker"
_PRIORITY = 21


def open_ours(ends: Ends) -> Callable[[], None]:
    """PortAudio calls the C function."""
    card = PortAudioCard(ends, priority=_PRIORITY)
    device = Device("microphone", MICROPHONE, "", f"pulse:DEVICE={MICROPHONE}", "pulse", 1, RATE)
    ear = card.open_microphone(device)
    mouth = card.open_loudspeaker(Device("loudspeaker", "", "", f"pulse:DEVICE={LOUDSPEAKER}", "pulse", 1, RATE))
    assert (ear.rate, mouth.rate) == (RATE, RATE)
    while not (ear.last_ns and mouth.last_ns):
        time.sleep(0.01)
    card.account()  # from now on with priority

    def close() -> None:
        ear.close()
        mouth.close()

    return close


def open_pyaudio(ends: Ends) -> Callable[[], None]:
    """PortAudio calls PyAudio, which calls Python, which calls the C function: nothing else is in the callbacks."""
    quiet(False)
    os.environ |= {"PULSE_SOURCE": MICROPHONE, "PULSE_SINK": LOUDSPEAKER}  # it cannot name them
    import pyaudio

    audio = pyaudio.PyAudio()
    index = next(i for i in range(audio.get_device_count()) if audio.get_device_info_by_index(i)["name"] == "pulse")
    ear = _callback.Callback(1, ends.told["microphone"].handle())
    mouth = _callback.Callback(1, ends.told["loudspeaker"].handle(), ends.played.handle())
    out = bytearray(2 * PERIOD)

    def capture(data: bytes, frames: int, times: Any, status: int) -> tuple[None, int]:
        ear.run(data, frames, 0.0, status)
        return None, pyaudio.paContinue

    def playout(_data: None, frames: int, times: Any, status: int) -> tuple[bytes, int]:
        mouth.run(out, frames, 0.0, status)
        return bytes(out), pyaudio.paContinue

    form: dict[str, Any] = {"format": pyaudio.paInt16, "channels": 1, "rate": RATE, "frames_per_buffer": PERIOD}
    threads = set(os.listdir("/proc/self/task"))
    streams = [
        audio.open(**form, input=True, input_device_index=index, stream_callback=capture),
        audio.open(**form, output=True, output_device_index=index, stream_callback=playout),
    ]
    for thread in set(os.listdir("/proc/self/task")) - threads:  # the same priority as ours have
        os.sched_setscheduler(int(thread), os.SCHED_FIFO, os.sched_param(_PRIORITY))

    def close() -> None:
        for stream in streams:
            stream.close()

    return close


OPEN: dict[str, Callable[[Ends], Callable[[], None]]] = {"ours": open_ours, "pyaudio": open_pyaudio}


def work(done: threading.Event) -> None:
    """What the audio worker's other thread does all the time, here without a pause."""
    convert = samplerate.Resampler("sinc_fastest", channels=1)
    piece = np.zeros(160, np.float32)
    while not done.is_set():
        for _ in range(20):
            convert.process(piece, 3.0)
        sum(number * number for number in range(2000))


def lateness_us(calls: list[tuple[int, int]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How late each call was, from (frame, ns) pairs: later than the earliest call of the same second, by the frames'
    own rate. A server that has stood still shifts all that follows; within a second that is rare."""
    index, at = (np.array(column, np.float64) for column in zip(*calls, strict=True))
    since = at - at[0]
    keep = since > SETTLE_S * 1e9
    late = since[keep] - index[keep] * 1e9 / RATE
    seconds = (since[keep] // 1e9).astype(int)
    for second in np.unique(seconds):
        late[seconds == second] -= late[seconds == second].min()
    above: np.ndarray[Any, np.dtype[np.float64]] = late / 1e3
    return above


def measure(system: str, seconds: float, load: bool) -> dict[str, Any]:
    """One system: percentiles of the lateness of its calls in us, and what it lost."""
    done = threading.Event()
    hogs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1 if load else 0)
    ]
    try:
        with rings() as (ends, _):
            close = OPEN[system](ends)
            silence = np.zeros(PERIOD, np.int16)
            calls: dict[str, list[tuple[int, int]]] = {"microphone": [], "loudspeaker": []}
            if load:
                threading.Thread(target=work, args=(done,), daemon=True).start()
            limit = time.monotonic() + seconds + SETTLE_S
            while time.monotonic() < limit:
                time.sleep(0.02)
                calls["microphone"] += [(record.a, record.capture_ns) for record in ends.frames]
                calls["loudspeaker"] += [(record.a, record.capture_ns) for record in ends.marks]
                ends.playout.put(silence)
            done.set()
            close()
    finally:
        for hog in hogs:
            hog.kill()
    found: dict[str, Any] = {}
    for side, pairs in calls.items():
        late = lateness_us(pairs)
        p50, p99, p999 = np.percentile(late, (50, 99, 99.9))
        found[side] = {"calls": len(late), "p50": p50, "p99": p99, "p99.9": p999, "max": late.max()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=OPEN)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--load", action="store_true")
    given = parser.parse_args()
    print(json.dumps(measure(given.system, given.seconds, given.load)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
