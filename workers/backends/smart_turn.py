"""Has the user finished? Judged by smart-turn v3 (pipecat-ai/smart-turn, BSD-2-Clause) on ONNX Runtime, CPU.

The network hears the last 8 s as Whisper's log mel spectrogram: 80 bands, 10 ms a frame (openai/whisper, MIT, as in
`transformers.WhisperFeatureExtractor` with `do_normalize`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm, Rung
from engine.errors import BackendError
from workers.backends.judge import Judge
from workers.backends.log_mel import HOP, WINDOW, log_bands
from workers.backends.onnx_session import session

INPUT, BANDS, FRAMES = "input_features", 80, 800
SAMPLES = FRAMES * HOP
SOURCE = "fetch smart-turn-v3.*-cpu.onnx from huggingface.co/pipecat-ai/smart-turn-v3 and set ending.smart_turn.model"
TRUST = 0.3
"""How far its log odds are to be believed. It says 0.98 or 0.02 of nearly everything, and is not right so often."""


class SmartTurn(Judge):
    """`settings`: `model`, path of the ONNX file."""

    _net: Any = None

    def _open(self, rung: Rung) -> None:
        configured = str(rung.settings.get("model", ""))
        if not configured:
            raise BackendError("ending.backend smart_turn needs its model file", SOURCE)
        path = Path(configured).expanduser()
        if not path.is_file():
            raise BackendError(f"there is no smart-turn model {path}", SOURCE)
        self._net = session(path, rung.threads)
        inputs = [(each.name, each.shape[1:]) for each in self._net.get_inputs()]
        if inputs != [(INPUT, [BANDS, FRAMES])]:
            found = ", ".join(f"{name} {shape}" for name, shape in inputs)
            raise BackendError(
                f"{path} is no smart-turn model that is known here: its inputs are {found}", f"use version 3; {SOURCE}"
            )

    def _judge(self, sound: Pcm) -> float:
        said = self._net.run(None, {INPUT: log_mel(sound)[None]})[0]
        probability = float(np.clip(np.ravel(said)[0], 1e-3, 1 - 1e-3))
        return 1 / (1 + math.exp(-TRUST * math.log(probability / (1 - probability))))

    def unload(self) -> None:
        super().unload()
        self._net = None


def log_mel(sound: Pcm) -> NDArray[np.float32]:
    """The features of the last 8 s of sound, int16 [n] at 16 kHz: float32 [80, 800]. Silence comes before what is
    shorter, and is the same in every frame, so it is computed once."""
    wave = sound[-SAMPLES:].astype(np.float32) / 32768
    missing = SAMPLES - len(wave)
    mean = wave.sum() / SAMPLES
    spread = math.sqrt(max(0.0, float(np.square(wave).sum()) / SAMPLES - float(mean) ** 2) + 1e-7)
    # Frames are centred and the ends mirrored, as in torch.stft. Before the sound, two frames of silence are enough.
    quiet = max(0, missing // HOP - 2)
    padded = np.zeros(SAMPLES - quiet * HOP, np.float32)
    padded[len(padded) - len(wave) :] = wave
    padded = np.pad((padded - mean) / np.float32(spread), WINDOW // 2, mode="reflect")
    logs = log_bands(padded, FRAMES - quiet, BANDS)
    logs = np.maximum(logs, logs.max() - 8.0)
    features = np.empty((BANDS, FRAMES), np.float32)
    features[:, quiet:] = ((logs + 4.0) / 4.0).T
    features[:, :quiet] = features[:, quiet : quiet + 1]
    return features
