"""The end-of-speech wait of a conversation follows from what is known, when it is known, and from the speaker."""

from __future__ import annotations

import pytest

from engine import messages as m
from engine.contract import UNKNOWN
from engine.turns.endpointing import Cues
from tests.engine.talk import MS, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk("turns.end_of_speech_floor_ms=100", "turns.end_of_speech_ceiling_ms=1000", "turns.patience_s=2")


def end(talk: Talk) -> float:
    """When the pause under way will be the end, in ms."""
    assert talk.conversation.timer_ns is not None
    return talk.conversation.timer_ns / MS


def heard(talk: Talk, text: str, upto: float, complete: float = UNKNOWN) -> None:
    values = {"language": "en", "confidence": 1.0, "upto": round(upto * 16), "complete": complete}
    talk.say(m.Text(tag=talk.ear, text=text, **values))  # type: ignore[arg-type]


def test_a_whole_question_is_answered_sooner_than_one_that_is_left_open(talk: Talk) -> None:
    talk.begin(1000)
    heard(talk, "what time does the museum close", 2000)
    talk.pause(2000)
    whole = end(talk)
    heard(talk, "what time does the", 2000)
    assert whole < end(talk) <= 3000


def test_words_that_come_late_move_the_wait(talk: Talk) -> None:
    talk.speech(1000, 2000)
    before = end(talk)
    heard(talk, "i want a ticket", 2000, complete=0.95)
    assert end(talk) < before
    heard(talk, "i want a ticket for", 2000, complete=0.05)
    assert end(talk) > before


def test_a_recogniser_that_is_behind_is_waited_for(talk: Talk) -> None:
    """Its words so far may look finished, and those to come not."""
    talk.begin(1000)
    heard(talk, "i want a ticket", 1500, complete=0.95)
    talk.pause(2000)
    assert end(talk) == 3000
    heard(talk, "i want a ticket", 2000, complete=0.95)
    assert end(talk) < 3000


def test_a_recogniser_that_gives_no_words_before_the_end_is_not_waited_for(talk: Talk) -> None:
    talk.speech(1000, 2000)
    assert end(talk) < 3000


def test_every_pause_is_listened_to_where_somebody_listens(talk: Talk) -> None:
    talk.speech(1000, 2000)
    assert talk.on("pauses") == [
        m.JudgeEnding(tag=talk.ear, capture_ns=2000 * MS, start=1000 * 16, end=2000 * 16),
    ]
    deaf = Talk("ending.backend=off")
    deaf.speech(1000, 2000)
    assert not deaf.on("pauses")


def test_how_it_sounds_moves_the_wait_for_this_pause_only(talk: Talk) -> None:
    talk.speech(1000, 3000)
    before = end(talk)
    talk.say(m.EndingJudged(tag=talk.ear, end=3000 * 16, complete=0.05))
    longer = end(talk)
    assert longer > before
    talk.say(m.EndingJudged(tag=talk.ear, end=1000 * 16, complete=0.95))
    assert end(talk) == longer
    talk.speech(3050, 4000)
    assert end(talk) - 4000 == pytest.approx(before - 3000, abs=50)


def test_a_speaker_who_pauses_is_waited_for_longer_until_the_next_visitor_comes(talk: Talk) -> None:
    usual = talk.present.endpointer.wait_ms(Cues())
    for at in range(1000, 7000, 1000):
        talk.speech(at, at + 700)
    assert talk.present.endpointer.wait_ms(Cues()) > usual
    talk.host(m.EndSession(number=1))
    assert talk.present.endpointer.wait_ms(Cues()) == usual


def test_a_speaker_who_was_cut_short_is_waited_for_longer(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(3010)
    assert talk.state() == "FINALISING"
    usual = talk.present.endpointer.wait_ms(Cues())
    talk.begin(3020)
    assert talk.present.endpointer.wait_ms(Cues()) > usual
