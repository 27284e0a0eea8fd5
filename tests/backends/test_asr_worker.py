"""The recognisers that hear in large pieces, in the ASR worker's hands and in the whole engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import messages as m
from engine.config import load
from engine.contract import Backend, Tag
from ringbuf import HistoryWriter, StreamReader
from tests.conftest import Start
from tests.engine_run import QUESTION, UNHURRIED, question, report, silence
from tests.models import transducer, whisper
from tests.models.built import built
from tests.rings import Rings, messages
from workers.asr import Asr
from workers.backends.registry import make, rung

TAG = Tag(1, 1, 1)
TAIL = 1600


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "whisper": built(tmp_path_factory, "whisper", lambda folder: whisper.build(folder, multilingual=True)),
        "sherpa": built(tmp_path_factory, "transducer", transducer.build),
    }


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
        self._mic.commit(samples, capture_ns=1)
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


@pytest.mark.parametrize("name", ["whisper", "sherpa"])
def test_the_engine_hears_with_it_and_answers(start: Start, tmp_path: Path, models: dict[str, Path], name: str) -> None:
    path = tmp_path / "report.json"
    options = [part for setting in (*sets(name, models), "llm.backend=repeat") for part in ("--set", setting)]
    engine = start("--input", str(QUESTION), "--report", str(path), *options, *UNHURRIED)
    assert engine.end() == 0, engine.stderr
    (turn,) = report(path)["turns"]
    assert turn["outcome"] == "answered"
    assert turn["transcript"]
    assert turn["transcript"].split()[0].strip("�") in turn["answer"]


def test_a_model_that_is_missing_ends_the_engine_with_one_line(start: Start) -> None:
    engine = start("--input", str(QUESTION), "--set", "asr.backend=whisper")
    assert engine.end() == 6
    (line,) = [line for line in engine.errors if "asr.whisper.model" in line][:1]
    assert "fetch" in line
