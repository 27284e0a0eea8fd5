"""bench/endpointing.py: what a policy is credited with and what it is blamed for. What it measures is no test's
business."""

from __future__ import annotations

from dataclasses import replace

import pytest
from endpointing import PLAY_S, Policy, converse, policies
from talkbench.listening import JUDGE_S, Pause, Utterance, Words

from engine.config import load
from engine.contract import Heard, Tag

END_S = 3.0


def fixed(ms: int) -> Policy:
    sets = [f"turns.end_of_speech_{bound}_ms={ms}" for bound in ("floor", "ceiling")]
    return Policy("fixed", load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


def adaptive(**options: object) -> Policy:
    sets = ["turns.patience_s=2", "llm.backend=repeat"]
    return Policy("ours", load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}), **options)  # type: ignore[arg-type]


def said(pause_s: float = 0.0, inner: str = "", last: str = "", sound: float = -1.0, lag_s: float = 0.01) -> Utterance:
    """Speech from 1 to 3 s with a pause at 2 s, and its words: those before each pause, known 60 ms after it."""
    pauses = [Pause(END_S, END_S + 0.04, sound=sound)]
    words = [Words(END_S + 0.06, END_S, heard(last))] if last else []
    if pause_s:
        again = 2 + pause_s
        pauses.insert(0, Pause(2.0, 2.04, again, again + 0.07, sound))
        words = [Words(2.06, 2.0, heard(inner)), *words] if inner else words
    hops = [0.5 + 0.032 * n for n in range(150)]
    return Utterance("said.wav", 1.0, END_S, 1.0, 1.1, pauses, words, [(stop + lag_s, stop) for stop in hops])


def heard(text: str) -> Heard:
    return Heard(Tag(), text, 1.0, "en", False)


def test_a_fixed_wait_answers_so_much_after_the_last_pause() -> None:
    (outcome,) = converse([said()], fixed(300))
    assert not outcome.cut_in
    assert outcome.response_ms == pytest.approx(300 + PLAY_S * 1000, abs=32)


@pytest.mark.parametrize(("wait_ms", "cut_in"), [(200, True), (300, False)])
def test_a_pause_that_outlasts_the_wait_is_cut_into_and_the_rest_is_answered_too(wait_ms: int, cut_in: bool) -> None:
    (outcome,) = converse([said(0.2)], fixed(wait_ms))
    assert outcome.cut_in is cut_in
    assert outcome.response_ms == pytest.approx(wait_ms + PLAY_S * 1000, abs=32)


def test_a_pause_that_is_over_before_voice_activity_says_so_is_cut_into() -> None:
    (outcome,) = converse([said(0.11)], fixed(150))
    assert outcome.cut_in


def test_nothing_is_decided_before_voice_activity_has_judged_the_silence() -> None:
    (soon,), (late,) = (converse([said(lag_s=lag)], fixed(200)) for lag in (0.01, 0.3))
    assert soon.response_ms is not None
    assert late.response_ms is not None
    assert late.response_ms > soon.response_ms + 200


def test_words_count_from_when_they_are_known() -> None:
    open_, closed = "i want a ticket for the", "i want a ticket"
    (outcome,) = converse([said(0.2, open_, closed)], adaptive())
    assert not outcome.cut_in
    assert converse([said(0.2, open_, closed)], fixed(150))[0].cut_in
    without = adaptive(see=lambda cues: type(cues)())
    assert converse([said(0.35, open_, closed)], without)[0].cut_in


def test_words_of_a_recogniser_that_is_behind_do_not_count() -> None:
    utterance = said(0.2, "i want a ticket for the")
    assert not converse([utterance], adaptive())[0].cut_in
    utterance.words = [replace(utterance.words[0], upto_s=1.5)]
    utterance.pauses[0].again_known_s += 0.1
    assert converse([utterance], adaptive())[0].cut_in


def test_the_sound_counts_as_soon_as_it_is_judged() -> None:
    finished, unfinished = (converse([said(sound=sound)], adaptive())[0].response_ms for sound in (0.9, 0.1))
    assert finished is not None
    assert unfinished is not None
    assert finished + 100 < unfinished
    assert JUDGE_S > 0


def test_a_speaker_s_pauses_are_learnt_unless_the_policy_does_not() -> None:
    hesitant = [said(0.2, "i want a ticket for the") for _ in range(6)] + [said()]
    learnt, not_learnt = (converse(hesitant, adaptive(learns=learns))[-1].response_ms for learns in (True, False))
    assert learnt is not None
    assert not_learnt is not None
    assert learnt > not_learnt


def test_every_cue_is_left_out_once_and_fixed_waits_are_beside() -> None:
    names = [policy.name for policy in policies()]
    assert len(names) == len(set(names))
    assert sum("fixed" in name for name in names) > 3
    assert sum("without" in name for name in names) >= 5
