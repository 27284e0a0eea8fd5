"""The judge that asks a smart-turn network: tried with a tiny one of the same inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.contract import Backend, Ended, Finished, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from workers.backends.smart_turn import SAMPLES, SmartTurn, log_mel

RATE = 16000


def network(path: Path, name: str = "input_features", bands: int = 80) -> Path:
    """A network that takes the mean of its features, times 4, for the logit."""
    import onnx
    from onnx import TensorProto as kind  # noqa: N813
    from onnx import helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", [name], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Mul", ["mean", "four"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["logits"]),
        ],
        "smart_turn",
        [helper.make_tensor_value_info(name, kind.FLOAT, ["batch", bands, 800])],
        [helper.make_tensor_value_info("logits", kind.FLOAT, ["batch", 1])],
        [
            helper.make_tensor("four", kind.FLOAT, [], [4.0]),
            helper.make_tensor("shape", kind.INT64, [2], [-1, 1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def loaded(path: Path) -> SmartTurn:
    backend = SmartTurn()
    backend.load(Rung({"model": str(path)}))
    backend.warm_up()
    return backend


def judged(backend: SmartTurn, sound: Pcm) -> float:
    job = Job(Tag(1, 1, 1))
    backend.begin(job)
    backend.feed(job, sound)
    backend.finish(job)
    finished, ended = backend.step(0)
    assert isinstance(finished, Finished)
    assert ended == Ended(job.tag)
    return finished.complete


def noise(seconds: float, seed: int = 0) -> Pcm:
    return (np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 2000).astype(np.int16)


def plainly(sound: Pcm) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The features by the book: `transformers.WhisperFeatureExtractor` with `do_normalize`, frame by frame."""
    wave = np.zeros(SAMPLES)
    wave[SAMPLES - len(sound) :] = sound / 32768
    wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    padded = np.pad(wave, 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    bins = np.linspace(0, 8000, 201)

    def mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + np.log(hz / 1000) * 27 / np.log(6.4)

    def hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * np.exp((mel - 15) * np.log(6.4) / 27)

    edges = [hz(m) for m in np.linspace(0, mel(8000), 82)]
    filters = np.array(
        [np.interp(bins, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0], left=0, right=0) for i in range(80)]
    )
    spectra = [np.abs(np.fft.rfft(padded[at : at + 400] * window)) ** 2 for at in range(0, SAMPLES, 160)]
    logs = np.log10(np.maximum(filters @ np.array(spectra).T, 1e-10))
    result: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (np.maximum(logs, logs.max() - 8) + 4) / 4
    return result


@pytest.mark.parametrize("samples", [RATE // 2, 3 * RATE + 77, SAMPLES - 100, SAMPLES])
def test_its_features_are_those_of_whisper(samples: int) -> None:
    sound = (noise(samples / RATE) * np.hanning(int(samples / RATE * RATE))).astype(np.int16)
    assert np.abs(log_mel(sound) - plainly(sound)).max() < 1e-3


def test_of_long_sound_the_last_eight_seconds_count() -> None:
    sound = noise(11)
    assert (log_mel(sound) == log_mel(sound[-SAMPLES:])).all()


def test_it_asks_the_network(tmp_path: Path) -> None:
    backend = loaded(network(tmp_path / "net.onnx"))
    assert isinstance(backend, Backend)
    long, short = judged(backend, noise(8)), judged(backend, noise(0.5))
    assert 0 < short < 0.5 < long < 1
    assert judged(backend, noise(8)) == long


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: "", "needs its model file; fetch "),
        (lambda folder: folder / "none.onnx", "there is no smart-turn model"),
        (lambda folder: network(folder / "other.onnx", "features"), r"its inputs are features \[80, 800\]"),
        (lambda folder: network(folder / "other.onnx", bands=128), r"input_features \[128, 800\]; use version 3"),
        (lambda _: __file__, "is not a model ONNX Runtime can read"),
    ],
)
def test_what_is_no_such_network_is_told_with_the_remedy(tmp_path: Path, make: object, says: str) -> None:
    with pytest.raises(BackendError, match=says):
        SmartTurn().load(Rung({"model": str(make(tmp_path))}))  # type: ignore[operator]
