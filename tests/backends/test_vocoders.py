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
    @pytest.fixture(params=["A", "B"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        folder = voices.kokoro(tmp_path, request.param, durations=request.param == "B")
        return Subject(Kokoro, {"model": str(folder)})


class TestKokoroByEspeak(VocoderConformance):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        return Subject(Kokoro, {"model": str(voices.kokoro(tmp_path)), "phonemes": "espeak"})


class TestPiper(VocoderConformance):
    @pytest.fixture(params=["one speaker", "two speakers", "streaming", "streaming, two speakers"])
    def subject(self, request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
        speakers = 2 if "two" in request.param else 1
        folder = voices.piper(tmp_path, speakers=speakers, streaming="streaming" in request.param)
        return Subject(Piper, {"model": str(folder)})
