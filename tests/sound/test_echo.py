"""Echo cancelling on the simulated room: the engine's voice goes, the visitor's stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.config import load
from engine.contract import Pcm
from engine.errors import BackendError
from tests.engine_run import question, silence
from workers.drivers.room import Room
from workers.sound import echo, speexdsp
from workers.sound.echo import Own
from workers.sound.suppressor import Suppressor

RATE, FRAME = 16000, 160
LATE = FRAME
PLAYED = np.concatenate([question(), silence(0.4)] * 6)
"""The engine's voice, 18 s."""
VISITOR = question()[::-1] // 2
"""Somebody else: the same kind of sound, and none of the same."""


def room(played: Pcm, level_db: float, delay_ms: float) -> NDArray[np.float32]:
    """What comes back of it, with the noise of a quiet room."""
    there = Room(level_db, delay_ms, RATE)
    parts = []
    for at in range(0, len(played), 320):
        there.play(at, played[at : at + 320])
        parts.append(there.echo(at, 320))
    heard: NDArray[np.float32] = np.concatenate(parts)[: len(played)]
    heard += np.random.default_rng(1).normal(0, 15, len(heard)).astype(np.float32)
    return heard


def pcm(sound: NDArray[np.floating]) -> Pcm:
    limited: Pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return limited


def cancel(canceller: echo.Canceller, heard: Pcm, played: Pcm) -> Pcm:
    """What is given, in its place."""
    around = np.concatenate([silence(2), played, silence(2)])
    out = np.zeros_like(heard)
    for at in range(0, len(heard) - FRAME + 1, FRAME):
        begin = 2 * RATE + at - canceller.shift
        canceller(heard[at : at + FRAME], around[begin : begin + FRAME].copy(), out[at : at + FRAME])
    return np.concatenate([out[canceller.late :], np.zeros(canceller.late, np.int16)])


def db(sound: NDArray[np.generic]) -> float:
    return float(10 * np.log10((sound.astype(np.float64) ** 2).mean() + 1e-9))


def test_near_end_passes_untouched_when_nothing_is_played() -> None:
    heard = pcm(VISITOR + np.random.default_rng(2).normal(0, 30, len(VISITOR)))
    np.testing.assert_array_equal(cancel(Own(RATE), heard, silence(3)[: len(heard)])[: -2 * LATE], heard[: -2 * LATE])


def test_where_something_begins_or_ends_to_be_played_there_is_no_seam_in_what_is_heard() -> None:
    heard = pcm(VISITOR + np.random.default_rng(2).normal(0, 30, len(VISITOR)))
    suppressor, quiet = Suppressor(FRAME, RATE), np.zeros(FRAME, np.int16)
    frames = len(heard) // FRAME
    out = np.zeros(frames * FRAME, np.int16)
    passing = np.random.default_rng(5).random(frames) < 0.6
    passing[:6] = True, True, False, False, True, False
    for at in range(frames):
        part = slice(at * FRAME, (at + 1) * FRAME)
        if passing[at]:
            suppressor.pass_on(heard[part], out[part])
        else:  # and no echo comes of it
            suppressor(heard[part], heard[part], quiet, out[part])
    np.testing.assert_allclose(out[LATE:].astype(int), heard[: len(out) - LATE], atol=1)


@pytest.mark.parametrize(("level_db", "delay_ms"), [(-12, 40), (-12, 5), (-20, 90), (-3, 40)])
def test_echo_is_taken_away_from_the_first_answer_on(level_db: float, delay_ms: float) -> None:
    heard = room(PLAYED, level_db, delay_ms)
    clean = cancel(Own(RATE), pcm(heard), PLAYED)
    noisy = db(heard) - db(clean)
    assert noisy > 20
    second = slice(RATE // 4, 5 * RATE // 4)
    assert db(heard[second]) - db(clean[second]) > 20
    last = slice(15 * RATE, 17 * RATE)
    assert db(heard[last]) - db(clean[last]) > 25


def test_visitor_who_speaks_into_an_answer_is_kept() -> None:
    begin = len(PLAYED) - 3 * RATE
    there = slice(begin, begin + len(VISITOR))
    echoed = room(PLAYED, -12, 40)
    both = echoed.copy()
    both[there] += VISITOR
    clean = cancel(Own(RATE), pcm(both), PLAYED)
    assert db(clean[there]) - db(VISITOR) == pytest.approx(0, abs=3)
    along = np.corrcoef(clean[there], VISITOR)[0, 1]
    assert along > 0.8
    before = slice(begin - 2 * RATE, begin)
    assert db(echoed[before]) - db(clean[before]) > 25


@pytest.mark.parametrize("late_ms", [350, 900])
def test_device_that_is_later_than_it_says_is_found_out(late_ms: int) -> None:
    heard = room(PLAYED, -12, late_ms / 2 if late_ms > 500 else late_ms)
    if late_ms > 500:
        heard = np.concatenate([np.zeros(late_ms * RATE // 2000, np.float32), heard])[: len(PLAYED)]
    canceller = Own(RATE)
    clean = cancel(canceller, pcm(heard), PLAYED)
    assert 0 <= late_ms - canceller.shift * 1000 / RATE <= 100
    last = slice(15 * RATE, 17 * RATE)
    assert db(heard[last]) - db(clean[last]) > 20


def test_device_that_is_earlier_than_it_says_is_found_out() -> None:
    early = RATE // 10
    heard = np.concatenate([room(PLAYED, -12, 5)[early:], np.zeros(early, np.float32)])
    canceller = Own(RATE)
    clean = cancel(canceller, pcm(heard), PLAYED)
    assert canceller.shift <= -early
    last = slice(15 * RATE, 17 * RATE)
    assert db(heard[last]) - db(clean[last]) > 20


def test_without_an_echo_nothing_is_looked_for_and_the_visitor_is_heard_as_they_are() -> None:
    """Headphones: what is played is not in what is heard."""
    gaps = [silence(seconds) for seconds in (0.9, 0.2, 2.3, 0.6, 1.4)]  # not in the rhythm of the answers
    visitor = np.concatenate([part for gap in gaps for part in (gap, VISITOR)])[: len(PLAYED)]
    heard = pcm(visitor + np.random.default_rng(3).normal(0, 15, len(visitor)))
    canceller = Own(RATE)
    clean = cancel(canceller, heard, PLAYED)
    assert canceller.shift == -FRAME
    later = slice(3 * RATE, 17 * RATE)
    assert db(clean[later]) - db(heard[later]) == pytest.approx(0, abs=1)
    assert np.corrcoef(clean[later], heard[later])[0, 1] > 0.8


def broken_off(answers: int) -> tuple[Pcm, NDArray[np.float32]]:
    """As an engine that interrupts itself plays: half a second of each answer, and then nothing for two, in which
    there is another visitor now and then. Played; the visitors."""
    voice, gap = question(), RATE * 2
    played, visitors = [silence(1)], [silence(1)]
    for number in range(answers):
        begin = RATE // 5 + number * 480
        played += [voice[begin : begin + RATE // 2], silence(2)]
        visitors += [silence(0.5), np.concatenate([silence(0.8), VISITOR])[:gap] * (number % 2)]
    return np.concatenate(played), np.concatenate(visitors).astype(np.float32)


@pytest.mark.parametrize(("level_db", "late_ms"), [(-12, 200), (0, 200), (-25, 200), (-12, 450)])
def test_late_device_is_found_out_in_answers_that_are_broken_off(level_db: float, late_ms: int) -> None:
    """Its echo interrupts each of them: there never is one without a pause."""
    played, visitors = broken_off(5)
    echoed = room(played, level_db, late_ms)
    heard, canceller, split = pcm(echoed + visitors), Own(RATE), RATE * 33 // 10
    cancel(canceller, heard[:split], played[:split])
    assert 0 <= late_ms - canceller.shift * 1000 / RATE <= 100  # in the first
    clean = cancel(canceller, heard[split:], played[split:])
    for number in range(1, 5):
        begin = RATE + number * RATE * 5 // 2 + late_ms * RATE // 1000
        there = slice(begin, begin + RATE // 2)
        assert db(clean[begin - split : begin - split + RATE // 2]) < max(db(echoed[there]) - 20, db(np.full(9, 20)))


@pytest.mark.parametrize("late_ms", [200, 600])
def test_a_tenth_of_a_second_of_its_echo_is_enough_to_find_a_late_device(late_ms: int) -> None:
    """Or the voice in it would have interrupted the answer."""
    played = np.concatenate([silence(1), question()[RATE // 5 :]])
    end = RATE + (late_ms + 150) * RATE // 1000
    canceller = Own(RATE)
    cancel(canceller, pcm(room(np.concatenate([played, silence(1)]), -12, late_ms))[:end], played[:end])
    assert 0 <= late_ms - canceller.shift * 1000 / RATE <= 100


@pytest.mark.parametrize("late_ms", [40, 200, 400])
def test_who_speaks_into_the_first_second_of_the_first_answer_is_heard(late_ms: int) -> None:
    """Long enough to interrupt, whatever is not known of the echo yet."""
    played = np.concatenate([silence(1), question(), silence(2)])
    begin = RATE * 13 // 10
    voice = np.zeros(len(played))
    voice[begin : begin + len(VISITOR)] = VISITOR * 2
    clean = cancel(Own(RATE), pcm(room(played, -12, late_ms) + voice), played)
    there = slice(begin + RATE // 4, begin + RATE // 2)
    assert db(clean[there]) - db(voice[there]) > -6
    assert np.corrcoef(clean[there], voice[there])[0, 1] > 0.75


@pytest.mark.parametrize("loud", [1, 4])
def test_no_visitor_is_taken_for_an_echo_however_loud_and_when_they_speak(loud: int) -> None:
    visitor = np.resize(np.concatenate([VISITOR, silence(0.3)]), len(PLAYED)) * loud
    noise = np.random.default_rng(6).normal(0, 15, len(PLAYED))
    canceller = Own(RATE)
    cancel(canceller, pcm(visitor + noise), PLAYED)
    assert canceller.shift == -FRAME


def test_lag_within_the_reach_of_the_filter_changes_nothing() -> None:
    canceller = Own(RATE)
    cancel(canceller, pcm(room(PLAYED, -12, 60)), PLAYED)
    assert canceller.shift == -FRAME


def test_nothing_of_what_was_heard_comes_out_once_it_is_forgotten() -> None:
    canceller, out = Own(RATE), np.zeros(FRAME, np.int16)
    quiet = np.zeros(FRAME, np.int16)
    for played in (quiet, PLAYED[RATE : RATE + FRAME]):
        canceller(VISITOR[RATE : RATE + FRAME], played, out)
        canceller.forget()
        canceller(quiet, quiet, out)
        assert np.abs(out).max() < 0.02 * VISITOR.max()


def test_own_is_what_comes_with_the_engine() -> None:
    assert isinstance(echo.make(load().audio), Own)


@pytest.mark.parametrize("who", ["hardware", "off"])
def test_nothing_is_done_where_others_cancel(who: str) -> None:
    assert echo.make(load(sets=[f"audio.aec={who}"]).audio) is None


def test_noise_suppression_takes_noise_away_and_leaves_the_voice() -> None:
    made = echo.make(load(sets=["audio.aec=off", "audio.noise_suppression=true"]).audio)
    assert made is not None
    rng = np.random.default_rng(4)
    heard = pcm(np.concatenate([np.zeros(4 * RATE), VISITOR]) + rng.normal(0, 150, 4 * RATE + len(VISITOR)))
    clean = cancel(made, heard, np.zeros_like(heard))
    noise = slice(2 * RATE, 4 * RATE)
    assert db(heard[noise]) - db(clean[noise]) > 8
    voice = slice(4 * RATE, 4 * RATE + len(VISITOR) - LATE)
    assert np.corrcoef(clean[voice], heard[voice])[0, 1] > 0.9


def test_gain_control_makes_a_quiet_voice_louder() -> None:
    made = echo.make(load(sets=["audio.aec=off", "audio.gain_control=true"]).audio)
    assert made is not None
    quiet = np.resize(VISITOR // 8, 12 * RATE)
    clean = cancel(made, quiet, np.zeros_like(quiet))
    last = slice(8 * RATE, 11 * RATE)
    assert db(clean[last]) - db(quiet[last]) > 6


def test_missing_library_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    speexdsp._library.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", missing)
    with pytest.raises(BackendError, match=r"libspeexdsp.*; run: apt-get install libspeexdsp1, or set audio\.aec"):
        Own(RATE)
