"""The voices that come with the engine keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.conformance_vocoder import RATE, Subject, VocoderConformance
from tests.models import voices
from workers.backends.espeak import Espeak
from workers.backends.flite import Flite
from workers.backends.kokoro import Kokoro
from workers.backends.piper import Piper


class TestFlite(VocoderConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(Flite, wobble=RATE * 120 // 1000)  # its noise is random


class TestEspeak(VocoderConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(Espeak, wobble=RATE * 60 // 1000)  # its noise is random


class TestKokoro(VocoderConformance):
    @pytest.fixture(params=["export A, by flite", "export B, by espeak"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        _, export, _, way = request.param.replace(",", "").split()
        folder = voices.kokoro(tmp_path, export, durations=export == "B")
        return Subject(Kokoro, {"model": str(folder), "phonemes": way})


class TestPiper(VocoderConformance):
    @pytest.fixture(params=["one net, by espeak", "streaming pair of two speakers, by flite"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        pair = request.param.startswith("streaming")
        folder = voices.piper(tmp_path, streaming=pair, speakers=2 if pair else 1)
        return Subject(Piper, {"model": str(folder), "phonemes": request.param.split()[-1]})
