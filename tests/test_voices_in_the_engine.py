"""The whole engine with a voice that is a net: the question is answered in it, and its words are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Start
from tests.engine_run import QUESTION, UNHURRIED, recorded, report, understood
from tests.models import voices

AUDIBLE = 1000


@pytest.mark.parametrize("name", ["kokoro", "piper"])
def test_the_question_is_answered_in_the_voice_of_a_net(start: Start, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "voice"
    _ = voices.kokoro(folder) if name == "kokoro" else voices.piper(folder, streaming=True)
    answer, written = tmp_path / "answer.wav", tmp_path / "report.json"
    engine = start(
        *("--input", str(QUESTION), "--output", str(answer), "--report", str(written), "--show-words", *UNHURRIED),
        *("--set", f"vocoder.backend={name}", "--set", f"vocoder.{name}.model={folder}"),
        *("--set", f"vocoder.{name}.phonemes=flite", "--set", 'lexicon.museum="/mjuːzˈiːəm/"'),
    )
    assert engine.end() == 0, engine.stderr
    assert [line for line in engine.errors if "estimated" not in line] == []
    (turn,) = report(written)["turns"]
    assert understood(turn)
    # Both voices hum without a pause: more than a second of it is in the loudspeaker's channel.
    assert (np.abs(recorded(answer)[:, 1].astype(np.int32)) > AUDIBLE).sum() > 16000
    assert turn["answer"] == "The museum is open from ten to six, every day but Monday."


def test_a_model_that_is_not_set_ends_the_engine_with_one_line_and_its_code(start: Start) -> None:
    engine = start("--input", str(QUESTION), "--set", "vocoder.backend=kokoro")
    assert engine.end() == 6
    assert "vocoder.kokoro.model is not set; fetch onnx-community/Kokoro-82M-v1.0-ONNX" in engine.stderr
    assert "Traceback" not in engine.stderr
