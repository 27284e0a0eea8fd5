"""The ASR worker gives the final text, however slow the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from engine import messages as m
from engine.config import load
from engine.contract import Event, Pcm, Tag
from ringbuf import HistoryWriter, StreamReader
from tests.engine_run import WORDS, question, silence
from tests.models.ears import few_words
from tests.rings import Rings, messages
from workers.asr import Asr
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.registry import rung

TAG = Tag(1, 1, 1)
NO_SYSTEM = {"ANTIPHON_SYSTEM_CONFIG": ""}


def ears() -> str:
    return f"asr.pocketsphinx.model={few_words()}"


class Slow(PocketSphinx):
    """Every budget is over after the smallest piece of work."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        return super().step(0)


class Desk:
    """The ASR worker without its loop: the test hands it sound and messages and lets it work."""

    def __init__(self, rings: Rings, backend: PocketSphinx) -> None:
        backend.load(rung("asr", rings.config))
        self.rings, self.backend = rings, backend
        seat = self.seat = rings.seat("asr")
        self._mic: HistoryWriter = rings.seat("audio").history_writer("mic")
        self._told: StreamReader = rings.seat("turns").stream_reader("texts")
        self.asr = Asr(seat, backend, seat.history_reader("mic"), seat.outlet("texts"))

    def hear(self, sound: Pcm) -> int:
        """Put sound into the ring; its end on the timeline."""
        self._mic.claim(len(sound))[:] = sound
        self._mic.commit(len(sound), capture_ns=1)
        return self._mic.position

    def work(self) -> list[str]:
        """Let it work until it has nothing to do: the final texts that came."""
        for _ in range(100_000):
            if not self.asr.work():
                break
        else:
            raise AssertionError("it never has nothing to do")
        return [message.text for message in messages(self._told) if isinstance(message, m.Text) and message.final]


@pytest.fixture(params=[PocketSphinx, Slow], ids=["fast machine", "slow machine"])
def desk(request: pytest.FixtureRequest, rings_with: Callable[..., Rings]) -> Desk:
    return Desk(rings_with(ears()), request.param())


def test_the_final_text_comes_once_after_it_was_asked_for(desk: Desk) -> None:
    desk.hear(silence(0.5))
    desk.asr.take(m.Listen(tag=TAG, start=1600, language="en"))
    stop = desk.hear(question())
    assert desk.work() == []
    desk.asr.take(m.Finish(tag=TAG, stop=stop))
    assert desk.work() == [WORDS]
    assert desk.work() == []


def test_another_utterance_takes_the_place_of_the_one_at_work(desk: Desk) -> None:
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    first = desk.hear(question())
    for _ in range(3):
        desk.asr.work()
    again = Tag(1, 2, 1)
    desk.asr.take(m.Listen(tag=again, start=first, language="en"))
    stop = desk.hear(question())
    desk.asr.take(m.Finish(tag=TAG, stop=first))  # stale: nobody waits for it
    desk.asr.take(m.Finish(tag=again, stop=stop))
    assert desk.work() == [WORDS]


def test_a_cancelled_utterance_gives_no_text(desk: Desk) -> None:
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    stop = desk.hear(question())
    desk.asr.work()
    desk.asr.take(m.Cancel(tag=TAG))
    desk.asr.take(m.Finish(tag=TAG, stop=stop))
    assert desk.work() == []


def test_nothing_is_taken_in_beyond_the_limit_until_the_user_goes_on(desk: Desk) -> None:
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    stop = desk.hear(question())
    desk.asr.take(m.Hold(tag=TAG, limit=stop // 2))
    assert desk.work() == []
    assert desk.asr._mic.cursor == stop // 2
    desk.asr.take(m.Hold(tag=TAG, limit=0))
    desk.asr.take(m.Finish(tag=TAG, stop=stop))
    assert desk.work() == [WORDS]


def test_a_visitor_who_left_is_forgotten_in_mid_utterance_and_the_next_is_heard(desk: Desk) -> None:
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    first = desk.hear(question())
    assert desk.work() == []
    desk.asr.take(m.SessionOver(tag=Tag(1)))
    assert desk.work() == []
    assert desk.backend._cepstra is not None
    assert not desk.backend._cepstra.rows.values.any()
    assert not desk.backend._cepstra._raw_rows.values.any()
    assert desk.backend._cepstra._behind is not None
    assert not desk.backend._cepstra._behind._heard.any()
    assert desk.backend._decoder is not None
    assert desk.backend._decoder.text() == ""
    desk.asr.take(m.Listen(tag=Tag(2, 1, 1), start=first, language="en"))
    desk.asr.take(m.Finish(tag=Tag(2, 1, 1), stop=desk.hear(question())))
    assert desk.work() == [WORDS]


def test_new_settings_are_taken_over_between_two_utterances_and_no_sound_is_lost(desk: Desk) -> None:
    decoder = desk.backend._decoder
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    first = desk.hear(question())
    desk.rings.reload(load(sets=[ears(), 'asr.expect=["call a taxi"]', "asr.partial_ms=100"], environ=NO_SYSTEM))
    assert desk.seat.reloaded()
    desk.asr.reload()
    assert desk.work() == []
    assert desk.backend._decoder is decoder  # the utterance goes on as it began
    desk.asr.take(m.Finish(tag=TAG, stop=first))
    assert desk.work() == [WORDS]
    assert desk.backend._decoder is not decoder
    desk.asr.take(m.Listen(tag=Tag(1, 2, 1), start=first, language="en"))
    desk.asr.take(m.Finish(tag=Tag(1, 2, 1), stop=desk.hear(question())))
    assert desk.work() == [WORDS]


def test_settings_of_others_do_not_load_the_recogniser_anew(desk: Desk) -> None:
    decoder = desk.backend._decoder
    desk.rings.reload(load(sets=[ears(), "vocoder.flite.speed=1.5", 'phrases.en.failed="Oh."'], environ=NO_SYSTEM))
    assert desk.seat.reloaded()
    desk.asr.reload()
    desk.work()
    assert desk.backend._decoder is decoder
