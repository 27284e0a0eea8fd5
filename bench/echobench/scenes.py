"""What is played, and how it comes back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echobench.candidates import RATE, STEP
from engine.contract import Pcm, Rung
from workers.backends.flite import Flite
from workers.backends.kept import say
from workers.drivers.room import Room


class Scene:
    """How the loudspeaker comes back. distort: a small one, played too loud. jump: the device is reopened half way, 80
    ms later than before. ppm: the timeline's clocks are so far apart."""

    def __init__(
        self, level_db: float = -12, delay_ms: float = 40, *, distort: bool = False, jump: bool = False, ppm: float = 0
    ) -> None:
        self.level_db, self.delay_ms, self.distort, self.jump, self.ppm = level_db, delay_ms, distort, jump, ppm

    def echo(self, played: Pcm) -> NDArray[np.float32]:
        """What the microphone hears of it."""
        sound = played.astype(np.float32)
        if self.distort:
            sound = np.tanh(sound / 16384) * 16384
        halves = [self._through(sound, self.delay_ms)]
        if self.jump:
            halves.append(self._through(sound, self.delay_ms + 80))
        middle = len(played) // 2
        heard = halves[0]
        heard[middle:] = halves[-1][middle:]
        if self.ppm:
            at = np.arange(len(heard)) * (1 + self.ppm / 1e6)
            heard = np.interp(at, np.arange(len(heard)), heard).astype(np.float32)
        return heard

    def _through(self, sound: NDArray[np.float32], delay_ms: float) -> NDArray[np.float32]:
        room, found = Room(self.level_db, delay_ms, RATE), []
        for at in range(0, len(sound), 2 * STEP):
            part = sound[at : at + 2 * STEP]
            room.play(at, part)
            found.append(room.echo(at, len(part)))
        return np.concatenate(found)


SCENES = {
    "-12 dB": Scene(),
    "-6 dB": Scene(-6),
    "distorting": Scene(distort=True),
    "80 ms later half way": Scene(jump=True),
    "200 ms late": Scene(delay_ms=200),
    "300 ms late": Scene(delay_ms=300),
    "20 ppm apart": Scene(ppm=20),
    "no echo": Scene(-90),
}


class Voiced:
    """The engine's own voice, with where each answer lies. gap_s: between two."""

    def __init__(self, texts: list[str], gap_s: float = 1.5) -> None:
        voice = Flite()
        settings = {"voice": "slt", "speed": 1.0, "pitch_hz": 0, "pause_ms": 200}
        voice.load(Rung(settings, language="en", rate=RATE))
        parts, self.places, at = [], [], 0
        for text in texts:
            said = say(voice, text).sound
            at += round(gap_s * RATE)
            parts += [np.zeros(round(gap_s * RATE), np.int16), said]
            self.places.append((at, at + len(said)))
            at += len(said)
        whole = np.concatenate([*parts, np.zeros(RATE, np.int16)])
        self.sound: Pcm = whole[: len(whole) // (2 * STEP) * 2 * STEP]
