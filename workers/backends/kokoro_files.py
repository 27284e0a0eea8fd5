"""The files of a Kokoro-82M export: the net, its alphabet, and its voices.

Two exports are common. kokoro-onnx's release has `kokoro-v1.0.onnx` and all voices in `voices-v1.0.bin`, which is an
`.npz`; hugging face's onnx-community has `onnx/model.onnx` and a file of raw float32 for each voice, `voices/NAME.bin`.
The alphabet is in hexgrad/Kokoro-82M's `config.json`, or in onnx-community's `tokenizer.json`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BackendError
from workers.backends.model_files import place, read_json

SETTING = "vocoder.kokoro.model"
SOURCE = (
    f"fetch onnx-community/Kokoro-82M-v1.0-ONNX (onnx/model.onnx, tokenizer.json, voices/*.bin) and set {SETTING} to "
    "its directory"
)
STYLES, STYLE = 510, 256
"""A voice has a style for each length of a clause: float32 [510, 256]."""


def net_file(configured: str) -> Path:
    """The net. A directory with several is asked for one of them: they differ in what they cost."""
    path = place(configured, SETTING, SOURCE)
    if path.is_file():
        return path
    for name in ("model.onnx", "onnx/model.onnx"):
        if (path / name).is_file():
            return path / name
    found = sorted([*path.glob("*.onnx"), *path.glob("onnx/*.onnx")])
    if not found:
        raise BackendError(f"there is no .onnx file in {path}", SOURCE)
    if len(found) > 1:
        raise BackendError(
            f"{path} has several nets: {', '.join(each.name for each in found)}", f"set {SETTING} to one of them"
        )
    return found[0]


def _home(net: Path) -> Path:
    return net.parent.parent if net.parent.name == "onnx" else net.parent


def alphabet(net: Path) -> dict[str, int]:
    """The id of each symbol that the net reads."""
    home = _home(net)
    for name, keys in (("config.json", ("vocab",)), ("tokenizer.json", ("model", "vocab"))):
        if (home / name).is_file():
            found = read_json(home / name, SOURCE)
            for key in keys:
                inner = found.get(key)
                found = inner if isinstance(inner, dict) else {}
            if found and all(isinstance(number, int) for number in found.values()):
                return {str(symbol): number for symbol, number in found.items()}
    raise BackendError(
        f"neither config.json nor tokenizer.json in {home} has Kokoro's alphabet",
        "put hexgrad/Kokoro-82M's config.json beside the net",
    )


def style(net: Path, voice: str) -> NDArray[np.float32]:
    """A voice's styles, [510, 256]. Raises BackendError, which names the voices there are."""
    home = _home(net)
    single = home / "voices" / f"{voice}.bin"
    names: set[str] = {each.stem for each in home.glob("voices/*.bin")}
    try:
        if single.is_file() and voice in names:
            return _shaped(np.fromfile(single, np.float32), single)
        for whole in sorted([*home.glob("voices*.npz"), *home.glob("voices*.bin")]):
            if not zipfile.is_zipfile(whole):
                raise BackendError(f"{whole} is not a file of voices", f"fetch it again: {SOURCE}")
            with np.load(whole, allow_pickle=False) as voices:
                names.update(voices.files)
                if voice in voices.files:
                    return _shaped(np.asarray(voices[voice], np.float32), whole)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BackendError(
            f"Kokoro's voices in {home} cannot be read ({error})", f"fetch them again: {SOURCE}"
        ) from None
    if not names:
        raise BackendError(f"there are no voices in {home}: neither voices*.npz nor voices/*.bin", SOURCE)
    raise BackendError(
        f"Kokoro has no voice {voice!r} in {home}", f"set vocoder.kokoro.voice to one of {', '.join(sorted(names))}"
    )


def _shaped(values: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    if values.size != STYLES * STYLE:
        raise BackendError(
            f"{path} holds {values.size} numbers for a voice, not {STYLES} x {STYLE}", f"fetch it again: {SOURCE}"
        )
    return values.reshape(STYLES, STYLE)
