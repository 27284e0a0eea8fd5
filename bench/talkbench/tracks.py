"""Tracks of recorded utterances, built by the session builder of the shared folder."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 16000
GAP_S = 5.0
SHORT = "go_forward,go_somewhere,cards_001,cards_002,cards_003,hello_world,lj_0002,librivox_0880"
MIDDLE = "librivox_0870,librivox_0890"
"""Whole sentences, which have pauses of a breath."""
LONG = "jfk,digits"
"""These have pauses of over a second: whoever waits for those keeps everybody waiting."""


@dataclass(frozen=True, slots=True)
class Track:
    """What a microphone hears, and the bounds of each utterance in it, in seconds."""

    path: Path
    labels: dict[str, Any]


class Builder:
    """Builds tracks into the folder `work`, from the recordings in `shared`."""

    def __init__(self, shared: Path, work: Path) -> None:
        self.shared, self.work = shared, work

    def build(self, names: str, seed: int, **options: object) -> Track:
        """A track of these recordings. options: those of session.py, such as gap, gain, pause, at, babble, snr."""
        given = {"gap": GAP_S, **options}
        stem = "_".join([f"session{seed}", *(f"{key}{value}" for key, value in options.items() if key != "babble")])
        path = self.work / f"{stem}_{len(list(self.work.glob('*.wav')))}.wav"
        command = [sys.executable, str(self.shared / "measure" / "session.py"), str(path)]
        command += ["--audio", str(self.shared / "audio"), "--utterances", names, "--seed", str(seed)]
        for key, value in given.items():
            command.append(f"--{key}={value}")
        subprocess.run(command, check=True)
        return Track(path, json.loads(path.with_suffix(".json").read_text()))


def written(track: Track, name: str, sound: Any, **labels: object) -> Track:
    """Another track, with this sound and more labels, beside `track`."""
    path = track.path.with_name(f"{track.path.stem}_{name}.wav")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.clip(sound, -32768, 32767).astype("<i2").tobytes())
    path.with_suffix(".json").write_text(json.dumps({**track.labels, **labels}))
    return Track(path, {**track.labels, **labels})


def joined(tracks: Sequence[Track], name: str) -> Track:
    """One after the other, as one track beside the first: session.py takes the square of the time for a longer one."""
    utterances, seconds = [], 0.0
    for track in tracks:
        for label in track.labels["utterances"]:
            moved = {key: round(label[key] + seconds, 3) for key in ("start", "end")}
            utterances.append({**label, **moved})
        seconds += track.labels["seconds"]
    sound = np.concatenate([read(track.path)[:, 0] for track in tracks])
    return written(tracks[0], name, sound, utterances=utterances, seconds=seconds)


def read(path: Path) -> Any:
    """The samples of a 16-bit WAV file, shape [n, channels]."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def tool(shared: Path, name: str) -> Any:
    """A module of the shared folder."""
    spec = importlib.util.spec_from_file_location(name, shared / "measure" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
