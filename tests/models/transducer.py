"""A tiny streaming transducer in sherpa-onnx's layout (icefall's LSTM transducer: tokens.txt, encoder, decoder,
joiner) with random weights. It makes words of whatever is loud, and none of silence; which ones means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIZE, WINDOW, CHUNK, KERNEL = 32, 21, 16, 9
"""Width of everything; frames that the encoder sees, and moves on by, and that its convolution covers."""
WORDS = ("THE", "GATE", "TIME", "LIFT", "WHAT", "CLOSE", "OPEN", "IS")
LOUD = 8.0
"""How far the logarithms of the bands' energies are below those of loud sound, about."""


def symbols(shout: bool = True) -> list[str]:
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    words = [*letters, *(f"▁{word}" for word in WORDS)]
    return ["<blk>", "<sos/eos>", "<unk>", "▁", *(words if shout else map(str.lower, words))]


def build(folder: Path, *, shout: bool = True) -> None:
    """Write the model's directory: kilobytes, at once. shout: it writes capital letters."""
    tokens = symbols(shout)
    text = "".join(f"{symbol} {number}\n" for number, symbol in enumerate(tokens))
    (folder / "tokens.txt").write_text(text, encoding="utf-8")
    scores = "".join(f"{symbol}\t{-number}\n" for number, symbol in enumerate(tokens[2:]))
    (folder / "bpe.vocab").write_text(scores, encoding="utf-8")
    rng = np.random.default_rng(0)
    for part in (_encoder(rng), _decoder(rng, len(tokens)), _joiner(rng, len(tokens))):
        (folder / f"{part.graph.name}-epoch-1-avg-1.onnx").write_bytes(part.SerializeToString(deterministic=True))


def _encoder(rng: np.random.Generator) -> Any:
    """A convolution that leaves every fourth frame, an LSTM, and the loudness as the first of what comes out."""
    from onnx import TensorProto as kind  # noqa: N813
    from onnx import helper

    weights = {
        "loud": np.array(LOUD, np.float32),
        "scale": np.array(0.25, np.float32),
        "kernel": _random(rng, SIZE, 80, KERNEL) * 0.1,
        "bias": np.zeros(SIZE, np.float32),
        "w": _random(rng, 1, 4 * SIZE, SIZE) * 0.5,
        "r": _random(rng, 1, 4 * SIZE, SIZE) * 0.5,
        "mean": np.full((1, 80, KERNEL), 1 / (80 * KERNEL), np.float32),
        "one": np.array([1], np.int64),
        "size": np.array([SIZE], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Add", ["x", "loud"], ["raised"]),
        node("Mul", ["raised", "scale"], ["scaled"]),
        node("Transpose", ["scaled"], ["bands"], perm=[0, 2, 1]),
        node("Conv", ["bands", "kernel", "bias"], ["convolved"], strides=[4]),
        node("Relu", ["convolved"], ["positive"]),
        node("Transpose", ["positive"], ["sequence"], perm=[2, 0, 1]),
        node("LSTM", ["sequence", "w", "r", "", "", "h0", "c0"], ["y", "next_h0", "next_c0"], hidden_size=SIZE),
        node("Squeeze", ["y", "one"], ["hidden"]),
        node("Transpose", ["hidden"], ["batched"], perm=[1, 0, 2]),
        node("Slice", ["batched", "one", "size", "two"], ["rest"]),
        node("Conv", ["bands", "mean"], ["loudness"], strides=[4]),
        node("Transpose", ["loudness"], ["first"], perm=[0, 2, 1]),
        node("Concat", ["first", "rest"], ["encoder_out"], axis=2),
    ]
    weights["two"] = np.array([2], np.int64)  # the axis
    state = [1, "N", SIZE]
    said = {"num_encoder_layers": 1, "T": WINDOW, "decode_chunk_len": CHUNK, "rnn_hidden_size": SIZE, "d_model": SIZE}
    return _model(
        "encoder",
        nodes,
        [("x", kind.FLOAT, ["N", WINDOW, 80]), ("h0", kind.FLOAT, state), ("c0", kind.FLOAT, state)],
        [
            ("encoder_out", kind.FLOAT, ["N", CHUNK // 4, SIZE]),
            ("next_h0", kind.FLOAT, state),
            ("next_c0", kind.FLOAT, state),
        ],
        weights,
        {"model_type": "lstm", "version": "1", "model_author": "antiphon's tests", **said},
    )


def _decoder(rng: np.random.Generator, vocabulary: int) -> Any:
    """The last two tokens, embedded; nothing where the encoder has its loudness."""
    from onnx import TensorProto as kind  # noqa: N813
    from onnx import helper

    embedding = _random(rng, vocabulary, SIZE)
    embedding[:, 0] = 0
    nodes = [
        helper.make_node("Gather", ["embedding", "y"], ["both"]),
        helper.make_node("ReduceMean", ["both"], ["decoder_out"], axes=[1], keepdims=0),
    ]
    return _model(
        "decoder",
        nodes,
        [("y", kind.INT64, ["N", 2])],
        [("decoder_out", kind.FLOAT, ["N", SIZE])],
        {"embedding": embedding},
        {"vocab_size": vocabulary, "context_size": 2},
    )


def _joiner(rng: np.random.Generator, vocabulary: int) -> Any:
    """Blank where it is not loud."""
    from onnx import TensorProto as kind  # noqa: N813
    from onnx import helper

    weights = _random(rng, SIZE, vocabulary)
    weights[0], weights[:, 0] = 0, 0
    weights[0, 0] = -6.0
    bias = np.full(vocabulary, 0.0, np.float32)
    bias[0], bias[1:4] = 3.0, -20.0
    nodes = [
        helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["bounded"]),
        helper.make_node("Gemm", ["bounded", "weights", "bias"], ["logit"]),
    ]
    return _model(
        "joiner",
        nodes,
        [("encoder_out", kind.FLOAT, ["N", SIZE]), ("decoder_out", kind.FLOAT, ["N", SIZE])],
        [("logit", kind.FLOAT, ["N", vocabulary])],
        {"weights": weights, "bias": bias},
        {"joiner_dim": SIZE},
    )


def _random(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape).astype(np.float32)


def _model(
    name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any], said: dict[str, Any]
) -> Any:
    import onnx
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key: str(value) for key, value in said.items()})
    onnx.checker.check_model(model)
    return model
