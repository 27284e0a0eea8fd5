"""Voices for tests: ONNX nets with the files, inputs and outputs of Kokoro's and Piper's exports that hum.

Their sound is as long as theirs would be: so many samples for each id, divided by the speed. They are built by `onnx`
alone, in milliseconds, so every test builds its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INT64, INT32, FLOAT = TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT
KOKORO_FRAME, PIPER_HOP, PIPER_FRAMES = 600, 256, 2
"""Samples of a unit of Kokoro's durations, which each id gets one of; samples of a frame of Piper's, and frames of an
id."""
PUNCTUATION = ';:,.!?—…"()“” '
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzɑɐɒæɔɕðɖəɚɛɜɡɪŋɲɹɾʃʊʌʒʔʤʧθᵊᵻː̩ˈˌʣʦ"
VOICES = ("af_heart", "bf_emma")


class _Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def hum(self, length: str, *used: str, out: str = "") -> str:
        """sin(0.1 i) of so many samples (a scalar int64), to which inputs that have to be used add nothing."""
        zero, one = self.constant(0, np.int64), self.constant(1, np.int64)
        steps = self.add("Cast", self.add("Range", zero, length, one), to=FLOAT)
        wave = self.add("Sin", self.add("Mul", steps, self.constant(0.1, np.float32)))
        wave = self.add("Mul", wave, self.constant(0.5, np.float32))
        for name in used:
            mean = self.add("ReduceMean", self.add("Cast", name, to=FLOAT), keepdims=0)
            wave = self.add("Add", wave, self.add("Mul", mean, self.constant(0.0, np.float32)))
        return self.add("Identity", wave, out=out) if out else wave

    def save(self, path: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> Path:
        graph = helper.make_graph(self.nodes, "voice", list(inputs), list(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))
        return path


_info = helper.make_tensor_value_info


def kokoro(folder: Path, export: str = "A", *, durations: bool = False, speed: int = FLOAT, burden: int = 0) -> Path:
    """A directory with Kokoro: export "A" is kokoro-onnx's release, "B" is onnx-community's. `burden`: so many
    multiplications of large matrices come first, which take a while."""
    graph = _Graph()
    text = "tokens" if export == "A" else "input_ids"
    count = graph.add("Gather", graph.add("Shape", text), graph.constant(1, np.int64))
    samples = graph.add("Mul", graph.add("Cast", count, to=FLOAT), graph.constant(KOKORO_FRAME, np.float32))
    paced = graph.add("Squeeze", graph.add("Cast", "speed", to=FLOAT))
    length = graph.add("Cast", graph.add("Div", samples, paced), to=INT64)
    used = ["style"]
    if burden:
        used.append(_burden(graph, burden))
    name = "audio" if export == "A" else "waveform"
    if export == "A":
        graph.hum(length, *used, out=name)
        outputs = [_info(name, FLOAT, ["t"])]
    else:
        graph.add("Unsqueeze", graph.hum(length, *used), graph.constant([0], np.int64), out=name)
        outputs = [_info(name, FLOAT, [1, "t"])]
    if durations:
        ones = helper.make_tensor("value", INT64, [1], [1])
        shape = graph.add("Unsqueeze", count, graph.constant([0], np.int64))
        graph.add("ConstantOfShape", shape, out="pred_dur", value=ones)
        outputs.append(_info("pred_dur", INT64, ["n"]))
    inputs = [_info(text, INT64, [1, "n"]), _info("style", FLOAT, [1, 256]), _info("speed", speed, [1])]
    graph.save(folder / ("kokoro-v1.0.onnx" if export == "A" else "onnx/model.onnx"), inputs, outputs)
    vocab = {symbol: number for number, symbol in enumerate(PUNCTUATION + LETTERS, 1)}
    styles = {voice: np.full((510, 1, 256), n, np.float32) for n, voice in enumerate(VOICES)}
    if export == "A":
        (folder / "config.json").write_text(json.dumps({"vocab": vocab, "n_token": 178}))
        with (folder / "voices-v1.0.bin").open("wb") as file:
            np.savez(file, **styles)  # type: ignore[arg-type]  # its stub takes the names for options
    else:
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocab}}))
        (folder / "voices").mkdir()
        for voice, values in styles.items():
            (folder / "voices" / f"{voice}.bin").write_bytes(values.tobytes())
    return folder


def _burden(graph: _Graph, times: int) -> str:
    """Work that takes a while, node by node."""
    shape = graph.constant([768, 768], np.int64)
    half = graph.add("ConstantOfShape", shape, value=helper.make_tensor("value", FLOAT, [1], [0.5]))
    # It hangs on an input, so that nobody works it out beforehand.
    value = first = graph.add("Add", half, graph.add("ReduceMean", "style", keepdims=0))
    for _ in range(times):
        value = graph.add("Tanh", graph.add("MatMul", value, first))
    return value


def piper(folder: Path, *, speakers: int = 1, streaming: bool = False, rate: int = 22050, frames: bool = False) -> Path:
    """A directory with one of Piper's voices: one net, or the pair of the streaming export. `frames`: the net tells
    how many each id has."""
    graph = _Graph()
    inputs = [_info("input", INT64, ["b", "p"]), _info("input_lengths", INT64, ["b"]), _info("scales", FLOAT, [3])]
    used = ["input"]
    if speakers > 1:
        inputs.append(_info("sid", INT64, ["b"]))
        used.append("sid")
    scale = graph.add("Gather", "scales", graph.constant(1, np.int64))
    count = graph.add("Cast", graph.add("Squeeze", "input_lengths"), to=FLOAT)
    each = graph.add("Mul", graph.add("Mul", count, scale), graph.constant(PIPER_FRAMES, np.float32))
    total = graph.add("Cast", each, to=INT64)
    if streaming:
        _pair(graph, folder, inputs, used, total)
    else:
        length = graph.add("Mul", total, graph.constant(PIPER_HOP, np.int64))
        axes = graph.constant([0, 1, 2], np.int64)
        graph.add("Unsqueeze", graph.hum(length, *used), axes, out="output")
        outputs = [_info("output", FLOAT, ["b", 1, 1, "t"])]
        if frames:
            value = helper.make_tensor("value", FLOAT, [1], [float(PIPER_FRAMES)])
            graph.add("ConstantOfShape", graph.add("Shape", "input"), out="frames", value=value)
            outputs.append(_info("frames", FLOAT, ["b", "p"]))
        graph.save(folder / "voice.onnx", inputs, outputs)
    symbols = ["_", "^", "$", *PUNCTUATION, *LETTERS]
    described = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
        "num_symbols": 256,
        "num_speakers": speakers,
        "speaker_id_map": {f"p{n}": n for n in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "hop_length": PIPER_HOP,
    }
    (folder / "voice.onnx.json").write_text(json.dumps(described))
    return folder


def _pair(graph: _Graph, folder: Path, inputs: list[Any], used: list[str], total: str) -> None:
    """encoder.onnx, whose z counts the frames, and decoder.onnx, which makes of each frame a tone by its count: what is
    cut into windows and joined again wrongly is seen in the sound."""
    zero, one, axes = graph.constant(0, np.int64), graph.constant(1, np.int64), graph.constant([0, 1], np.int64)
    counted = graph.add("Cast", graph.add("Range", zero, total, one), to=FLOAT)
    for name in used:
        mean = graph.add("ReduceMean", graph.add("Cast", name, to=FLOAT), keepdims=0)
        counted = graph.add("Add", counted, graph.add("Mul", mean, graph.constant(0.0, np.float32)))
    graph.add("Unsqueeze", counted, axes, out="z")
    ones = graph.add("Add", graph.add("Mul", counted, graph.constant(0.0, np.float32)), graph.constant(1.0, np.float32))
    graph.add("Unsqueeze", ones, axes, out="y_mask")
    outputs = [_info("z", FLOAT, ["b", 1, "time"]), _info("y_mask", FLOAT, ["b", 1, "time"])]
    given = [_info("z", FLOAT, ["b", 1, "time"]), _info("y_mask", FLOAT, ["b", 1, "time"])]
    if len(inputs) > 3:
        speaker = graph.add("Cast", "sid", to=FLOAT)
        graph.add("Unsqueeze", speaker, axes, out="g")
        outputs.append(_info("g", FLOAT, [1, 1, "b"]))
        given.append(_info("g", FLOAT, [1, 1, "b"]))
    graph.save(folder / "encoder.onnx", inputs, outputs)
    decoder = _Graph()
    frames = decoder.add("Mul", "z", "y_mask")
    # Each frame becomes PIPER_HOP samples of 0.1 + 0.3 (frame mod 8) / 8.
    level = decoder.add("Mod", frames, decoder.constant(8.0, np.float32), fmod=1)
    level = decoder.add("Mul", level, decoder.constant(0.3 / 8, np.float32))
    level = decoder.add("Add", level, decoder.constant(0.1, np.float32))
    if len(given) > 2:
        quiet = decoder.add("Mul", "g", decoder.constant(0.0, np.float32))
        level = decoder.add("Add", level, quiet)
    wide = decoder.add("Unsqueeze", level, decoder.constant([3], np.int64))
    shape = decoder.constant([1, 1, 1, PIPER_HOP], np.int64)
    tiled = decoder.add("Tile", wide, shape)
    decoder.add("Reshape", tiled, decoder.constant([1, 1, -1], np.int64), out="output")
    decoder.save(folder / "decoder.onnx", given, [_info("output", FLOAT, ["b", 1, "time"])])
