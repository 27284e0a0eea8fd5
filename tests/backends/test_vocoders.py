"""The voices that come with the engine keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.contract import Rung
from tests.backends.conformance_gpu import Gpu
from tests.backends.conformance_vocoder import RATE, Subject, VocoderConformance
from tests.models import voices
from workers.backends.espeak import Espeak
from workers.backends.flite import Flite
from workers.backends.kokoro import Kokoro
from workers.backends.onnx_session import CPU
from workers.backends.phoneme_voice import PhonemeVoice
from workers.backends.piper import Piper


def on_onnx(make: type[PhonemeVoice], folder: Path, phonemes: str) -> Subject:
    """A voice on ONNX Runtime, and how it is loaded on a GPU."""
    settings = {"model": str(folder), "phonemes": phonemes}

    def on_gpu(required: bool) -> Rung:
        return Subject(make, {**settings, "device": "cuda", "require_device": required}).rung()

    def hide(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU])

    return Subject(make, settings, gpu=Gpu(on_gpu, hide, (PhonemeVoice, "_run")))


class TestFlite(VocoderConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(Flite, wobble=RATE * 240 // 1000)  # its noise is random: 100 ms were seen in 150 times


class TestEspeak(VocoderConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(Espeak, wobble=RATE * 60 // 1000)  # its noise is random


class TestKokoro(VocoderConformance):
    @pytest.fixture(params=["export A, by flite", "export B, by espeak"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        _, export, _, way = request.param.replace(",", "").split()
        folder = voices.kokoro(tmp_path, export, durations=export == "B")
        return on_onnx(Kokoro, folder, way)


class TestPiper(VocoderConformance):
    @pytest.fixture(params=["one net, by espeak", "streaming pair of two speakers, by flite"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        pair = request.param.startswith("streaming")
        folder = voices.piper(tmp_path, streaming=pair, speakers=2 if pair else 1)
        return on_onnx(Piper, folder, request.param.split()[-1])
