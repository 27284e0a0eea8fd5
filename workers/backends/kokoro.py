"""Kokoro-82M (Apache-2.0) as ONNX, on ONNX Runtime's CPU or CUDA: a voice that says a clause in one run.

Inputs and their types are read from the file, because exports differ: `tokens` or `input_ids`, `speed` as a float or
as a whole number. Lengths are not padded to buckets: the exports have no mask, so an id of padding is a sound like any
other to the net, takes time of its own and changes all that stands around it. What a bucket is for (memory, and
cuDNN's choice of algorithms) is done by trying some lengths while warming up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract import Rung
from engine.errors import BackendError
from workers.backends import kokoro_files as files
from workers.backends.clauses import number, primary
from workers.backends.phoneme_voice import PhonemeVoice, inputs_of
from workers.backends.phonemes import PRIMARY, SECONDARY, Part

RATE = 24000
MOST_IDS = 510
"""Ids in one run, without the one of silence at each end."""
FRAME = 600
"""Samples of one unit of the durations that some exports tell."""
LENGTHS = (12, 48, 96, 192)
"""Ids of the clauses that are tried first; 160 characters make about 190."""
TEXT_INPUTS = ("input_ids", "tokens")
SPEAKS = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
"""By the first letter of a voice's name, its language as espeak-ng calls it. Japanese (j) and Chinese (z) need ways to
phonemes that there are none of here."""

ANY = {"eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "oʊ": "O", "əʊ": "Q", "dʒ": "ʤ", "tʃ": "ʧ", "ts": "ʦ", "dz": "ʣ"}
"""Kokoro has letters of its own for what IPA writes with two (hexgrad/misaki, EN_PHONES.md and espeak.py)."""
ENGLISH = {
    "e": "A",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
    "ɐ": "ə",
    "əl": "ᵊl",
    "ɬ": "l",
    "ʔ": "t",
    "o": "ɔ",
    "n̩": "ᵊn",
    "l̩": "ᵊl",
}
AMERICAN = {"ɚ": "əɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ɾ": "T"}
BRITISH = {"eə": "ɛː", "iə": "ɪə", "ɚ": "əɹ"}
LETTERS = {
    "en-us": {**ANY, **ENGLISH, **AMERICAN},
    "en-gb": {**ANY, **ENGLISH, **BRITISH},
}
"""By language, what the phonemes of espeak-ng and flite are to Kokoro, where they differ."""


class Kokoro(PhonemeVoice):
    """settings: `model`, the directory or the net in it; `voice`; `speed`, a ratio, 0.5 to 2; `pause_ms`; `phonemes`,
    "flite" or "espeak"; `device`, "cpu" or "cuda"; `require_device`."""

    TABLE = "vocoder.kokoro"

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        self._remarks = []
        self._speed = number(settings, "speed", 1.0, 0.5, 2.0)
        voice = str(settings.get("voice", "af_heart"))
        language = SPEAKS.get(voice[:1], "")
        if primary(language) != primary(rung.language):
            fitting = [letter for letter, speaks in SPEAKS.items() if primary(speaks) == primary(rung.language)]
            remedy = f"set vocoder.kokoro.voice to one whose name begins with {' or '.join(fitting)}"
            raise BackendError(
                f"Kokoro's voice {voice!r} does not speak {rung.language!r}",
                remedy if fitting else "set vocoder.backend to another",
            )
        path = files.net_file(str(settings.get("model", "")))
        self._ids = files.alphabet(path)
        self._styles = files.style(path, voice)
        self._model = self._net(path, rung)
        self._keep(self._model)
        self._look_at(self._model, str(path))
        self._spell_by(str(settings.get("phonemes", "flite")), language, rung.lexicon)
        self._letters = LETTERS.get(language, ANY)
        self._english = primary(language) == "en"
        self._own_rate = RATE
        self._open(rung, RATE)

    def _look_at(self, net: Any, path: str) -> None:
        """See what the net's inputs and outputs are called, and what they take."""
        inputs = inputs_of(net)
        text = next((name for name in TEXT_INPUTS if name in inputs), None)
        if text is None or {text, "style", "speed"} != inputs.keys() or None in inputs.values():
            found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in net.get_inputs())
            raise BackendError(f"{path} is no Kokoro net that is known here: its inputs are {found}", files.SOURCE)
        whole = np.issubdtype(inputs["speed"], np.integer)
        if whole and self._speed != round(self._speed):
            raise BackendError(f"{path} takes whole speeds only, not {self._speed:g}", "set vocoder.kokoro.speed to 1")
        self._text, self._types = text, inputs
        outputs = net.get_outputs()
        self._durations = next((n for n, each in enumerate(outputs) if n and "dur" in each.name), None)

    def _encode(self, parts: Sequence[Part]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        firsts = []
        for part in parts:
            said = part.before + "".join(map(self._letter, part.phonemes)) + part.after
            lead = (" " if ids and said else "") + part.before
            firsts.append(len(ids) + len(self._known(lead)))
            ids += self._known(lead) + self._known(said[len(part.before) :])
        return ids, firsts

    def _known(self, symbols: str) -> list[int]:
        return [self._ids[symbol] for symbol in symbols if symbol in self._ids]

    def _letter(self, phoneme: str) -> str:
        """A phoneme in Kokoro's letters, its stress before it."""
        bare = phoneme.lstrip(PRIMARY + SECONDARY)
        stress = phoneme[: len(phoneme) - len(bare)]
        own = self._letters.get(bare, bare)
        if self._letters is LETTERS["en-us"]:
            own = own.replace("ː", "")  # American vowels are written without their length
        return stress + own

    def _synthesise(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(ids), MOST_IDS):
            some = ids[start : start + MOST_IDS]
            tokens = np.array([[0, *some, 0]], self._types[self._text])
            # As its authors do: the style for clauses of this length.
            style = self._styles[len(some) - 1][None].astype(self._types["style"])
            speed = np.array([self._speed], self._types["speed"])
            outputs = self._run(self._model, {self._text: tokens, "style": style, "speed": speed})
            if outputs is None:
                return
            sound = np.ravel(outputs[0]).astype(np.float32)
            if self._durations is not None:
                lengths = np.ravel(outputs[self._durations]) * FRAME
                # The first is the silence before the first id, the last that behind the last.
                self._begins += [self._given + int(each) for each in np.cumsum(lengths)[: len(some)]]
            yield sound

    def _buckets(self) -> Iterable[Sequence[int]]:
        usual = sorted(self._ids.values())
        return [[usual[n % len(usual)] for n in range(length)] for length in LENGTHS]
