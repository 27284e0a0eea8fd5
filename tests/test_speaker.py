"""What the audio worker makes of the speaker ring: what may be heard is, and the report says when."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

from engine import audible
from engine import messages as m
from engine.contract import Pcm, Tag
from ringbuf import LOST
from ringbuf.observe import look
from tests.rings import Rings, messages
from workers.sound.port import RingPort

MS = 1_000_000
BLOCK, BLOCK_MS = 320, 20
START = 5_000 * MS


class Speaker:
    """The audio worker's port, with the test as the voice and as turns."""

    def __init__(self, rings: Rings) -> None:
        self.telemetry = rings.telemetry
        self.port = RingPort(rings.seat("audio"))
        self._voice = rings.seat("vocoder").stream_writer("speaker", np.int16)
        turns = rings.seat("turns")
        self._told = turns.stream_reader("playback")
        self.mic, self.played = (rings.seat("recorder").history_reader(name, 0) for name in ("mic", "played"))
        self.at = START

    def put(self, tag: Tag, samples: int, value: int, kind: int = m.SOUND) -> None:
        view = self._voice.claim(samples)
        assert view is not None
        view[:] = value
        self._voice.commit(
            samples, kind=kind, session=tag.session, turn=tag.turn, attempt=tag.attempt, capture_ns=START
        )

    def restart(self, rings: Rings) -> None:
        """The audio worker dies, and another one takes its place."""
        self.port = None  # type: ignore[assignment]  # its roles are free with it
        gc.collect()
        self.port = RingPort(rings.seat("audio"))

    def allow(self, tag: Tag) -> None:
        for cell in ("audio.audible", "turns.newest"):
            self.telemetry.set(cell, audible.pack(audible.VOCODER, tag))

    def samples(self) -> Pcm:
        """The next block."""
        out = np.full(BLOCK, 99, np.int16)
        self.port.fill(out)
        self.port.played(out, self.at)
        self.at += BLOCK_MS * MS
        return out

    def block(self) -> list[int]:
        """What the next block holds, run by run: [value, samples, …]."""
        runs: list[int] = []
        for value in self.samples().tolist():
            if runs and runs[-2] == value:
                runs[-1] += 1
            else:
                runs += [value, 1]
        return runs

    def unread(self) -> int:
        """How many records of 320 samples lie in the voice's ring."""
        (ring,) = (ring for ring in look(self._voice.name).rings)
        return int(ring["fill"]) // (64 + 2 * BLOCK)

    def told(self) -> list[tuple[type[m.Message], int, int]]:
        """(message, turn, ms after the start) of what was told."""
        return [(type(message), message.tag.turn, (message.at_ns - START) // MS) for message in self._messages()]

    def places(self) -> list[tuple[type[m.Message], int]]:
        """(message, samples of the answer before that) of what was told."""
        return [
            (type(message), message.sample if isinstance(message, m.PlaybackBegan) else message.samples)
            for message in self._messages()
        ]

    def _messages(self) -> list[m.PlaybackBegan | m.PlaybackEnded]:
        found = []
        for message in messages(self._told):
            if isinstance(message, m.PlaybackDry):
                continue
            assert isinstance(message, m.PlaybackBegan | m.PlaybackEnded)
            assert message.capture_ns == START
            found.append(message)
        return found


@pytest.fixture
def rings(rings_with: Callable[..., Rings]) -> Rings:
    return rings_with(f"audio.block_ms={BLOCK_MS}")


@pytest.fixture
def speaker(rings: Rings) -> Speaker:
    return Speaker(rings)


ONE, TWO, THREE = Tag(1, 1, 1), Tag(1, 2, 1), Tag(1, 3, 1)
BEGAN: type[m.Message] = m.PlaybackBegan
ENDED: type[m.Message] = m.PlaybackEnded
LOUD, FADE = 8000, 80  # samples: 5 ms


def test_an_answer_is_played_from_its_first_sample_to_its_last_and_both_are_told(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 400, 5)
    speaker.put(ONE, 80, 6)
    speaker.put(ONE, 0, 0, m.SOUND_END)
    assert [speaker.block(), speaker.block(), speaker.block()] == [[5, 320], [5, 80, 6, 80, 0, 160], [0, 320]]
    assert speaker.told() == [(BEGAN, 1, 0), (ENDED, 1, 30)]
    assert speaker.telemetry.get("audio.played") == 480
    assert speaker.telemetry.get("audio.starved") == 0


def test_an_end_without_sound_counts_none_of_the_answer_before_it(speaker: Speaker) -> None:
    for tag, samples in ((ONE, 400), (TWO, 0)):
        speaker.allow(tag)
        if samples:
            speaker.put(tag, samples, 5)
        speaker.put(tag, 0, 0, m.SOUND_END)
        speaker.block(), speaker.block()
        assert speaker.places()[-1] == (ENDED, samples)


def test_an_answer_under_way_goes_on_after_a_restart_and_says_where_it_stood(rings: Rings, speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 320, 5)
    speaker.put(ONE, 320, 6)
    speaker.put(ONE, 0, 0, m.SOUND_END)
    assert speaker.block() == [5, 320]
    speaker.restart(rings)
    assert speaker.block()[-2:] == [6, 320 - FADE + 1]  # it fades in, and its last step is the sound as it is
    assert speaker.telemetry.get("audio.played") == 640
    assert speaker.block() == [0, 320]
    assert speaker.places() == [(BEGAN, 0), (BEGAN, 320), (ENDED, 640)]


def test_sound_that_is_not_allowed_yet_waits_and_stale_sound_is_dropped(speaker: Speaker) -> None:
    speaker.allow(TWO)
    speaker.put(ONE, 400, 5)
    speaker.put(TWO, 100, 6)
    speaker.put(TWO, 0, 0, m.SOUND_END)
    speaker.put(THREE, 320, 7)
    assert speaker.block() == [6, 100, 0, 220]
    assert speaker.block() == [0, 320]
    speaker.allow(THREE)
    assert speaker.block() == [7, 320]
    assert [(kind, turn) for kind, turn, _ in speaker.told()] == [
        (BEGAN, 2),
        (ENDED, 2),
        (BEGAN, 3),
    ]


@pytest.mark.parametrize("record", [2000, 325, 330, 399, 40], ids="records of {} samples".format)
def test_an_answer_that_is_cut_off_fades_within_5_ms_and_nothing_of_it_comes_after(
    speaker: Speaker, record: int
) -> None:
    speaker.allow(ONE)
    for _ in range(0, 2000, record):
        speaker.put(ONE, record, LOUD)
    assert speaker.block() == [LOUD, 320]
    speaker.allow(TWO)
    out = speaker.samples()
    steps = np.diff(np.concatenate([[LOUD], out]).astype(int))
    assert steps.min() >= -LOUD // (FADE - 1) - 1
    assert steps.max() <= 0
    assert out[: FADE - 1].all()
    assert not out[FADE - 1 :].any()
    assert [speaker.block() for _ in range(8)] == [[0, 320]] * 8
    assert speaker.told() == [(BEGAN, 1, 0)]
    assert speaker.telemetry.get("audio.playing") == 0


def test_the_next_answer_begins_clean_behind_the_fade_of_the_one_that_was_cut_off(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 2000, LOUD)
    speaker.put(ONE, 500, LOUD)
    speaker.block()
    speaker.allow(TWO)
    speaker.put(TWO, 400, 7)
    speaker.put(TWO, 0, 0, m.SOUND_END)
    out = speaker.samples()
    assert set(out[FADE:].tolist()) == {7}
    assert speaker.block() == [7, 160, 0, 160]
    assert speaker.told() == [(BEGAN, 1, 0), (BEGAN, 2, 25), (ENDED, 2, 50)]
    assert speaker.telemetry.get("audio.played") == 400


def test_an_answer_that_is_cut_off_where_it_ends_or_where_its_sound_is_late_leaves_nothing(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 320, LOUD)
    assert speaker.block() == [LOUD, 320]
    speaker.allow(TWO)
    assert speaker.block() == [0, 320]
    speaker.put(ONE, 0, 0, m.SOUND_END)  # too late, as is the next one
    speaker.put(ONE, 320, LOUD)
    speaker.put(TWO, 320, 6)
    speaker.put(TWO, 0, 0, m.SOUND_END)
    assert speaker.block() == [6, 320]
    speaker.allow(THREE)
    assert speaker.block() == [0, 320]
    assert [(kind, turn) for kind, turn, _ in speaker.told()] == [(BEGAN, 1), (BEGAN, 2)]


def test_without_a_loudspeaker_stale_sound_is_dropped_all_the_same(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 320, LOUD)
    speaker.put(ONE, 320, LOUD)
    speaker.put(TWO, 320, 7)
    speaker.block()
    speaker.port.pass_over(BLOCK)
    assert speaker.unread() == 2
    speaker.allow(TWO)
    speaker.port.pass_over(BLOCK)
    assert speaker.unread() == 1
    assert speaker.telemetry.get("audio.playing") == 0
    assert speaker.block() == [7, 320]


def test_sound_that_has_not_been_made_in_time_is_counted(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 100, 5)
    assert speaker.block() == [5, 100, 0, 220]
    speaker.put(ONE, 320, 5)
    speaker.put(ONE, 0, 0, m.SOUND_END)
    assert speaker.block() == [5, 320]
    assert speaker.block() == [0, 320]
    assert speaker.telemetry.get("audio.starved") == 1


def test_the_answer_is_told_to_begin_when_its_block_is_heard_not_when_it_was_filled(speaker: Speaker) -> None:
    speaker.allow(ONE)
    speaker.put(ONE, 100, 5)
    out = np.zeros(BLOCK, np.int16)
    speaker.port.fill(out)
    assert speaker.told() == []
    speaker.port.missed(3 * BLOCK)  # it came too late: a hole of three blocks stands before it
    speaker.port.played(out, START + 3 * BLOCK_MS * MS)
    assert speaker.told() == [(BEGAN, 1, 60)]
    assert speaker.telemetry.get("audio.xruns") == 3
    heard = speaker.played.view(0, 4 * BLOCK)
    assert heard is not None
    assert np.flatnonzero(heard).tolist() == list(range(3 * BLOCK, 3 * BLOCK + 100))


def test_lost_input_is_marked_where_it_is_missing(speaker: Speaker) -> None:
    for number, lost in enumerate((False, True, False)):
        speaker.port.hear(BLOCK)[:] = number
        speaker.port.heard(BLOCK, START + number * BLOCK_MS * MS, lost=lost)
    assert [speaker.mic.flags(start, start + BLOCK) & LOST for start in (0, BLOCK, 2 * BLOCK)] == [0, LOST, 0]
    assert speaker.mic.capture_ns(2 * BLOCK + 16) == START + 41 * MS
    assert speaker.telemetry.get("audio.lost_blocks") == 1


def test_the_end_of_the_input_outlives_the_message(speaker: Speaker) -> None:
    speaker.port.hear(BLOCK)[:] = 0
    speaker.port.heard(BLOCK, START)
    speaker.port.ended()
    assert speaker.telemetry.get("audio.input_end") == BLOCK + 1
