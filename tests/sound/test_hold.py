"""An answer that is held while somebody may be speaking: silent within a block, and it goes on from the very sample at
which it stood, or is gone without a sound."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import audible
from engine import messages as m
from engine.config import load
from engine.contract import Pcm, Tag
from tests.rings import Rings, messages
from workers.sound.port import RingPort

BLOCK, FADE = 320, 80
START = 5_000_000_000
ONE, TWO = Tag(1, 1, 1), Tag(1, 2, 1)
ENVIRON = {"ANTIPHON_SYSTEM_CONFIG": ""}


def order(tag: Tag) -> int:
    return audible.pack(audible.VOCODER, tag)


class Hall:
    """The audio worker's port; the test is the voice, the VAD and turns. The answer is a wave that never repeats, so
    that each of its samples is known again."""

    def __init__(self, rings: Rings) -> None:
        self._rings, self.telemetry = rings, rings.telemetry
        self.port = RingPort(rings.seat("audio"))
        self._voice = rings.seat("vocoder").stream_writer("speaker", np.int16)
        self._told = rings.seat("turns").stream_reader("playback")
        self.at = START

    def restart(self) -> None:
        del self.port
        gc.collect()
        self.port = RingPort(self._rings.seat("audio"))

    def put(self, tag: Tag, sound: Pcm, record: int = 320) -> None:
        for start in range(0, len(sound), record):
            self._put(tag, sound[start : start + record], m.SOUND)

    def end(self, tag: Tag) -> None:
        self._put(tag, np.zeros(0, np.int16), m.SOUND_END)

    def _put(self, tag: Tag, part: Pcm, kind: int) -> None:
        header = {"session": tag.session, "turn": tag.turn, "attempt": tag.attempt, "capture_ns": START}
        assert self._voice.put(part, kind=kind, **header)

    def allow(self, tag: Tag) -> None:
        self.telemetry.set("audio.audible", audible.pack(audible.VOCODER, tag))

    def yields(self, tag: Tag | None) -> None:
        """Turns lets a voice silence this answer."""
        self.telemetry.set("turns.yields", order(tag) if tag else 0)

    def hold(self, tag: Tag | None) -> None:
        """Turns holds this answer."""
        self.telemetry.set("turns.holds", order(tag) if tag else 0)

    def voice(self, on: bool, *, ago_s: float = 0.0) -> None:
        """The VAD hears somebody, and came round its loop so long ago."""
        self.telemetry.set("vad.voice", int(on))
        self.telemetry.set("vad.beat_ns", time.monotonic_ns() - round(ago_s * 1e9))

    def play(self, blocks: int = 1, samples: int = BLOCK) -> Pcm:
        """What the loudspeaker gets."""
        outs = []
        for _ in range(blocks):
            out = np.full(samples, 99, np.int16)
            self.port.fill(out)
            self.port.played(out, self.at)
            self.at += samples * 1_000_000_000 // 16000
            outs.append(out)
        return np.concatenate(outs)

    @property
    def played(self) -> int:
        return self.telemetry.get("audio.played")

    def told(self) -> list[tuple[str, int, int]]:
        """What was told: began (or went on) or ended, with how many samples before it, and when on the timeline."""
        found = []
        for message in messages(self._told):
            if isinstance(message, m.PlaybackDry):
                continue
            at = round((message.at_ns - START) * 16000 / 1e9)  # type: ignore[attr-defined]
            if isinstance(message, m.PlaybackBegan):
                found.append(("began", message.sample, at))
            else:
                assert isinstance(message, m.PlaybackEnded)
                found.append(("ended", message.samples, at))
        return found


@pytest.fixture
def hall(rings: Rings) -> Hall:
    hall = Hall(rings)
    hall.allow(ONE)
    hall.yields(ONE)
    return hall


def wave(samples: int) -> Pcm:
    """Loud, without steps, and no stretch of it like another one."""
    at = np.arange(samples)
    return np.rint(9000 * np.sin(at / 7) + at / 10 + 500).astype(np.int16)


DOWN = np.linspace(1, 0, FADE, dtype=np.float32)


def faded(sound: Pcm, shape: NDArray[np.float32]) -> Pcm:
    return (sound * shape).astype(np.int16)


def test_a_voice_silences_it_within_the_block_and_when_it_was_none_it_goes_on_from_the_sample_where_it_stood(
    hall: Hall,
) -> None:
    sound = wave(2000)
    hall.put(ONE, sound)
    hall.end(ONE)
    np.testing.assert_array_equal(hall.play(), sound[:320])
    hall.voice(True)
    out = hall.play()
    np.testing.assert_array_equal(out[:FADE], faded(sound[320:400], DOWN))
    assert not out[FADE:].any()
    assert hall.played == 320
    assert not hall.play(20).any()
    assert hall.played == 320
    hall.voice(False)
    out = hall.play(6)
    np.testing.assert_array_equal(out[:FADE], faded(sound[320:400], DOWN[::-1]))
    np.testing.assert_array_equal(out[FADE:1680], sound[400:])
    assert not out[1680:].any()
    assert hall.played == 2000
    assert hall.told() == [("began", 0, 0), ("began", 320, 22 * 320), ("ended", 2000, 22 * 320 + 1680)]
    assert hall.telemetry.get("audio.starved") == 0


def test_it_stays_silent_when_the_voice_is_gone_but_turns_still_holds_it(hall: Hall) -> None:
    hall.put(ONE, wave(2000))
    hall.play()
    hall.voice(True)
    hall.play()
    hall.hold(ONE)
    hall.voice(False)
    assert not hall.play(5).any()
    hall.hold(None)
    assert hall.play().any()


def test_what_is_dropped_while_it_is_held_leaves_no_sound_and_the_next_answer_begins_whole(hall: Hall) -> None:
    hall.put(ONE, wave(5000))
    hall.end(ONE)
    hall.play()
    hall.voice(True)
    hall.play(3)
    hall.allow(TWO)
    hall.yields(TWO)
    assert not hall.play(5).any()
    assert hall.telemetry.get("audio.playing") == 0
    hall.voice(False)
    assert not hall.play(5).any()
    sound = wave(700)
    hall.put(TWO, sound)
    hall.end(TWO)
    np.testing.assert_array_equal(hall.play(3)[:700], sound)
    assert hall.told() == [("began", 0, 0), ("began", 0, 14 * 320), ("ended", 700, 14 * 320 + 700)]


def test_an_answer_that_comes_while_somebody_speaks_begins_when_they_have_finished_and_loses_nothing(
    hall: Hall,
) -> None:
    sound = wave(400)
    hall.put(ONE, sound)
    hall.end(ONE)
    hall.voice(True)
    assert not hall.play(3).any()
    assert hall.told() == []
    hall.voice(False)
    np.testing.assert_array_equal(hall.play(2)[:400], sound)
    assert hall.told() == [("began", 0, 3 * 320), ("ended", 400, 3 * 320 + 400)]


@pytest.mark.parametrize("ends", [True, False], ids=["the end of it", "its sound is late"])
def test_held_in_its_last_few_ms_it_gives_those_when_it_goes_on(hall: Hall, ends: bool) -> None:
    sound = wave(350)
    hall.put(ONE, sound)
    if ends:
        hall.end(ONE)
    hall.play()
    hall.voice(True)
    out = hall.play()
    np.testing.assert_array_equal(out[:30], faded(sound[320:], DOWN[:30]))
    assert not out[30:].any()
    assert hall.played == 320
    hall.voice(False)
    out = hall.play()
    np.testing.assert_array_equal(out[:30], faded(sound[320:], DOWN[::-1][:30]))
    assert not out[30:].any()
    assert hall.played == 350
    assert [what for what, _, _ in hall.told()] == ["began", "began", *(["ended"] if ends else [])]


def test_a_vad_that_hangs_or_dies_over_a_voice_does_not_keep_it_silent(hall: Hall) -> None:
    sound = wave(2000)
    hall.put(ONE, sound)
    hall.play()
    hall.voice(True, ago_s=0.5)
    hall.play()
    hall.hold(ONE)
    hall.voice(True, ago_s=1.5)
    assert not hall.play(3).any()  # turns has not given up yet
    hall.hold(None)
    np.testing.assert_array_equal(hall.play()[FADE:], sound[400:640])
    hall.voice(True)
    assert not hall.play()[FADE:].any()  # it is back


def test_an_answer_that_does_not_yield_is_spoken_over_the_voice(hall: Hall) -> None:
    sound = wave(1000)
    hall.put(ONE, sound)
    hall.yields(None)
    hall.voice(True)
    np.testing.assert_array_equal(hall.play(3), sound[:960])


def test_what_turns_allows_another_answer_does_not_count_for_this_one(hall: Hall) -> None:
    sound = wave(1000)
    hall.put(ONE, sound)
    hall.yields(TWO)
    hall.hold(TWO)
    hall.voice(True)
    np.testing.assert_array_equal(hall.play(3), sound[:960])


def test_strict_it_speaks_on_until_turns_is_sure(rings: Rings, hall: Hall) -> None:
    rings.reload(load(sets=["turns.barge_in=strict"], environ=ENVIRON))
    assert hall.port.wait(0)
    sound = wave(2000)
    hall.put(ONE, sound)
    hall.voice(True)
    np.testing.assert_array_equal(hall.play(2), sound[:640])
    hall.hold(ONE)
    assert not hall.play()[FADE:].any()


def test_a_restarted_audio_worker_does_not_break_the_silence_and_goes_on_behind_what_was_played(hall: Hall) -> None:
    sound = wave(2000)
    hall.put(ONE, sound)
    hall.play()
    hall.hold(ONE)
    hall.restart()
    assert not hall.play(3).any()
    hall.hold(None)
    np.testing.assert_array_equal(hall.play()[FADE:], sound[400:640])
    assert hall.told() == [("began", 0, 0), ("began", 320, 4 * 320)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([80, 160, 320, 640])), max_size=40),
    st.sampled_from([7, 40, 320, 333]),
)
def test_however_often_it_is_held_each_sample_is_played_once_in_its_order(
    hall: Hall, blocks: list[tuple[bool, int]], record: int
) -> None:
    sound = wave(40 * 640)
    tag = Tag(1, hall.telemetry.get("turns.turn") + 1, 1)  # another answer for every example
    hall.telemetry.set("turns.turn", tag.turn)
    hall.allow(tag)
    hall.yields(tag)
    hall.voice(False)
    hall.play()  # whatever the last one left fades out
    hall.told()
    hall.put(tag, sound[: sum(size for _, size in blocks) + FADE], record)
    position, silent, began = 0, False, False
    for held, samples in blocks:
        hall.voice(held)
        out = hall.play(samples=samples)
        if held:
            loud = FADE if began and not silent else 0
            np.testing.assert_array_equal(out[:loud], faded(sound[position : position + loud], DOWN[:loud]))
            assert not out[loud:].any()
            silent = began
        else:
            again = FADE if silent else 0
            np.testing.assert_array_equal(out[again:], sound[position + again : position + samples])
            np.testing.assert_array_equal(out[:again], faded(sound[position : position + again], DOWN[::-1][:again]))
            position, silent, began = position + samples, False, True
        assert not began or hall.played == position
