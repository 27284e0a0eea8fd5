"""Piper's voices: what they are fed, how a streaming pair is heard early, and what is told of broken files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Job, Rung, Sound, Tag
from engine.errors import BackendError
from tests.backends.conformance_vocoder import Collector, run
from tests.models import voices
from workers.backends.piper import CHUNK, OVERLAP, WINDOW, Piper


def loaded(folder: Path, **settings: Any) -> Piper:
    voice = Piper()
    voice.load(Rung({"model": str(folder), "phonemes": "flite", **settings}))
    return voice


class Spy:
    """Stands before a session and remembers what it was fed, and what was in the sink by then."""

    def __init__(self, net: Any, sink: Collector | None = None) -> None:
        self._net, self._sink = net, sink
        self.fed: list[dict[str, Any]] = []
        self.heard: list[int] = []

    def get_inputs(self) -> Any:
        return self._net.get_inputs()

    def run(self, names: Any, feeds: dict[str, Any], options: Any) -> Any:
        self.fed.append(feeds)
        self.heard.append(len(self._sink) if self._sink else 0)
        return self._net.run(names, feeds, options)


def fed(voice: Piper, text: str = "Hi, you.") -> dict[str, Any]:
    spy = voice._first = Spy(voice._first)
    run(voice, Job(Tag(1), sink=Collector()), text)
    (feeds,) = spy.fed
    return feeds


def test_ids_have_one_of_nothing_behind_each_and_begin_and_end_as_it_was_trained(tmp_path: Path) -> None:
    voice = loaded(voices.piper(tmp_path))
    feeds = fed(voice)
    symbols = {ids[0]: symbol for symbol, ids in voice._ids.items()}
    letters = "".join(symbols[int(each)] for each in feeds["input"][0])
    assert letters == "^_h_ˈ_a_ɪ_,_ _j_u_ː_._$"
    assert feeds["input"].dtype == np.int64
    assert feeds["input_lengths"].tolist() == [len(letters)]


def test_the_scales_are_the_voices_own_the_speed_and_what_is_set(tmp_path: Path) -> None:
    folder = voices.piper(tmp_path)
    assert fed(loaded(folder))["scales"].tolist() == pytest.approx([0.667, 1.0, 0.8])
    changed = fed(loaded(folder, speed=2.0, noise=0.0, noise_w=0.25))
    assert changed["scales"].tolist() == pytest.approx([0.0, 0.5, 0.25])
    assert changed["scales"].dtype == np.float32


@pytest.mark.parametrize(("speaker", "number"), [("", 0), ("p1", 1), ("1", 1)])
def test_a_speaker_is_chosen_by_name_or_number(tmp_path: Path, speaker: str, number: int) -> None:
    assert fed(loaded(voices.piper(tmp_path, speakers=3), speaker=speaker))["sid"].tolist() == [number]


def test_a_voice_of_one_speaker_is_asked_for_none(tmp_path: Path) -> None:
    assert "sid" not in fed(loaded(voices.piper(tmp_path)))


def test_words_begin_where_a_voice_that_tells_its_frames_says(tmp_path: Path) -> None:
    voice = loaded(voices.piper(tmp_path, frames=True, rate=16000))
    voice.warm_up()
    assert voice.remarks == ()
    (sound, _) = run(voice, Job(Tag(1), sink=Collector()), "no no")
    assert isinstance(sound, Sound)
    # ^ _ before the first word; n_ ˈ_ o_ ʊ_ and a blank with its own _ before the second.
    ids = [2, 2 + 2 * 5]
    expected = [each * voices.PIPER_FRAMES * voices.PIPER_HOP for each in ids]
    assert [word.start for word in sound.words] == pytest.approx(expected, abs=2)


# The streaming pair.


def staircase(frames: int) -> Any:
    """The sound of the tiny decoder for so many frames."""
    levels = 0.1 + 0.3 / 8 * (np.arange(frames) % 8)
    return (levels.astype(np.float32) * 32767).astype(np.int16).repeat(voices.PIPER_HOP)


@pytest.mark.parametrize("words", [1, 2, 6, 12, 13, 25])
def test_windows_joined_are_the_sound_of_the_whole_and_all_but_short_ones_are_equally_long(
    tmp_path: Path, words: int
) -> None:
    voice = loaded(voices.piper(tmp_path, streaming=True, rate=16000))
    sink = Collector()
    first, decoder = Spy(voice._first), Spy(voice._decoder, sink)
    voice._first, voice._decoder = first, decoder
    run(voice, Job(Tag(1), sink=sink), " ".join(["no"] * words))
    frames = first.fed[0]["input"].shape[1] * voices.PIPER_FRAMES
    assert np.array_equal(sink.sound, staircase(frames))
    widths = {each["z"].shape[2] for each in decoder.fed}
    assert widths == {min(frames, WINDOW)}
    if frames > WINDOW:
        # Heard after one window, before the rest was worked out.
        assert decoder.heard[1] == pytest.approx((WINDOW - OVERLAP) * voices.PIPER_HOP, abs=1)
        assert len(decoder.fed) <= 1 + -(-(frames - WINDOW) // CHUNK)


def test_no_window_is_begun_once_the_job_is_cancelled(tmp_path: Path) -> None:
    voice = loaded(voices.piper(tmp_path, streaming=True))
    sink = Collector(during=lambda: voice.cancel(Tag(1)))
    decoder = voice._decoder = Spy(voice._decoder)
    run(voice, Job(Tag(1), sink=sink), "The museum is open from ten to six, every day but Monday.")
    assert len(decoder.fed) == 1


def test_the_speaker_of_a_pair_reaches_its_decoder(tmp_path: Path) -> None:
    voice = loaded(voices.piper(tmp_path, streaming=True, speakers=2), speaker="p1")
    decoder = voice._decoder = Spy(voice._decoder)
    run(voice, Job(Tag(1), sink=Collector()), "Hello.")
    assert decoder.fed[0]["g"].ravel().tolist() == [1.0]


# Settings and files.


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        path = folder / "voice.onnx.json"
        made = json.loads(path.read_text())
        change(made)
        path.write_text(json.dumps(made))

    return spoil


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no description": (lambda f: (f / "voice.onnx.json").unlink(), r"voice\.onnx\.json is missing; fetch a voice"),
    "no net": (lambda f: (f / "voice.onnx").unlink(), "holds 0 voices"),
    "cut net": (lambda f: (f / "voice.onnx").write_bytes(b"\x08\x08" * 40), "is not a model ONNX Runtime can read"),
    "no alphabet": (edited(lambda made: made.pop("phoneme_id_map")), "does not describe a Piper voice"),
    "an alphabet without an end": (edited(lambda m: m["phoneme_id_map"].pop("$")), "does not describe a Piper voice"),
    "no rate": (edited(lambda made: made.pop("audio")), "does not describe a Piper voice"),
    "German": (edited(lambda m: m["espeak"].update(voice="de")), "is a voice of 'de', not of 'en'; choose another"),
    "pinyin": (edited(lambda made: made.update(phoneme_type="pinyin")), "reads pinyin, not phonemes"),
    "a list": (lambda f: (f / "voice.onnx.json").write_text("[]"), "is no table of settings"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_file_that_is_missing_or_broken_is_named_with_the_remedy(tmp_path: Path, fault: str) -> None:
    spoil, message = SPOILT[fault]
    folder = voices.piper(tmp_path)
    spoil(folder)
    with pytest.raises(BackendError, match=message) as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)


def test_half_a_pair_is_named(tmp_path: Path) -> None:
    folder = voices.piper(tmp_path, streaming=True)
    (folder / "decoder.onnx").unlink()
    with pytest.raises(BackendError, match=r"decoder\.onnx is missing; export both"):
        loaded(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ""}, r"^vocoder\.piper\.model is not set; fetch a voice"),
        ({"speaker": "nobody"}, r"no speaker 'nobody'; set .* a number from 0 to 1, or one of p0, p1$"),
        ({"speaker": "2"}, "no speaker '2'"),
        ({"noise": 3.0}, r"noise = 3\.0 is out of bounds"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_the_remedy(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BackendError, match=message):
        loaded(voices.piper(tmp_path, speakers=2), **settings)


def test_without_espeaks_package_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BackendError, match=r"pip install 'antiphon\[espeak\]'$"):
        loaded(voices.piper(tmp_path), phonemes="espeak")
