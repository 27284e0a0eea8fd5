"""An ONNX net with the inputs and files of Kokoro-82M, whose convolutions are those of its decoder and of the generator
behind it (ISTFTNet: rates 10, 6 and 5, three kernels, three dilations), with random weights. Left out are the text's
encoders and the durations, a tenth of the work: every symbol lasts three frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FRAMES_OF_A_SYMBOL = 3
"""Of 600 samples at 24 kHz."""
KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)
VOICE = "af_heart"
SYMBOLS = ";:,.!? ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzɑɐɒæɔɕðɖəɚɛɜɡɪŋɲɹɾʃʊʌʒʔʤʧθᵊᵻː̩ˈˌʣʦ"


class _Net:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._rng = np.random.default_rng(0)

    def weight(self, value: Any) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value), f"w{len(self.weights)}"))
        return f"w{len(self.weights) - 1}"

    def random(self, *shape: int) -> str:
        """Scaled so that what it makes of a vector is about as long."""
        return self.weight((self._rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32))

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def conv(self, x: str, channels: int, out: int, kernel: int, dilation: int = 1) -> str:
        pad = dilation * (kernel - 1) // 2
        return self.add("Conv", x, self.random(out, channels, kernel), pads=[pad, pad], dilations=[dilation])

    def residual(self, x: str, channels: int, kernel: int, dilation: int) -> str:
        """Two convolutions, each behind a norm, and what was there before."""
        made = x
        for each in (dilation, 1):
            ones = np.ones(channels, np.float32)
            made = self.add("InstanceNormalization", made, self.weight(ones), self.weight(0 * ones))
            made = self.conv(self.add("LeakyRelu", made, alpha=0.1), channels, channels, kernel, each)
        return self.add("Add", x, made)

    def up(self, x: str, channels: int, out: int, rate: int) -> str:
        """So many times as many frames."""
        pads = [rate // 2, rate - rate // 2]
        return self.add("ConvTranspose", x, self.random(channels, out, 2 * rate), strides=[rate], pads=pads)


def write(place: Path) -> None:
    """The net, its alphabet and one voice, into a directory."""
    net = _Net()
    embedded = net.add("Gather", net.random(len(SYMBOLS) + 1, 512), "tokens")
    x = net.add("Transpose", embedded, perm=[0, 2, 1])
    scales = net.weight(np.array([1, 1, FRAMES_OF_A_SYMBOL], np.float32))
    x = net.conv(net.add("Resize", x, "", scales, mode="nearest"), 512, 1024, 3)
    for _ in range(4):
        x = net.residual(x, 1024, 3, 1)
    x, channels = net.up(x, 1024, 512, 2), 512
    for rate in (10, 6):
        x, channels = net.up(x, channels, channels // 2, rate), channels // 2
        parts = []
        for kernel in KERNELS:
            part = x
            for dilation in DILATIONS:
                part = net.residual(part, channels, kernel, dilation)
            parts.append(part)
        x = net.add("Sum", *parts)
    x = net.up(net.add("Tanh", net.conv(x, channels, 22, 7)), 22, 1, 5)
    for name in ("style", "speed"):  # what is read has to be used
        mean = net.add("ReduceMean", name, keepdims=0)
        x = net.add("Add", x, net.add("Mul", mean, net.weight(np.float32(0))))
    net.add("Reshape", net.add("Tanh", x), net.weight(np.array([-1], np.int64)), out="audio")
    info = helper.make_tensor_value_info
    float_, int_ = TensorProto.FLOAT, TensorProto.INT64
    inputs = [info("tokens", int_, [1, "n"]), info("style", float_, [1, 256]), info("speed", float_, [1])]
    graph = helper.make_graph(net.nodes, "vocoder", inputs, [info("audio", float_, ["t"])], net.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(place / "kokoro-v1.0.onnx"))
    vocab = {symbol: number for number, symbol in enumerate(SYMBOLS, 1)}
    (place / "config.json").write_text(json.dumps({"vocab": vocab}))
    with (place / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **{VOICE: np.zeros((510, 1, 256), np.float32)})  # type: ignore[arg-type]
