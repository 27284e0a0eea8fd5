"""The recognisers that hear in large pieces, in the ASR worker's hands; and what the worker makes of final words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine import messages as m
from engine.config import load
from engine.contract import Alternative, Backend, Event, Heard, Tag
from ringbuf import HistoryWriter, StreamReader
from tests.engine_run import question, silence
from tests.rings import Rings, messages
from workers.asr import Asr, late
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.registry import REGISTRY, make, rung
from workers.backends.whisper import Whisper

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models
TAG = Tag(1, 1, 1)
TAIL = 1600


@pytest.fixture(scope="session")
def models(whisper_ct2: Path, transducer: Path) -> dict[str, Path]:
    return {"whisper": whisper_ct2, "sherpa": transducer}


def sets(name: str, models: dict[str, Path]) -> list[str]:
    pytest.importorskip({"whisper": "ctranslate2", "sherpa": "sherpa_onnx"}[name])
    chosen = [f"asr.backend={name}", f"asr.{name}.model={models[name]}"]
    return [*chosen, "asr.whisper.no_speech=1.0"]  # random weights find no speech in anything


class Desk:
    """The ASR worker without its loop; `wait` is what the loop does when there is nothing to do."""

    def __init__(self, rings: Rings) -> None:
        seat = self.seat = rings.seat("asr")
        seat.wakeable()
        self.backend: Backend = make("asr", rings.config)
        self.backend.load(rung("asr", rings.config, seat.wake))
        self.backend.warm_up()
        self._mic: HistoryWriter = rings.seat("audio").history_writer("mic")
        self._told: StreamReader = rings.seat("turns").stream_reader("texts")
        self.asr = Asr(seat, self.backend, seat.history_reader("mic"), seat.outlet("texts"))

    def hear(self, sound: object, samples: int) -> int:
        self._mic.claim(samples)[:] = sound
        self._mic.commit(samples, capture_ns=time.monotonic_ns())
        return self._mic.position

    def until(self, true: Callable[[m.Text], bool]) -> m.Text:
        """Work as the worker does until a text is so."""
        for _ in range(100):
            while self.asr.work():
                pass
            for message in messages(self._told):
                if isinstance(message, m.Text) and true(message):
                    return message
            self.seat.wait()
        raise AssertionError("it does not come")


@pytest.mark.parametrize(("backend", "said"), [(Whisper, 1), (PocketSphinx, 0)])
def test_who_takes_longer_for_all_the_words_than_they_are_waited_for_says_so(
    backend: Callable[[], Backend], said: int
) -> None:
    """Only who hears a stretch at once: the others are through with most of it when the user has finished."""
    slow = backend()
    slow._cost_ns = 640_000_000  # type: ignore[attr-defined]
    assert late(slow, 700) == []
    assert [line.startswith("one pass takes 640 ms here") and "1050" in line for line in late(slow, 80)] == [
        True
    ] * said


@pytest.fixture(params=["whisper", "sherpa"])
def desk(request: pytest.FixtureRequest, rings_with: Callable[..., Rings], models: dict[str, Path]) -> Desk:
    return Desk(rings_with(*sets(request.param, models)))


def test_at_a_pause_the_words_are_there_before_anybody_asks_for_the_final_ones(desk: Desk) -> None:
    start = desk.hear(silence(0.5), 8000)
    end = desk.hear(question(), len(question()))
    desk.hear(silence(0.2), 3200)
    desk.asr.take(m.Listen(tag=TAG, start=start, language="en"))
    desk.asr.take(m.Hold(tag=TAG, limit=end + TAIL, end=end))
    paused = desk.until(lambda text: text.upto >= end)
    assert not paused.final
    desk.asr.take(m.Finish(tag=TAG, stop=end + TAIL))
    final = desk.until(lambda text: bool(text.final))
    assert (final.text, final.upto) == (paused.text, end + TAIL)


def test_another_utterance_is_taken_at_once_whatever_is_at_work(desk: Desk) -> None:
    first = desk.hear(question(), len(question()))
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    desk.asr.work()
    desk.asr.take(m.Finish(tag=TAG, stop=first))
    desk.asr.work()
    again = Tag(1, 2, 1)
    desk.asr.take(m.Listen(tag=again, start=first, language="en"))
    stop = desk.hear(question(), len(question()))
    desk.asr.take(m.Finish(tag=again, stop=stop))
    final = desk.until(lambda text: bool(text.final))
    assert (final.tag, final.upto) == (again, stop)


def test_a_visitor_who_leaves_is_forgotten_in_mid_utterance(desk: Desk) -> None:
    first = desk.hear(question(), len(question()))
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    desk.asr.work()
    desk.asr.take(m.SessionOver(tag=Tag(1)))
    other = Tag(2, 1, 1)
    desk.asr.take(m.Listen(tag=other, start=first, language="en"))
    stop = desk.hear(question(), len(question()))
    desk.asr.take(m.Finish(tag=other, stop=stop))
    assert desk.until(lambda text: bool(text.final)).tag == other


def test_new_settings_are_taken_over_between_two_utterances(
    rings_with: Callable[..., Rings], models: dict[str, Path]
) -> None:
    chosen = sets("whisper", models)
    rings = rings_with(*chosen)
    desk = Desk(rings)
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    stop = desk.hear(question(), len(question()))
    desk.asr.work()
    more = load(sets=[*chosen, "asr.whisper.beam_size=2"], environ={"ANTIPHON_SYSTEM_CONFIG": ""})
    rings.reload(more)
    assert desk.seat.reloaded()
    desk.asr.reload()
    desk.asr.take(m.Finish(tag=TAG, stop=stop))
    assert desk.until(lambda text: bool(text.final)).upto == stop
    desk.asr.work()
    again = Tag(1, 2, 1)
    desk.asr.take(m.Listen(tag=again, start=0, language="en"))
    desk.asr.take(m.Finish(tag=again, stop=stop))
    assert desk.until(lambda text: bool(text.final)).tag == again
    desk.backend.unload()


class Mishears(PocketSphinx):
    """It takes one word for another, and has the right one among its alternatives."""

    heard = "who is the coop"
    at_once = True
    """It has them at a pause, not only after the final words."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        return [
            replace(event, text=self.heard) if isinstance(event, Heard) else event for event in super().step(budget_ns)
        ]

    def alternatives(self, most: int) -> Sequence[Alternative]:
        if not self.at_once and self._open is not None:
            return ()
        return [Alternative("who is the coop", 0.0), Alternative("who is the cook", 2.0)]


MISHEARD = ('facts=["Our chef is Giulia Romano."]', "llm.backend=facts", "asr.final_budget_ms=10000")


def paused(desk: Desk, tag: Tag, history: tuple[str, ...] = ()) -> tuple[m.Text, int]:
    """What is told at a pause, and where the pause ends."""
    start = desk.hear(question(), len(question())) - len(question())
    desk.asr.take(m.Listen(tag=tag, start=start, language="en"))
    desk.until(lambda text: not text.final)
    end = start + len(question())
    stop = desk.hear(silence(0.2), 3200)
    desk.asr.take(m.Hold(tag=tag, limit=stop, end=end, history=history))
    return desk.until(lambda text: text.upto >= end), stop


@pytest.mark.parametrize(
    ("on", "at_once", "at_pause", "final"),
    [
        ("true", True, ("who is the cook", 1), "who is the cook"),
        ("true", False, ("who is the coop", 0), "who is the cook"),
        ("false", True, ("who is the coop", 1), "who is the coop"),
    ],
)
def test_words_that_mean_nothing_to_the_facts_give_way_to_others(
    rings_with: Callable[..., Rings],
    monkeypatch: pytest.MonkeyPatch,
    on: str,
    at_once: bool,
    at_pause: tuple[str, int],
    final: str,
) -> None:
    """At a pause; or where that cannot be, it is told that others may come, and the final ones are asked for."""
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    monkeypatch.setattr(Mishears, "at_once", at_once)
    desk = Desk(rings_with(*MISHEARD, "asr.partial_budget_ms=10000", f"asr.reconsider={on}"))
    said, stop = paused(desk, TAG)
    assert (said.text, said.settled) == at_pause
    desk.asr.take(m.Finish(tag=TAG, stop=stop))
    assert desk.until(lambda text: bool(text.final)).text == final


def test_words_for_which_no_others_are_found_at_a_pause_are_not_waited_for(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    monkeypatch.setattr(Mishears, "heard", "how much is the bus")
    said, _ = paused(Desk(rings_with(*MISHEARD, "asr.partial_budget_ms=10000")), TAG)
    assert (said.text, said.settled) == ("how much is the bus", 1)


def test_a_second_pause_is_looked_at_like_the_first(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    desk = Desk(rings_with(*MISHEARD, "asr.partial_budget_ms=10000"))
    assert paused(desk, TAG)[0].settled
    desk.asr.take(m.Hold(tag=TAG, limit=0))
    end = desk.hear(question(), len(question()))
    spoken = desk.until(lambda text: text.upto > end - 4800)
    assert (spoken.text, spoken.settled) == ("who is the coop", 0)
    stop = desk.hear(silence(0.2), 3200)
    desk.asr.take(m.Hold(tag=TAG, limit=stop, end=end))
    said = desk.until(lambda text: text.upto >= end)
    assert (said.text, said.settled) == ("who is the cook", 1)


def test_no_other_words_are_looked_for_when_the_final_ones_are_due(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts from when they were asked for, not from when the worker heard of that."""
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    desk = Desk(rings_with(*MISHEARD))
    stop = desk.hear(question(), len(question()))
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    desk.asr.take(m.Finish(tag=TAG, stop=stop, deadline_ns=time.monotonic_ns()))
    assert desk.until(lambda text: bool(text.final)).text == "who is the coop"


def test_words_are_not_settled_where_there_is_no_time_for_others(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    monkeypatch.setattr("workers.reconsider.LOOK_MS", 0)
    said, _ = paused(Desk(rings_with(*MISHEARD)), TAG)
    assert (said.text, said.settled) == ("who is the coop", 0)


def test_at_a_pause_it_is_told_whether_words_mean_something_with_what_they_lean_on(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    monkeypatch.setattr(Mishears, "heard", "who is that then")
    monkeypatch.setattr(Mishears, "at_once", False)
    desk = Desk(rings_with(*MISHEARD))
    desk.asr.take(m.Listen(tag=TAG, start=0, language="en"))
    desk.hear(question(), len(question()))
    assert not desk.until(lambda text: not text.final).settled  # nobody knows yet what they lean on
    assert not paused(desk, TAG)[0].settled
    cook = ("is there a cook", "Our chef is Giulia Romano.")
    assert paused(desk, Tag(1, 2, 1), cook)[0].settled


def test_a_recogniser_without_alternatives_is_believed(
    rings_with: Callable[..., Rings], models: dict[str, Path]
) -> None:
    desk = Desk(rings_with(*sets("sherpa", models), *MISHEARD))
    start = desk.hear(question(), len(question())) - len(question())
    desk.asr.take(m.Listen(tag=TAG, start=start, language="en"))
    assert desk.until(lambda text: True).settled


def test_whether_to_reconsider_can_be_changed_while_it_runs(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the next utterance on."""
    monkeypatch.setitem(REGISTRY["asr"], "pocketsphinx", f"{__name__}:Mishears")
    rings = rings_with(*MISHEARD, "asr.reconsider=false")
    desk, heard = Desk(rings), []
    for turn, more in enumerate([[], ["asr.reconsider=true"], ['facts=["Tea is free."]'], ["asr.reconsider=false"]], 1):
        if more:
            rings.reload(load(sets=[*MISHEARD, *more], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
            assert desk.seat.reloaded()
            desk.asr.reload()
            desk.asr.work()
        tag = Tag(1, turn, 1)
        start = desk.hear(question(), len(question())) - len(question())
        desk.asr.take(m.Listen(tag=tag, start=start, language="en"))
        desk.asr.take(m.Finish(tag=tag, stop=start + len(question())))
        heard.append(desk.until(lambda text: bool(text.final)).text[-4:])
    assert heard == ["coop", "cook", "coop", "coop"]
