"""What voice activity, recogniser and judge of endings make of a track, and when, worked out without the engine.

The stages' own backends are fed as their workers feed them: sound is there by the block, the recogniser hears it in its
steps, stops a little after each pause and goes on with the speech. Their work is taken to last as long as the constants
here say, so that what comes out does not depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.config import Config
from engine.contract import UNKNOWN, Backend, Finished, Heard, Job, Pcm, Tag, Voice
from engine.turns.finalising import TAIL_MS
from workers.backends.registry import make, rung
from workers.ending import LONGEST_S
from workers.vad import Gate

from .tracks import RATE, Track, read

VAD_S, WORDS_S, JUDGE_S = 0.002, 0.010, 0.006
"""What judging a hop, a step of the recogniser and judging an ending take."""
EARLY_S, LATE_S = 0.4, 1.0
"""An utterance's speech lies between so much before its label and so much after it."""


@dataclass(slots=True)
class Pause:
    """A pause in an utterance, in seconds of the track. known_s: when VAD says so. again_s: when the speech goes on;
    again_known_s: when VAD says so. sound: how finished what comes before sounds."""

    start_s: float
    known_s: float
    again_s: float = float("inf")
    again_known_s: float = float("inf")
    sound: float = UNKNOWN


@dataclass(frozen=True, slots=True)
class Words:
    """A partial text, when it is there, and up to where it has heard the track."""

    known_s: float
    upto_s: float
    heard: Heard


@dataclass(slots=True)
class Utterance:
    """What was heard of one. start_s, end_s: its label. began_s: its first speech; began_known_s: when VAD says so.
    judged: hops as (when their verdict is there, up to where voice activity is known then)."""

    file: str
    start_s: float
    end_s: float
    began_s: float = 0.0
    began_known_s: float = 0.0
    pauses: list[Pause] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    judged: list[tuple[float, float]] = field(default_factory=list)


class Listener:
    """Listens to tracks with the stages that the configuration names."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._block = config.audio.block_ms * RATE // 1000
        self._vad, self._asr = self._backend("vad"), self._backend("asr")
        self._judge = self._backend("ending") if "ending" in config.stages else None
        self._jobs = 0

    def _backend(self, stage: str) -> Backend:
        backend = make(stage, self._config)
        backend.load(rung(stage, self._config))
        backend.warm_up()
        return backend

    def _job(self) -> Job:
        self._jobs += 1
        return Job(Tag(1, self._jobs))

    def hear(self, track: Track) -> list[Utterance]:
        """What is heard of each utterance of a track."""
        pcm: Pcm = np.ascontiguousarray(read(track.path)[:, 0])
        labels = track.labels["utterances"]
        starts = [label["start"] - EARLY_S for label in labels]
        ends = [min(label["end"] + LATE_S, after) for label, after in zip(labels, [*starts[1:], 1e9], strict=True)]
        found = [Utterance(label["file"], label["start"], label["end"]) for label in labels]
        gate = self._gate()
        for start, probability in hops(self._vad, self._job(), pcm):
            stop = start + self._vad.abilities.frame
            said, known_s = gate.judge(probability, start, stop), self._there(stop) + VAD_S
            doubtful = gate.since is not None and not gate.speaking
            for utterance, begin, end in zip(found, starts, ends, strict=True):
                if begin <= start / RATE < end:
                    utterance.judged.append((known_s, (gate.since if doubtful else stop) / RATE))  # type: ignore[operator]
                    if said:
                        _note(utterance, said[0], said[1] / RATE, known_s)
        heard = [utterance for utterance in found if utterance.pauses]
        for utterance in heard:
            self._recognise(utterance, pcm)
            self._judge_endings(utterance, pcm)
        return heard

    def _gate(self) -> Gate:
        vad = self._config.vad
        return Gate(vad.threshold, vad.release, vad.min_speech_ms * RATE // 1000)

    def _there(self, sample: int) -> float:
        """When a sample's block is in the ring."""
        return -(-sample // self._block) * self._block / RATE

    def _recognise(self, utterance: Utterance, pcm: Pcm) -> None:
        step = self._config.asr.partial_ms * RATE // 1000
        job = self._job()
        self._asr.begin(job)
        at = begin = max(0, round(utterance.began_s * RATE) - self._config.vad.preroll_ms * RATE // 1000)
        now = utterance.began_known_s
        for stop, from_s in _stretches(utterance):
            now = max(now, from_s)
            while at < min(stop, len(pcm)):
                upto = min(at + step, stop, len(pcm))
                self._asr.feed(job, pcm[at:upto])
                now = max(now, self._there(upto)) + WORDS_S
                for event in _steps(self._asr):
                    if isinstance(event, Heard):
                        utterance.words.append(Words(now, (begin + event.upto) / RATE, event))
                at = upto
        self._asr.cancel(job.tag)
        for _ in _steps(self._asr):
            pass

    def _judge_endings(self, utterance: Utterance, pcm: Pcm) -> None:
        if self._judge is None:
            return
        for pause in utterance.pauses:
            job, end = self._job(), round(pause.start_s * RATE)
            self._judge.begin(job)
            self._judge.feed(job, pcm[max(round(utterance.began_s * RATE), end - LONGEST_S * RATE) : end])
            self._judge.finish(job)
            pause.sound = next(e.complete for e in _steps(self._judge) if isinstance(e, Finished))


def hops(vad: Backend, job: Job, pcm: Pcm) -> Iterator[tuple[int, float]]:
    """The first sample of every hop, and how likely it is a voice."""
    hop, context = vad.abilities.frame, vad.abilities.context
    vad.begin(job)
    padded = np.concatenate([np.zeros(context, np.int16), pcm])
    for start in range(0, len(pcm) - hop + 1, hop):
        vad.feed(job, padded[start : start + context + hop])
        for event in vad.step(0):
            if isinstance(event, Voice):
                yield start, event.probability


def _note(utterance: Utterance, what: str, at_s: float, known_s: float) -> None:
    if what == "paused":
        utterance.pauses.append(Pause(at_s, known_s))
    elif utterance.pauses:
        utterance.pauses[-1].again_s, utterance.pauses[-1].again_known_s = at_s, known_s
    else:
        utterance.began_s, utterance.began_known_s = at_s, known_s


def _stretches(utterance: Utterance) -> Iterator[tuple[int, float]]:
    """The sound that the recogniser gets: up to which sample, and from when on."""
    from_s = 0.0
    for pause in utterance.pauses:
        yield round(pause.start_s * RATE) + TAIL_MS * RATE // 1000, from_s
        from_s = pause.again_known_s


def _steps(backend: Backend) -> Iterator[object]:
    while not backend.idle:
        yield from backend.step(1_000_000_000)
