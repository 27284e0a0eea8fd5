"""A Whisper model on disk and in CTranslate2: its files looked at, its prompts, one pass over features."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import BackendError, first_line
from workers.backends.ct2 import EXTRA, Place, module, opened
from workers.backends.library import library
from workers.backends.log_mel import HOP, RATE, WINDOW, Frames
from workers.backends.model_files import directory, read_json

TABLE = "asr.whisper"
FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json|vocabulary.txt")
SOURCE = "fetch a Whisper converted for CTranslate2, such as Systran/faster-distil-whisper-small.en, with all its files"
PREPROCESSOR = {"sampling_rate": RATE, "hop_length": HOP, "n_fft": WINDOW}
LONGEST = 448
"""Tokens of a prompt and of what is made of it."""
TOKENS_PER_S, FEWEST = 12, 16
"""The most tokens that people speak in a second, and that a short stretch gets at least. (Fast English is 6; languages
whose letters are bytes to the tokenizer take twice as many.)"""
UNCLEAR = -1.0
"""Mean logarithm of the tokens' probabilities below which a text counts as nothing where the model itself finds no
speech (OpenAI's `logprob_threshold`)."""
REPETITIVE = 2.4
"""A text that can be packed to less than one in so many is one phrase over and over: a loop, not what was said
(OpenAI's `compression_ratio_threshold`)."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a pass made of its sound. confidence: 0 to 1."""

    text: str
    confidence: float


class Model:
    """One loaded model, from a directory that was `found`."""

    def __init__(self, folder: Path, place: Place, threads: int, language: str) -> None:
        """Raises BackendError."""
        ct2 = module(TABLE)
        self._ct2 = ct2
        self._tokenizer = _tokenizer(folder)
        self._whisper = opened(place, partial(ct2.models.Whisper, intra_threads=threads), folder, SOURCE)
        self.multilingual: bool = self._whisper.is_multilingual
        self.bands: int = self._whisper.n_mels
        self._ids = {name: self._special(name) for name in ("startoftranscript", "notimestamps", "startofprev")}
        if not self.knows(language):
            what = "is a model for English alone" if not self.multilingual else "does not know this language"
            raise BackendError(f'{folder} {what}, and the language is "{language}"', "use a multilingual Whisper")

    def _special(self, name: str) -> int:
        number: int | None = self._tokenizer.token_to_id(f"<|{name}|>")
        if number is None:
            raise BackendError(f"the tokenizer of this Whisper has no <|{name}|>", SOURCE)
        return number

    def knows(self, language: str) -> bool:
        """It can be told to write this language, "en" or "pt-br"."""
        code = primary(language)
        if not self.multilingual:
            return code == "en"
        return self._tokenizer.token_to_id(f"<|{code}|>") is not None

    def prompt(self, language: str, hints: Sequence[int]) -> list[int]:
        """What a text begins with: the hints as if they had been said before, then what is to be done."""
        before = [self._ids["startofprev"], *hints] if hints else []
        tasks = [f"<|{primary(language)}|>", "<|transcribe|>"] if self.multilingual else []
        named = [self._tokenizer.token_to_id(name) for name in tasks]
        return [*before, self._ids["startoftranscript"], *named, self._ids["notimestamps"]]

    def hints(self, phrases: Sequence[str], most: int) -> tuple[list[int], int]:
        """Expected phrases as tokens, as many whole ones as fit; how many did not."""
        taken: list[int] = []
        for number, phrase in enumerate(phrases):
            more = self._tokenizer.encode(("," if taken else "") + " " + phrase.strip(), add_special_tokens=False).ids
            if len(taken) + len(more) > most:
                return taken, len(phrases) - number
            taken += more
        return taken, 0

    def hear(
        self,
        features: Frames,
        seconds: float,
        prompt: Sequence[int],
        beams: int,
        no_speech: float,
        wanted: Callable[[], bool],
    ) -> Hypothesis | None:
        """One pass over features, float32 [bands, frames], with `seconds` of sound in them. `wanted` is asked between
        its two calls, which run to their ends; None: it was not."""
        encoded = self._whisper.encode(self._ct2.StorageView.from_array(features[None]))
        if not wanted():
            return None
        most = min(FEWEST + int(seconds * TOKENS_PER_S), LONGEST // 2, LONGEST - len(prompt))
        (result,) = self._whisper.generate(
            encoded,
            [list(prompt)],
            beam_size=beams,
            # The library allows half of it, and takes the prompt off it.
            max_length=max(2 * most, most + len(prompt)),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = result.sequences_ids[0]
        text = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
        # A score is the mean over the tokens; the end of the text is one more.
        mean = result.scores[0] * len(tokens) / (len(tokens) + 1)
        if not text or (result.no_speech_prob > no_speech and mean < UNCLEAR):
            return Hypothesis("", 0.0)
        return Hypothesis(text, 0.0 if _is_loop(text) else math.exp(min(0.0, mean)))

    def close(self) -> None:
        self._whisper.unload_model()


def _is_loop(text: str) -> bool:
    raw = text.encode()
    return len(raw) > REPETITIVE * len(zlib.compress(raw))


def primary(language: str) -> str:
    """The language of a region's: "pt" of "pt-br"."""
    return language.partition("-")[0]


def _tokenizer(folder: Path) -> Any:
    tokenizers = library("tokenizers", TABLE, EXTRA)
    path = folder / "tokenizer.json"
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # its own exceptions are plain ones
        raise BackendError(f"{path} is no tokenizer ({first_line(error)})", SOURCE) from error


def found(configured: str) -> Path:
    """The directory of a model. Raises BackendError: a file is missing, or not what a Whisper has."""
    folder = directory(configured, f"{TABLE}.model", FILES, SOURCE)
    config = read_json(folder / "config.json", SOURCE)
    if "suppress_ids" not in config:
        raise BackendError(f"{folder} is no Whisper for CTranslate2: its config.json has no suppress_ids", SOURCE)
    path = folder / "preprocessor_config.json"
    preprocessor = read_json(path, SOURCE) if path.is_file() else {}
    for key, ours in PREPROCESSOR.items():
        if preprocessor.get(key, ours) != ours:
            raise BackendError(f"{path} has {key} {preprocessor[key]}, and Whisper's is {ours}", SOURCE)
    return folder
