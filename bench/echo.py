"""Echo cancellers side by side, in the virtual card's room, with the engine's own voice and real visitors.

    python bench/echo.py [--shared ../shared] [--answers 30] [--visitors 16] [--only own,webrtc]

`alone` is what the engine hears of itself: by how many dB the echo is less (in the first second of the first answer,
and in the median answer from the fourth on), how often the engine's own voice activity detection begins, and the
highest probability of a voice. `over` are visitors who begin to speak 1.2 s into an answer: how many the detector
hears, how much later than without an echo, how much of their speech it takes for a voice, and the word errors in it.

"webrtc" is AEC3 out of pywebrtc-audio, "speex" SpeexDSP's filter alone, "speex-post" that with SpeexDSP's own
suppressor. Those whose library is not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from echobench.candidates import CANDIDATES, RATE, STEP
from echobench.scenes import SCENES, Scene, Voiced
from numpy.typing import NDArray
from talkbench.tracks import read
from talkbench.words import Recogniser
from word_errors import errors, words

from engine.config import load
from engine.contract import Job, Pcm, Rung, Tag, Voice
from workers.backends.silero import CONTEXT, FRAME, Silero
from workers.sound.echo import Canceller
from workers.vad import Gate

VISITORS = "go_forward,go_somewhere,cards_001,cards_002,cards_003,hello_world,lj_0002,librivox_0880"
NOISE = 20.0
"""Of the room: -64 dB of full scale."""


def clean(canceller: Canceller, heard: Pcm, played: Pcm) -> tuple[Pcm, float]:
    """What it gives, in its place, and the processor time for a frame, in µs."""
    around = np.concatenate([np.zeros(RATE, np.int16), played, np.zeros(2 * RATE, np.int16)])
    out = np.zeros_like(heard)
    began = time.thread_time_ns()
    for at in range(0, len(heard) - STEP + 1, STEP):
        begin = max(0, RATE + at - canceller.shift)
        canceller(heard[at : at + STEP], around[begin : begin + STEP], out[at : at + STEP])
    cost = (time.thread_time_ns() - began) / 1000 / (len(heard) / STEP)
    return np.concatenate([out[canceller.late :], np.zeros(canceller.late, np.int16)]), cost


def probabilities(sound: Pcm) -> NDArray[np.float64]:
    """Silero's, for each hop of FRAME samples from CONTEXT on."""
    vad, job = Silero(), Job(Tag(1, 1, 1))
    vad.load(Rung({"model": ""}, rate=RATE))
    vad.begin(job)
    found = []
    for at in range(CONTEXT, len(sound) - FRAME + 1, FRAME):
        vad.feed(job, np.ascontiguousarray(sound[at - CONTEXT : at + FRAME]))
        found += [event.probability for event in vad.step(0) if isinstance(event, Voice)]
    return np.array(found)


def beginnings(probable: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(first sample, when it is known) of each speech, with the engine's own thresholds."""
    settings = load(environ={}).vad
    gate, found = Gate(settings.threshold, settings.release, settings.min_speech_ms * RATE // 1000), []
    for number, probability in enumerate(probable):
        start = CONTEXT + number * FRAME
        said = gate.judge(float(probability), start, start + FRAME)
        if said and said[0] == "began":
            found.append((said[1], start + FRAME))
    return found


def db(sound: NDArray[Any]) -> float:
    return float(10 * np.log10((sound.astype(np.float64) ** 2).mean() + 1e-9))


def noise(samples: int) -> NDArray[np.float64]:
    return np.random.default_rng(5).normal(0, NOISE, samples)


def pcm(sound: NDArray[Any]) -> Pcm:
    limited: Pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return limited


def hops(begin: int, end: int) -> slice:
    return slice(max(0, begin - CONTEXT) // FRAME, max(0, end - CONTEXT) // FRAME)


def alone(make: Callable[[], Canceller], scene: Scene, voiced: Voiced) -> str:
    """Nobody else speaks."""
    echo = scene.echo(voiced.sound)
    canceller = make()
    out, cost = clean(canceller, pcm(echo + noise(len(echo))), voiced.sound)
    probable = probabilities(out)
    less = [db(echo[begin:end]) - db(out[begin:end]) for begin, end in voiced.places]
    first = voiced.places[0][0]
    second = slice(first, first + RATE)
    false, worst = len(beginnings(probable)), float(probable.max())
    return (
        f"less {db(echo[second]) - db(out[second]):4.0f} dB, then {np.median(less[3:]):4.0f}   began {false:3}   "
        f"p {worst:.2f}   {cost:4.0f} µs"
    )


class Visitors:
    """Recordings that begin 1.2 s and more into long answers."""

    def __init__(self, shared: Path, texts: list[str], count: int) -> None:
        manifest = {Path(entry["file"]).stem: entry for entry in json.loads((shared / "manifest.json").read_text())}
        known = VISITORS.split(",")
        names = [known[number % len(known)] for number in range(count)]
        longest = sorted(texts, key=len)[-2:]
        self.voiced = Voiced([longest[number % 2] for number in range(len(names))])
        near = np.zeros(len(self.voiced.sound))
        self.said, self.places = [], []
        for number, (name, (begin, _)) in enumerate(zip(names, self.voiced.places, strict=True)):
            sound, (speech, over) = read(shared / f"{name}.wav")[:, 0], manifest[name]["speech"]
            start = begin + round((1.2 + 0.037 * number) * RATE)
            at = start - round(speech * RATE)
            near[at : at + len(sound)] += sound[: len(near) - at]
            self.said.append(manifest[name]["text"])
            self.places.append((start, start + round((over - speech) * RATE)))
        self.near = near + noise(len(near))
        self._usual = self._known(beginnings(probabilities(pcm(self.near))), 0)
        self._listener = Recogniser(load(environ={}))

    def _known(self, found: list[tuple[int, int]], late: int) -> list[float | None]:
        """When each visitor is known to speak, in ms from their first sound."""
        known = []
        for begin, end in self.places:
            near = [at for start, at in found if begin - RATE // 7 <= start < end]
            known.append((near[0] + late - begin) * 1000 / RATE if near else None)
        return known

    def over(self, make: Callable[[], Canceller], scene: Scene) -> str:
        """They speak over the answers."""
        canceller = make()
        out, _ = clean(canceller, pcm(self.near + scene.echo(self.voiced.sound)), self.voiced.sound)
        probable = probabilities(out)
        known = self._known(beginnings(probable), canceller.late)
        later = [now - usual for now, usual in zip(known, self._usual, strict=True) if None not in (now, usual)]  # type: ignore[operator]
        voice = np.mean([(probable[hops(*place)] >= 0.5).mean() for place in self.places])
        wrong = sum(
            errors(text, self._listener.recognise(np.ascontiguousarray(out[begin - RATE // 4 : end + RATE // 4])))
            for text, (begin, end) in zip(self.said, self.places, strict=True)
        )
        rate = wrong / sum(len(words(text)) for text in self.said)
        return (
            f"heard {sum(at is not None for at in known):2} of {len(known)}   later {np.median(later):4.0f} ms, p90 "
            f"{np.percentile(later, 90):4.0f}   voice {voice:.2f}   word errors {rate:.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--answers", type=int, default=30)
    parser.add_argument("--visitors", type=int, default=16, help="how many of them; 0: none")
    parser.add_argument("--only", default=",".join(CANDIDATES), help="which cancellers, with commas")
    parser.add_argument("--scenes", default=",".join(SCENES), help="which scenes, with commas")
    arguments = parser.parse_args()
    texts = [answer for entry in load(environ={}).llm.phrasebook.entries for answer in entry.answers]
    voiced = Voiced([texts[number % len(texts)] for number in range(arguments.answers)])
    visitors = Visitors(arguments.shared / "audio", texts, arguments.visitors) if arguments.visitors else None
    for scene in arguments.scenes.split(","):
        for name in arguments.only.split(","):
            try:
                CANDIDATES[name]()
            except ImportError:
                continue
            print(f"{scene:20} {name:10} alone {alone(CANDIDATES[name], SCENES[scene], voiced)}", flush=True)
            if visitors:
                print(f"{'':20} {'':10} over  {visitors.over(CANDIDATES[name], SCENES[scene])}", flush=True)


if __name__ == "__main__":
    main()
