"""Kokoro reads what it is given as its authors meant, finds its files, and can be stopped in the middle of a run."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Job, Rung, Sound, Tag
from engine.errors import BackendError
from tests.backends.conformance_vocoder import RATE, Collector, run
from tests.models import voices
from workers.backends.kokoro import FRAME, LENGTHS, MOST_IDS, Kokoro

WATCHDOG_S = 60
"""Reached only when something is broken."""


def loaded(folder: Path, **settings: Any) -> Kokoro:
    voice = Kokoro()
    voice.load(Rung({"model": str(folder), **settings}, lexicon=settings.pop("lexicon", {})))
    return voice


class Spy:
    """Stands before a session: what it was fed, and how its runs ended."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self.fed: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.running = threading.Event()

    def run(self, names: Any, feeds: dict[str, Any], options: Any) -> Any:
        self.fed.append(feeds)
        self.running.set()
        try:
            outputs = self._net.run(names, feeds, options)
        except Exception as error:
            self.ended.append(str(error))
            raise
        self.ended.append("")
        return outputs


def spied(voice: Kokoro) -> Spy:
    voice._model = Spy(voice._model)
    spy: Spy = voice._model
    return spy


def said(voice: Kokoro, text: str) -> tuple[str, list[Event]]:
    """What the net was fed for a text, in its letters, and what came of it."""
    spy = spied(voice)
    events = run(voice, Job(Tag(1), sink=Collector()), text)
    letters = {number: symbol for symbol, number in voice._ids.items()} | {0: "|"}
    return "".join(letters[int(each)] for fed in spy.fed for each in np.ravel(fed[voice._text])), events


@pytest.mark.parametrize(("export", "name"), [("A", "tokens"), ("B", "input_ids")])
def test_the_inputs_are_those_of_the_export(tmp_path: Path, export: str, name: str) -> None:
    voice = loaded(voices.kokoro(tmp_path, export), voice="bf_emma")
    spy = spied(voice)
    run(voice, Job(Tag(1), sink=Collector()), "Hello.")
    (fed,) = spy.fed
    assert set(fed) == {name, "style", "speed"}
    assert fed[name].dtype == np.int64
    assert fed[name].shape[0] == 1
    assert (fed["style"].dtype, fed["style"].shape) == (np.float32, (1, 256))
    assert (fed["style"] == 1).all()  # it is that of the second voice
    assert fed["speed"].tolist() == [1.0]


def test_a_clause_is_written_in_its_own_letters_with_silence_around_and_its_punctuation(tmp_path: Path) -> None:
    letters, _ = said(loaded(voices.kokoro(tmp_path)), "No way, they say: choose five boys now!")
    assert letters == "|nˈO wˈA, ðA sˈA: ʧˈuz fˈIv bˈYz nˈW!|"


def test_the_style_is_that_of_the_clauses_length(tmp_path: Path) -> None:
    voice = loaded(voices.kokoro(tmp_path))
    voice._styles = np.arange(510, dtype=np.float32)[:, None].repeat(256, axis=1)
    spy = spied(voice)
    run(voice, Job(Tag(1), sink=Collector()), "Hello.", "The museum closes at six.")
    for fed in spy.fed:
        assert fed["style"][0, 0] == fed["tokens"].shape[1] - 2 - 1


def test_an_endless_word_is_said_in_several_runs(tmp_path: Path) -> None:
    voice = loaded(voices.kokoro(tmp_path, durations=True))
    spy = spied(voice)
    (sound, _) = run(voice, Job(Tag(1), sink=Collector()), "W" * 160 + " end")
    lengths = [fed["tokens"].shape[1] for fed in spy.fed]
    assert len(lengths) > 1
    assert max(lengths) == MOST_IDS + 2
    assert isinstance(sound, Sound)
    assert sound.words[-1].text == "end"
    assert sound.words[-1].start > 0.9 * sound.samples


def test_words_begin_where_the_durations_say(tmp_path: Path) -> None:
    """Each id has one unit of 25 ms here, and the silence before the first is one, too; 10 ms of lead are kept of
    silence, and a hum has none."""
    text = "One two three."
    letters, events = said(loaded(voices.kokoro(tmp_path, durations=True)), text)
    sound = events[0]
    assert isinstance(sound, Sound)
    begins = [letters.index(first) for first in ("wˈ", "tˈ", "θɹ")]
    unit = FRAME * RATE // 24000
    assert [word.start for word in sound.words] == pytest.approx([begin * unit for begin in begins], abs=2)


def test_without_durations_the_times_are_estimated_and_that_is_said(tmp_path: Path) -> None:
    voice = loaded(voices.kokoro(tmp_path))
    voice.warm_up()
    assert any("estimated" in remark for remark in voice.remarks)
    (sound, _) = run(voice, Job(Tag(1), sink=Collector()), "one one one one")
    assert isinstance(sound, Sound)
    steps = np.diff([word.start for word in sound.words])
    assert steps.max() - steps.min() <= 2
    assert loaded(voices.kokoro(tmp_path / "b", "B", durations=True)).remarks == ()


def test_warming_up_tries_several_lengths(tmp_path: Path) -> None:
    voice = loaded(voices.kokoro(tmp_path))
    spy = spied(voice)
    voice.warm_up()
    assert [fed["tokens"].shape[1] - 2 for fed in spy.fed][: len(LENGTHS)] == list(LENGTHS)


def test_phonemes_of_the_lexicon_are_said_and_the_word_keeps_its_place(tmp_path: Path) -> None:
    folder = voices.kokoro(tmp_path)
    voice = Kokoro()
    voice.load(Rung({"model": str(folder)}, lexicon={"Antiphon": "ˈæntɪfɑːn"}))
    letters, events = said(voice, "Say antiphon's name")
    assert "ˈæntɪfɑnz nˈAm" in letters
    assert isinstance(events[0], Sound)
    assert [word.text for word in events[0].words] == ["Say", "antiphon's", "name"]


# Cancelling.


def test_a_run_is_stopped_between_two_nodes_from_another_thread_and_the_next_job_is_whole(tmp_path: Path) -> None:
    heavy = loaded(voices.kokoro(tmp_path, burden=400))
    spy, sink = spied(heavy), Collector()
    job = Job(Tag(1), sink=sink)
    events: list[Event] = []
    speaking = threading.Thread(target=lambda: events.extend(run(heavy, job, "Hello.")))
    speaking.start()
    assert spy.running.wait(WATCHDOG_S)
    heavy.cancel(job.tag)
    speaking.join(WATCHDOG_S)
    assert events == [Ended(job.tag, "cancelled")]
    assert len(sink) == 0
    assert "terminate" in spy.ended[0]
    heavy._model = loaded(voices.kokoro(tmp_path / "light"))._model
    assert run(heavy, Job(Tag(2), sink=sink), "Hello.")[-1] == Ended(Tag(2))
    assert sink.audible


def test_cancelling_another_job_lets_the_run_go_on(tmp_path: Path) -> None:
    voice = loaded(voices.kokoro(tmp_path))
    sink = Collector(during=lambda: voice.cancel(Tag(2)))
    spy = spied(voice)
    other = Job(Tag(2), sink=Collector())
    voice.begin(other)
    assert run(voice, Job(Tag(1), sink=sink), "Hello.")[-1] in (Ended(Tag(1)), Ended(Tag(2), "cancelled"))
    assert sink.audible
    assert spy.ended == [""]


# Settings and files.


def test_a_change_of_voice_and_speed_does_not_load_the_net_again(tmp_path: Path) -> None:
    folder = voices.kokoro(tmp_path)
    voice = loaded(folder)
    net = voice._model
    voice.load(Rung({"model": str(folder), "voice": "bf_emma", "speed": 1.5}))
    assert voice._model is net
    voice.load(Rung({"model": str(folder)}, threads=2))
    assert voice._model is not net


def test_a_net_of_whole_speeds_says_so(tmp_path: Path) -> None:
    folder = voices.kokoro(tmp_path, "B", speed=voices.INT32)
    spy = spied(voice := loaded(folder, speed=2))
    run(voice, Job(Tag(1), sink=Collector()), "Hello.")
    assert spy.fed[0]["speed"].dtype == np.int32
    with pytest.raises(BackendError, match=r"takes whole speeds only, not 1\.2; set vocoder\.kokoro\.speed to 1$"):
        loaded(folder, speed=1.2)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _second_net(folder: Path) -> None:
    shutil.copy(folder / "kokoro-v1.0.onnx", folder / "kokoro-v1.0.int8.onnx")


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no net": (lambda f: (f / "kokoro-v1.0.onnx").unlink(), r"no \.onnx file in .*; fetch onnx-community/Kokoro"),
    "two nets": (_second_net, r"several nets: kokoro-v1\.0\.int8\.onnx, .*; set vocoder\.kokoro\.model to one"),
    "cut net": (lambda f: _truncate(f / "kokoro-v1.0.onnx"), "is not a model ONNX Runtime can read"),
    "no alphabet": (lambda f: (f / "config.json").unlink(), r"alphabet; put hexgrad/Kokoro-82M's config\.json"),
    "empty alphabet": (lambda f: (f / "config.json").write_text("{}"), "alphabet"),
    "broken alphabet": (lambda f: (f / "config.json").write_text("{"), r"config\.json cannot be read .*; fetch the"),
    "no voices": (lambda f: (f / "voices-v1.0.bin").unlink(), "there are no voices in"),
    "cut voices": (lambda f: _truncate(f / "voices-v1.0.bin"), "is not a file of voices|cannot be read"),
    "other net": (lambda f: shutil.copy(voices.piper(f / "p") / "voice.onnx", f / "kokoro-v1.0.onnx"), "no Kokoro net"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_file_that_is_missing_or_broken_is_named_with_the_remedy(tmp_path: Path, fault: str) -> None:
    spoil, message = SPOILT[fault]
    folder = voices.kokoro(tmp_path)
    spoil(folder)
    with pytest.raises(BackendError, match=message) as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)


def test_a_cut_voice_of_raw_numbers_is_named(tmp_path: Path) -> None:
    folder = voices.kokoro(tmp_path, "B")
    _truncate(folder / "voices" / "af_heart.bin")
    with pytest.raises(BackendError, match=r"af_heart\.bin holds \d+ numbers for a voice, not 510 x 256"):
        loaded(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ""}, r"^vocoder\.kokoro\.model is not set; fetch "),
        ({"model": "/nowhere"}, r"^vocoder\.kokoro\.model: there is no /nowhere; fetch"),
        ({"voice": "af_nobody"}, r"no voice 'af_nobody' in .*; set .* to one of af_heart, bf_emma$"),
        ({"voice": "ef_dora"}, r"'ef_dora' does not speak 'en'; set .* whose name begins with a or b$"),
        ({"phonemes": "magic"}, r"no way to phonemes called 'magic'; set phonemes to one of flite, espeak$"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_the_remedy(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BackendError, match=message):
        loaded(voices.kokoro(tmp_path), **settings)


def test_phonemes_by_espeak_without_its_package_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BackendError, match=r"pip install 'antiphon\[espeak\]'$"):
        loaded(voices.kokoro(tmp_path), phonemes="espeak")
