"""The VAD worker between the microphone's ring and a backend: a visitor who left is forgotten as soon as nobody speaks,
and new thresholds count at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.config import load
from engine.contract import Event, Tag, Voice
from engine.errors import BackendError
from tests.rings import Rings, messages
from workers.backends.registry import rung
from workers.backends.silero import CONTEXT, FRAME, SAMPLES, Silero
from workers.vad import Vad


class Scripted(Silero):
    """Silero, except that the test says how likely each frame is a voice."""

    def __init__(self) -> None:
        super().__init__()
        self.probability = 0.0
        self.forgotten: list[int] = []

    def step(self, budget_ns: int) -> Sequence[Event]:
        return [Voice(e.tag, self.probability) if isinstance(e, Voice) else e for e in super().step(budget_ns)]

    def forget(self, session: int) -> None:
        super().forget(session)
        self.forgotten.append(session)


class Desk:
    """The VAD worker without its loop."""

    def __init__(self, rings: Rings) -> None:
        self.rings, self.backend = rings, Scripted()
        self.backend.load(rung("vad", rings.config))
        self.rings.telemetry.set("turns.session", 1)
        self.seat = rings.seat("vad")
        self._told = rings.seat("turns").stream_reader("speech")
        self.vad = Vad(self.seat, self.backend, self.seat.history_reader("mic"), self.seat.outlet("speech"))
        self._at = CONTEXT

    def hear(self, *probabilities: float) -> list[str]:
        """Judge so many frames: what was told."""
        sound = (np.random.default_rng(self._at).standard_normal(SAMPLES) * 3000).astype(np.int16)
        for self.backend.probability in probabilities:
            self.vad.forget()
            self.vad.judge(sound, self._at, self._at + FRAME, 0)
            self._at += FRAME
        return [type(message).__name__ for message in messages(self._told)]

    def next_session(self) -> None:
        session = self.rings.telemetry.get("turns.session")
        self.rings.telemetry.set("turns.session", session + 1)


@pytest.fixture
def desk(rings: Rings) -> Desk:
    return Desk(rings)


def test_a_visitor_who_left_is_forgotten_and_the_next_is_heard(desk: Desk) -> None:
    assert desk.hear(0.9, 0.9, 0.9, 0.1) == ["SpeechBegan", "SpeechPaused"]
    (before,) = desk.backend._jobs
    desk.next_session()
    assert desk.hear(0.1) == []
    assert desk.backend.forgotten == [1]
    (after,) = desk.backend._jobs
    assert (before, after) == (Tag(1), Tag(2))
    assert desk.hear(0.9, 0.9, 0.9, 0.1) == ["SpeechBegan", "SpeechPaused"]
    assert desk.backend.forgotten == [1]


@pytest.mark.parametrize("so_far", [1, 3])
def test_speech_that_goes_on_over_the_end_of_a_session_is_not_cut_in_two(desk: Desk, so_far: int) -> None:
    told = desk.hear(*[0.9] * so_far)
    desk.next_session()
    told += desk.hear(0.9, 0.9, 0.9)
    assert told == ["SpeechBegan"]
    assert desk.backend.forgotten == []
    assert desk.hear(0.1) == ["SpeechPaused"]
    desk.hear(0.1)
    assert desk.backend.forgotten == [1]


def test_new_thresholds_count_at_once(desk: Desk) -> None:
    assert desk.hear(0.6, 0.6, 0.6, 0.1) == ["SpeechBegan", "SpeechPaused"]
    environ = {"ANTIPHON_SYSTEM_CONFIG": ""}
    desk.rings.reload(load(sets=["vad.threshold=0.8", "vad.release=0.7", "vad.min_speech_ms=100"], environ=environ))
    assert desk.seat.reloaded()
    desk.vad.reload()
    assert desk.hear(0.75, 0.75, 0.75, 0.75) == []
    assert desk.hear(0.85, 0.75, 0.75) == []
    assert desk.hear(0.75) == ["SpeechBegan"]
    assert desk.hear(0.65) == ["SpeechPaused"]


def test_a_stream_that_ends_by_itself_ends_the_worker(desk: Desk) -> None:
    desk.backend.cancel(Tag(1))
    with pytest.raises(BackendError, match="voice activity ended: cancelled"):
        desk.hear(0.1)
