"""Several voices for one loudspeaker: the phrase that holds the turn, the voice, and the floor that takes over from it.
Each has a ring of its own, and nothing is heard twice, or after another one has taken over."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import audible
from engine import messages as m
from engine.audible import FLOOR, HOLDING, VOCODER
from engine.contract import Pcm, Tag
from ringbuf.observe import look
from tests.rings import Rings, messages
from workers.sound.port import RingPort

BLOCK, FADE = 320, 80
START = 5_000_000_000
ONE, TWO = Tag(1, 1, 1), Tag(1, 2, 1)
LOUD = 8000
WRITERS = {HOLDING: "floor", VOCODER: "vocoder", FLOOR: "floor"}


class Stage:
    """The audio worker's port; the test is turns, the voice and the floor."""

    def __init__(self, rings: Rings) -> None:
        self._rings, self._telemetry = rings, rings.telemetry
        self._port = RingPort(rings.seat("audio"))
        seats = {name: rings.seat(name) for name in ("vocoder", "floor")}
        self._voices = {
            source: seats[WRITERS[source]].stream_writer(name, np.int16) for source, name in audible.RINGS.items()
        }
        self._told = rings.seat("turns").stream_reader("playback")
        self.at = START

    def allow(self, source: int, tag: Tag = ONE) -> None:
        for cell in ("audio.audible", "turns.newest"):
            self._telemetry.set(cell, audible.pack(source, tag))

    def put(self, source: int, samples: int, value: int, tag: Tag = ONE, kind: int = m.SOUND) -> None:
        header = {"session": tag.session, "turn": tag.turn, "attempt": tag.attempt, "capture_ns": START}
        assert self._voices[source].put(np.full(samples, value, np.int16), kind=kind, **header)

    def end(self, source: int, tag: Tag = ONE) -> None:
        self.put(source, 0, 0, tag, m.SOUND_END)

    def samples(self, blocks: int = 1) -> Pcm:
        outs = []
        for _ in range(blocks):
            out = np.full(BLOCK, 99, np.int16)
            self._port.fill(out)
            self._port.played(out, self.at)
            self.at += BLOCK * 1_000_000_000 // 16000
            outs.append(out)
        return np.concatenate(outs)

    def play(self, blocks: int = 1) -> list[tuple[int, int]]:
        """What the loudspeaker gets, run by run: (value, samples), without what fades."""
        runs: list[tuple[int, int]] = []
        for value in self.samples(blocks).tolist():
            if runs and runs[-1][0] == value:
                runs[-1] = value, runs[-1][1] + 1
            else:
                runs.append((value, 1))
        return [(value, count) for value, count in runs if count > 5]

    def next_session(self) -> int:
        """Another visitor's number."""
        session = audible.tag_of(self._telemetry.get("turns.newest")).session + 1
        for source in audible.RINGS:
            self.allow(source, Tag(session))
            self.samples(2)
        return session

    def restart(self) -> None:
        """The audio worker dies, and another one takes its place."""
        del self._port
        gc.collect()
        self._port = RingPort(self._rings.seat("audio"))

    def unread(self, source: int) -> int:
        """Bytes that lie in a ring."""
        (ring,) = look(self._voices[source].name).rings
        return int(ring["fill"])

    @property
    def played(self) -> int:
        return self._telemetry.get("audio.played")

    def told(self) -> list[tuple[str, int, int]]:
        """(message, source, samples of the answer before it) of what was told."""
        found = []
        for message in messages(self._told):
            assert isinstance(message, m.PlaybackBegan | m.PlaybackDry | m.PlaybackEnded)
            samples = message.sample if isinstance(message, m.PlaybackBegan) else message.samples
            found.append((type(message).__name__.removeprefix("Playback"), message.source, samples))
        return found


@pytest.fixture
def stage(rings: Rings) -> Stage:
    return Stage(rings)


def test_the_answer_waits_behind_the_phrase_that_holds_the_turn_and_nothing_of_it_is_lost(stage: Stage) -> None:
    stage.allow(HOLDING)
    stage.put(HOLDING, 480, 5)
    stage.end(HOLDING)
    stage.put(VOCODER, 640, 7)
    stage.end(VOCODER)
    assert stage.play(3) == [(5, 480), (0, 480)]
    stage.allow(VOCODER)
    assert stage.play(3) == [(7, 640), (0, 320)]
    assert stage.told() == [
        ("Began", HOLDING, 0),
        ("Ended", HOLDING, 480),
        ("Began", VOCODER, 0),  # the phrase is none of the answer
        ("Ended", VOCODER, 640),
    ]
    assert stage.played == 640


def test_a_phrase_that_comes_when_the_answer_is_heard_already_is_not_heard(stage: Stage) -> None:
    stage.allow(VOCODER)
    stage.put(VOCODER, 640, 7)
    stage.put(HOLDING, 480, 5)
    stage.end(HOLDING)
    assert stage.play(3) == [(7, 640), (0, 320)]
    assert stage.unread(HOLDING) == 0


def test_where_the_floor_takes_over_it_goes_on_counting_and_the_voice_is_heard_no_more(stage: Stage) -> None:
    stage.allow(VOCODER)
    stage.put(VOCODER, 400, 5)
    assert stage.play(2) == [(5, 400), (0, 240)]
    stage.allow(FLOOR)
    stage.put(VOCODER, 640, 6)  # too late
    stage.put(FLOOR, 400, 7)
    stage.put(VOCODER, 640, 6)
    stage.end(VOCODER)
    stage.end(FLOOR)
    assert stage.play(3) == [(7, 400), (0, 560)]
    assert stage.told() == [
        ("Began", VOCODER, 0),
        ("Dry", VOCODER, 400),
        ("Began", FLOOR, 400),
        ("Ended", FLOOR, 800),
    ]
    assert (stage.played, stage.unread(VOCODER)) == (800, 0)


def test_a_voice_that_is_cut_off_by_the_floor_fades_and_the_floor_begins_whole(stage: Stage) -> None:
    stage.allow(VOCODER)
    for _ in range(4):
        stage.put(VOCODER, 320, LOUD)
    stage.samples()
    stage.allow(FLOOR)
    stage.put(FLOOR, 640, 7)
    stage.end(FLOOR)
    out = stage.samples(3)
    steps = np.diff(np.concatenate([[LOUD], out[: FADE - 1]]).astype(int))
    assert steps.min() >= -LOUD // (FADE - 1) - 1
    assert out[FADE : FADE + 640].tolist() == [7] * 640
    assert not out[FADE + 640 :].any()
    assert stage.unread(VOCODER) == 0


def test_that_an_answer_has_no_sound_is_told_once_each_time(stage: Stage) -> None:
    stage.allow(VOCODER)
    stage.put(VOCODER, 100, 5)
    stage.samples(4)
    stage.put(VOCODER, 400, 5)
    stage.samples(3)
    stage.end(VOCODER)
    stage.samples(3)
    told = [("Began", VOCODER, 0), ("Dry", VOCODER, 100), ("Dry", VOCODER, 500), ("Ended", VOCODER, 500)]
    assert stage.told() == told


def test_a_new_turn_makes_room_in_every_ring(stage: Stage) -> None:
    stage.allow(VOCODER)
    for source in audible.RINGS:
        stage.put(source, 1000, 5)
        stage.put(source, 300, 7, TWO)
    stage.samples()
    stage.allow(audible.NOTHING, TWO)
    stage.samples(2)
    left = [stage.unread(source) for source in audible.RINGS]
    assert len(set(left)) == 1
    assert 600 <= left[0] < 1000  # what may be wanted yet
    stage.allow(FLOOR, TWO)
    assert stage.play() == [(7, 300), (0, 20)]
    assert [stage.unread(source) for source in audible.RINGS] == [0, 0, 0]


@pytest.mark.parametrize("source", [HOLDING, VOCODER, FLOOR])
def test_a_restarted_audio_worker_goes_on_with_whoever_was_heard(stage: Stage, source: int) -> None:
    stage.allow(source)
    stage.put(source, 640, LOUD)
    stage.put(VOCODER if source != VOCODER else FLOOR, 640, 6)
    stage.samples()
    stage.restart()
    assert stage.play() == [(LOUD, BLOCK - FADE + 1)]  # it fades in, and its last step is the sound as it is
    assert stage.told() == [("Began", source, 0), ("Began", source, BLOCK)]


KINDS = [(source, turn) for turn in (1, 2) for source in (HOLDING, VOCODER, FLOOR)]
"""Sources and turns, in the order in which they may be heard."""
RECORD, QUIETEST = 40, 20_000
"""Every record has a value of its own, from this on; what fades is below it, but for its first sample."""


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.one_of(st.integers(0, len(KINDS) - 1), st.sampled_from(["play", "next"])), max_size=60))
def test_whatever_comes_when_only_what_may_be_heard_is_heard_in_order_and_once(
    stage: Stage, steps: list[int | str]
) -> None:
    session = stage.next_session()
    places = [(source, Tag(session, turn, 1)) for source, turn in KINDS]
    written: list[list[int]] = [[] for _ in places]
    wanted: list[list[int]] = [[] for _ in places]
    newest = dict.fromkeys(audible.RINGS, 0)
    heard: dict[int, int] = {}
    now = 0
    stage.allow(*places[now])
    for step in [*steps, *["play"] * 20]:
        if step == "next":
            now = min(now + 1, len(places) - 1)
            stage.allow(*places[now])
        elif isinstance(step, int):
            source, tag = places[step]
            if step < newest[source]:
                continue  # a voice speaks of one turn after the other
            newest[source] = step
            written[step].append(QUIETEST + sum(map(len, written)))
            if step >= now:
                wanted[step].append(written[step][-1])
            stage.put(source, RECORD, written[step][-1], tag)
        else:
            for at, value in enumerate(stage.samples().tolist()):
                if value >= QUIETEST and not (at == 0 and value not in written[now]):
                    assert value in written[now]
                    heard[value] = heard.get(value, 0) + 1
    assert set(heard.values()) <= set(range(1, RECORD + 1))
    assert [value for value in heard if value in written[now]] == wanted[now]
    assert all(heard[value] == RECORD for value in wanted[now])
