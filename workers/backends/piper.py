"""Piper's voices (VITS as ONNX, with a JSON beside it), on ONNX Runtime's CPU or CUDA, by a loader of our own: the
package `piper-tts` is GPL-3, a voice has a licence of its own.

A voice is one net, `NAME.onnx`, or the pair of its streaming export, `encoder.onnx` and `decoder.onnx`: the encoder
works out the whole clause, and the decoder makes its sound by and by, so that the first is heard after one window.
Sound is as loud as the net makes it; `piper-tts` scales each clause to full volume, which a stream cannot.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract import Rung
from engine.errors import BackendError
from workers.backends.clauses import number, primary
from workers.backends.model_files import place, read_json
from workers.backends.phoneme_voice import PhonemeVoice, inputs_of
from workers.backends.phonemes import Part

SETTING = "vocoder.piper.model"
SOURCE = f"fetch a voice of huggingface.co/rhasspy/piper-voices, NAME.onnx and NAME.onnx.json, and set {SETTING} to it"
BEGIN, END, PAD = "^", "$", "_"
CHUNK = 45
"""Frames of sound that one window of the decoder is for."""
OVERLAP = 10
"""Frames on both sides of them that it sees too, and whose sound is thrown away: it is convolutional, and near the end
of what it sees it hears silence that is not there."""
WINDOW = OVERLAP + CHUNK + OVERLAP
LENGTHS = (32, 128, 384)
"""Ids of the clauses that are tried first; each phoneme has two."""
OWN = -1.0
"""A setting's value for: as the voice was made."""


class Piper(PhonemeVoice):
    """settings: `model`, the .onnx file or the directory of a streaming pair; `speaker`, a name or a number; `speed`,
    a ratio, 0.5 to 2; `noise` and `noise_w`, 0 to 2 or -1; `pause_ms`; `phonemes`; `device`; `require_device`."""

    TABLE = "vocoder.piper"

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        self._remarks = []
        speed = number(settings, "speed", 1.0, 0.5, 2.0)
        path = place(str(settings.get("model", "")), SETTING, SOURCE)
        nets, described = files(path)
        made = read_json(described, SOURCE)
        self._take_description(made, described, rung)
        noise = number(settings, "noise", OWN, OWN, 2.0)
        noise_w = number(settings, "noise_w", OWN, OWN, 2.0)
        usual_noise, length, usual_noise_w = self._usual
        scales = (usual_noise if noise < 0 else noise, length / speed, usual_noise_w if noise_w < 0 else noise_w)
        self._scales = np.array(scales, np.float32)
        self._decoder: Any
        self._first, self._decoder = self._net(nets[0], rung), self._net(nets[1], rung) if len(nets) > 1 else None
        self._keep(self._first, self._decoder)
        inputs = inputs_of(self._first)
        if not {"input", "input_lengths", "scales"} <= inputs.keys() <= {"input", "input_lengths", "scales", "sid"}:
            raise BackendError(f"{nets[0]} is no Piper voice: its inputs are {', '.join(inputs)}", SOURCE)
        self._speaker = (
            _speaker(str(settings.get("speaker", "")), self._speakers, self._named) if "sid" in inputs else None
        )
        self._open(rung, self._own_rate)

    def _take_description(self, made: dict[str, Any], path: Path, rung: Rung) -> None:
        """What the JSON says: the rate, the language, the alphabet."""
        try:
            self._own_rate = int(made["audio"]["sample_rate"])
            if not 4000 <= self._own_rate <= 192_000:
                raise ValueError(f"sample_rate {self._own_rate}")
            self._speakers = int(made.get("num_speakers", 1))
            self._named = {str(name): int(id_) for name, id_ in (made.get("speaker_id_map") or {}).items()}
            usual = made.get("inference", {})
            scales = (("noise_scale", 0.667), ("length_scale", 1.0), ("noise_w", 0.8))
            self._usual = [float(usual.get(name, value)) for name, value in scales]
            if not all(0 <= each < 100 for each in self._usual):
                raise ValueError(f"inference {usual}")
            kind, language = str(made.get("phoneme_type", "espeak")), str(made["espeak"]["voice"])
            self._hop = int(made.get("hop_length", 256))
            self._ids = {str(symbol): [int(each) for each in ids] for symbol, ids in made["phoneme_id_map"].items()}
            self._ids[BEGIN], self._ids[END], self._ids[PAD]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BackendError(f"{path} does not describe a Piper voice ({error!r})", SOURCE) from None
        if primary(language) != primary(rung.language):
            raise BackendError(f"{path} is a voice of {language!r}, not of {rung.language!r}", "choose another voice")
        if kind != "espeak":
            raise BackendError(f"{path} reads {kind}, not phonemes", "choose a voice whose phoneme_type is espeak")
        self._spell_by(str(rung.settings.get("phonemes", "espeak")), language, rung.lexicon)

    def _encode(self, parts: Sequence[Part]) -> tuple[list[int], list[int]]:
        ids = [*self._ids[BEGIN], *self._ids[PAD]]
        start = len(ids)
        firsts = []
        for part in parts:
            said = part.before + "".join(part.phonemes) + part.after
            lead = (" " if len(ids) > start and said else "") + part.before
            firsts.append(len(ids) + len(self._known(lead)))
            ids += self._known(lead) + self._known(said[len(part.before) :])
        return ([*ids, *self._ids[END]] if len(ids) > start else []), firsts

    def _known(self, symbols: str) -> list[int]:
        """The ids of what is in the voice's alphabet, each with one of nothing behind it."""
        letters = unicodedata.normalize("NFD", symbols)
        return [id_ for letter in letters if letter in self._ids for id_ in (*self._ids[letter], *self._ids[PAD])]

    def _synthesise(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        feeds: dict[str, NDArray[Any]] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        if self._speaker is not None:
            feeds["sid"] = np.array([self._speaker], np.int64)
        outputs = self._run(self._first, feeds)
        if outputs is None:
            return
        if self._decoder is not None:
            yield from self._decode(outputs)
            return
        if len(outputs) > 1 and outputs[1].size == len(ids):  # voices that were patched to tell frames
            self._begins += [int(each) for each in np.cumsum([0, *np.ravel(outputs[1])[:-1]]) * self._hop]
        yield np.ravel(outputs[0])

    def _decode(self, encoded: Sequence[NDArray[Any]]) -> Iterator[NDArray[np.float32]]:
        """The sound of what the encoder gave (z [1, n, frames], y_mask [1, 1, frames], g), window by window.

        All windows are equally long, so that the decoder meets one shape only: the last reaches back instead of
        being cut, and what of it was heard already is left out.
        """
        frames = encoded[0].shape[2]
        names = [each.name for each in self._decoder.get_inputs()]
        heard = 0
        while heard < frames:
            begin = max(0, min(heard - OVERLAP, frames - WINDOW))
            end = min(begin + WINDOW, frames)
            given = {"z": encoded[0][:, :, begin:end], "y_mask": encoded[1][:, :, begin:end]}
            if "g" in names:
                given["g"] = encoded[2]
            outputs = self._run(self._decoder, given)
            if outputs is None:
                return
            sound = np.ravel(outputs[0])
            hop = sound.size // (end - begin)
            upto = frames if end == frames else end - OVERLAP
            yield sound[(heard - begin) * hop : (upto - begin) * hop]
            heard = upto

    def _buckets(self) -> Iterable[Sequence[int]]:
        usual = [ids[0] for ids in self._ids.values() if ids]
        return [[usual[n % len(usual)] for n in range(length)] for length in LENGTHS]


def files(path: Path) -> tuple[tuple[Path, ...], Path]:
    """The nets at a place, one or the pair, and their description. Raises BackendError."""
    if path.is_file():
        return (path,), path.with_name(f"{path.name}.json")
    pair = (path / "encoder.onnx", path / "decoder.onnx")
    there = [each for each in pair if each.is_file()]
    if len(there) == 1:
        missing = next(each for each in pair if each not in there)
        raise BackendError(f"{missing} is missing", "export both: python -m piper_train.export_onnx_streaming")
    if there:
        described = sorted(path.glob("*.onnx.json")) or sorted(path.glob("*.json"))
        if len(described) == 1:
            return pair, described[0]
        raise BackendError(
            f"{path} must hold one .onnx.json beside encoder.onnx and decoder.onnx, not {len(described)}",
            "put the voice's NAME.onnx.json there",
        )
    single = sorted(path.glob("*.onnx"))
    if len(single) != 1:
        raise BackendError(f"{path} holds {len(single)} voices", f"set {SETTING} to one .onnx file; {SOURCE}")
    return (single[0],), single[0].with_name(f"{single[0].name}.json")


def _speaker(wanted: str, count: int, known: dict[str, int]) -> int:
    """The number of a speaker. Raises BackendError."""
    if wanted in known:
        return known[wanted]
    if not wanted:
        return 0
    if wanted.isdecimal() and int(wanted) < count:
        return int(wanted)
    names = f", or one of {', '.join(list(known)[:20])}" if known else ""
    raise BackendError(
        f"the voice has no speaker {wanted!r}", f"set vocoder.piper.speaker to a number from 0 to {count - 1}{names}"
    )
