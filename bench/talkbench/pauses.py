"""When voice activity alone would call an utterance ended: worked out from the track, with the engine's own VAD."""

from __future__ import annotations

from engine.config import load
from engine.contract import Job, Pcm, Tag
from workers.backends.registry import make, rung
from workers.vad import Gate

from .listening import hops
from .tracks import RATE, Track, read


def speech(pcm: Pcm) -> list[tuple[int, int]]:
    """Stretches of speech, [begin, end) in samples, as the engine's VAD reports them in its usual setting."""
    config = load()
    backend = make("vad", config)
    backend.load(rung("vad", config))
    gate = Gate(config.vad.threshold, config.vad.release, config.vad.min_speech_ms * RATE // 1000)
    found, began = [], 0
    for start, probability in hops(backend, Job(Tag(1)), pcm):
        if said := gate.judge(probability, start, start + backend.abilities.frame):
            if said[0] == "began":
                began = said[1]
            else:
                found.append((began, said[1]))
    return found


def decided_ms(track: Track, wait_ms: int) -> list[float]:
    """For each utterance, when its last pause has lasted `wait_ms`: ms from the labelled end of speech."""
    ends = [end / RATE for _, end in speech(read(track.path)[:, 0])]
    found = []
    for label in track.labels["utterances"]:
        inside = [end for end in ends if label["start"] < end < label["end"] + 0.5]
        found.append((inside[-1] - label["end"]) * 1000 + wait_ms if inside else float("nan"))
    return found
