"""The VAD worker between the microphone's ring and a backend: a visitor who left is forgotten as soon as nobody speaks,
and new thresholds count at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine import messages as m
from engine.config import load
from engine.contract import Event, Pcm, Tag, Voice
from engine.errors import BackendError
from engine.metrics import STATES
from engine.telemetry import READY
from tests.engine_run import WATCHDOG_S, question
from tests.rings import Rings, messages
from workers import lull
from workers.backends.registry import rung
from workers.backends.silero import CONTEXT, FRAME, SAMPLES, Silero
from workers.last_sound import silent_at_end
from workers.vad import MISSED_S, QUIETEST, RUN_UP, STANDS_OUT, Gate, Vad, main, resume_at

_AT = np.arange(SAMPLES)
SOUND = (3000 * np.sin(_AT / 20) + 3000 * np.sin(_AT / 3)).astype(np.int16)
"""A vowel, more or less: 127 Hz and 850 Hz."""


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
        return [type(message).__name__ for message in self.messages(*probabilities)]

    def messages(self, *probabilities: float, sound: Pcm = SOUND) -> list[m.Message]:
        """Judge so many frames, all of the same sound."""
        for self.backend.probability in probabilities:
            self.vad.forget()
            self.vad.judge(sound, self._at, self._at + FRAME, self._at)
            self._at += FRAME
        return messages(self._told)

    def between(self, probability: float) -> list[m.Message]:
        """Judge a frame that lies halfway between the last one and the next, if one is wanted."""
        if self.vad.impatient:
            self.backend.probability = probability
            self.vad.judge_between(SOUND, self._at - FRAME // 2, self._at + FRAME // 2, self._at)
        return messages(self._told)

    @property
    def voice(self) -> int:
        """The frame in which the voice began that there may be, from 1; 0: there is none."""
        cell = self.rings.telemetry.get("vad.voice")
        return (cell - 1 - CONTEXT) // FRAME + 1 if cell else 0

    def answer(self) -> None:
        """An answer is heard from now on, which a voice may interrupt."""
        self.rings.telemetry.set("turns.yields", 1)

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


def test_a_voice_that_may_be_speech_is_not_known_to_be_silence(desk: Desk) -> None:
    def known(*probabilities: float) -> int:
        desk.hear(*probabilities)
        return (desk._at - desk.vad.known(desk._at)) // FRAME

    assert known(0.1) == 0
    assert known(0.9) == 1
    assert known(0.9) == 0  # it is speech
    assert known(0.1, 0.1) == 0  # a pause
    assert known(0.6) == 1
    assert known(0.1) == 0  # it was nothing


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


def test_the_first_frame_of_a_voice_is_in_a_cell_at_once_and_gone_with_it(desk: Desk) -> None:
    told = desk.hear(0.1, 0.6)
    assert (told, desk.voice) == ([], 2)
    desk.hear(0.4)
    assert desk.voice == 2
    desk.hear(0.1)
    assert desk.voice == 0
    told = desk.hear(0.6, 0.9, 0.9)
    assert (told, desk.voice) == (["SpeechBegan"], 5)
    assert (desk.hear(0.1), desk.voice) == (["SpeechPaused"], 0)


def test_while_an_answer_is_heard_every_frame_of_a_voice_is_told_and_when_it_is_gone(desk: Desk) -> None:
    assert desk.hear(0.9) == []
    desk.answer()
    assert desk.hear(0.1) == []  # nobody was told of that one
    voice = [
        m.VoiceHeard,
        m.SpeechBegan,
        m.VoiceHeard,
        m.VoiceHeard,
        m.SpeechPaused,
        m.VoiceGone,
        m.VoiceHeard,
        m.VoiceGone,
    ]
    told = desk.messages(0.6, 0.95, 0.95, 0.1, 0.6, 0.1)
    assert [type(message) for message in told] == voice
    heard = [message for message in told if isinstance(message, m.VoiceHeard)]
    begin = CONTEXT + 2 * FRAME
    assert [(each.start - begin, each.upto - begin) for each in heard] == [
        (0, FRAME),
        (0, 2 * FRAME),
        (0, 3 * FRAME),
        (4 * FRAME, 5 * FRAME),
    ]
    assert [each.speech for each in heard] == [0, 1, 1, 0]
    assert [each.capture_ns for each in heard] == [each.upto - FRAME for each in heard]
    gone = next(message for message in told if isinstance(message, m.VoiceGone))
    assert (gone.end, gone.capture_ns) == (begin + 3 * FRAME, begin + 3 * FRAME)


def test_what_of_a_voice_is_clear_is_counted_from_its_beginning_each_time(desk: Desk) -> None:
    desk.answer()
    told = desk.messages(0.4, 0.95, 0.4, 0.95, 0.1, 0.95)
    heard = [message.clear // FRAME for message in told if isinstance(message, m.VoiceHeard)]
    assert heard == [0, 1, 1, 2, 1]


def test_a_voice_that_has_faded_is_gone_before_voice_activity_has_forgotten_it(desk: Desk) -> None:
    desk.answer()
    faint = (SOUND * 0.04).astype(np.int16)
    assert [type(message) for message in desk.messages(0.9)] == [m.VoiceHeard]
    assert [type(message) for message in desk.messages(0.99, sound=faint)] == [m.SpeechBegan, m.VoiceHeard]
    assert desk.voice == 1
    (gone,) = desk.messages(0.99, sound=faint)
    assert isinstance(gone, m.VoiceGone)
    assert (gone.end, desk.voice) == (CONTEXT + FRAME, 0)
    assert desk.messages(0.9, sound=faint) == []
    (back,) = desk.messages(0.99)  # it is the same one
    assert isinstance(back, m.VoiceHeard)
    assert (back.start, back.clear, desk.voice) == (CONTEXT, 2 * FRAME, 1)
    assert [type(message) for message in desk.messages(0.1)] == [m.SpeechPaused, m.VoiceGone]


def test_while_an_answer_is_heard_half_a_frame_of_a_voice_is_enough_for_its_first_sign(desk: Desk) -> None:
    assert desk.hear(0.1) == []
    assert desk.between(0.9) == []  # nothing is heard that could be interrupted
    desk.answer()
    desk.hear(0.1)
    (first,) = desk.between(0.9)
    assert isinstance(first, m.VoiceHeard)
    begin = CONTEXT + 2 * FRAME - FRAME // 2
    assert (first.start, first.upto, first.clear, first.speech) == (begin, begin + FRAME, 0, 0)
    assert desk.rings.telemetry.get("vad.voice") == begin + 1
    assert desk.between(0.9) == []
    (second,) = desk.messages(0.9)
    assert isinstance(second, m.VoiceHeard)
    assert (second.start, second.clear) == (begin, FRAME)


def test_a_first_sign_that_the_next_frame_does_not_bear_out_is_gone(desk: Desk) -> None:
    desk.answer()
    desk.hear(0.1)
    assert [type(message) for message in desk.between(0.9)] == [m.VoiceHeard]
    assert [type(message) for message in desk.messages(0.1)] == [m.VoiceGone]
    assert desk.rings.telemetry.get("vad.voice") == 0


def test_the_stream_between_ends_with_the_answer_and_with_the_session(desk: Desk) -> None:
    desk.answer()
    desk.hear(0.1)
    desk.between(0.1)
    assert len(desk.backend._jobs) == 2
    desk.next_session()
    desk.hear(0.1)
    assert desk.backend.forgotten == [1]
    assert list(desk.backend._jobs) == [Tag(2)]
    desk.between(0.1)
    assert len(desk.backend._jobs) == 2
    desk.rings.telemetry.set("turns.yields", 0)
    assert not desk.vad.impatient
    assert list(desk.backend._jobs) == [Tag(2)]


def test_with_a_hall_behind_it_a_voice_counts_only_when_it_stands_out(desk: Desk) -> None:
    desk.seat.config = load(sets=["vad.above_hall_db=6"])
    desk.vad.reload()
    hall = (SOUND // 8).astype(np.int16)
    assert desk.messages(*[0.0] * 40, sound=hall) == []
    assert desk.messages(*[0.9] * 4, sound=hall) == []
    assert [type(message) for message in desk.messages(*[0.9] * 4)] == [m.SpeechBegan]


HOP = 512


@pytest.mark.parametrize(
    ("judged", "newest", "forgotten", "at"),
    [
        (0, 9_000, 0, 9_000),  # nobody was there before
        (40_000, 90_000, 0, 40_000 + HOP),  # what was said meanwhile is not missed, but for what it may have died of
        (40_000, 40_100, 0, 40_100),  # nothing was
        (40_000, 900_000, 0, 900_000 - round(MISSED_S * 16_000)),  # it was away for long
        (40_000, 90_000, 70_000, 70_000),  # the visitor has left meanwhile
    ],
)
def test_after_a_restart_it_goes_on_where_a_predecessor_has_stopped(
    judged: int, newest: int, forgotten: int, at: int
) -> None:
    assert resume_at(judged, newest, forgotten, HOP, 16_000) == at


# In a lull.


def noise(frames: int, power: float = QUIETEST) -> Pcm:
    """As loud throughout, and as low as can be."""
    sound: Pcm = np.full(frames * FRAME, round(power**0.5), np.int16)
    return sound


@pytest.mark.parametrize("min_speech_ms", [0, 20, 32, 33, 64, 96, 250])
def test_speech_is_told_of_no_sooner_than_so_many_frames_are_judged_at_a_time(
    rings_with: Callable[..., Rings], min_speech_ms: int
) -> None:
    """So that it is told of at the same frame, whichever of those that are judged together it begins with."""
    desk = Desk(rings_with(f"vad.min_speech_ms={min_speech_ms}"))
    gate = Gate(0.5, 0.35, min_speech_ms * 16)
    needed = next(count for count in range(1, 99) if gate.judge(0.9, (count - 1) * FRAME, count * FRAME))
    assert 1 <= desk.vad.at_a_time <= needed


def test_what_does_not_stand_out_is_given_up_but_for_the_last_of_it(desk: Desk) -> None:
    mic = desk.rings.seat("audio").history_writer("mic")
    heard = desk.vad._mic
    assert desk.vad.hush() == 0
    mic.put(noise(3), 0)
    assert (desk.vad.hush(), heard.cursor) == (3, 0)
    mic.put(noise(RUN_UP + 2), 0)
    assert (desk.vad.hush(), heard.cursor) == (RUN_UP, 5 * FRAME)
    assert desk.rings.telemetry.get("vad.judged") == 5 * FRAME
    mic.put(noise(1), 0)
    mic.put(noise(1, 1.1 * STANDS_OUT * QUIETEST), 0)
    assert (desk.vad.hush(), heard.cursor) == (0, 5 * FRAME)


def test_a_room_may_get_louder_slowly_and_softer_at_once(desk: Desk) -> None:
    mic, hushed = desk.rings.seat("audio").history_writer("mic"), list[bool]()

    def hear(power: float) -> bool:
        mic.put(noise(2, power), 0)
        kept = desk.vad.hush()
        desk.vad._mic.seek(mic.position)
        return kept > 0

    fan = 50 * QUIETEST
    while not hear(fan):
        hushed.append(False)
    assert len(hushed) > 15  # a second, and most of a voice
    assert all(hear(fan) for _ in range(20))
    assert hear(QUIETEST)
    assert not hear(fan)


def test_a_voice_that_is_softer_than_the_rumble_of_the_room_stands_out(desk: Desk) -> None:
    mic, voice = desk.rings.seat("audio").history_writer("mic"), np.tile(np.array([40, -40], np.int16), FRAME // 2)
    for _ in range(200):
        mic.put(noise(1, 300.0**2), 0)
        kept = desk.vad.hush()
        desk.vad._mic.seek(mic.position)
    assert kept
    mic.put(noise(1, 300.0**2) + voice, 0)
    assert not desk.vad.hush()


def test_a_hall_is_judged_in_its_quiet_hours_too(rings_with: Callable[..., Rings]) -> None:
    desk = Desk(rings_with("vad.above_hall_db=10"))
    desk.rings.seat("audio").history_writer("mic").put(noise(RUN_UP + 4), 0)
    assert (desk.vad.hush(), desk.vad._mic.cursor) == (0, 0)


def test_a_visitor_who_left_is_forgotten_in_a_hush_too(desk: Desk) -> None:
    desk.next_session()
    desk.rings.seat("audio").history_writer("mic").put(noise(3), 0)
    assert desk.vad.hush()
    assert desk.backend.forgotten == [1]


def begins(rings: Rings, state: str) -> int:
    """Where the worker finds that a question begins that is asked after two seconds of silence."""
    rings.telemetry.set("turns.shown", STATES.index(state))
    rings.telemetry.set("turns.session", 1)
    seat, mic = rings.seat("vad"), rings.seat("audio").history_writer("mic")
    told = rings.seat("turns").stream_reader("speech")
    worker = threading.Thread(target=main, args=(seat,))
    worker.start()
    limit = time.monotonic() + WATCHDOG_S

    def until(true: Callable[[], bool]) -> None:
        while not true():
            assert worker.is_alive()
            assert time.monotonic() < limit
            time.sleep(0.002)

    def hear(sound: Pcm) -> None:
        for start in range(0, len(sound), 160):
            mic.put(sound[start : start + 160], time.monotonic_ns())

    try:
        until(lambda: rings.telemetry.get("vad.state") == READY)
        for _ in range(20):
            hear(np.zeros(1600, np.int16))
            until(lambda: rings.telemetry.get("vad.judged") > mic.position - (RUN_UP + 3) * FRAME)
        hear(question())
        found: list[m.Message] = []

        def begun() -> bool:
            found.extend(messages(told))
            return any(isinstance(each, m.SpeechBegan) for each in found)

        until(begun)
    finally:
        rings.stop()
        worker.join()
    (began,) = [each for each in found if isinstance(each, m.SpeechBegan)]
    return began.start


def test_a_question_in_a_hush_is_found_where_it_was_said(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lull, "AFTER_NS", 0)
    judged = list[int]()
    judge = Vad.judge

    def counted(self: Vad, window: Pcm, start: int, stop: int, captured_ns: int) -> None:
        judged.extend([start] if start < 2 * 16_000 else [])  # in the silence before the question
        judge(self, window, start, stop, captured_ns)

    monkeypatch.setattr(Vad, "judge", counted)
    usual, all_silent = begins(rings_with(), "hearing"), len(judged)
    judged.clear()
    assert abs(begins(rings_with(), "listening") - usual) <= 2 * FRAME
    assert len(judged) < all_silent - 30


# When the last of it was heard.


def tone(ms: int, level: float) -> Pcm:
    sound: Pcm = np.round(level * np.sin(np.arange(ms * 16) * 0.3)).astype(np.int16)
    return sound


def test_the_last_sound_of_a_voice_is_found_to_within_a_few_ms() -> None:
    for level in (0.0, 40.0):  # of the room
        for silent_ms in (80, 120, 200):
            sound = np.concatenate([tone(200, 8000), tone(silent_ms, level)])
            silent = silent_at_end(sound, 16000)
            assert silent is not None
            assert abs(silent - silent_ms * 16) <= 64
    softer = np.concatenate([tone(100, 0.0), tone(150, 8000), tone(100, 800)])
    assert silent_at_end(softer, 16000) == 0
    assert silent_at_end(tone(300, 8000), 16000) is None  # it does not stand out
    assert silent_at_end(tone(300, 10.0), 16000) is None  # nothing is heard at all
    assert silent_at_end(tone(0, 1.0), 16000) is None


def test_a_pause_is_told_with_the_moment_of_the_last_sound(desk: Desk) -> None:
    mic = desk.rings.seat("audio").history_writer("mic")
    loud, silent = tone(10 * 32, 8000), np.zeros(8 * FRAME, np.int16)
    mic.put(np.concatenate([np.zeros(CONTEXT, np.int16), loud, silent]), capture_ns=0)
    *_, paused = desk.messages(*[0.9] * 12, 0.1)  # two frames later than it is over
    assert isinstance(paused, m.SpeechPaused)
    assert abs(paused.quiet - 2 * FRAME) <= 64


def test_where_the_room_is_too_loud_to_tell_a_pause_is_where_voice_activity_says(desk: Desk) -> None:
    mic = desk.rings.seat("audio").history_writer("mic")
    mic.put(np.concatenate([np.zeros(CONTEXT, np.int16), tone(18 * 32, 8000)]), capture_ns=0)
    *_, paused = desk.messages(*[0.9] * 12, 0.1)
    assert isinstance(paused, m.SpeechPaused)
    assert paused.quiet == 0
